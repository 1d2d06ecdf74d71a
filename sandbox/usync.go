package sandbox

import (
	"strings"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// answerUSync tells a companion about users: which numbers have an account, which
// devices an account has, its about text, and its hidden number.
func answerUSync(c *conn, q query) ([]binary.Node, error) {
	sync, asked := child(q.node, "usync")
	questions, what := child(sync, "query")
	list, whom := child(sync, "list")
	users := list.GetChildren()
	if !asked || !what || !whom || q.kind != "get" || len(users) > maxAsked {
		return nil, errBadRequest
	}
	answers := make([]binary.Node, 0, len(users))
	for _, user := range users {
		answer, err := c.network.describeUser(user, questions.GetChildren())
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	attrs := binary.Attrs{"sid": text(sync, "sid"), "mode": text(sync, "mode"), "context": text(sync, "context")}
	return []binary.Node{element("usync", attrs, element("list", nil, answers...))}, nil
}

// describeUser answers the questions about one user, as far as they can be. One is
// asked after by address or, who is not yet known to have one, by number.
func (n *Network) describeUser(user binary.Node, questions []binary.Node) (binary.Node, error) {
	jid, byAddress := user.Attrs["jid"].(types.JID)
	number := string(content(user, "contact"))
	if !byAddress {
		digits, _, _ := strings.Cut(strings.TrimPrefix(number, "+"), "@")
		if digits == "" {
			return binary.Node{}, errBadRequest
		}
		jid = deviceJID(digits, 0, types.DefaultUserServer)
	}
	p, known := n.ledger.owner(jid)
	answer := element("user", binary.Attrs{"jid": jid.ToNonAD()})
	var parts []binary.Node
	for _, question := range questions {
		switch question.Tag {
		case "contact":
			kind := "out"
			if known {
				kind = "in"
			}
			parts = append(parts, leaf("contact", binary.Attrs{"type": kind}, []byte(number)))
		case "devices":
			parts = append(parts, element("devices", nil, n.deviceList(p, known)))
		case "status":
			if known {
				parts = append(parts, leaf("status", nil, []byte(n.ledger.profile(p.Digits).About)))
			}
		case "lid":
			if known {
				parts = append(parts, element("lid", binary.Attrs{"val": p.jid(true)}))
			}
		}
	}
	answer.Content = parts
	return answer, nil
}

// deviceList lists an account's devices. A number without an account has none, and
// that is no error.
func (n *Network) deviceList(p phone, known bool) binary.Node {
	var devices []binary.Node
	if known {
		devices = append(devices, element("device", binary.Attrs{"id": 0}))
		for _, d := range n.ledger.companions(p.Digits) {
			devices = append(devices, element("device", binary.Attrs{"id": int(d.ID.Number), "key-index": int(d.ID.Number)}))
		}
	}
	return element("device-list", nil, devices...)
}

// privacy are the settings of an account whose owner has never touched them.
var privacy = [][2]string{
	{"groupadd", "all"},
	{"last", "all"},
	{"status", "all"},
	{"profile", "all"},
	{"readreceipts", "all"},
	{"online", "all"},
	{"calladd", "all"},
}

// answerPrivacy answers what a companion asks before its first read receipt.
func answerPrivacy(_ *conn, q query) ([]binary.Node, error) {
	if _, asked := child(q.node, "privacy"); !asked || q.kind != "get" {
		return nil, errNotImplemented
	}
	settings := make([]binary.Node, len(privacy))
	for i, s := range privacy {
		settings[i] = element("category", binary.Attrs{"name": s[0], "value": s[1]})
	}
	return []binary.Node{element("privacy", nil, settings...)}, nil
}
