package api

import (
	"net/http"
)

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

// played makes a handler that only a sandbox has.
func (a *API) played(handle func(*call) (any, error)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		if a.cfg.Sandbox == nil {
			return nil, errNoSandbox
		}
		return handle(c)
	}
}

// typeCode lets the phone type what the instance shows.
func (a *API) typeCode(c *call) (any, error) {
	var body struct {
		Phone string `json:"phone"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	digits, err := a.cfg.Sandbox.Type(c.Context(), c.entry.ID, body.Phone)
	if err != nil {
		return nil, err
	}
	return Scanned{ID: c.entry.ID, Name: c.entry.Name, Phone: digits}, nil
}

func (a *API) letter(c *call) (any, error) {
	var l Letter
	if err := c.decode(&l); err != nil {
		return nil, err
	}
	if err := l.Check(); err != nil {
		return nil, err
	}
	w, err := a.cfg.Sandbox.Write(c.Context(), c.entry.ID, l)
	if err != nil {
		return nil, err
	}
	return created{w}, nil
}

func (a *API) behave(c *call) (any, error) {
	var b Behaviour
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	return b, a.cfg.Sandbox.Behave(c.Context(), b)
}

// inbox answers GET sandbox/inbox?phone=<digits>.
func (a *API) inbox(c *call) (any, error) {
	phone := c.URL.Query().Get("phone")
	if phone == "" {
		return nil, invalid("phone", "is missing: give the digits of a phone, as in ?phone=5511999990000")
	}
	all, err := a.cfg.Sandbox.Inbox(c.Context(), phone)
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = []Received{}
	}
	return all, nil
}

// Fault is the answer to a fault: what was played, and on whom.
type Fault struct {
	ID   string `json:"id,omitempty"`   // empty: the whole network
	Name string `json:"name,omitempty"` // of the instance
	FaultSpec
}

// fault plays an accident on an instance or, where there is none in the path, on
// the whole network.
func (a *API) fault(c *call) (any, error) {
	var f FaultSpec
	if err := c.decode(&f); err != nil {
		return nil, err
	}
	if f.Kind == "" {
		return nil, invalid("kind", "is missing: GET /api/v1/sandbox lists them")
	}
	if err := a.cfg.Sandbox.Fault(c.Context(), c.entry.ID, f); err != nil {
		return nil, err
	}
	return Fault{ID: c.entry.ID, Name: c.entry.Name, FaultSpec: f}, nil
}

func (a *API) faultKinds(*call) (any, error) {
	kinds := a.cfg.Sandbox.Kinds()
	if kinds == nil {
		kinds = []FaultKind{}
	}
	return struct {
		Faults []FaultKind `json:"faults"`
	}{kinds}, nil
}
