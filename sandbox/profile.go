package sandbox

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/binary"
)

// Profile is what an account says of itself.
type Profile struct {
	Name      string `json:"name"`      // as its settings have it, which its phone can read and the server cannot
	Announced string `json:"announced"` // as a companion has told the server, which shows it to others
	About     string `json:"about"`
}

// Profiles is what the server does with an account's own name and about text.
type Profiles string

// What can be done with them.
const (
	ProfilesWork         Profiles = ""
	ProfilesRefused      Profiles = "refused"      // a new one is refused, as one too many: error 429
	ProfilesUnacceptable Profiles = "unacceptable" // a new one is refused whatever it is: a name with 400, a text with 406
	ProfilesSilent       Profiles = "silent"       // a new one is never answered, and not taken
	ProfilesUntold       Profiles = "untold"       // companions are not told of what others change, so that they meet a conflict
	ProfilesKeyless      Profiles = "keyless"      // the phone shares no key with companions, so that they have none
)

var allProfiles = []Profiles{ProfilesWork, ProfilesRefused, ProfilesUnacceptable, ProfilesSilent, ProfilesUntold, ProfilesKeyless}

// How long a name and an about text may be, in characters: what the real apps take.
// What the real server does with longer texts is not known; this one refuses them.
const (
	maxName  = 25
	maxAbout = 139
)

// answerStatus sets the account's about text. Others are not told of a new one; who
// asks is.
func answerStatus(c *conn, q query) ([]binary.Node, error) {
	if _, given := child(q.node, "status"); !given || q.kind != "set" {
		return nil, errNotImplemented
	}
	about := string(content(q.node, "status"))
	switch c.network.behaviour(c.login.Phone).Profiles {
	case ProfilesSilent:
		return nil, errNoAnswer
	case ProfilesRefused:
		return nil, errTooMany
	case ProfilesUnacceptable:
		return nil, errNotAcceptable
	case ProfilesWork, ProfilesUntold, ProfilesKeyless:
	}
	if !validLine(about, maxAbout) {
		return nil, errNotAcceptable
	}
	return nil, c.network.ledger.changeProfile(c.login.Phone, func(p *profile) error {
		p.About = about
		return nil
	})
}

// handlePresence takes the name that a companion says its account has. Who is
// online is nobody's business here.
func (c *conn) handlePresence(node binary.Node) {
	name := text(node, "name")
	if !c.loggedIn() || name == "" || !validLine(name, maxName) || c.network.ledger.profile(c.login.Phone).Announced == name {
		return
	}
	err := c.network.ledger.changeProfile(c.login.Phone, func(p *profile) error {
		p.Announced = name
		return nil
	})
	if err != nil {
		c.log.Error("name was not kept", "err", err)
	}
}

func validLine(s string, most int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= most
}

// Profile answers what a phone's account says of itself. The error is ErrBadPhone,
// ErrUnknownPhone or ErrClosed, or says that a companion has written settings that
// the phone cannot read.
func (n *Network) Profile(ctx context.Context, digits string) (Profile, error) {
	switch {
	case !validPhone(digits):
		return Profile{}, ErrBadPhone
	case !n.enter():
		return Profile{}, ErrClosed
	}
	defer n.exit()
	if !n.ledger.hasPhone(digits) {
		return Profile{}, ErrUnknownPhone
	}
	p := n.ledger.profile(digits)
	read, err := p.readSettings(ctx)
	if err != nil {
		return Profile{}, fmt.Errorf("read profile: %w", err)
	}
	return Profile{Name: read.name, Announced: p.Announced, About: p.About}, nil
}

// Rename gives a phone's account a name, as its owner does on the phone, which is
// made if there is none. The phone shares the key to the settings with companions
// that do not have it, and they are told that the settings have changed. The error is,
// or wraps, ErrBadPhone, ErrBadName or ErrClosed.
func (n *Network) Rename(ctx context.Context, digits, name string) error {
	switch {
	case !validPhone(digits):
		return ErrBadPhone
	case strings.TrimSpace(name) == "", !validLine(name, maxName):
		return ErrBadName
	case !n.enter():
		return ErrClosed
	}
	defer n.exit()
	owner, err := n.ledger.phoneOrNew(digits)
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	err = n.ledger.changeProfile(digits, func(p *profile) error {
		p.Announced = name
		return p.rename(ctx, name)
	})
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	n.shareKey(owner, n.ledger.companions(digits), false)
	n.tellSettings(digits, nameCollection, deviceID{})
	return nil
}
