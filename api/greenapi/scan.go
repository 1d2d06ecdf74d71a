package greenapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// The bounds of a scanqrcode socket.
const (
	scanTime    = 100 * time.Second // without a scan
	scanWrite   = 10 * time.Second  // for the client to take a text
	scanRead    = 4 << 10           // bytes of a message from the client; nothing is expected
	scanAtLeast = time.Second       // between two looks, whatever the clock of a code says
)

// accountData is what a scan ends with.
type accountData struct {
	Type     string `json:"type"`
	WID      string `json:"wid"`
	PushName string `json:"pushname"`
	Proxy    string `json:"proxy"`
	Webhook  string `json:"webhookUrl"`
}

var timeoutExpired = shown{"timeoutExpired", "timeoutExpired"}

// scans are the sockets, one for each instance. The zero value is ready; any goroutine
// may use it.
type scans struct {
	mu   sync.Mutex
	live map[int64]*session // guarded by mu
}

// session is one socket's place.
type session struct{ end context.CancelCauseFunc }

// errTakenOver ends a session for another of the same instance.
var errTakenOver = errors.New("another session has taken over")

// begin ends the session that the instance has and begins one. The returned function
// ends it.
func (s *scans) begin(ctx context.Context, id int64) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	mine := &session{cancel}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.live[id]; other != nil {
		other.end(errTakenOver)
	}
	if s.live == nil {
		s.live = make(map[int64]*session)
	}
	s.live[id] = mine
	return ctx, func() {
		cancel(nil)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.live[id] == mine {
			delete(s.live, id)
		}
	}
}

// scanQRCode sends QR codes over a WebSocket until one was scanned.
func scanQRCode(r *request) (any, error) {
	if !upgrades(r.http.Header) {
		return nil, &failure{status: http.StatusUpgradeRequired, message: "scanqrcode wants a WebSocket"}
	}
	// Who knows the token may connect from any page: nothing here rests on cookies.
	c, err := websocket.Accept(r.w, r.http, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return answered{}, nil // the library has answered
	}
	defer c.CloseNow()
	c.SetReadLimit(scanRead)
	// Reading must outlive what ends the session: a context that ends takes the socket
	// with it, before the last word. The request's own ends nothing any more.
	ctx, end := r.scans.begin(c.CloseRead(context.WithoutCancel(r.ctx)), r.green.ID)
	defer end()
	ctx, stop := context.WithTimeoutCause(ctx, scanTime, errScanTime)
	defer stop()
	defer context.AfterFunc(r.cfg.Stop, stop)()
	(&scan{request: r, conn: c, ctx: ctx}).run()
	return answered{}, nil
}

func upgrades(h http.Header) bool {
	for _, v := range h.Values("Upgrade") {
		if strings.EqualFold(v, "websocket") {
			return true
		}
	}
	return false
}

// errNotTaken is a client that has gone, or does not read.
var errNotTaken = errors.New("the client takes nothing")

var errScanTime = errors.New("nobody has scanned")

// scan is one socket under way.
type scan struct {
	*request
	conn *websocket.Conn
	ctx  context.Context // ends with the client, the session, the daemon and the time
	sent string          // the code that was sent last
	seen bool            // something but authorized was seen: what follows is a success
}

// run sends until there is no more to say, and closes.
func (s *scan) run() {
	wake, stop := s.cfg.Instances.Watch(s.id) // before the first look, so that nothing falls between
	defer stop()
	for {
		last, next, err := s.look()
		switch {
		case s.ctx.Err() != nil:
			s.over()
			return
		case errors.Is(err, errNotTaken):
			return
		case err != nil:
			f, known := explain(err)
			if !known {
				s.cfg.Log.Error("no QR code", "instance", s.id, "err", err)
			}
			s.last(shownError(f.message))
			return
		case last != nil:
			s.last(last)
			return
		}
		timer := time.NewTimer(next)
		select {
		case <-wake:
		case <-timer.C:
		case <-s.ctx.Done():
		}
		timer.Stop()
	}
}

// over says why the socket ends without a scan.
func (s *scan) over() {
	switch cause := context.Cause(s.ctx); {
	case errors.Is(cause, errScanTime):
		s.last(timeoutExpired)
	case errors.Is(cause, errTakenOver):
		_ = s.conn.Close(websocket.StatusPolicyViolation, errTakenOver.Error())
	case s.cfg.Stop.Err() != nil:
		_ = s.conn.Close(websocket.StatusGoingAway, "the daemon is stopping")
	}
}

// last says the last word. The client may have gone; there is nobody to tell.
func (s *scan) last(text any) {
	if s.send(text) == nil {
		_ = s.conn.Close(websocket.StatusNormalClosure, "")
	}
}

// look sends the code on show if it is new. It answers the last word, if that is due,
// and otherwise when to look again at the latest.
func (s *scan) look() (last any, next time.Duration, err error) {
	info, err := s.cfg.Instances.Info(s.ctx, s.id)
	if err != nil {
		return nil, 0, err
	}
	switch {
	case info.State == fsm.Authenticated && s.seen:
		return s.account(info), 0, nil
	case info.State == fsm.Authenticated:
		return alreadyLogged, 0, nil
	case info.State == fsm.Starting, info.CanRestore && info.State.Live():
		s.seen = true
		return nil, scanAtLeast, nil // what comes of it is an event, which is told before the status has it
	}
	s.seen = true
	code, err := s.cfg.Instances.Generate(s.ctx, s.id, nil)
	switch {
	case errors.Is(err, instance.ErrEstablished):
		return nil, scanAtLeast, nil // scanned since we looked
	case err != nil:
		return nil, 0, err
	}
	return nil, max(code.ExpiresAt.Sub(s.cfg.Now()), scanAtLeast), s.show(code)
}

// show sends a code, once.
func (s *scan) show(code record.Code) error {
	if code.Text == s.sent {
		return nil
	}
	text, err := symbol(code)
	if err == nil {
		err = s.send(text)
	}
	if err == nil {
		s.sent = code.Text
	}
	return err
}

// account is what a scan ends with.
func (s *scan) account(info record.Info) accountData {
	out := accountData{Type: "accountData", WID: ChatID(info.Phone), PushName: info.PushName, Webhook: s.green.Settings.WebhookURL}
	if now, err := s.cfg.Instances.FindGreen(s.ctx, s.green.ID); err == nil {
		out.Webhook = now.Settings.WebhookURL
	}
	return out
}

func (s *scan) send(text any) error {
	body, err := reply.Encode(text)
	if err != nil {
		return err
	}
	// Its time is its own: the last word is said when the session's is over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), scanWrite)
	defer cancel()
	if s.conn.Write(ctx, websocket.MessageText, body) != nil {
		return errNotTaken
	}
	return nil
}
