package tencent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/api/tencent"
	"github.com/switchhook/switchhook/api/tencent/tencenttest"
	"github.com/switchhook/switchhook/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the world's tenant has.
const (
	appID  = 1400000001
	secret = "5ecre70f7heWorldsApp"
	admin  = "administrator"
	user   = "shop"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// world is a daemon with one tenant that is an app, in memory. It counts what it was asked.
type world struct {
	mu       sync.Mutex
	tenant   record.Tenant
	accounts map[string]record.Account
	writes   int   // of profiles
	asked    int   // for accounts
	appErr   error // of finding the app
	err      error // of the rest
	now      time.Time
	log      *slog.Logger
}

func newWorld() *world {
	shop := record.Account{ID: "a1", Tenant: "t1", UserID: user, Fields: []record.Field{
		{Tag: record.TagNick, Text: "The <old> shop"},
		{Tag: "Tag_Profile_IM_BirthDay", Number: 20190419, Numeric: true},
		{Tag: "Tag_Profile_Custom_level", Text: "7"},
	}}
	return &world{
		tenant: record.Tenant{ID: "t1", Name: "default", Chat: &record.Chat{
			App: appID, SecretKey: secret, Admins: []string{admin, "second"},
			Custom: []record.CustomField{{Name: "level"}, {Name: "vip", Admin: true}},
		}},
		accounts: map[string]record.Account{user: shop, "other": {ID: "a2", Tenant: "t1", UserID: "other"}},
		now:      noon, log: slog.New(slog.DiscardHandler),
	}
}

func (w *world) handler() *tencent.Handler {
	return tencent.New(tencent.Config{Port: w, Log: w.log, Now: func() time.Time { return w.now }})
}

// app signs as an admin of the world's app, at noon.
func app() tencenttest.App {
	return tencenttest.App{ID: appID, SecretKey: secret, Identifier: admin, Now: func() time.Time { return noon }}
}

func (w *world) ChatApp(_ context.Context, app int64) (record.Tenant, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.appErr != nil:
		return record.Tenant{}, w.appErr
	case app != appID:
		return record.Tenant{}, fmt.Errorf("app %d: %w", app, tencent.ErrNoApp)
	}
	return w.tenant.Clone(), nil
}

func (w *world) ChatAccount(_ context.Context, tenant, user string) (record.Account, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.account(tenant, user)
}

// account finds one. w.mu is held.
func (w *world) account(tenant, user string) (record.Account, error) {
	w.asked++
	account, ok := w.accounts[user]
	switch {
	case w.err != nil:
		return record.Account{}, w.err
	case tenant != "t1" || !ok:
		return record.Account{}, fmt.Errorf("account of %s: %w", tenant, tencent.ErrNoAccount)
	}
	return account, nil
}

func (w *world) ImportAccount(_ context.Context, tenant, user, operator string, fields []record.Field) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	account := w.accounts[user]
	account.Tenant, account.UserID = tenant, user
	w.accounts[user] = with(account, fields)
	return w.wrote(operator)
}

func (w *world) SetProfile(_ context.Context, tenant, user, operator string, fields []record.Field) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	account, err := w.account(tenant, user)
	if err != nil {
		return err
	}
	w.accounts[user] = with(account, fields)
	return w.wrote(operator)
}

// with is an account with fields set.
func with(account record.Account, fields []record.Field) record.Account {
	account.Fields = slices.Clone(account.Fields)
	for _, f := range fields {
		i := slices.IndexFunc(account.Fields, func(o record.Field) bool { return o.Tag == f.Tag })
		if i < 0 {
			account.Fields = append(account.Fields, f)
		} else {
			account.Fields[i] = f
		}
	}
	return account
}

// wrote counts a write. w.mu is held.
func (w *world) wrote(operator string) error {
	w.writes++
	if operator != admin {
		return fmt.Errorf("%s is not who calls", operator)
	}
	return nil
}

// value is a field of an account, nil where it is not set.
func (w *world) value(user, tag string) any {
	w.mu.Lock()
	defer w.mu.Unlock()
	account := w.accounts[user]
	f, ok := account.Field(tag)
	switch {
	case !ok:
		return nil
	case f.Numeric:
		return float64(f.Number)
	}
	return f.Text
}

// got is an answer, taken apart.
type got struct {
	ActionStatus, ErrorInfo, ErrorDisplay string

	ErrorCode int
	Profiles  []struct {
		User   string `json:"To_Account"`
		Fields []struct {
			Tag   string
			Value any
		} `json:"ProfileItem"`
		ResultCode int
		ResultInfo string
	} `json:"UserProfileItem"`
	Failed []string `json:"Fail_Account"`
	Checks []struct {
		UserID, ResultInfo, AccountStatus string

		ResultCode int
	} `json:"ResultItem"`
}

// play plays a request. The answer is a 200 with the four keys, whatever it is.
func play(t testing.TB, h http.Handler, r *http.Request) got {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var out got
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"ActionStatus", "ErrorCode", "ErrorInfo", "ErrorDisplay"} {
		if keys[key] == nil {
			t.Errorf("%s is missing: %s", key, w.Body)
		}
	}
	ok := out.ErrorCode == 0
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json; charset=utf-8" ||
		ok != (out.ActionStatus == "OK") || !ok && out.ActionStatus != "FAIL" || ok != (out.ErrorInfo == "") ||
		out.ErrorCode == 40001 && (out.ErrorInfo != "Err_Profile_Comm_Decode_Fail" || out.ErrorDisplay == "") {
		t.Errorf("%d %s: %s", w.Code, w.Header(), w.Body)
	}
	return out
}

// call plays a command as the admin.
func call(t testing.TB, h http.Handler, command, body string) got {
	t.Helper()
	return play(t, h, httptest.NewRequest(http.MethodPost, targets()[command], strings.NewReader(body)))
}

// targets are what stands in the first line of the admin's calls, by command.
var targets = sync.OnceValue(func() map[string]string {
	all := make(map[string]string)
	for command := range rights {
		all[command] = request(app(), command, "").RequestURI
	}
	return all
})

// request is a call as a server gets it.
func request(a tencenttest.App, command, body string) *http.Request {
	r := a.Request("http://wa.example", command, body)
	return httptest.NewRequest(r.Method, r.URL.RequestURI(), strings.NewReader(body))
}

// set is the body of a portrait_set of the user, of tags and values in turn.
func set(pairs ...any) string {
	type item struct {
		Tag   any
		Value any
	}
	items := make([]item, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		items = append(items, item{pairs[i], pairs[i+1]})
	}
	return encode(map[string]any{"From_Account": user, "ProfileItem": items})
}

func encode(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return b.String()
}
