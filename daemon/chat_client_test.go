package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/tencent/tencenttest"
)

// chatClient calls the commands of the Tencent Chat dialect as an app's administrator.
type chatClient struct {
	t      testing.TB
	url    string
	app    int64
	secret string
}

// chat makes the tenant acme and answers a client of its app.
func (r *rig) chat() chatClient {
	r.t.Helper()
	made, err := r.admin.AddTenant(context.Background(), api.TenantSpec{Name: "acme"})
	if err != nil {
		r.t.Fatalf("add the tenant acme: %v", err)
	}
	return chatClient{r.t, r.d.URL(), made.App, made.SecretKey}
}

// chatAnswer is what every command is answered with, and some.
type chatAnswer struct {
	ActionStatus, ErrorInfo string
	ErrorCode               int
	UserProfileItem         []struct {
		Account     string `json:"To_Account"`
		ProfileItem []struct {
			Tag   string
			Value any
		}
		ResultCode int
	}
	ResultItem []struct{ UserID, AccountStatus string } `json:"ResultItem"`
}

// ask gives a command and answers what the daemon says.
func (c chatClient) ask(command string, body any) (out chatAnswer, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return out, err
	}
	app := tencenttest.App{ID: c.app, SecretKey: c.secret, Identifier: "administrator"}
	res, err := web.Do(app.Request(c.url, command, string(text)))
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return out, fmt.Errorf("status %d", res.StatusCode)
	}
	err = json.NewDecoder(res.Body).Decode(&out)
	return out, err
}

// command gives one that must succeed.
func (c chatClient) command(command string, body any) chatAnswer {
	c.t.Helper()
	got, err := c.ask(command, body)
	if err != nil || got.ErrorCode != 0 || got.ActionStatus != "OK" {
		c.t.Fatalf("%s: %+v, %v", command, got, err)
	}
	return got
}

// set sets fields of an account, given as tags, without what all begin with, and values.
func (c chatClient) set(account string, fields ...any) {
	c.t.Helper()
	c.command("profile/portrait_set", portrait(account, fields...))
}

func portrait(account string, fields ...any) any {
	var items []map[string]any
	for i := 0; i+1 < len(fields); i += 2 {
		items = append(items, map[string]any{"Tag": "Tag_Profile_IM_" + fields[i].(string), "Value": fields[i+1]})
	}
	return map[string]any{"From_Account": account, "ProfileItem": items}
}

// get answers the fields of an account, by their tags without what all begin with.
func (c chatClient) get(account string, tags ...string) map[string]any {
	c.t.Helper()
	full := make([]string, 0, len(tags))
	for _, tag := range tags {
		full = append(full, "Tag_Profile_IM_"+tag)
	}
	got := c.command("profile/portrait_get", map[string]any{"To_Account": []string{account}, "TagList": full})
	if len(got.UserProfileItem) != 1 || got.UserProfileItem[0].ResultCode != 0 {
		c.t.Fatalf("%+v", got)
	}
	out := make(map[string]any)
	for _, item := range got.UserProfileItem[0].ProfileItem {
		out[strings.TrimPrefix(item.Tag, "Tag_Profile_IM_")] = item.Value
	}
	return out
}
