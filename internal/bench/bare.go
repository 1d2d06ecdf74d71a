package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

const (
	bareName  = "the bare library"
	bareReady = "bare is ready"
	bareUp    = "up "
	bareSaid  = "said "
	// bareDialers is how many dial at once: enough to keep both ends busy.
	bareDialers = 64
)

// runBare is the limit: the library's clients alone, with their own automatic
// reconnects and a store that keeps nothing. It begins at a line on its standard
// input and ends with it.
func runBare(ctx context.Context, args []string) error {
	set := flag.NewFlagSet("bare", flag.ContinueOnError)
	file := set.String("sessions", "", "the sessions, in JSON")
	address := set.String("sandbox", "", "address of the sandbox")
	reads := set.Bool("reads", false, "read messages, and answer the first of each conversation")
	if err := set.Parse(args); err != nil {
		return err
	}
	whatsmeow.WACertPubKey = sandbox.RootKey()
	stdin := bufio.NewScanner(os.Stdin)
	_, _ = fmt.Fprintln(os.Stdout, bareReady)
	if !stdin.Scan() {
		return errors.New("nobody said when to begin")
	}
	raw, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	var sessions []record.Session
	if err := json.Unmarshal(raw, &sessions); err != nil {
		return err
	}
	var up, said atomic.Int64
	clients := make(chan *whatsmeow.Client)
	var dialers sync.WaitGroup
	for range bareDialers {
		dialers.Go(func() {
			for c := range clients {
				if err := c.ConnectContext(ctx); err != nil {
					fmt.Fprintln(os.Stderr, "connect:", err)
				}
			}
		})
	}
	go report(ctx, bareUp, &up)
	go report(ctx, bareSaid, &said)
	for i := range sessions {
		c, err := bareClient(&sessions[i], *address, &up)
		if err != nil {
			return err
		}
		if *reads {
			remember(ctx, c, &said)
		}
		clients <- c
	}
	close(clients)
	dialers.Wait()
	<-ctx.Done()
	return nil
}

// report writes a count whenever it has changed.
func report(ctx context.Context, what string, count *atomic.Int64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for last := int64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := count.Load(); now != last {
			last = now
			_, _ = fmt.Fprintln(os.Stdout, what+strconv.FormatInt(now, 10))
		}
	}
}

func bareClient(s *record.Session, address string, up *atomic.Int64) (*whatsmeow.Client, error) {
	nowhere := func(string) devicestore.Backend { return nil }
	d, err := devicestore.New(nowhere, nil, nil).Load(s)
	if err != nil {
		return nil, err
	}
	nothing := forgetful{&store.NoopStore{}}
	d.Identities, d.Sessions, d.PreKeys, d.SenderKeys = nothing, nothing, nothing, nothing
	d.AppStateKeys, d.AppState, d.Contacts, d.ChatSettings = nothing, nothing, nothing, nothing
	d.MsgSecrets, d.PrivacyTokens, d.EventBuffer, d.LIDs = nothing, nothing, nothing, nothing
	d.Container = nothing
	c := whatsmeow.NewClient(d, waLog.Noop)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	web := &http.Client{Transport: &http.Transport{DialTLSContext: dial}}
	c.SetWebsocketHTTPClient(web)
	c.SetPreLoginHTTPClient(web)
	c.SetMediaHTTPClient(web)
	var connected atomic.Bool // the library tells some things twice
	c.AddEventHandler(func(event any) {
		switch event.(type) {
		case *events.Connected:
			if !connected.Swap(true) {
				up.Add(1)
			}
		case *events.Disconnected:
			if connected.Swap(false) {
				up.Add(-1)
			}
		}
	})
	return c, nil
}

// forgetful is a store that keeps nothing and has prekeys enough.
type forgetful struct{ *store.NoopStore }

func (forgetful) UploadedPreKeyCount(context.Context) (int, error) {
	return whatsmeow.WantedPreKeyCount, nil
}
func (forgetful) PutDevice(context.Context, *store.Device) error    { return nil }
func (forgetful) DeleteDevice(context.Context, *store.Device) error { return nil }
func (forgetful) GetLIDForPN(context.Context, types.JID) (types.JID, error) {
	return types.EmptyJID, nil
}

// limit is the bare library's process.
type limit struct {
	p        *process
	up, said *tally // said is how many conversations have been answered
}

// startBare starts the limit's process and keeps its tallies. What is not nil is
// to be stopped also after an error.
func startBare(ctx context.Context, sessions string, a *air, more ...string) (l limit, err error) {
	self, err := os.Executable()
	if err != nil {
		return l, err
	}
	ready := newMark(bareReady)
	l.up, l.said = newTally(), newTally()
	l.p, err = start(bareName, func(s string) {
		ready.line(s)
		for what, t := range map[string]*tally{bareUp: l.up, bareSaid: l.said} {
			if n, found := strings.CutPrefix(s, what); found {
				if n, err := strconv.Atoi(n); err == nil {
					t.set(n)
				}
			}
		}
	}, self, append([]string{"bare", "-sessions", sessions, "-sandbox", a.listen}, more...)...)
	if err != nil {
		return l, err
	}
	err = l.p.await(ctx, ready.seen)
	return l, err
}
