package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/switchhook/switchhook/record"
)

// run starts the rooms from the inside out and stops them in reverse. Each
// group outlives the ones that write to it; the first room that fails ends all.
func (d *Daemon) run(ctx context.Context) error {
	base := context.WithoutCancel(ctx)
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)

	disk := newGroup(base)
	disk.run("store", d.store.Run)
	out := newGroup(base)
	out.run("outbox", d.outbox.Run)
	out.run("nats", d.bus.Run)
	out.run("scans", d.fleet.tenants.Run) // ends after the requests that it counts
	network := newGroup(base)
	if d.sandbox != nil {
		network.run("sandbox", func(ctx context.Context) error { return d.sandbox.Serve(ctx, d.air) })
	}
	network.run("dials", d.dials.Run)
	front := newGroup(base)
	front.run("instances", d.fleet.Run)
	front.run("http", d.serve)
	front.run("keys", d.vault.Run)
	front.run("keeper", d.keeper.Run) // ends before the outbox that it asks
	watch(fail, disk, out, network, front)

	d.announce(base, record.DaemonStarted)
	go d.becomeReady(ctx, d.notifyReady)
	stopWatchdog := d.watchdog(ctx)
	<-ctx.Done()
	stopWatchdog()
	d.notifyStopping()
	d.log.Info("stopping")

	stop, cancel := context.WithTimeout(base, d.cfg.Connection.StopTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		errs := front.stop()
		d.announce(stop, record.DaemonStopped)
		d.flush(stop)
		errs = errors.Join(errs, out.stop())
		d.sender.Close()
		errs = errors.Join(errs, network.stop(), disk.stop())
		done <- errs
	}()
	select {
	case err := <-done:
		return errors.Join(err, context.Cause(ctx))
	case <-stop.Done():
		d.log.Warn("stop took too long; what was not delivered is on disk")
		return context.Cause(ctx)
	}
}

// watch ends the daemon when a room ends with an error.
func watch(fail context.CancelCauseFunc, groups ...*group) {
	for _, g := range groups {
		go func() {
			<-g.ctx.Done()
			if err := g.g.Wait(); err != nil {
				fail(err)
			}
		}()
	}
}

// becomeReady closes Ready once commands, requests and subscribers are served.
func (d *Daemon) becomeReady(ctx context.Context, then func()) {
	for _, up := range []<-chan struct{}{d.fleet.up, d.bus.Ready()} {
		select {
		case <-up:
		case <-ctx.Done():
			return
		}
	}
	close(d.ready)
	d.log.Info("ready", "url", d.URL(), "network", string(d.cfg.Network), "version", d.version, "took", time.Since(d.started).Round(time.Millisecond))
	then()
}

// announce appends an event about the daemon itself.
func (d *Daemon) announce(ctx context.Context, kind record.Kind) {
	ch := d.store.Change()
	ch.Append(record.Event{
		Stream: record.DaemonStream, Kind: kind, At: time.Now().UTC(),
		Data: fmt.Appendf(nil, `{"version":%q,"network":%q}`, d.version, string(d.cfg.Network)),
	})
	if _, err := d.store.Commit(ctx, ch); err != nil {
		d.log.Warn("event about the daemon could not be stored", "kind", string(kind), "err", err)
	}
}

// flush gives what the stop has recorded a moment to go out.
func (d *Daemon) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Connection.StopTimeout/5)
	defer cancel()
	if err := d.bus.WaitPublished(ctx, d.store.Last()); err != nil {
		d.log.Info("not everything is on NATS yet; it follows after the next start")
	}
	if !d.delivered(ctx) {
		d.log.Info("not every PostBack is delivered yet; they follow after the next start")
	}
}

// lookEach is how often a stop looks whether anything can still be delivered.
const lookEach = 250 * time.Millisecond

// delivered waits until every event is, or until what is left waits for a
// receiver that is out of reach. It answers false then, and when ctx has ended.
func (d *Daemon) delivered(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	drained := make(chan error, 1) // of one: nobody may be left to read it
	go func() { drained <- d.outbox.WaitDrained(ctx, "") }()
	look := time.NewTicker(lookEach)
	defer look.Stop()
	for {
		select {
		case err := <-drained:
			return err == nil
		case <-look.C:
			if waiting, due := d.fleet.waiting(); !due {
				return !waiting // the cursors follow when the outbox ends
			}
		}
	}
}

// waiting reports whether events wait to be delivered, replays aside, and whether
// nothing is known to hold up one of them.
func (f *fleet) waiting() (waiting, due bool) {
	states := f.states()
	for _, l := range f.outbox.Status("") {
		if l.Pending > 0 && l.Replay == "" {
			waiting = true
			due = due || l.Disabled == "" && l.FirstAt.IsZero() && states[l.Endpoint] != stateFailing
		}
	}
	return waiting, due
}

// serve answers HTTP on both listeners until ctx ends, then lets requests that
// are under way finish.
func (d *Daemon) serve(ctx context.Context) error {
	srv := d.api.Server()
	failed := make(chan error, 2)
	go func() { failed <- srv.Serve(d.tcp) }()
	go func() { failed <- srv.Serve(d.unix) }()
	select {
	case err := <-failed:
		_ = srv.Close()
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.cfg.Connection.StopTimeout/5)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		_ = srv.Close()
	}
	for range 2 {
		if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
	}
	return nil
}
