package api

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bounds of one answer about deliveries.
const (
	defaultLanes = 200
	MaxLanes     = 1000 // the most lanes of one answer about all of them
	// MaxDeadLetters is the most that one answer tells.
	MaxDeadLetters     = 1000
	defaultDeadLetters = 100

	deleteTimeout = 5 * time.Minute // there may be very many of them
)

// TotalHeader says how many there are when an answer holds only some of them.
const TotalHeader = "Switchhook-Total"

// deliveriesOf answers every lane of a stream.
func (a *API) deliveriesOf(c *call) (any, error) {
	return array(a.cfg.Endpoints.Deliveries(c.Context(), c.entry.ID))
}

// deliveries answers ?limit= lanes of all streams, those in trouble first, then
// those with the most waiting, without the answers to their failed tries.
func (a *API) deliveries(c *call) (any, error) {
	limit, err := bounded(c, defaultLanes, MaxLanes)
	if err != nil {
		return nil, err
	}
	all, err := a.cfg.Endpoints.Deliveries(c.Context(), "")
	if err != nil {
		return nil, err
	}
	c.w.Header().Set(TotalHeader, strconv.Itoa(len(all)))
	slices.SortStableFunc(all, func(x, y Lane) int {
		return cmp.Or(cmp.Compare(y.Attempts, x.Attempts), cmp.Compare(y.Pending, x.Pending))
	})
	all = all[:min(limit, len(all))]
	for i := range all {
		all[i].Tries = nil
	}
	return array(all, nil)
}

// skipEvent takes {"instance": …} where several streams lead to the endpoint, and
// {"replay": …} for the event that a replay is stuck with.
func (a *API) skipEvent(c *call) (any, error) {
	var body struct {
		Instance string `json:"instance"`
		Replay   string `json:"replay"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	id := c.endpoint.Instance
	switch {
	case body.Instance != "":
		e, err := a.stream(c, body.Instance)
		if err != nil {
			return nil, err
		}
		id = e.ID
	case id == "":
		return nil, invalid("instance", "is missing: the endpoint takes the events of several, and of the daemon; name the one whose event is skipped")
	}
	return a.cfg.Endpoints.SkipEvent(c.Context(), c.endpoint.ID, id, body.Replay)
}

// PlacedLetter is a dead letter with its place in the list.
type PlacedLetter struct {
	Place string `json:"place"` // for ?after= of the next request
	DeadLetter
}

// deadLetters answers at most ?limit= of ?instance= and ?endpoint= behind the
// place ?after=.
func (a *API) deadLetters(c *call) (any, error) {
	q := c.URL.Query()
	limit, err := bounded(c, defaultDeadLetters, MaxDeadLetters)
	if err != nil {
		return nil, err
	}
	wanted := DeadQuery{Limit: limit}
	if after := q.Get("after"); after != "" {
		key, ok := parsePlace(after)
		if !ok {
			return nil, invalid("after", "must be the place of a dead letter, as an answer told it")
		}
		wanted.After = key
	}
	if wanted.Endpoint, wanted.Stream, err = a.deadOf(c); err != nil {
		return nil, err
	}
	all, err := a.cfg.Endpoints.DeadLetters(c.Context(), wanted)
	if err != nil {
		return nil, err
	}
	out := make([]PlacedLetter, 0, len(all))
	for _, d := range all {
		out = append(out, PlacedLetter{d.Key().place(), d})
	}
	return out, nil
}

// deadOf reads ?endpoint= and ?instance=.
func (a *API) deadOf(c *call) (endpoint, stream string, err error) {
	q := c.URL.Query()
	if name := q.Get("instance"); name != "" {
		e, err := a.stream(c, name)
		if err != nil {
			return "", "", err
		}
		stream = e.ID
	}
	if ref := q.Get("endpoint"); ref != "" {
		e, err := a.endpoint(c, ref)
		if err != nil {
			return "", "", err
		}
		endpoint = e.ID
	}
	return endpoint, stream, nil
}

// DeletedLetters is the answer to a deletion of dead letters.
type DeletedLetters struct {
	Deleted int `json:"deleted"`
}

// deleteDeadLetters forgets those of ?instance= and ?endpoint=, at least one of
// them, wholly between ?from= and ?to=.
func (a *API) deleteDeadLetters(c *call) (any, error) {
	c.writeWithin(deleteTimeout)
	var of DeadRange
	var err error
	if of.Endpoint, of.Stream, err = a.deadOf(c); err != nil {
		return nil, err
	}
	if of.Endpoint == "" && of.Stream == "" {
		return nil, invalid("instance", "is missing, and so is endpoint: say whose dead letters are deleted")
	}
	for name, to := range map[string]*uint64{"from": &of.From, "to": &of.To} {
		s := c.URL.Query().Get(name)
		if s == "" {
			continue
		}
		if *to, err = strconv.ParseUint(s, 10, 64); err != nil || *to == 0 {
			return nil, invalid(name, "must be the number of an event")
		}
	}
	if of.To != 0 && of.To < of.From {
		return nil, invalid("to", "is before the beginning")
	}
	n, err := a.cfg.Endpoints.DeleteDeadLetters(c.Context(), of)
	return DeletedLetters{n}, err
}

func (k DeadKey) place() string {
	place := k.Endpoint + "/" + k.Stream + "/" + strconv.FormatUint(k.From, 10)
	if k.Replay != "" {
		place += "/" + k.Replay
	}
	return place
}

func parsePlace(s string) (k DeadKey, ok bool) {
	parts := strings.Split(s, "/")
	if len(parts) == 3 {
		parts = append(parts, "")
	} else if len(parts) != 4 || parts[3] == "" {
		return k, false
	}
	from, err := strconv.ParseUint(parts[2], 10, 64)
	return DeadKey{parts[0], parts[1], from, parts[3]}, err == nil
}

// replay takes a [ReplaySpec] whose endpoint may be any reference to one.
func (a *API) replay(c *call) (any, error) {
	spec := ReplaySpec{}
	if err := c.decode(&spec); err != nil {
		return nil, err
	}
	spec.Stream = c.entry.ID
	switch {
	case spec.From == 0 && spec.FromTime.IsZero():
		return nil, invalid("from", "is missing: the number of the first event, or from_time")
	case spec.From > 0 && !spec.FromTime.IsZero():
		return nil, invalid("from", "and from_time are two beginnings: give one of them")
	case spec.To > 0 && !spec.ToTime.IsZero():
		return nil, invalid("to", "and to_time are two ends: give one of them")
	case spec.To > 0 && spec.To < spec.From, !spec.ToTime.IsZero() && spec.ToTime.Before(spec.FromTime):
		return nil, invalid("to", "is before the beginning")
	}
	if spec.Endpoint != "" {
		e, err := a.endpoint(c, spec.Endpoint)
		if err != nil {
			return nil, err
		}
		spec.Endpoint = e.ID
	}
	lanes, err := a.cfg.Endpoints.Replay(c.Context(), spec)
	if err != nil {
		return nil, err
	}
	return created{lanes}, nil
}

// stopReplays ends the replays of a stream: ?endpoint= and ?replay= say which.
func (a *API) stopReplays(c *call) (any, error) {
	q := c.URL.Query()
	of := ReplayRef{Stream: c.entry.ID, Replay: q.Get("replay")}
	if ref := q.Get("endpoint"); ref != "" {
		e, err := a.endpoint(c, ref)
		if err != nil {
			return nil, err
		}
		of.Endpoint = e.ID
	}
	return array(a.cfg.Endpoints.StopReplays(c.Context(), of))
}

// bounded reads ?limit=.
func bounded(c *call, usual, most int) (int, error) {
	s := c.URL.Query().Get("limit")
	if s == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, invalid("limit", "must be 1 to "+strconv.Itoa(most))
	}
	return n, nil
}
