package outbox

import "github.com/switchhook/switchhook/record"

// load makes the lanes of every stored endpoint. All of them are due at once:
// whoever restarts a daemon wants to see it work.
func (o *Outbox) load() error {
	endpoints, err := o.cfg.Log.Endpoints()
	if err != nil {
		return err
	}
	stored, err := o.cfg.Log.Lanes()
	if err != nil {
		return err
	}
	for _, name := range o.cfg.Log.Streams() {
		o.streamOf(name)
	}
	given := make(map[string][]record.Lane, len(endpoints))
	for i := range endpoints {
		given[endpoints[i].ID] = nil
	}
	for _, rec := range stored {
		if _, known := given[rec.Endpoint]; known {
			given[rec.Endpoint] = append(given[rec.Endpoint], rec)
			// The log does not list a stream whose events were all pruned. It has to be
			// there before any endpoint is: each shall get the lane that was stored.
			o.streamOf(rec.Stream)
		}
	}
	for i := range endpoints {
		t := o.addTarget(&endpoints[i])
		recs := make(map[string]record.Lane)
		for _, rec := range given[t.ep.ID] {
			if rec.Replay == "" {
				recs[rec.Stream] = rec
			}
		}
		o.cover(t, func(l *lane) {
			if rec, ok := recs[l.st.name]; ok {
				l.rec, l.starting, l.guessed = rec, false, false
			}
		})
		for _, rec := range given[t.ep.ID] {
			if rec.Replay != "" {
				o.startReplay(rec)
			}
		}
		t.wasFailing()
	}
	return nil
}
