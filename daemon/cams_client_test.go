package daemon_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/cams/camstest"
)

// camsClient calls the operations of the CAMS dialect with an access key.
type camsClient struct {
	t   testing.TB
	url string
	key camstest.Key
}

func (r *rig) cams(key api.NewKey) camsClient {
	return camsClient{r.t, r.d.URL(), camstest.Key{ID: key.ID, Secret: key.Secret}}
}

// tenant makes a tenant and answers a client with its key.
func (r *rig) tenant(name string) camsClient { return r.cams(r.addTenant(name)) }

func (d door) addTenant(name string) api.NewKey {
	d.t.Helper()
	made, err := d.admin.AddTenant(context.Background(), api.TenantSpec{Name: name})
	if err != nil {
		d.t.Fatalf("add the tenant %s: %v", name, err)
	}
	return made.NewKey
}

// register lets a tenant's keys use the number.
func (d door) register(tenant string) {
	d.t.Helper()
	if _, err := d.admin.AddNumber(context.Background(), tenant, "+"+number); err != nil {
		d.t.Fatal(err)
	}
}

// qrdl is what the operations answer of a code.
type qrdl struct {
	PhoneNumber, QrdlCode, GenerateQrImage, PrefilledMessage string

	DeepLinkURL string `json:"DeepLinkUrl"`
	QrImageURL  string `json:"QrImageUrl"`
}

// answered is an answer of the dialect.
type answered struct {
	Status        int
	Code, Message string
	Data          json.RawMessage
}

func (a answered) one(t testing.TB) (q qrdl) {
	t.Helper()
	if err := json.Unmarshal(a.Data, &q); err != nil || a.Status != http.StatusOK || a.Code != "OK" {
		t.Fatalf("%d %s %s %s: %v", a.Status, a.Code, a.Message, a.Data, err)
	}
	return q
}

func (a answered) all(t testing.TB) (all []qrdl) {
	t.Helper()
	if err := json.Unmarshal(a.Data, &all); err != nil || a.Status != http.StatusOK || a.Code != "OK" {
		t.Fatalf("%d %s %s %s: %v", a.Status, a.Code, a.Message, a.Data, err)
	}
	return all
}

// call makes a call by V3, its parameters in a form.
func (c camsClient) call(action string, params ...string) answered {
	c.t.Helper()
	r, err := c.key.V3(http.MethodPost, c.url, action, pairs(params))
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := c.send(r)
	if err != nil {
		c.t.Fatalf("%s: %v", action, err)
	}
	return out
}

func (c camsClient) send(r *http.Request) (out answered, err error) {
	res, err := web.Do(r)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return out, err
	}
	err = json.Unmarshal(body, &out)
	out.Status = res.StatusCode
	return out, err
}

func pairs(of []string) map[string]string {
	params := make(map[string]string)
	for i := 0; i+1 < len(of); i += 2 {
		params[of[i]] = of[i+1]
	}
	return params
}

func (c camsClient) create(message string) qrdl {
	c.t.Helper()
	return c.call("CreatePhoneMessageQrdl", "PhoneNumber", number, "GenerateQrImage", "SVG", "PrefilledMessage", message).one(c.t)
}

func (c camsClient) update(q qrdl, message string) qrdl {
	c.t.Helper()
	return c.call("UpdatePhoneMessageQrdl", "PhoneNumber", q.PhoneNumber, "GenerateQrImage", "PNG", "PrefilledMessage", message, "QrdlCode", q.QrdlCode).one(c.t)
}

// follow opens a link as a phone does and answers where it leads.
func follow(t testing.TB, link string) (status int, to string) {
	t.Helper()
	status, to, err := opened(link)
	if err != nil {
		t.Fatal(err)
	}
	return status, to
}

func opened(link string) (status int, to string, err error) {
	once := &http.Client{Timeout: patience, Transport: web.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := once.Get(link)
	if err != nil {
		return 0, "", err
	}
	_, _ = io.Copy(io.Discard, res.Body) // so that the connection can be used again
	return res.StatusCode, res.Header.Get("Location"), res.Body.Close()
}
