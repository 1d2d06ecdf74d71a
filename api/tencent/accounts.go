package tencent

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/switchhook/switchhook/record"
)

// maxUserID is the longest UserID that can be imported, in bytes.
const maxUserID = 32

// accountsAnswer is what account_check answers.
type accountsAnswer struct {
	outcome
	Items []accountItem `json:"ResultItem"`
}

// accountItem says whether there is an account, or why that is not known.
type accountItem struct {
	User   string `json:"UserID"`
	Code   int    `json:"ResultCode"`
	Info   string `json:"ResultInfo"`
	Status string `json:"AccountStatus,omitempty"` // "Imported" or "NotImported"
}

// accountCheck tells which accounts there are. An instance is one.
func accountCheck(r *request) (any, error) {
	items, ok := r.body["CheckItem"].([]any)
	if !ok || len(items) == 0 || len(items) > maxAccounts {
		return nil, r.bad("CheckItem must be an array of 1 to " + strconv.Itoa(maxAccounts) + " objects")
	}
	users := make([]string, 0, len(items))
	for i, item := range items {
		where := "CheckItem[" + strconv.Itoa(i) + "]"
		o, ok := item.(object)
		if !ok {
			return nil, r.bad(where + " must be an object")
		}
		user, err := r.userID(o, where+".")
		if err != nil {
			return nil, err
		}
		users = append(users, user)
	}
	answer := accountsAnswer{outcome: succeeded}
	for _, user := range users {
		answer.Items = append(answer.Items, r.check(user))
	}
	return answer, nil
}

func (r *request) check(user string) accountItem {
	_, err := r.account(user)
	switch {
	case err == nil:
		return accountItem{User: user, Status: "Imported"}
	case errors.Is(err, ErrNoAccount):
		return accountItem{User: user, Status: "NotImported"}
	}
	f := r.failed(err)
	return accountItem{User: user, Code: f.code, Info: f.text}
}

// accountImport makes an account, unless there is one, with a nickname and a picture if
// they are given. An empty one is not given: clients write out what their callers left out.
func accountImport(r *request) (any, error) {
	user, err := r.userID(r.body, "")
	if err != nil {
		return nil, err
	}
	if len(user) > maxUserID || strings.ContainsFunc(user, unicode.IsControl) {
		return nil, r.bad("UserID must have 1 to " + strconv.Itoa(maxUserID) + " bytes of UTF-8, without control characters")
	}
	var fields []record.Field
	for _, given := range []struct{ name, tag string }{{"Nick", record.TagNick}, {"FaceUrl", record.TagImage}} {
		value, there := r.body[given.name]
		if !there || value == "" {
			continue
		}
		f, err := anyText.take(given.tag, given.name, value)
		if err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	return succeeded, r.Port.ImportAccount(r.ctx, r.tenant, user, r.operator, fields)
}

// userID reads an object's UserID, which is not empty. before is what its name follows in
// a text.
func (r *request) userID(o object, before string) (string, error) {
	value, there := o["UserID"]
	if !there {
		return "", r.bad(before + "UserID is missing")
	}
	user, ok := value.(string)
	switch {
	case !ok:
		return "", &failure{codeNotString, before + "UserID must be a text"}
	case user == "":
		return "", r.bad(before + "UserID must not be empty")
	}
	return user, nil
}
