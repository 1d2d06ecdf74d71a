package daemon

import (
	"context"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// notifyReady tells systemd (Type=notify) that requests are served. Without
// systemd, and when it does not listen, nothing happens.
func (d *Daemon) notifyReady() { d.notify(sd.SdNotifyReady) }

func (d *Daemon) notifyStopping() { d.notify(sd.SdNotifyStopping) }

func (d *Daemon) notify(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		d.log.Debug("systemd could not be told", "err", err)
	}
}

// watchdog pats systemd's watchdog, if the unit has one, as long as the fleet's
// lock and the outbox's loop answer. What it returns ends it.
func (d *Daemon) watchdog(ctx context.Context) (stop func()) {
	every, err := sd.SdWatchdogEnabled(false)
	if err != nil || every <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				d.fleet.byID("")
				d.outbox.Status("none")
				d.notify(sd.SdNotifyWatchdog)
			}
		}
	}()
	return func() { cancel(); <-done }
}
