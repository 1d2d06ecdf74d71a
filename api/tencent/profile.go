package tencent

import (
	"slices"
	"strconv"

	"github.com/switchhook/switchhook/record"
)

// maxAccounts is how many accounts one call may ask about.
const maxAccounts = 100

// portraitSet sets fields of one profile, all or none.
func portraitSet(r *request) (any, error) {
	user, ok := r.body["From_Account"].(string)
	if !ok || user == "" {
		return nil, r.bad("From_Account must be a text that is not empty")
	}
	items, ok := r.body["ProfileItem"].([]any)
	if !ok || len(items) == 0 {
		return nil, r.bad("ProfileItem must be an array that is not empty")
	}
	fields := make([]record.Field, 0, len(items))
	for i, item := range items {
		f, err := r.field("ProfileItem["+strconv.Itoa(i)+"]", item, fields)
		if err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	if !nameable(user) {
		return nil, errNoAccount
	}
	return succeeded, r.Port.SetProfile(r.ctx, r.tenant, user, r.operator, fields)
}

// field reads one item of an array that has said others before. where says which it is.
func (r *request) field(where string, item any, others []record.Field) (record.Field, error) {
	o, ok := item.(object)
	if !ok {
		return record.Field{}, r.bad(where + " must be an object")
	}
	tag, ok := o["Tag"].(string)
	value, there := o["Value"]
	if !ok || !there {
		return record.Field{}, r.bad(where + " must have a Tag, which is a text, and a Value")
	}
	k, writable, ok := find(r.chat, tag)
	switch {
	case !ok:
		return record.Field{}, noTag(where + ".Tag")
	case !writable:
		return record.Field{}, &failure{codeReadOnly, where + ".Tag is of a field that may only be read: the operator says which may be written"}
	case slices.ContainsFunc(others, func(f record.Field) bool { return f.Tag == tag }):
		return record.Field{}, r.bad(where + ".Tag stands there before: each may once")
	}
	return k.take(tag, where+".Value", value)
}

// profileAnswer is what portrait_get answers.
type profileAnswer struct {
	Items  []profileItem `json:"UserProfileItem"`
	Failed []string      `json:"Fail_Account,omitempty"`
	outcome
}

// profileItem is the profile of one account, or why there is none.
type profileItem struct {
	User   string  `json:"To_Account"`
	Fields []shown `json:"ProfileItem,omitzero"` // nil: there is no such profile
	Code   int     `json:"ResultCode"`
	Info   string  `json:"ResultInfo"`
}

// shown is a field as clients see it, with a text or a number.
type shown struct {
	Tag   string `json:"Tag"`
	Value any    `json:"Value"`
}

func show(f record.Field) shown {
	if f.Numeric {
		return shown{f.Tag, f.Number}
	}
	return shown{f.Tag, f.Text}
}

// portraitGet answers fields of profiles. One that cannot be read does not fail the others.
func portraitGet(r *request) (any, error) {
	users, err := r.texts("To_Account", maxAccounts)
	if err != nil {
		return nil, err
	}
	tags, err := r.texts("TagList", maxTokens)
	if err != nil {
		return nil, err
	}
	for i, tag := range tags {
		if _, _, ok := find(r.chat, tag); !ok {
			return nil, noTag("TagList[" + strconv.Itoa(i) + "]")
		}
	}
	answer := profileAnswer{outcome: succeeded}
	for _, user := range users {
		item := r.profile(user, tags)
		if item.Code != 0 {
			answer.Failed = append(answer.Failed, user)
		}
		answer.Items = append(answer.Items, item)
	}
	return answer, nil
}

// profile reads one account's. Fields that are not set are left out, and a tag that is
// asked for twice is answered once.
func (r *request) profile(user string, tags []string) profileItem {
	account, err := r.account(user)
	if err != nil {
		f := r.failed(err)
		return profileItem{User: user, Code: f.code, Info: f.text}
	}
	item := profileItem{User: user, Fields: []shown{}}
	seen := make(map[string]bool)
	for _, tag := range tags {
		if f, set := account.Field(tag); set && !seen[tag] {
			item.Fields = append(item.Fields, show(f))
		}
		seen[tag] = true
	}
	return item
}

// texts reads an array of 1 to most texts, none of which is empty.
func (r *request) texts(name string, most int) ([]string, error) {
	values, ok := r.body[name].([]any)
	if !ok || len(values) == 0 || len(values) > most {
		return nil, r.bad(name + " must be an array of 1 to " + strconv.Itoa(most) + " texts")
	}
	all := make([]string, 0, len(values))
	for i, v := range values {
		text, ok := v.(string)
		if !ok || text == "" {
			return nil, r.bad(name + "[" + strconv.Itoa(i) + "] must be a text that is not empty")
		}
		all = append(all, text)
	}
	return all, nil
}

// account finds one by its UserID, or fails with ErrNoAccount.
func (r *request) account(user string) (record.Account, error) {
	if !nameable(user) {
		return record.Account{}, ErrNoAccount
	}
	return r.Port.ChatAccount(r.ctx, r.tenant, user)
}

// failed says why one of several accounts could not be read. The first time it logs what
// the caller is not told.
func (r *request) failed(err error) *failure {
	f, known := r.explain(err)
	if !known && !r.logged {
		r.logged = true
		r.Log.Error("account not read", "code", f.code, "err", err)
	}
	return f
}

// bad refuses a body for its shape.
func (r *request) bad(text string) *failure { return &failure{r.badShape, text} }

func noTag(where string) *failure {
	return &failure{codeNoTag, where + " is not one of the app's fields: the operator configures those of its own"}
}

// maxName is the longest name that an account can have, in bytes: an instance's.
const maxName = 63

// nameable reports whether there can be an account of that UserID.
func nameable(user string) bool { return user != "" && len(user) <= maxName }
