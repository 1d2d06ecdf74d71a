package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// client calls an app's commands as one of its identifiers.
type client struct {
	url        string // http://127.0.0.1:8080
	app        int64
	key        string
	identifier string
}

// item is a field of a profile. Its value is a text or a number.
type item struct {
	Tag   string
	Value any
}

// answer is what every command is answered with.
type answer struct {
	ActionStatus string `json:"ActionStatus"`
	ErrorCode    int    `json:"ErrorCode"`
	ErrorInfo    string `json:"ErrorInfo"`

	UserProfileItem []struct {
		Account     string `json:"To_Account"`
		ProfileItem []item
		ResultCode  int
	} `json:"UserProfileItem,omitempty"` // of portrait_get
	ResultItem []struct {
		UserID        string
		AccountStatus string
	} `json:"ResultItem,omitempty"` // of account_check
}

// refusal is an answer whose code is not 0.
type refusal struct {
	Code int
	Info string
}

func (r *refusal) Error() string { return fmt.Sprintf("code %d: %s", r.Code, r.Info) }

// call gives a command, such as "profile/portrait_set". It fails with a *refusal where the
// daemon does not take it.
func (c client) call(ctx context.Context, command string, body any) (answer, error) {
	sig, err := userSig(c.app, c.key, c.identifier, time.Now(), time.Hour)
	if err != nil {
		return answer{}, err
	}
	query := url.Values{
		"sdkappid":    {strconv.FormatInt(c.app, 10)},
		"identifier":  {c.identifier},
		"usersig":     {sig},
		"random":      {strconv.FormatUint(uint64(rand.Uint32()), 10)},
		"contenttype": {"json"},
	}
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v4/"+command+"?"+query.Encode(), bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("%s: %s", command, resp.Status) // a proxy's: the daemon answers 200
	}
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return answer{}, fmt.Errorf("%s: %w", command, err)
	}
	if a.ErrorCode != 0 {
		return a, &refusal{a.ErrorCode, a.ErrorInfo}
	}
	return a, nil
}

// setProfile sets fields of an account, all or none.
func (c client) setProfile(ctx context.Context, account string, items ...item) (answer, error) {
	return c.call(ctx, "profile/portrait_set", map[string]any{"From_Account": account, "ProfileItem": items})
}

// profile asks for fields of an account. Those that were never set are not answered.
func (c client) profile(ctx context.Context, account string, tags ...string) (answer, error) {
	return c.call(ctx, "profile/portrait_get", map[string]any{"To_Account": []string{account}, "TagList": tags})
}
