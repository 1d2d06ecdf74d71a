// Command walk takes a message QR code through its life, from CreatePhoneMessageQrdl to
// DeletePhoneMessageQrdl, with Alibaba Cloud's clients for Go, and prints what it sees as
// one line of JSON for each step. The environment says where and as whom; MESSAGE is what
// the chat begins with.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// settings are those of the environment.
type settings struct {
	URL    string // http://127.0.0.1:8080
	Key    string
	Secret string
	Number string // the business's phone number
	Text   string
}

// caller calls an operation through a client, and answers what the daemon does.
type caller func(action string, parameters map[string]string) (map[string]any, error)

// refusal is an answer that is an error.
type refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d, %s", r.Status, r.Code) }

// clients are the ways to sign and send, by name.
var clients = map[string]func(settings) (caller, error){
	"v3":  func(s settings) (caller, error) { return newTea(s, "") },   // ACS3-HMAC-SHA256
	"v1":  func(s settings) (caller, error) { return newTea(s, "v2") }, // HMAC-SHA1, which it calls v2
	"old": newOld,                                                      // HMAC-SHA1
}

func main() {
	s := settings{
		URL: os.Getenv("CAMS_URL"), Key: os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), Secret: os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
		Number: os.Getenv("PHONE_NUMBER"), Text: os.Getenv("MESSAGE"),
	}
	if s.URL == "" || s.Key == "" || s.Secret == "" || s.Number == "" || s.Text == "" {
		fmt.Fprintln(os.Stderr, "set CAMS_URL, ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET, PHONE_NUMBER and MESSAGE")
		os.Exit(2)
	}
	for _, name := range []string{"v3", "v1", "old"} {
		if err := walk(context.Background(), os.Stdout, s, name); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

// walk takes a code through its life by one client.
func walk(ctx context.Context, out io.Writer, s settings, name string) error {
	call, err := clients[name](s)
	if err != nil {
		return err
	}
	w := &walker{ctx: ctx, out: out, name: name}
	number := func(more ...string) map[string]string {
		all := map[string]string{"PhoneNumber": s.Number}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	made := w.call("create", call, "CreatePhoneMessageQrdl", number("GenerateQrImage", "PNG", "PrefilledMessage", s.Text))
	code, first := field(made, "QrdlCode"), field(made, "DeepLinkUrl")
	w.open("opened", first)
	w.open("image", field(made, "QrImageUrl"))
	w.call("list", call, "ListPhoneMessageQrdl", number())
	changed := w.call("update", call, "UpdatePhoneMessageQrdl",
		number("QrdlCode", code, "GenerateQrImage", "SVG", "PrefilledMessage", s.Text+"!"))
	w.open("former", first)
	w.open("updated", field(changed, "DeepLinkUrl"))
	w.call("delete", call, "DeletePhoneMessageQrdl", number("QrdlCode", code))
	w.open("gone", field(changed, "DeepLinkUrl"))
	w.refused("deletedTwice", call, "DeletePhoneMessageQrdl", number("QrdlCode", code))

	s.Secret += "x"
	wrong, err := clients[name](s)
	if err != nil {
		return err
	}
	w.refused("wrongSecret", wrong, "ListPhoneMessageQrdl", number())
	return w.err
}

// walker goes on until something fails; err is the first that did.
type walker struct {
	ctx  context.Context
	out  io.Writer
	name string
	err  error
}

// call shows what an operation answers.
func (w *walker) call(step string, call caller, action string, parameters map[string]string) map[string]any {
	if w.err != nil {
		return nil
	}
	answer, err := patiently(call, action, parameters)
	if err != nil {
		w.err = fmt.Errorf("%s: %w", action, err)
		return nil
	}
	w.show(step, answer)
	return answer
}

// refused shows how an operation is refused, which it should be.
func (w *walker) refused(step string, call caller, action string, parameters map[string]string) {
	if w.err != nil {
		return
	}
	answer, err := patiently(call, action, parameters)
	var why *refusal
	switch {
	case err == nil:
		w.err = fmt.Errorf("%s answered %v", action, answer)
	case errors.As(err, &why):
		w.show(step, why)
	default:
		w.err = fmt.Errorf("%s: %w", action, err)
	}
}

// open shows what a phone gets that opens an address.
func (w *walker) open(step, address string) {
	if w.err != nil {
		return
	}
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		w.err = err
		return
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
	if err != nil {
		w.err = err
		return
	}
	defer resp.Body.Close()
	w.show(step, map[string]any{
		"status": resp.StatusCode, "location": resp.Header.Get("Location"), "type": resp.Header.Get("Content-Type"),
	})
}

// show prints a step.
func (w *walker) show(step string, what any) {
	line, err := json.Marshal(map[string]any{"step": w.name + "." + step, "what": what})
	if err == nil {
		_, err = fmt.Fprintf(w.out, "show %s\n", line)
	}
	w.err = err
}

// patiently comes again as long as it is told that it came too often: five calls of an
// operation a second are allowed.
func patiently(call caller, action string, parameters map[string]string) (map[string]any, error) {
	for {
		answer, err := call(action, parameters)
		var why *refusal
		if !errors.As(err, &why) || why.Code != "Throttling.User" {
			return answer, err
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// field is a field of Data.
func field(answer map[string]any, name string) string {
	data, _ := answer["Data"].(map[string]any)
	text, _ := data[name].(string)
	return text
}
