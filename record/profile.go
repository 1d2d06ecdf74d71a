package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// What happens to profiles is on their account's stream.
const (
	ProfileUpdated Kind = "profile.updated" // Data is a [ProfileFact]
	ProfileApplied Kind = "profile.applied" // Data is an [AppliedFact]
)

// Field is one field of a profile, as Tencent Chat's clients name it. Its value is a
// text or a number.
type Field struct {
	Tag    string
	Text   string
	Number uint32
	// Numeric tells which of them it is.
	Numeric bool
}

// MarshalJSON writes {"Tag":…,"Value":…}, which clients read as well.
func (f Field) MarshalJSON() ([]byte, error) {
	value := any(f.Text)
	if f.Numeric {
		value = f.Number
	}
	return json.Marshal(struct {
		Tag   string `json:"Tag"`
		Value any    `json:"Value"`
	}{f.Tag, value})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Field) UnmarshalJSON(b []byte) error {
	var in struct {
		Tag   string          `json:"Tag"`
		Value json.RawMessage `json:"Value"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*f = Field{Tag: in.Tag, Numeric: !strings.HasPrefix(string(in.Value), `"`)}
	if f.Numeric {
		return json.Unmarshal(in.Value, &f.Number)
	}
	return json.Unmarshal(in.Value, &f.Text)
}

// The tags that the daemon brings to WhatsApp.
const (
	TagNick          = "Tag_Profile_IM_Nick"          // the push name
	TagSelfSignature = "Tag_Profile_IM_SelfSignature" // the about text
	TagImage         = "Tag_Profile_IM_Image"         // the address of the picture
)

// Account is one that Tencent Chat's clients know: an instance of a tenant by its name,
// or one that was imported without a connection and becomes the profile of an instance
// that is made under that name.
type Account struct {
	ID        string    `json:"id"`     // not secret: the stream of its own events
	Tenant    string    `json:"tenant"` // the tenant's id
	UserID    string    `json:"user_id"`
	Imported  bool      `json:"imported,omitempty"` // it stays when its instance goes
	CreatedAt time.Time `json:"created_at"`

	Fields []Field `json:"fields,omitempty"` // by tag
	Wishes []Wish  `json:"wishes,omitempty"` // what of them WhatsApp is to have, by tag
}

// Wish is one field that WhatsApp is to have.
type Wish struct {
	Tag   string    `json:"tag"`
	State WishState `json:"state"`
	At    time.Time `json:"at"` // since when it is in that state

	Tries   int       `json:"tries,omitempty"`   // that failed since it was wished
	NextAt  time.Time `json:"next_at,omitzero"`  // when the next one is due, of one that waits for it
	Problem string    `json:"problem,omitempty"` // why it was refused, or failed last; without what was wished
	Applied string    `json:"applied,omitempty"` // what WhatsApp has taken last: the SHA-256 of the phone and the value
}

// WishState says how far a wish has come.
type WishState string

// The states of a wish.
const (
	WishPending WishState = "pending" // it is applied as soon as the instance is connected
	WishApplied WishState = "applied"
	WishRefused WishState = "refused" // trying again would not help
)

// Field finds a field by its tag; false: it is not set.
func (a *Account) Field(tag string) (Field, bool) {
	for _, f := range a.Fields {
		if f.Tag == tag {
			return f, true
		}
	}
	return Field{}, false
}

// With is the account with fields set at a moment; those that WhatsApp is to have are
// wished for from then on, unless they are wished for or applied as they are. It shares
// nothing with a.
func (a *Account) With(at time.Time, fields ...Field) Account {
	out := *a
	out.Fields, out.Wishes = slices.Clone(a.Fields), slices.Clone(a.Wishes)
	for _, f := range fields {
		was, had := out.Field(f.Tag)
		i, there := slices.BinarySearchFunc(out.Fields, f.Tag, func(o Field, tag string) int { return strings.Compare(o.Tag, tag) })
		if there {
			out.Fields[i] = f
		} else {
			out.Fields = slices.Insert(out.Fields, i, f)
		}
		if f.brought() && (!had || was != f || out.Wish(f.Tag).State == WishRefused) {
			out = out.Wished(Wish{Tag: f.Tag, State: WishPending, At: at, Applied: out.Wish(f.Tag).Applied})
		}
	}
	return out
}

// brought reports whether WhatsApp is to have the field.
func (f Field) brought() bool {
	return f.Tag == TagNick || f.Tag == TagSelfSignature || f.Tag == TagImage
}

// Wish finds a wish by its tag; one without a state is none.
func (a *Account) Wish(tag string) Wish {
	for _, w := range a.Wishes {
		if w.Tag == tag {
			return w
		}
	}
	return Wish{Tag: tag}
}

func (w *Wish) due(at time.Time) bool { return w.State == WishPending && !at.Before(w.NextAt) }

// NextWish is a field that WhatsApp is to have now, of an account that is connected as a
// phone: one that is due, or that another phone's account has taken; false: there is none.
func (a *Account) NextWish(at time.Time, phone string) (Field, bool) {
	for _, w := range a.Wishes {
		f, set := a.Field(w.Tag)
		if set && (w.due(at) || w.State == WishApplied && w.Applied != Brought(phone, f)) {
			return f, true
		}
	}
	return Field{}, false
}

// Brought tells by a hash which field the account of a phone has taken.
func Brought(phone string, f Field) string {
	sum := sha256.Sum256([]byte(phone + "\x00" + f.Text))
	return hex.EncodeToString(sum[:])
}

// Wished is the account with another wish in the place of that of its tag. It shares no
// wishes with a.
func (a *Account) Wished(w Wish) Account {
	out := *a
	out.Wishes = slices.Clone(a.Wishes)
	i, there := slices.BinarySearchFunc(out.Wishes, w.Tag, func(o Wish, tag string) int { return strings.Compare(o.Tag, tag) })
	if there {
		out.Wishes[i] = w
	} else {
		out.Wishes = slices.Insert(out.Wishes, i, w)
	}
	return out
}

// ProfileFact is what [ProfileUpdated] tells.
type ProfileFact struct {
	Account  string  `json:"account"` // its UserID
	Tenant   string  `json:"tenant"`  // its name
	App      int64   `json:"sdkappid"`
	Operator string  `json:"operator"` // the identifier that has set it
	Fields   []Field `json:"fields"`   // those that were set
}

// AppliedFact is what [ProfileApplied] tells: one field that WhatsApp has taken, or has
// refused.
type AppliedFact struct {
	Account  string    `json:"account"`
	Tenant   string    `json:"tenant"`
	Instance string    `json:"instance"` // its id
	Tag      string    `json:"tag"`
	State    WishState `json:"state"` // applied or refused
	Problem  string    `json:"problem,omitempty"`
}

// Chat is what a tenant is to clients of Tencent Chat: an app there.
type Chat struct {
	App       int64         `json:"sdkappid"`
	SecretKey string        `json:"secret_key"`       // secret: it signs UserSigs
	Admins    []string      `json:"admins"`           // identifiers that may call
	Custom    []CustomField `json:"custom,omitempty"` // by name
}

// CustomField is a profile field of the app's own. Clients call it
// Tag_Profile_Custom_<name>.
type CustomField struct {
	Name string `json:"name"` // at most 8 letters
	// Admin says that admins may write it; otherwise it is read only to them, who are
	// all that can call.
	Admin bool `json:"admin"`
}
