package api

import (
	"net/http"
	"time"

	"github.com/switchhook/switchhook/record"
)

// QRDL is a message QR code as its operator sees it. Whoever has its addresses can open
// the chat and see the picture.
type QRDL struct {
	Code      string    `json:"code"`
	Number    string    `json:"number"`  // digits
	Message   string    `json:"message"` // what the chat begins with
	Image     string    `json:"image"`   // "PNG" or "SVG"
	Revision  int       `json:"revision"`
	Scans     int64     `json:"scans"` // of this revision
	Total     int64     `json:"total"` // of all revisions
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"` // when this revision began

	Link     string `json:"link"`
	ImageURL string `json:"image_url"`

	Past  []record.QRDLRevision `json:"past"`            // the revisions before, the oldest first
	Older int64                 `json:"older,omitempty"` // the scans of those that are remembered no more
}

// tenantQRDLs answers the message QR codes of a tenant, the newest first.
func (a *API) tenantQRDLs(c *call) (any, error) {
	all, err := a.cfg.Tenants.TenantQRDLs(c.Context(), c.tenant)
	out := make([]QRDL, 0, len(all))
	for i := range all {
		out = append(out, a.shownQRDL(c.Request, &all[i]))
	}
	return array(out, err)
}

func (a *API) shownQRDL(r *http.Request, q *record.QRDL) QRDL {
	past := q.Past
	if past == nil {
		past = []record.QRDLRevision{}
	}
	return QRDL{
		Code: q.Code, Number: q.Number, Message: q.Message, Image: q.Image,
		Revision: q.Revision, Scans: q.Scans, Total: q.Total(), CreatedAt: q.CreatedAt, UpdatedAt: q.UpdatedAt,
		Link: a.cfg.linkURL(r, q.Token), ImageURL: a.cfg.imageURL(r, q.Token, q.Image),
		Past: past, Older: q.Older,
	}
}
