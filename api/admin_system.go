package api

import (
	"time"
)

// Status is what the operator may know of the daemon.
type Status struct {
	Version   string    `json:"version"`
	Network   string    `json:"network"`
	StartedAt time.Time `json:"started_at"`
	Uptime    int64     `json:"uptime_seconds"`
	Ready     bool      `json:"ready"`
	Problem   string    `json:"problem,omitempty"` // why it is not ready
}

func (a *API) system(c *call) (any, error) {
	about := a.cfg.System.About()
	s := Status{
		Version:   about.Version,
		Network:   about.Network,
		StartedAt: about.StartedAt,
		Uptime:    int64(a.cfg.Now().Sub(about.StartedAt) / time.Second),
		Ready:     true,
	}
	if err := a.cfg.System.Ready(c.Context()); err != nil {
		s.Ready, s.Problem = false, err.Error()
	}
	return s, nil
}

func (a *API) nats(*call) (any, error) { return a.cfg.System.NATS(), nil }
