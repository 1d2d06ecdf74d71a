package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"time"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// sendPatience is how long Send waits for acknowledgements.
const sendPatience = 10 * time.Second

// dispatch is a stanza that a phone sends to the companions of an account.
type dispatch struct {
	author phone
	class  MailClass
	kind   string // for the mail
	id     string
	from   types.JID
	attrs  binary.Attrs // besides id and from
	enc    binary.Attrs // of the ciphertext
	plain  []byte       // is encrypted for each companion
	fixed  []binary.Node
}

// Send makes a phone send something to all companions of an account. The server
// keeps it for each of them until that one has acknowledged it, delivers it at
// once to those that are connected and, before anything newer, to the others when
// they log in; see SendSpec.NoWait for how long Send waits. That a companion does
// not acknowledge is no error. The error is, or wraps, one of ErrBadPhone,
// ErrBadMessage, ErrUnknownPhone, ErrNotPaired, ErrUnknownMessage, ErrMailFull and
// ErrClosed.
func (n *Network) Send(ctx context.Context, spec SendSpec) (Sent, error) {
	if err := spec.check(); err != nil {
		return Sent{}, err
	}
	if !n.enter() {
		return Sent{}, ErrClosed
	}
	defer n.exit()
	account, known := n.ledger.lookUp(spec.To)
	if !known {
		return Sent{}, ErrUnknownPhone
	}
	companions := n.ledger.companions(spec.To)
	if len(companions) == 0 {
		return Sent{}, ErrNotPaired
	}
	contact, err := n.ledger.phoneOrNew(spec.From)
	if err != nil {
		return Sent{}, fmt.Errorf("send: %w", err)
	}
	author, chat := contact, account
	if spec.FromSelf {
		author, chat = account, contact
	}
	var letters []*letter
	if !spec.empty() {
		d, err := n.compose(spec, author, chat)
		if err != nil {
			return Sent{}, fmt.Errorf("send: %w", err)
		}
		if letters, err = n.dispatch(d, companions, !spec.NoWait); err != nil {
			return Sent{}, fmt.Errorf("send: %w", err)
		}
	}
	if spec.Repeat {
		if letters, err = n.repeat(spec.ID, author, companions); err != nil {
			return Sent{}, fmt.Errorf("send: %w", err)
		}
	}
	return n.settle(ctx, letters, spec, author)
}

// compose makes what is to be sent, apart from the encryption.
func (n *Network) compose(spec SendSpec, author, chat phone) (dispatch, error) {
	d := dispatch{
		author: author, class: MailMessage, id: spec.ID, from: author.jid(spec.LIDAddressed && !spec.FromSelf),
		attrs: binary.Attrs{"t": spec.At.Unix()}, enc: binary.Attrs{"v": 2},
	}
	switch {
	case spec.FromSelf:
		d.attrs["recipient"] = chat.jid(spec.LIDAddressed)
		if spec.LIDAddressed {
			d.attrs["peer_recipient_pn"] = chat.jid(false)
		} else {
			d.attrs["peer_recipient_lid"] = chat.jid(true)
		}
	case spec.LIDAddressed:
		d.attrs["sender_pn"], d.attrs["addressing_mode"] = author.jid(false), "lid"
	default:
		d.attrs["sender_lid"] = author.jid(true)
	}
	if spec.PushName != "" {
		d.attrs["notify"] = spec.PushName
	}
	if spec.Call != nil {
		d.ring(spec)
		return d, nil
	}
	c, err := n.contents(spec, author, chat, n.wrote(author, spec))
	if err != nil {
		return dispatch{}, err
	}
	d.kind, d.attrs["type"] = c.kind, c.stanza
	if c.edit != "" {
		d.attrs["edit"] = c.edit
	}
	if c.mediaType != "" {
		d.enc["mediatype"] = c.mediaType
	}
	if c.hide {
		d.enc["decrypt-fail"] = "hide"
	}
	var copyOf *phone
	if spec.FromSelf {
		copyOf = &chat
	}
	d.plain, err = c.plain(copyOf, spec.LIDAddressed)
	return d, err
}

// ring makes the dispatch a call.
func (d *dispatch) ring(spec SendSpec) {
	var id [16]byte
	rand.Read(id[:])
	offer := binary.Attrs{"call-id": hex.EncodeToString(id[:]), "call-creator": d.from}
	if spec.LIDAddressed {
		offer["caller_pn"] = d.author.jid(false)
	}
	media := []binary.Node{element("audio", binary.Attrs{"enc": "opus", "rate": "16000"})}
	d.kind = "audio"
	if spec.Call.Video {
		d.kind, media = "video", append(media, element("video", binary.Attrs{"enc": "vp8"}))
	}
	d.class, d.attrs["platform"], d.attrs["version"] = MailCall, "android", "2.24.1"
	d.fixed = []binary.Node{element("offer", offer, media...)}
}

// wrote says whether a phone has written the message that a reaction is for, to
// somebody who still knows of it.
func (n *Network) wrote(author phone, spec SendSpec) bool {
	if spec.Reaction == nil {
		return false
	}
	for _, d := range n.ledger.companions(spec.To) {
		if n.mail.box(d.ID).find(spec.Reaction.Target, func(l *letter) bool { return l.author.Phone == author.Digits }) != nil {
			return true
		}
	}
	return false
}

// dispatch gives the server a copy for each companion.
func (n *Network) dispatch(d dispatch, companions []device, wait bool) ([]*letter, error) {
	if !n.mail.room() {
		return nil, ErrMailFull
	}
	letters := make([]*letter, 0, len(companions))
	for _, to := range companions {
		l := &letter{
			box: n.mail.box(to.ID), id: d.id, class: d.class, from: d.from, author: deviceID{Phone: d.author.Digits},
			status: MailStatus{Kind: d.kind, SentAt: now()}, plain: d.plain,
		}
		if wait {
			l.done = make(chan struct{})
			l.ended = l.done
		}
		if err := n.hand(d, to, l); err != nil {
			return letters, err
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// hand gives the server one copy.
func (n *Network) hand(d dispatch, to device, l *letter) error {
	attrs := binary.Attrs{"id": d.id, "from": d.from}
	maps.Copy(attrs, d.attrs)
	var failed error
	take := func(saved <-chan struct{}, children ...binary.Node) {
		packed, err := binary.Marshal(element(string(d.class), attrs, children...))
		if err != nil {
			failed = err
			return
		}
		l.packed = packed
		n.mail.take(l, saved)
	}
	if d.plain == nil {
		take(nil, d.fixed...)
		return failed
	}
	begin := func() (bundle, error) { return n.beginWith(to) }
	err := n.parties.of(d.author).encrypt(to, d.plain, false, begin, func(s sealed) {
		enc := binary.Attrs{"type": s.kind}
		maps.Copy(enc, d.enc)
		take(s.saved, leaf("enc", enc, s.body))
	})
	if err != nil {
		return err
	}
	return failed
}

// beginWith returns the keys to begin a session with a companion.
func (n *Network) beginWith(d device) (bundle, error) {
	b, found, err := n.companionKeys(d.ID)
	if err == nil && !found {
		err = ErrNotPaired
	}
	return b, err
}

// repeat delivers a message once more.
func (n *Network) repeat(id string, author phone, companions []device) ([]*letter, error) {
	var letters []*letter
	for _, d := range companions {
		box := n.mail.box(d.ID)
		l := box.find(id, func(l *letter) bool { return l.class != MailReceipt && l.author.Phone == author.Digits })
		if l != nil && box.again(l, nil) {
			letters = append(letters, l)
		}
	}
	if len(letters) == 0 {
		return nil, ErrUnknownMessage
	}
	return letters, nil
}

// settle waits for the companions that are connected, if that is wanted, and says
// what has become of a message.
func (n *Network) settle(ctx context.Context, letters []*letter, spec SendSpec, author phone) (Sent, error) {
	sent := Sent{ID: spec.ID, At: spec.At, From: author.jid(spec.LIDAddressed && !spec.FromSelf).String()}
	patience := time.NewTimer(sendPatience)
	defer patience.Stop()
	for _, l := range letters {
		c := n.board.seated(l.box.id)
		if c != nil && l.ended != nil {
			select {
			case <-l.ended:
			case <-c.done:
			case <-ctx.Done():
			case <-n.ctx.Done():
			case <-patience.C:
				patience.Reset(0)
			}
		}
		sent.Copies = append(sent.Copies, SentCopy{
			Companion: l.box.id.jid().String(), Connected: c != nil, Acknowledged: l.acknowledged(),
		})
	}
	return sent, nil
}

// acknowledged says whether the companion has the letter.
func (l *letter) acknowledged() bool {
	l.box.mu.Lock()
	defer l.box.mu.Unlock()
	return l.status.Acknowledged
}
