package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/switchhook/switchhook/api"
)

// system is what the daemon tells about itself; see [api.System].
type system struct{ d *Daemon }

// About implements [api.System].
func (s system) About() api.About {
	return api.About{Version: s.d.version, Network: string(s.d.cfg.Network), StartedAt: s.d.started}
}

// Ready implements [api.System]: the store can be written and the daemon is not
// on its way up or down. A broker or a receiver that is out of reach delays and
// loses nothing, and does not count.
func (s system) Ready(context.Context) error {
	select {
	case <-s.d.ready:
	default:
		return errors.New("the daemon is starting")
	}
	if err := s.d.store.Health(); err != nil {
		return fmt.Errorf("the store cannot be written: %w", err)
	}
	return nil
}

// NATS implements [api.System].
func (s system) NATS() api.NATS {
	info, err := s.d.bus.Info()
	if err != nil {
		return api.NATS{}
	}
	st := s.d.bus.Status()
	return api.NATS{
		URL: info.URL, User: info.User, Password: info.Password, Stream: info.Stream, Subjects: []string{info.Subjects},
		Connected: st.Connected, Behind: st.Lag, LastError: st.LastError,
	}
}
