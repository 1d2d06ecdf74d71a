package sandbox

import (
	"errors"
	"fmt"
	"strconv"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// nodeHandlers sorts what a client sends by tag. A tag without a row is read and
// left alone.
var nodeHandlers = map[string]func(*conn, binary.Node){
	"iq":      (*conn).handleIQ,
	"message": (*conn).handleMessage,
	"receipt": (*conn).handleReceipt,
	"ack":     (*conn).handleAck,

	"presence": (*conn).handlePresence,
}

// queryHandler answers the requests of one namespace.
type queryHandler struct {
	answer func(*conn, query) ([]binary.Node, error)
	anyone bool // also asked by clients that have not logged in
}

// queryHandlers sorts requests by namespace. One without a row gets error 501; so
// does, from its handler, one that a namespace does not know.
var queryHandlers = map[string]queryHandler{
	"w:p":     {answer: answerPing, anyone: true},
	"passive": {answer: answerPassive},
	"encrypt": {answer: answerEncrypt},
	"md":      {answer: answerMultiDevice, anyone: true},
	"usync":   {answer: answerUSync},
	"privacy": {answer: answerPrivacy},
	"w:m":     {answer: answerMedia},

	"w:profile:picture": {answer: answerPicture},
	"status":            {answer: answerStatus},
	"w:sync:app:state":  {answer: answerSettings},
}

// query is a client's request.
type query struct {
	id   string
	kind string // get or set
	node binary.Node
}

// queryError is an answer that says no. Any other error of a handler reaches the
// client as 500.
type queryError struct {
	code int
	text string
}

func (e queryError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

var (
	errNotImplemented = queryError{501, "feature-not-implemented"}
	errBadRequest     = queryError{400, "bad-request"}
	errNotAllowed     = queryError{403, "forbidden"}
	errInternal       = queryError{500, "internal-server-error"}
)

// errNoAnswer is what a handler returns when the client shall wait in vain.
var errNoAnswer = errors.New("no answer")

// handle gives a node to its handler.
func (c *conn) handle(node binary.Node) {
	if handler, known := nodeHandlers[node.Tag]; known {
		handler(c, node)
		return
	}
	c.log.Debug("node left alone", "tag", node.Tag)
}

func (c *conn) handleIQ(node binary.Node) {
	id := text(node, "id")
	switch kind := text(node, "type"); kind {
	case "get", "set":
		c.reply(query{id: id, kind: kind, node: node})
	case "result", "error":
		c.answered(id, node)
	default:
		c.log.Debug("iq of no type", "type", kind)
	}
}

// reply answers a request, in one way or another: a client waits 75 s for an
// answer that does not come.
func (c *conn) reply(q query) {
	namespace := text(q.node, "xmlns")
	content, err := c.answerTo(namespace, q)
	if errors.Is(err, errNoAnswer) {
		c.log.Debug("query left unanswered", "namespace", namespace)
		return
	}
	if err != nil {
		var no queryError
		if !errors.As(err, &no) {
			c.log.Error("query failed", "namespace", namespace, "err", err)
			no = errInternal
		}
		c.log.Debug("query refused", "namespace", namespace, "code", no.code)
		c.say(element("iq", binary.Attrs{"from": types.ServerJID, "type": "error", "id": q.id},
			element("error", binary.Attrs{"code": no.code, "text": no.text})))
		return
	}
	c.say(element("iq", binary.Attrs{"from": types.ServerJID, "type": "result", "id": q.id}, content...))
	if c.after != nil {
		c.after()
		c.after = nil
	}
}

func (c *conn) answerTo(namespace string, q query) ([]binary.Node, error) {
	handler, known := queryHandlers[namespace]
	switch {
	case !known:
		return nil, errNotImplemented
	case !handler.anyone && !c.loggedIn():
		return nil, errNotAllowed
	}
	return handler.answer(c, q)
}

// say sends a node that nobody waits for. If it cannot be sent the connection is
// ending, and the reader will find out by itself.
func (c *conn) say(node binary.Node) {
	if err := c.send(node); err != nil {
		c.log.Debug("node was not sent", "tag", node.Tag, "err", err)
	}
}

// ask sends a request of the server's own. The answer is given to the function on
// the connection's goroutine; if the connection ends first it is never called.
func (c *conn) ask(namespace string, body binary.Node, answered func(binary.Node)) error {
	c.mu.Lock()
	c.asks++
	id := "sandbox-" + strconv.Itoa(c.asks)
	c.asked[id] = answered
	c.mu.Unlock()
	return c.send(request(id, "set", namespace, body))
}

func (c *conn) answered(id string, node binary.Node) {
	c.mu.Lock()
	waiting := c.asked[id]
	delete(c.asked, id)
	c.mu.Unlock()
	if waiting != nil {
		waiting(node)
	}
}

// answerPing answers the keep-alive that clients send every 20 to 30 s.
func answerPing(*conn, query) ([]binary.Node, error) { return nil, nil }

// answerPassive answers a client that wants its messages now, or not yet. The
// client counts itself as connected once it has the answer, and gets its mail.
func answerPassive(c *conn, q query) ([]binary.Node, error) {
	if _, active := child(q.node, "active"); active {
		begin := c.network.mail.box(c.login).open(c)
		c.after = func() {
			begin()
			c.welcome()
		}
	}
	return nil, nil
}
