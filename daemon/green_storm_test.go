package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
)

// counted is what of numbered texts has been told, by the webhook and by the queue.
type counted struct {
	mu   sync.Mutex
	told map[string]int // guarded by mu; by text
}

func (c *counted) add(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told == nil {
		c.told = make(map[string]int)
	}
	c.told[text]++
}

// judge adds what a receiver got and compares all with what was written.
func (c *counted) judge(t *testing.T, h *hook, key func(note) string, written []string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.notes {
		c.add(key(n))
	}
	twice := 0
	for _, text := range written {
		if c.told[text] == 0 {
			t.Errorf("%q is lost", text)
		}
		twice += max(0, c.told[text]-1)
	}
	t.Logf("%d messages, %d requests to the webhook, %d told twice", len(written), len(h.notes), twice)
}

// TestSettingsStorm changes where notifications go as fast as it can, while messages
// come, two clients fetch and delete, and the daemon is restarted: every one is told.
func TestSettingsStorm(t *testing.T) {
	dir, h, got := shortDir(t), newHook(t), &counted{}
	var id string
	var written []string
	for round := range 3 {
		g := runGreen(t, dir, nil)
		if round == 0 {
			id = g.add("shop", "").ID
			g.set(id, record.GreenSettings{Incoming: true})
			g.scan("shop")
		}
		g.reach("shop", fsm.Authenticated)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				s := record.GreenSettings{Incoming: true, WebhookToken: fmt.Sprint(n)}
				if n%3 > 0 {
					s.WebhookURL = h.URL
				}
				if err := g.trySet(id, s); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for range 2 {
			all.Go(func() {
				for ctx.Err() == nil {
					receipt, body, ok, err := g.d.ReceiveNotification(ctx, id, 10*time.Millisecond)
					if err != nil && ctx.Err() == nil {
						t.Error(err)
					}
					var n note
					if !ok || json.Unmarshal(body, &n) != nil {
						continue
					}
					got.add(n.Contents.Text.Text)
					if _, err := g.d.DeleteNotification(context.WithoutCancel(ctx), id, receipt); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for n := range 25 {
			text := fmt.Sprintf("%d of round %d", n, round)
			g.write(text)
			written = append(written, text)
		}
		cancel()
		all.Wait()
		if round == 2 {
			g.set(id, record.GreenSettings{Incoming: true})
			for _, n := range g.drain(id) {
				got.add(n.Contents.Text.Text)
			}
		}
		if err := g.stop(); err != nil {
			t.Fatal(err)
		}
	}
	got.judge(t, h, func(n note) string { return n.Contents.Text.Text }, written)
}

// TestKillTellsEverything kills the real daemon with SIGKILL while phones write, a
// client fetches and deletes, and settings move the notifications between the queue and
// a webhook: what the log holds was told.
//
// SWITCHHOOK_TEST_GREEN_KILLS sets how often (3), SWITCHHOOK_TEST_SEED repeats a run.
func TestKillTellsEverything(t *testing.T) {
	kills := envInt(t, "SWITCHHOOK_TEST_GREEN_KILLS", 3)
	seed := envInt(t, "SWITCHHOOK_TEST_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("SWITCHHOOK_TEST_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 3))

	f := newCrashRig(t)
	listen := freePort(t)
	f.listen(listen)
	f.boot()
	f.pair("shop", "")
	e := f.find("shop")
	g := greenClient{t, fmt.Sprintf("http://%s/waInstance%d/", listen, e.IDInstance), "/" + e.APIToken}
	h, got := newHook(t), &counted{}
	phones := sandbox.NewClient("http://" + f.air)
	settings := func(url string) string { return `{"incomingWebhook":"yes","webhookUrl":"` + url + `"}` }
	g.ask("POST", "setSettings", settings(""))
	for range kills {
		stop := write(t, phones, map[string]string{"shop": e.Phone})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		first := rng.IntN(2)
		all.Go(func() {
			for n := first; ctx.Err() == nil; n++ {
				g.attempt(ctx, "POST", "setSettings", "", settings([]string{"", h.URL}[n%2]), nil)
				select {
				case <-time.After(time.Second): // the rate
				case <-ctx.Done():
				}
			}
		})
		fetched := make(chan struct{}, 1)
		all.Go(func() {
			for ctx.Err() == nil {
				if g.take(ctx, got) {
					select {
					case fetched <- struct{}{}:
					default:
					}
				}
			}
		})
		h.mu.Lock()
		goal := len(h.notes) + 1 + rng.IntN(100)
		h.mu.Unlock()
		h.await(t, func() bool { return len(h.notes) >= goal })
		for range rng.IntN(100) {
			select {
			case <-fetched:
			case <-time.After(patience):
				t.Fatal("nothing can be fetched")
			}
		}
		f.daemon.kill()
		stop()
		cancel()
		all.Wait()
		web.CloseIdleConnections()
		f.boot()
		f.comesBack("shop")
	}
	g.ask("POST", "setSettings", settings(""))
	g.drain(got)
	var written []string
	for _, ev := range f.events("shop", 0) {
		if ev.Type == record.MessageText {
			written = append(written, ev.Data.Message.ID)
		}
	}
	got.judge(t, h, func(n note) string { return n.Message }, written)
	if code := f.daemon.interrupt(); code != 0 {
		t.Errorf("the daemon stopped with status %d\n%s", code, f.daemon.output())
	}
}

// attempt plays one method on a daemon that may be killed meanwhile.
func (g greenClient) attempt(ctx context.Context, verb, method, behind, body string, answer any) bool {
	req, err := http.NewRequestWithContext(ctx, verb, g.base+method+g.tail+behind, strings.NewReader(body))
	if err != nil {
		g.t.Error(err)
		return false
	}
	resp, err := web.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK && (answer == nil || json.NewDecoder(resp.Body).Decode(answer) == nil)
}

// drain takes everything off the queue, at the rate that is allowed, until nothing has
// come for as long as a request waits.
func (g greenClient) drain(got *counted) {
	g.t.Helper()
	for {
		next := g.ask("GET", "receiveNotification", "")
		if next == nil {
			return
		}
		body, _ := next["body"].(map[string]any)
		id, _ := body["idMessage"].(string)
		got.add(id)
		receipt, _ := next["receiptId"].(float64)
		gone := g
		gone.tail += fmt.Sprintf("/%.0f", receipt)
		gone.ask("DELETE", "deleteNotification", "")
	}
}

// take fetches a notification, notes it and deletes it; false if none came.
func (g greenClient) take(ctx context.Context, got *counted) bool {
	var n *struct {
		Receipt int64 `json:"receiptId"`
		Body    note  `json:"body"`
	}
	if !g.attempt(ctx, "GET", "receiveNotification", "", "", &n) || n == nil {
		return false
	}
	got.add(n.Body.Message)
	g.attempt(ctx, "DELETE", "deleteNotification", fmt.Sprintf("/%d", n.Receipt), "", nil)
	return true
}
