package sandbox

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a network needs to know. The zero value is a network in memory,
// without a log, that times everything as WhatsApp does.
type Config struct {
	// StateFile is where phones and companions are kept: a bbolt file, made if
	// there is none and held until Close. Empty keeps them in memory.
	StateFile string
	// Log receives what happens. It never gets key material, and of phone numbers
	// the last four digits. Nil logs nothing.
	Log *slog.Logger
	// Gap is the time between the last thing said on a connection and closing it.
	// 0 means 50 ms, a negative one none at all. See ending.
	Gap time.Duration
	// Codes is how many codes an unpaired client gets to show. 0 means 6, as many
	// as WhatsApp gives: a client shows the first for 60 s and the others for 20.
	Codes int
	// PairingWindow is how long an unpaired connection may stay unscanned. 0 means
	// 165 s: six codes and a little more, so that the client is the one who gives
	// up first.
	PairingWindow time.Duration
}

const (
	defaultGap    = 50 * time.Millisecond
	defaultCodes  = 6
	defaultWindow = 165 * time.Second
)

// Network is a WhatsApp network: a server, and the phones of its users. Its
// methods may be called from any goroutine, in any order; after Close they return
// [ErrClosed] or nothing.
type Network struct {
	config       Config
	log          *slog.Logger
	ledger       *ledger
	board        *switchboard
	certificates []byte
	stats        counters
	messaging
	serial      atomic.Int64 // numbers connections in the log
	unreachable atomic.Bool
	minimum     atomic.Pointer[[3]uint32] // version of a client; nil lets in everybody
	ambush      ambush

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu     sync.Mutex
	closed bool // below: guarded by mu
	inside sync.WaitGroup
}

// Open opens a network. It serves nobody until it is asked to; see
// [Network.Serve] and [Network.Handler].
func Open(config Config) (*Network, error) {
	config.Log = cmp.Or(config.Log, slog.New(slog.DiscardHandler))
	config.Gap = cmp.Or(config.Gap, defaultGap)
	config.Codes = cmp.Or(max(config.Codes, 0), defaultCodes)
	config.PairingWindow = cmp.Or(max(config.PairingWindow, 0), defaultWindow)
	ledger, err := openLedger(config.StateFile)
	if err != nil {
		return nil, fmt.Errorf("open sandbox: %w", err)
	}
	certificates, err := ledger.keys.certificates(rootPair())
	if err != nil {
		ledger.close() //nolint:errcheck // the other error says more
		return nil, fmt.Errorf("open sandbox: %w", err)
	}
	messaging, err := openMessaging(ledger, config.Log)
	if err != nil {
		ledger.close() //nolint:errcheck // the other error says more
		return nil, fmt.Errorf("open sandbox: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Network{
		config:       config,
		log:          config.Log,
		ledger:       ledger,
		board:        newSwitchboard(),
		certificates: certificates,
		messaging:    messaging,
		ctx:          ctx,
		cancel:       cancel,
	}, nil
}

// Close drops all connections, ends every Serve, waits until nothing of the
// network runs, and lets go of the state file. It may be called twice.
func (n *Network) Close() error {
	n.mu.Lock()
	first := !n.closed
	n.closed = true
	n.mu.Unlock()
	n.cancel()
	n.inside.Wait()
	if !first {
		return nil
	}
	n.journal.close()
	n.media.close()
	if err := n.ledger.close(); err != nil {
		return fmt.Errorf("close sandbox: %w", err)
	}
	return nil
}

// enter holds off the end of Close until exit. It says false when the network has
// been closed.
func (n *Network) enter() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.inside.Add(1)
	return true
}

func (n *Network) exit() { n.inside.Done() }

// RefuseConnections makes the network unreachable, or reachable again: while it
// is on, whoever opens a websocket is answered 503. Open connections stay.
func (n *Network) RefuseConnections(on bool) { n.unreachable.Store(on) }

// Devices returns all companions, by phone and number. The error is nil for a
// network in this process; it is there for [Control].
func (n *Network) Devices(context.Context) ([]Device, error) {
	all := n.ledger.list()
	for i, d := range all {
		id := deviceID{Phone: d.Phone, Number: uint8(d.Number)}
		all[i].Connected = n.board.seated(id) != nil
	}
	return all, nil
}

// Info describes the network. The error is nil for a network in this process; it
// is there for [Control].
func (n *Network) Info(context.Context) (Info, error) {
	root := RootKey()
	return Info{
		Network: networkName,
		RootKey: hex.EncodeToString(root[:]),
		Faults:  FaultKinds(),
		Minimum: versionText(n.minimumVersion()),
		Stats:   n.Stats(),
	}, nil
}
