package record

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// Events are encoded several times on their way, at thousands a second, and most
// of what encoding/json spends on one it spends on finding out again what it is
// made of. What follows writes the same bytes by hand: of an instance, which is
// stored with each transition, and of events that consist of plain fields, a
// transition, connection information and a code. Events with a message or with
// Data go through encoding/json; so does every string that needs escaping.

// AppendJSON appends the event as the log keeps it: the bytes of [json.Marshal].
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	if !e.plain() {
		return appendMarshal(b, e)
	}
	w := writer{b: b}
	w.open("stream").string(e.Stream)
	w.key("epoch").uint(uint64(e.Epoch))
	w.key("seq").uint(e.Seq)
	w.key("kind").string(string(e.Kind))
	w.key("at").time(e.At)
	w.optional("name", e.Name)
	if e.Transition != nil {
		w.key("transition").transition(e.Transition)
	}
	if b := e.Before; b != nil {
		w.key("before").open("cause").string(string(b.Cause))
		w.key("can_restore").bool(b.CanRestore)
		w.close()
	}
	if e.Info != nil {
		w.key("info").info(e.Info, true)
	}
	if c := e.Code; c != nil {
		w.key("code").open("text").string(c.Text)
		w.key("expires_at").time(c.ExpiresAt)
		w.key("ttl").int(int64(c.TTL)).close()
	}
	w.close()
	return w.b, w.err
}

// AppendJSON appends the instance as the store keeps it: the bytes of [json.Marshal].
func (i *Instance) AppendJSON(b []byte) ([]byte, error) {
	w := writer{b: b}
	w.open("id").string(i.ID)
	w.key("name").string(i.Name)
	w.key("wid").string(i.WID)
	w.optional("tenant", i.Tenant)
	w.key("created_at").time(i.CreatedAt)
	w.optionalTime("deleted_at", i.DeletedAt)
	w.key("config").config(&i.Config)
	w.key("state").uint(uint64(i.State))
	w.optional("cause", string(i.Cause))
	w.key("since").time(i.Since)
	w.optionalTime("retry_at", i.RetryAt)
	if i.Attempts != 0 {
		w.key("attempts").int(int64(i.Attempts))
	}
	w.key("stats").stats(&i.Stats)
	w.optional("export_id", i.ExportID)
	w.optionalTime("exported_at", i.ExportedAt)
	if i.Moves != 0 {
		w.key("moves").int(int64(i.Moves))
	}
	w.close()
	return w.b, w.err
}

// AppendJSON appends the lane as the store keeps it: the bytes of [json.Marshal]. It is
// written after most deliveries, but not while something fails.
func (l *Lane) AppendJSON(b []byte) ([]byte, error) {
	if l.Tries != nil || l.Receipts != nil || l.Attempts != 0 || l.Step != 0 || l.LastError != "" || l.BatchTo != 0 || !l.FirstAt.IsZero() || !l.NextAt.IsZero() {
		return appendMarshal(b, l)
	}
	w := writer{b: b}
	w.open("endpoint").string(l.Endpoint)
	w.key("stream").string(l.Stream)
	w.key("acked").uint(l.Acked)
	w.key("prev").uint(l.Prev)
	w.optional("replay", l.Replay)
	for _, part := range [...]struct {
		key string
		seq uint64
	}{{"until", l.Until}, {"from", l.From}} {
		if part.seq != 0 {
			w.key(part.key).uint(part.seq)
		}
	}
	w.close()
	return w.b, w.err
}

func appendMarshal(b []byte, v any) ([]byte, error) {
	out, err := json.Marshal(v)
	return append(b, out...), err
}

// plain reports whether the event is one of those that are written by hand.
func (e *Event) plain() bool { return e.Message == nil && e.Data == nil }

// appendStandardData is [Event.StandardData] for a plain event.
func (e *Event) appendStandardData() ([]byte, error) {
	w := writer{b: make([]byte, 0, e.room())}
	w.standardData(e)
	return w.b, w.err
}

// appendStandard is [Event.Standard] for a plain event.
func (e *Event) appendStandard() ([]byte, error) {
	w := writer{b: make([]byte, 0, e.room())}
	w.open("id").id(e)
	w.key("type").string(string(e.Kind))
	w.key("stream").string(e.Stream)
	w.optional("name", e.Name)
	w.key("seq").uint(e.Seq)
	w.key("time").time(e.At)
	w.key("data").standardData(e)
	w.close()
	return w.b, w.err
}

// room is about what an encoded event takes.
func (e *Event) room() int {
	if e.Info == nil {
		return 256
	}
	return 1024
}

// writer appends JSON. A value follows each key; the first error stays.
type writer struct {
	b   []byte
	err error
}

// open begins an object with its first key.
func (w *writer) open(key string) *writer {
	w.b = append(w.b, '{')
	return w.name(key)
}

func (w *writer) close() { w.b = append(w.b, '}') }

// closeFrom ends an object whose first key, if there is any, was written as a
// further one.
func (w *writer) closeFrom(at int) {
	if len(w.b) == at {
		w.b = append(w.b, '{')
	}
	w.b[at] = '{'
	w.close()
}

// key writes a further key, which needs no escaping.
func (w *writer) key(key string) *writer {
	w.b = append(w.b, ',')
	return w.name(key)
}

func (w *writer) name(key string) *writer {
	w.b = append(append(append(w.b, '"'), key...), '"', ':')
	return w
}

// optional writes a key and a string that is left out when empty.
func (w *writer) optional(key, s string) {
	if s != "" {
		w.key(key).string(s)
	}
}

// optionalTime writes a key and a time that is left out when zero.
func (w *writer) optionalTime(key string, t time.Time) {
	if !t.IsZero() {
		w.key(key).time(t)
	}
}

func (w *writer) string(s string) {
	if !unescaped(s) {
		b, err := json.Marshal(s)
		w.fail(err)
		w.b = append(w.b, b...)
		return
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
}

// id writes the event's id.
func (w *writer) id(e *Event) {
	if !unescaped(e.Stream) {
		w.string(e.ID())
		return
	}
	w.b = append(e.AppendID(append(w.b, '"')), '"')
}

// escaped are the bytes that do not stand in JSON as they are.
var escaped = func() (out [256]bool) {
	for c := range out {
		out[c] = c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, byte(c)) >= 0
	}
	return out
}()

// unescaped reports whether a string stands in JSON as it is.
func unescaped(s string) bool {
	for i := range len(s) {
		if escaped[s[i]] {
			return false
		}
	}
	return true
}

func (w *writer) uint(n uint64) { w.b = strconv.AppendUint(w.b, n, 10) }

func (w *writer) int(n int64) *writer {
	w.b = strconv.AppendInt(w.b, n, 10)
	return w
}

func (w *writer) bool(v bool) { w.b = strconv.AppendBool(w.b, v) }

func (w *writer) time(t time.Time) {
	w.b = append(w.b, '"')
	b, err := t.AppendText(w.b)
	if err != nil {
		w.fail(err)
		return
	}
	b = append(b, '"')
	w.b = b
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) transition(t *fsm.Transition) {
	w.open("from").uint(uint64(t.From))
	w.key("to").uint(uint64(t.To))
	w.key("event").string(string(t.Event))
	w.key("cause").string(string(t.Cause))
	w.optional("hint", t.Hint)
	w.key("at").time(t.At)
	w.close()
}

// info writes connection information, with the webhook's address or without.
func (w *writer) info(i *Info, webhook bool) {
	w.open("code").uint(uint64(i.State))
	w.key("state").string(i.StateName)
	w.key("cause").string(string(i.Cause))
	w.optional("hint", i.Hint)
	w.key("since").time(i.Since)
	w.optionalTime("retry_at", i.RetryAt)
	w.key("connected").bool(i.Connected)
	w.key("can_restore").bool(i.CanRestore)
	w.key("phone").string(i.Phone)
	w.optional("jid", i.JID)
	w.optional("push_name", i.PushName)
	w.optional("platform", i.Platform)
	if webhook {
		w.optional("webhook", i.Webhook)
	}
	w.optional("user_agent", i.UserAgent)
	w.key("stats").stats(&i.Stats)
	w.key("storage").tree(&i.Storage)
	w.close()
}

func (w *writer) stats(s *Stats) {
	w.open("contacts").int(int64(s.Contacts))
	w.key("chats").int(int64(s.Chats))
	w.key("sent_bytes").int(s.SentBytes)
	w.key("received_bytes").int(s.ReceivedBytes).close()
}

// config writes what an owner has set; nothing of it need be.
func (w *writer) config(c *Config) {
	at := len(w.b)
	w.optional("webhook", c.Webhook)
	w.optional("user_agent", c.UserAgent)
	w.optional("api_version", c.APIVersion)
	if c.CanBulk {
		w.key("can_bulk").bool(true)
	}
	w.closeFrom(at)
}

func (w *writer) tree(t *Tree) {
	w.open("bytes").int(t.Bytes)
	w.key("files").int(int64(t.Files))
	for i, s := range t.Subs {
		if i == 0 {
			w.key("subs")
			w.b = append(w.b, '[')
		} else {
			w.b = append(w.b, ',')
		}
		w.open("name").string(s.Name)
		w.key("bytes").int(s.Bytes)
		w.key("files").int(int64(s.Files)).close()
	}
	if len(t.Subs) > 0 {
		w.b = append(w.b, ']')
	}
	w.close()
}

// standardData writes the data of the standard format.
func (w *writer) standardData(e *Event) {
	at := len(w.b)
	if e.Transition != nil {
		w.key("transition").transition(e.Transition)
	}
	if e.Info != nil {
		w.key("connection").info(e.Info, false)
	}
	if e.Code != nil && e.Code.TTL >= time.Second {
		w.key("ttl").int(int64(e.Code.TTL / time.Second))
	}
	w.closeFrom(at)
}
