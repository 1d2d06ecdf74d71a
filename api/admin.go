package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/api/tencent"

	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// adminPrefix begins the path of every admin request.
const adminPrefix = "/api/v1/"

// route is one request of the admin API. In pattern "{id}" stands for an
// instance's id or name, which is looked up before handle is called, "{stream}"
// for that, "daemon" or a tenant's id, whose events are streams too, "{seq}" for the
// number of an event, and "{ref}" for an endpoint, which is looked up as well.
// "{tenant}" and "{key}" are handed to handle as they are.
type route struct {
	method  string
	pattern []string
	handle  func(*call) (any, error)
}

// call is one admin request under way.
type call struct {
	*http.Request
	w     http.ResponseWriter
	entry Entry  // of {id} or {stream}
	seq   uint64 // of {seq}

	endpoint Endpoint // of {ref}

	tenant, key string // of {tenant} and {key}
}

// nothing is an answer with the status 204.
type nothing struct{}

// created is an answer with the status 201.
type created struct{ body any }

func (a *API) adminRoutes() []route {
	one := []string{"instances", "{id}"}
	below := func(what ...string) []string { return append(slices.Clone(one), what...) }
	return []route{
		{http.MethodGet, []string{"system"}, a.system},
		{http.MethodGet, []string{"nats"}, a.nats},
		{http.MethodGet, []string{"sandbox"}, a.played(a.faultKinds)},
		{http.MethodPost, []string{"sandbox", "fault"}, a.played(a.fault)},
		{http.MethodGet, []string{"sandbox", "inbox"}, a.played(a.inbox)},
		{http.MethodPost, []string{"sandbox", "behave"}, a.played(a.behave)},
		{http.MethodGet, []string{"instances"}, a.list},
		{http.MethodPost, []string{"instances"}, a.add},
		{http.MethodGet, one, a.show},
		{http.MethodPatch, one, a.configure},
		{http.MethodDelete, one, a.delete},
		{http.MethodGet, below("qr"), a.code},
		{http.MethodPost, below("generate"), a.generate},
		{http.MethodPost, below("close"), a.command(a.cfg.Instances.Close)},
		{http.MethodPost, below("restore"), a.command(a.cfg.Instances.Restore)},
		{http.MethodPost, below("disconnect"), a.command(a.cfg.Instances.Disconnect)},
		{http.MethodPost, below("clear"), a.command(a.cfg.Instances.Clear)},
		{http.MethodPost, below("reboot"), a.command(a.cfg.Instances.Reboot)},
		{http.MethodPost, below("save"), a.save},
		{http.MethodPost, below("token", "rotate"), a.rotateToken},
		{http.MethodPost, below("pairing-code"), a.pairingCode},
		{http.MethodPost, below("messages"), a.send},
		{http.MethodPost, below("files"), a.sendFile},
		{http.MethodPost, below("media", "{seq}"), a.fetch},
		{http.MethodGet, below("media", "{seq}"), a.media},
		{http.MethodPost, below("scan"), a.played(a.scan)},
		{http.MethodPost, below("type"), a.played(a.typeCode)},
		{http.MethodPost, below("letters"), a.played(a.letter)},
		{http.MethodPost, below("fault"), a.played(a.fault)},
	}
}

// serveAdmin answers everything below /api.
func (a *API) serveAdmin(w http.ResponseWriter, r *http.Request) {
	if f := a.guard.admit(r); f != nil {
		if f.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="switchhook"`)
		}
		reply.JSON(w, f.Status, f)
		return
	}
	body, err := a.dispatch(w, r)
	if err != nil {
		f, known := explain(err)
		if !known {
			a.cfg.Log.Error("admin request failed", "method", r.Method, "err", err)
		}
		reply.JSON(w, f.Status, f)
		return
	}
	switch b := body.(type) {
	case streamed: // answered already
	case nothing:
		w.WriteHeader(http.StatusNoContent)
	case created:
		reply.JSON(w, http.StatusCreated, b.body)
	case *download:
		b.serve(w, r)
	default:
		reply.JSON(w, http.StatusOK, body)
	}
}

// dispatch finds the route and runs it.
func (a *API) dispatch(w http.ResponseWriter, r *http.Request) (any, error) {
	segs, ok := segments(r.URL.RawPath, adminPrefix)
	if !ok {
		return nil, errNoRoute
	}
	var allow []string
	for _, rt := range a.admin {
		at, ok := rt.match(segs)
		if !ok {
			continue
		}
		if rt.method != r.Method {
			allow = append(allow, rt.method)
			continue
		}
		c := &call{Request: r, w: w, seq: at.seq, tenant: at.tenant, key: at.key}
		if err := a.lookUp(c, at); err != nil {
			return nil, err
		}
		return rt.handle(c)
	}
	if allow == nil {
		return nil, errNoRoute
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	return nil, &failure{
		Status: http.StatusMethodNotAllowed, Code: "method",
		Message: "use " + strings.Join(allow, " or "),
	}
}

var errNoRoute = &failure{Status: http.StatusNotFound, Code: "no_route", Message: "the admin API has no such path"}

// place is what a path says beside its pattern.
type place struct {
	id, stream, ref, tenant, key string // empty where the pattern has none
	seq                          uint64
}

// match reports whether the route's pattern fits, and what stands for the words
// in braces.
func (rt route) match(segs []string) (at place, ok bool) {
	if len(segs) != len(rt.pattern) {
		return at, false
	}
	for i, p := range rt.pattern {
		switch p {
		case "{id}":
			at.id = segs[i]
		case "{stream}":
			at.stream = segs[i]
		case "{ref}":
			at.ref = segs[i]
		case "{tenant}":
			at.tenant = segs[i]
		case "{key}":
			at.key = segs[i]
		case "{seq}":
			n, err := strconv.ParseUint(segs[i], 10, 64)
			if err != nil {
				return at, false
			}
			at.seq = n
		default:
			if p != segs[i] {
				return at, false
			}
		}
	}
	return at, true
}

// lookUp finds what the path names.
func (a *API) lookUp(c *call, at place) (err error) {
	switch {
	case at.id != "":
		c.entry, err = a.cfg.Instances.Find(c.Context(), at.id)
	case at.stream != "":
		c.entry, err = a.stream(c, at.stream)
	case at.ref != "" && a.cfg.Endpoints == nil:
		err = errNoRoute
	case at.ref != "":
		c.endpoint, err = a.endpoint(c, at.ref)
	}
	return err
}

// stream is the instance of that name or id, or what stands for the daemon, whose name
// no instance has, or for the tenant of that id. A tenant's name may be an instance's,
// so it is none of a stream.
func (a *API) stream(c *call, name string) (Entry, error) {
	if name == record.DaemonStream {
		return Entry{ID: record.DaemonStream, Name: record.DaemonStream}, nil
	}
	e, err := a.cfg.Instances.Find(c.Context(), name)
	if a.cfg.Tenants == nil || !errors.Is(err, instance.ErrNotFound) {
		return e, err
	}
	switch t, other := a.cfg.Tenants.Tenant(c.Context(), name); {
	case other == nil && t.ID == name:
		return Entry{ID: t.ID, Name: t.Name, Seq: t.Seq}, nil
	case other != nil && !errors.Is(other, ErrNoTenant):
		return Entry{}, other
	}
	switch acc, other := a.cfg.Tenants.FindAccount(c.Context(), name); {
	case other == nil:
		return Entry{ID: acc.ID, Name: acc.UserID, Seq: acc.Seq}, nil
	case !errors.Is(other, tencent.ErrNoAccount):
		return Entry{}, other
	}
	return Entry{}, err
}

// decode reads the body into v: one JSON object with no key that v does not
// know. An empty body leaves v alone.
func (c *call) decode(v any) error {
	dec := json.NewDecoder(c.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil && !errors.Is(dec.Decode(new(json.RawMessage)), io.EOF) {
		err = errors.New("more than one value")
	}
	var large *http.MaxBytesError
	if err != nil && !errors.As(err, &large) {
		return &failure{
			Status: http.StatusBadRequest, Code: "bad_json",
			Message: "the body is not the JSON object wanted here: " + strings.TrimPrefix(err.Error(), "json: "),
		}
	}
	return err
}
