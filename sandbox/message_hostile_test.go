package sandbox_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"

	"github.com/switchhook/switchhook/sandbox"
)

// hostileNodes are what a client may send instead of what it should.
func hostileNodes() []waBinary.Node {
	to, self := pn(contact), pn(someone)
	enc := func(kind string, content any) waBinary.Node {
		return waBinary.Node{Tag: "enc", Attrs: waBinary.Attrs{"v": "2", "type": kind}, Content: content}
	}
	copies := func(jid any, content ...waBinary.Node) waBinary.Node {
		return waBinary.Node{Tag: "participants", Content: []waBinary.Node{{Tag: "to", Attrs: waBinary.Attrs{"jid": jid}, Content: content}}}
	}
	message := func(attrs waBinary.Attrs, content ...waBinary.Node) waBinary.Node {
		return waBinary.Node{Tag: "message", Attrs: attrs, Content: content}
	}
	good := waBinary.Attrs{"id": "X", "to": to}
	nodes := []waBinary.Node{
		message(nil),
		message(waBinary.Attrs{"id": "X"}),
		message(waBinary.Attrs{"id": to, "to": "text"}),
		message(waBinary.Attrs{"id": strings.Repeat("X", 500), "to": to}),
		message(good),
		message(good, copies("text", enc("msg", []byte{1}))),
		message(good, copies(to)),
		message(good, copies(to, enc("msg", "text"))),
		message(good, copies(types.JID{User: contact, Server: types.DefaultUserServer, Device: 77}, enc("msg", []byte{1}))),
		message(waBinary.Attrs{"id": "X", "to": types.JID{User: "1", Server: types.GroupServer}}, enc("skmsg", []byte{1})),
		{Tag: "receipt"},
		{Tag: "receipt", Attrs: waBinary.Attrs{"id": "X"}},
		{Tag: "receipt", Attrs: waBinary.Attrs{"id": "X", "to": to, "type": "retry"}},
		{Tag: "receipt", Attrs: waBinary.Attrs{"id": "X", "to": to}, Content: []waBinary.Node{{Tag: "list", Content: []waBinary.Node{{Tag: "item"}}}}},
		{Tag: "receipt", Attrs: waBinary.Attrs{"id": "KEPT", "to": self}},
		{Tag: "receipt", Attrs: waBinary.Attrs{"id": "KEPT", "to": to, "type": "retry"}, Content: []waBinary.Node{{Tag: "keys"}}},
		{Tag: "ack"},
		{Tag: "ack", Attrs: waBinary.Attrs{"id": "KEPT", "class": "message"}},
		{Tag: "ack", Attrs: waBinary.Attrs{"id": "KEPT", "class": "receipt", "error": "x"}},
	}
	for _, kind := range []string{"msg", "pkmsg", "skmsg", ""} {
		for _, body := range [][]byte{{0}, {0x33}, {0x33, 1, 2, 3, 4, 5, 6, 7, 8, 9}, bytes.Repeat([]byte{0x33}, 200), []byte("3\x0a\x00\x12\x00\x1a\x00\x22\x0012345678")} {
			nodes = append(nodes, message(good, copies(to, enc(kind, body))))
		}
	}
	return nodes
}

func TestHostileNodes(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w, bystander := r.enrol(t, someone), r.enrol(t, "5511900000009")
		defer w.hangUp()
		defer bystander.hangUp()
		r.behave(t, sandbox.Behaviour{})
		if _, err := w.client.SendMessage(t.Context(), pn(contact), words("before")); err != nil {
			t.Fatal(err)
		}
		for _, node := range hostileNodes() {
			if err := w.client.DangerousInternals().SendNode(t.Context(), node); err != nil {
				t.Errorf("%s: %v", node.Tag, err)
			}
		}
		for _, query := range []whatsmeow.DangerousInfoQuery{
			{Namespace: "usync", Type: "get"},
			{Namespace: "usync", Type: "get", Content: []waBinary.Node{{Tag: "usync", Content: []waBinary.Node{{Tag: "query"}, {Tag: "list", Content: []waBinary.Node{{Tag: "user"}}}}}}},
			{Namespace: "encrypt", Type: "get", Content: []waBinary.Node{{Tag: "key", Content: []waBinary.Node{{Tag: "user"}}}}},
			{Namespace: "privacy", Type: "set"},
			{Namespace: "w:m", Type: "set"},
		} {
			query.To = types.ServerJID
			if _, err := w.client.DangerousInternals().SendIQ(t.Context(), query); err == nil {
				t.Errorf("%+v was answered", query)
			}
		}
		// Nothing of it has hurt the sessions, or anybody else.
		if _, err := w.client.SendMessage(t.Context(), pn(contact), words("after")); err != nil {
			t.Fatal(err)
		}
		got := r.received(t, contact)
		if len(got) != 2 || got[0].Text != "before" || got[1].Text != "after" {
			t.Errorf("received %+v", got)
		}
		r.send(t, sandbox.SendSpec{From: contact, To: "5511900000009", Text: "hello"})
		next(t, bystander.messages)
	})
}

func TestReceiptsOfOthersAcknowledgeNothing(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w, thief := r.enrol(t, someone), r.enrol(t, "5511900000009")
		defer thief.hangUp()
		w.drop()
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "kept", ID: "KEPT"})
		node := waBinary.Node{Tag: "receipt", Attrs: waBinary.Attrs{"id": "KEPT", "to": pn(contact)}}
		if err := thief.client.DangerousInternals().SendNode(t.Context(), node); err != nil {
			t.Fatal(err)
		}
		if err := thief.ping(); err != nil {
			t.Fatal(err)
		}
		if s := r.mailOf(t, "KEPT"); s.Acknowledged || len(s.Receipts) > 0 {
			t.Errorf("mail %+v", s)
		}
		w.refuse = func(any) bool { return true }
		w.connect()
		defer w.hangUp()
		// Not its own sender, not a receipt that means it, and not a mere ack.
		for _, node := range []waBinary.Node{
			{Tag: "receipt", Attrs: waBinary.Attrs{"id": "KEPT", "to": pn("5511900000009")}},
			{Tag: "receipt", Attrs: waBinary.Attrs{"id": "KEPT", "to": pn(contact), "type": "peer_msg"}},
			{Tag: "ack", Attrs: waBinary.Attrs{"id": "KEPT", "class": "message"}},
		} {
			if err := w.client.DangerousInternals().SendNode(t.Context(), node); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.client.GetUserInfo(t.Context(), []types.JID{pn(contact)}); err != nil {
			t.Fatal(err)
		}
		if s := r.mailOf(t, "KEPT"); s.Acknowledged {
			t.Errorf("mail %+v", s)
		}
		nack := waBinary.Node{Tag: "ack", Attrs: waBinary.Attrs{"id": "KEPT", "class": "message", "error": "491"}}
		if err := w.client.DangerousInternals().SendNode(t.Context(), nack); err != nil {
			t.Fatal(err)
		}
		w.until("it is refused", func() bool { return len(r.mailOf(t, "KEPT").Nacks) > 0 })
		if s := r.mailOf(t, "KEPT"); s.Acknowledged || len(r.waiting(t)) != 0 {
			t.Errorf("mail %+v", s)
		}
	})
}

func TestRemovedCompanionGetsNoMail(t *testing.T) {
	inBubble(t, sandbox.Config{StateFile: stateFile(t)}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		w.drop()
		r.send(t, sandbox.SendSpec{From: contact, To: someone, Text: "late", ID: "LATE"})
		r.fault(t, sandbox.FaultLoggedOut)
		if s := r.mailOf(t, "LATE"); !s.Dropped || s.Acknowledged || len(r.waiting(t)) != 0 {
			t.Errorf("mail %+v", s)
		}
		_, err := r.network.Send(t.Context(), sandbox.SendSpec{To: someone, Text: "more"})
		if !is(err, sandbox.ErrNotPaired) {
			t.Errorf("send: %v", err)
		}
	})
}

func TestMediaIsNotForEverybody(t *testing.T) {
	r := newRig(t)
	body := []byte("file")
	hash := sha256.Sum256(body)
	token := base64.URLEncoding.EncodeToString(hash[:])
	for _, test := range []struct {
		verb, path string
		status     int
	}{
		{"POST", "/mms/image/" + token, 401},
		{"POST", "/mms/image/" + token + "?auth=guess", 401},
		{"GET", "/mms/image/" + token, 405},
		{"POST", "/v/1-x", 405},
		{"GET", "/v/1-x", 404},
		{"GET", "/v/0-x", 404},
		{"GET", "/v/", 404},
		{"GET", "/v/18446744073709551616-x", 404},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.verb, "https://media.sandbox.invalid"+test.path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := r.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != test.status {
			t.Errorf("%s %s: status %d, want %d", test.verb, test.path, response.StatusCode, test.status)
		}
	}
}

func TestMessageControl(t *testing.T) {
	r := newRig(t)
	w := r.enrol(t, someone)
	defer w.hangUp()
	var control sandbox.Control = r.client(t)

	sent, err := control.Send(t.Context(), sandbox.SendSpec{From: contact, To: someone, Media: &sandbox.Media{
		Kind: "document", Bytes: bytes.Repeat([]byte{7}, 1<<20),
	}})
	if err != nil || len(sent.Copies) != 1 || !sent.Copies[0].Acknowledged {
		t.Errorf("sent %+v, %v", sent, err)
	}
	next(t, w.messages)
	mail, err := control.Mail(t.Context(), sandbox.MailQuery{IDs: []string{sent.ID}})
	if err != nil || len(mail) != 1 || fmt.Sprint(mail[0]) != fmt.Sprint(r.mailOf(t, sent.ID)) {
		t.Errorf("mail %+v, %v", mail, err)
	}
	if err := control.Behave(t.Context(), contact, sandbox.Behaviour{Receipts: sandbox.ReceiptsRead}); err != nil {
		t.Error(err)
	}
	if _, err := w.client.SendMessage(t.Context(), pn(contact), words("hi")); err != nil {
		t.Fatal(err)
	}
	next(t, w.receipts)
	next(t, w.receipts)
	if got, err := control.Received(t.Context(), contact); err != nil || len(got) != 1 || got[0].Text != "hi" {
		t.Errorf("received %+v, %v", got, err)
	}
	sent, err = control.SyncHistory(t.Context(), someone, sandbox.HistorySpec{})
	if err != nil || !sent.Copies[0].Acknowledged {
		t.Errorf("history %+v, %v", sent, err)
	}
	next(t, w.messages)
	all, err := control.Mail(t.Context(), sandbox.MailQuery{To: someone})
	if err != nil || len(all) < 4 {
		t.Errorf("mail %+v, %v", all, err)
	}
	if some, err := control.Mail(t.Context(), sandbox.MailQuery{To: someone, After: all[0].Serial, Limit: 2}); err != nil ||
		len(some) != 2 || some[0].Serial != all[1].Serial {
		t.Errorf("mail %+v, %v", some, err)
	}

	for name, test := range map[string]struct{ err, want error }{
		"no thing":         {second(control.Send(t.Context(), sandbox.SendSpec{To: someone})), sandbox.ErrBadMessage},
		"two things":       {second(control.Send(t.Context(), sandbox.SendSpec{To: someone, Text: "x", Call: &sandbox.Call{}})), sandbox.ErrBadMessage},
		"to itself":        {second(control.Send(t.Context(), sandbox.SendSpec{From: someone, To: someone, Text: "x"})), sandbox.ErrBadMessage},
		"odd media":        {second(control.Send(t.Context(), sandbox.SendSpec{To: someone, Media: &sandbox.Media{Kind: "smell"}})), sandbox.ErrBadMessage},
		"no target":        {second(control.Send(t.Context(), sandbox.SendSpec{To: someone, Revoke: &sandbox.Revoke{}})), sandbox.ErrBadMessage},
		"no number":        {second(control.Send(t.Context(), sandbox.SendSpec{To: "x", Text: "x"})), sandbox.ErrBadPhone},
		"unknown number":   {second(control.Send(t.Context(), sandbox.SendSpec{To: "5511900000099", Text: "x"})), sandbox.ErrUnknownPhone},
		"no companion":     {second(control.Send(t.Context(), sandbox.SendSpec{To: contact, Text: "x"})), sandbox.ErrNotPaired},
		"unknown message":  {second(control.Send(t.Context(), sandbox.SendSpec{To: someone, ID: "X", Repeat: true})), sandbox.ErrUnknownMessage},
		"odd receipts":     {control.Behave(t.Context(), contact, sandbox.Behaviour{Receipts: "smell"}), sandbox.ErrBadBehaviour},
		"odd uploads":      {control.Behave(t.Context(), contact, sandbox.Behaviour{Uploads: "9"}), sandbox.ErrBadBehaviour},
		"odd downloads":    {control.Behave(t.Context(), contact, sandbox.Behaviour{Downloads: "500"}), sandbox.ErrBadBehaviour},
		"received nothing": {second(control.Received(t.Context(), "5511900000099")), sandbox.ErrUnknownPhone},
		"odd history":      {second(control.SyncHistory(t.Context(), someone, sandbox.HistorySpec{Type: "art"})), sandbox.ErrBadMessage},
		"nobody's history": {second(control.SyncHistory(t.Context(), "5511900000099", sandbox.HistorySpec{})), sandbox.ErrUnknownPhone},
	} {
		if !is(test.err, test.want) {
			t.Errorf("%s: %v, want %v", name, test.err, test.want)
		}
	}
	for _, call := range []string{"send", "mail", "received", "behave", "history"} {
		response, err := r.http.Post("http://127.0.0.1/sandbox/v1/"+call, "application/json", strings.NewReader(`{"colour":"red"}`))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", call, response.StatusCode, raw)
		}
	}
}
