package api

import (
	"net/http"
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

var errNoSandbox = &failure{
	Status: http.StatusNotFound, Code: "no_sandbox",
	Message: "this daemon is on the real network: only one started with --sandbox (network: sandbox) plays phones and faults",
}

// Scanned is the answer to a scan.
type Scanned struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Phone string `json:"phone"` // digits of the virtual phone
}

func (a *API) scan(c *call) (any, error) {
	if a.cfg.Sandbox == nil {
		return nil, errNoSandbox
	}
	var body struct {
		Phone string `json:"phone"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	digits, err := a.cfg.Sandbox.Scan(c.Context(), c.entry.ID, body.Phone)
	if err != nil {
		return nil, err
	}
	return Scanned{ID: c.entry.ID, Name: c.entry.Name, Phone: digits}, nil
}

// Fault is the answer to a fault: what was played, and on whom.
type Fault struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	NoGap bool   `json:"no_gap"`
}

func (a *API) fault(c *call) (any, error) {
	if a.cfg.Sandbox == nil {
		return nil, errNoSandbox
	}
	var body struct {
		Kind  string `json:"kind"`
		NoGap bool   `json:"no_gap"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if body.Kind == "" {
		return nil, invalid("kind", "is missing: GET /api/v1/sandbox lists them")
	}
	if err := a.cfg.Sandbox.Fault(c.Context(), c.entry.ID, body.Kind, body.NoGap); err != nil {
		return nil, err
	}
	return Fault{ID: c.entry.ID, Name: c.entry.Name, Kind: body.Kind, NoGap: body.NoGap}, nil
}

func (a *API) faultKinds(*call) (any, error) {
	if a.cfg.Sandbox == nil {
		return nil, errNoSandbox
	}
	kinds := a.cfg.Sandbox.Kinds()
	if kinds == nil {
		kinds = []FaultKind{}
	}
	return struct {
		Faults []FaultKind `json:"faults"`
	}{kinds}, nil
}
