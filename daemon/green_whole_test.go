package daemon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/configs"
)

// upload posts a form of fields and a file, and reads the answer.
func (g greenClient) upload(method string, fields map[string]string, name string, file []byte) (status int, answer map[string]any) {
	g.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for key, value := range fields {
		if err := form.WriteField(key, value); err != nil {
			g.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		g.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		g.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.base+method+g.tail, &body)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := web.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// fetchNote takes the next notification off the queue.
func (g greenClient) fetchNote() map[string]any {
	g.t.Helper()
	got := g.ask("GET", "receiveNotification", "")
	if got == nil {
		g.t.Fatal("no notification came")
	}
	receipt, _ := got["receiptId"].(float64)
	gone := g
	gone.tail += fmt.Sprintf("/%.0f", receipt)
	if was := gone.ask("DELETE", "deleteNotification", ""); was["result"] != true {
		g.t.Fatalf("%v was not there", got)
	}
	body, _ := got["body"].(map[string]any)
	return body
}

// until takes notifications off the queue up to the first that is of a type and, if
// key is given, has that value there.
func (g greenClient) until(kind, key string, want any) map[string]any {
	g.t.Helper()
	for range 40 {
		if n := g.fetchNote(); n["typeWebhook"] == kind && (key == "" || n[key] == want) {
			return n
		}
	}
	g.t.Fatalf("no %s with %s %v", kind, key, want)
	return nil
}

// TestGreenWhole: a picture, a file and a text each way, and what is told of them, over
// HTTP and through the real daemon to the sandbox's phones.
func TestGreenWhole(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	d.pair("shop", "")
	g := d.green(d.find("shop"))
	g.ask("POST", "setSettings", `{"incomingWebhook":"yes","outgoingWebhook":"yes","outgoingAPIMessageWebhook":"yes","stateWebhook":"yes"}`)

	if err := d.admin.Behave(t.Context(), api.Behaviour{Phone: contact, Receipts: "read"}); err != nil {
		t.Fatal(err)
	}

	// What is refused before WhatsApp is asked costs no turn.
	if status, got := g.upload("setProfilePicture", nil, "a.jpg", []byte("\x89PNG\r\n\x1a\n not a JPEG")); status != 200 || got["setProfilePicture"] != false || got["reason"] == nil || got["urlAvatar"] != "" {
		t.Errorf("a PNG: %d %v", status, got)
	}
	jpeg := photo(t, color.White)
	if status, got := g.upload("setProfilePicture", nil, "a.jpg", jpeg[:len(jpeg)/2]); status != 200 || got["setProfilePicture"] != false {
		t.Errorf("half a JPEG: %d %v", status, got)
	}
	if status, got := g.upload("setProfilePicture", nil, "a.jpg", append([]byte("\xff\xd8\xff"), make([]byte, 10<<20-2)...)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a byte too many: %d %v", status, got)
	}
	if n := d.find("shop").Storage.Files; n != 0 {
		t.Errorf("%d files are stored of what was refused", n)
	}
	status, got := g.upload("setProfilePicture", nil, "blob", jpeg)
	url, _ := got["urlAvatar"].(string)
	reason, there := got["reason"]
	if status != 200 || got["setProfilePicture"] != true || !there || reason != nil || !strings.HasPrefix(url, d.d.URL()+"/media/") {
		t.Fatalf("a picture: %d %v", status, got)
	}
	resp, err := web.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	image, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "image/jpeg" || !bytes.HasPrefix(image, []byte("\xff\xd8\xff")) {
		t.Errorf("its address answers %d %s, %v", resp.StatusCode, resp.Header.Get("Content-Type"), err)
	}
	if status, _ := g.upload("setProfilePicture", nil, "blob", jpeg); status != http.StatusTooManyRequests {
		t.Errorf("a second one at once: %d", status)
	}
	if got := g.ask("GET", "getWaSettings", ""); got["avatar"] != url || got["stateInstance"] != "authorized" {
		t.Errorf("getWaSettings: %v", got)
	}
	if n := d.find("shop").Storage.Files; n != 2 { // it and its thumbnail
		t.Errorf("%d files are stored", n)
	}
	if got := g.ask("POST", "getAvatar", fmt.Sprintf(`{"chatId":"%s@c.us"}`, contact)); got["existsWhatsapp"] != true {
		t.Errorf("getAvatar: %v", got)
	}

	status, got = g.upload("sendFileByUpload", map[string]string{"chatId": contact + "@c.us", "fileName": "invoice.pdf", "caption": "as promised"}, "x.bin", []byte("%PDF-1.7 of a kind"))
	file, _ := got["idMessage"].(string)
	if status != 200 || file == "" {
		t.Fatalf("a file: %d %v", status, got)
	}
	text, _ := g.ask("POST", "sendMessage", fmt.Sprintf(`{"chatId":"%s@c.us","message":"have you got it?"}`, contact))["idMessage"].(string)
	inbox, err := d.admin.Inbox(t.Context(), contact)
	if err != nil || len(inbox) < 2 {
		t.Fatalf("the phone has %v, %v", inbox, err)
	}
	for _, id := range []string{file, text} {
		g.until("outgoingAPIMessageReceived", "idMessage", id)
	}
	g.until("outgoingMessageStatus", "idMessage", text)
	if _, err := d.admin.Write(t.Context(), "shop", api.Letter{From: contact, Text: "yes, thanks"}); err != nil {
		t.Fatal(err)
	}
	n := g.until("incomingMessageReceived", "", nil)
	if text := fmt.Sprint(n["messageData"]); !strings.Contains(text, "yes, thanks") {
		t.Errorf("the text came as %s", text)
	}
	if sender, _ := n["senderData"].(map[string]any); sender["chatId"] != contact+"@c.us" {
		t.Errorf("it came from %v", sender)
	}
}

// TestGreenFilesCount: what arrives counts as the instance's from its first byte on, and
// once; what there is no room for is refused, and nothing of it stays.
func TestGreenFilesCount(t *testing.T) {
	d := runDaemon(t, shortDir(t), func(c *configs.Config) { c.Files = configs.Files{PerInstance: 3 << 20, Total: 1 << 30} })
	d.pair("shop", "")
	g := d.green(d.find("shop"))
	to := map[string]string{"chatId": contact + "@c.us"}
	for _, c := range []struct{ size, status int }{{2 << 20, http.StatusOK}, {3<<20 + 1, http.StatusInsufficientStorage}, {2 << 20, http.StatusOK}} {
		if status, got := g.upload("sendFileByUpload", to, "a.bin", make([]byte, c.size)); status != c.status {
			t.Errorf("%d bytes: %d %v", c.size, status, got)
		}
	}
	if n := d.find("shop").Storage.Bytes; n != 0 {
		t.Errorf("%d bytes are still counted", n)
	}
	d.nothingLeft()
}
