package record

import (
	"slices"
	"time"
)

// What happens to message QR codes is on their tenant's stream; Data is a [QRDLFact].
const (
	QRDLCreated Kind = "qrdl.created"
	QRDLUpdated Kind = "qrdl.updated"
	QRDLDeleted Kind = "qrdl.deleted"
	QRDLScanned Kind = "qrdl.scanned"
)

// QRDLFact is what the events about a message QR code tell. Whoever scanned it is not
// known, and the message is not told.
type QRDLFact struct {
	Tenant   string `json:"tenant"` // its name
	Code     string `json:"code"`
	Number   string `json:"number"`   // the phone number that it opens a chat with, digits
	Revision int    `json:"revision"` // 1 at first, one more with each update
	// Count is how often it was scanned since the event before, of a [QRDLScanned];
	// Scans how often in this revision, and Total in all.
	Count int64 `json:"count,omitempty"`
	Scans int64 `json:"scans"`
	Total int64 `json:"total"`
}

// QRDL is a message QR code with its deep link, which the vendors' operations are named
// for. Scanning it opens a chat with a phone number and a message to send.
type QRDL struct {
	Tenant  string `json:"tenant"`  // the tenant's id
	Code    string `json:"code"`    // QrdlCode: unique in the daemon, the same over all updates
	Number  string `json:"number"`  // digits
	Message string `json:"message"` // what the chat begins with; it reaches no log
	Image   string `json:"image"`   // "PNG" or "SVG"

	Revision  int       `json:"revision"` // 1 at first, one more with each update
	Token     string    `json:"token"`    // of this revision's link and image
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // when this revision began

	Scans  int64          `json:"scans"`            // of this revision
	Untold int64          `json:"untold,omitempty"` // those of them that no event has told yet
	Past   []QRDLRevision `json:"past,omitempty"`   // those before, the oldest first, at most [MaxPast]
	Older  int64          `json:"older,omitempty"`  // the scans of those that are not in Past any more
}

// QRDLRevision is a former revision of a message QR code.
type QRDLRevision struct {
	Revision int       `json:"revision"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Scans    int64     `json:"scans"`
}

// MaxPast is how many former revisions a message QR code remembers.
const MaxPast = 100

// Total is how often it was scanned in all its revisions.
func (q *QRDL) Total() int64 {
	total := q.Scans + q.Older
	for _, p := range q.Past {
		total += p.Scans
	}
	return total
}

// Next is the revision that follows at a moment, under another token. It shares nothing
// with q, all of whose scans have been told.
func (q *QRDL) Next(message, image, token string, at time.Time) QRDL {
	out := *q
	out.Past = append(slices.Clone(q.Past), QRDLRevision{Revision: q.Revision, From: q.UpdatedAt, Until: at, Scans: q.Scans})
	if len(out.Past) > MaxPast {
		out.Older += out.Past[0].Scans
		out.Past = out.Past[1:]
	}
	out.Message, out.Image, out.Token = message, image, token
	out.Revision, out.UpdatedAt, out.Scans, out.Untold = q.Revision+1, at, 0, 0
	return out
}

// Scanned is the code after further scans of a revision. It shares nothing with q. Those
// of its own revision are to be told; for those of a former one the fact tells them at
// once, beside whatever is to be told yet. Scans of a revision that is not remembered
// count in all.
func (q *QRDL) Scanned(tenant string, revision int, times int64) (out QRDL, former *QRDLFact) {
	out = *q
	out.Past = slices.Clone(q.Past)
	if revision == q.Revision {
		out.Scans += times
		out.Untold += times
		return out, nil
	}
	scans := times
	if i := slices.IndexFunc(out.Past, func(p QRDLRevision) bool { return p.Revision == revision }); i >= 0 {
		out.Past[i].Scans += times
		scans = out.Past[i].Scans
	} else {
		out.Older += times
	}
	fact := out.Fact(tenant)
	fact.Revision, fact.Count, fact.Scans = revision, times, scans
	fact.Total -= out.Untold
	return out, &fact
}

// Told is the code once its scans have been told, and what tells them.
func (q *QRDL) Told(tenant string) (out QRDL, fact QRDLFact) {
	out = *q
	out.Untold = 0
	fact = q.Fact(tenant)
	fact.Count = q.Untold
	return out, fact
}

// Fact is what an event tells of it.
func (q *QRDL) Fact(tenant string) QRDLFact {
	return QRDLFact{Tenant: tenant, Code: q.Code, Number: q.Number, Revision: q.Revision, Scans: q.Scans, Total: q.Total()}
}
