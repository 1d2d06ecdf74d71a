package demo

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/record"
)

// subscribe notes every event of one instance that is published, with the
// credentials that `switchhook nats info` prints.
func subscribe(info api.NATS, instance string, l *ledger) (stop func(), err error) {
	conn, err := natsgo.Connect(info.URL, natsgo.UserInfo(info.User, info.Password), natsgo.Name("switchhook demo"))
	if err != nil {
		return nil, err
	}
	_, err = conn.Subscribe(record.SubjectPrefix+instance+".>", func(m *natsgo.Msg) {
		var e client.Event
		if json.Unmarshal(m.Data, &e) != nil {
			return
		}
		d := &description{at: e.Time, what: fmt.Sprintf("a QR code, shown for %d s", e.Data.TTL), carried: carried(e.Type)}
		if t := e.Data.Transition; t != nil {
			d.what, d.cause = fmt.Sprintf("%2d → %-2d %s", t.From, t.To, t.To), string(t.Cause)
		}
		if m := e.Data.Message; m != nil {
			d.what = strings.TrimSpace(string(e.Type) + " " + m.Type)
		}
		text := e.Data.Message != nil && e.Data.Message.Text != ""
		l.note(nats, arrival{seq: e.Seq, text: text, at: time.Now()}, d)
	})
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn.Close, nil
}

// carried reports whether the format of the webhook has a form for such events.
func carried(kind record.Kind) bool {
	return kind == record.ConnectionChanged || kind == record.QRIssued
}
