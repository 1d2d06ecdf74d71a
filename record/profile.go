package record

import (
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
	Applied string    `json:"applied,omitempty"` // the SHA-256 of what WhatsApp has taken last, in hexadecimal
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

// With is the account with fields set. It shares nothing with a.
func (a *Account) With(fields ...Field) Account {
	out := *a
	out.Fields, out.Wishes = slices.Clone(a.Fields), slices.Clone(a.Wishes)
	for _, f := range fields {
		at, there := slices.BinarySearchFunc(out.Fields, f.Tag, func(o Field, tag string) int { return strings.Compare(o.Tag, tag) })
		if there {
			out.Fields[at] = f
		} else {
			out.Fields = slices.Insert(out.Fields, at, f)
		}
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
