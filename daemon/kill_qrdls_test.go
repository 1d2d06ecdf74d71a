package daemon_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api/cams/camstest"
	"github.com/switchhook/switchhook/record"
)

// TestKillKeepsCodes kills the real daemon with SIGKILL while codes are made, updated,
// deleted and scanned. After each start what was answered holds: the last link that a
// client was told, or a later one that it was not, is the only one of its code that is
// live, each other one is known to be old, no call is taken twice, and no scan that was
// sent on its way is uncounted.
//
// SWITCHHOOK_TEST_QRDL_KILLS sets how often (5), SWITCHHOOK_TEST_SEED repeats a run.
func TestKillKeepsCodes(t *testing.T) {
	kills := envInt(t, "SWITCHHOOK_TEST_QRDL_KILLS", 5)
	seed := envInt(t, "SWITCHHOOK_TEST_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("SWITCHHOOK_TEST_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 2))
	f := newCrashRig(t)
	listen := freePort(t)
	f.listen(listen)
	f.boot()
	f.addTenant("acme")
	f.register("acme")
	w := &codeWorld{t: t, url: "http://" + listen, codes: make(map[string]*codeLife), scans: make(map[string]int64)}
	for n := range kills {
		for range 4 { // each has a rate
			key, err := f.admin.AddKey(t.Context(), "acme")
			if err != nil {
				t.Fatal(err)
			}
			w.keys = append(w.keys, camstest.Key{ID: key.ID, Secret: key.Secret})
		}
		goal := 10 + rng.IntN(20)
		var work sync.WaitGroup
		stop, enough := make(chan struct{}), make(chan struct{}, 1)
		for _, key := range w.keys[len(w.keys)-4:] {
			dice := rand.New(rand.NewPCG(rng.Uint64(), 3))
			work.Go(func() { w.play(key, dice, stop, enough, goal) })
		}
		select {
		case <-enough:
		case <-time.After(patience):
			t.Fatalf("kill %d: too little is answered", n+1)
		}
		f.daemon.kill()
		close(stop)
		work.Wait()
		web.CloseIdleConnections()
		f.boot()
		w.judge()
		for _, key := range w.keys[len(w.keys)-4:] {
			if _, err := f.admin.DeleteKey(t.Context(), "acme", key.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	ten, err := f.admin.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	totals := make(map[string]int64)
	for _, ev := range f.events(ten.ID, 0) {
		if ev.Type == record.QRDLScanned {
			fact := detail[record.QRDLFact](t, ev)
			if totals[fact.Code] += fact.Count; totals[fact.Code] != fact.Total {
				t.Errorf("event %d tells a total of %d scans after %d", ev.Seq, fact.Total, totals[fact.Code])
			}
		}
	}
	for code, n := range w.scans {
		if !w.codes[code].deleted && totals[code] < n {
			t.Errorf("%d scans of a code are counted of %d", totals[code], n)
		}
	}
	t.Logf("%d kills, %d codes, %d calls, %d scans", kills, len(w.codes), w.answered, w.scanned)
}

// codeWorld is what clients know of the codes of a daemon that is killed.
type codeWorld struct {
	t    *testing.T
	url  string
	keys []camstest.Key

	mu       sync.Mutex
	codes    map[string]*codeLife // guarded by mu
	scans    map[string]int64     // guarded by mu; that were sent on their way, by code
	calls    []*http.Request      // guarded by mu; that were answered since the last start
	answered int                  // guarded by mu
	scanned  int64                // guarded by mu
}

// codeLife is one code; one client at a time changes it.
type codeLife struct {
	qrdl
	old     []qrdl
	asked   string // a message that an update was asked to set and that was not answered
	leaving bool   // a deletion was asked for and not answered
	deleted bool
}

// play makes calls until stop.
func (w *codeWorld) play(key camstest.Key, dice *rand.Rand, stop <-chan struct{}, enough chan<- struct{}, goal int) {
	c := camsClient{w.t, w.url, key}
	var mine []*codeLife
	rate := time.NewTicker(time.Second / 15) // three operations, each five times a second
	defer rate.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-rate.C:
		}
		message := fmt.Sprintf("%s %d", key.ID, n)
		switch roll := dice.IntN(3); {
		case roll == 0 && len(mine) < 5 || len(mine) == 0:
			if got, ok := w.ask(c, "CreatePhoneMessageQrdl", "PrefilledMessage", message, "GenerateQrImage", "SVG"); ok {
				l := &codeLife{qrdl: got.one(w.t)}
				w.mu.Lock()
				w.codes[l.QrdlCode] = l
				w.mu.Unlock()
				mine = append(mine, l)
			}
		case n%3 == 0 && len(mine) > 2:
			l := mine[0]
			mine = mine[1:]
			l.leaving = true
			if got, ok := w.ask(c, "DeletePhoneMessageQrdl", "QrdlCode", l.QrdlCode); got.Status != 0 {
				l.leaving, l.deleted = false, ok
			}
		default:
			l := mine[dice.IntN(len(mine))]
			if dice.IntN(2) == 0 {
				w.scan(l)
				continue
			}
			l.asked = message
			switch got, ok := w.ask(c, "UpdatePhoneMessageQrdl", "QrdlCode", l.QrdlCode, "PrefilledMessage", message, "GenerateQrImage", "PNG"); {
			case ok:
				l.old, l.qrdl, l.asked = append(l.old, l.qrdl), got.one(w.t), ""
			case got.Status != 0: // its rate
				l.asked = ""
			default:
				return // the daemon is gone; what became of this one is for judge
			}
		}
		w.mu.Lock()
		if len(w.calls) >= goal {
			select {
			case enough <- struct{}{}:
			default:
			}
		}
		w.mu.Unlock()
	}
}

// ask makes a call; false: it was not answered, or refused for its rate.
func (w *codeWorld) ask(c camsClient, action string, params ...string) (answered, bool) {
	r, err := c.key.V3(http.MethodGet, c.url, action, pairs(append(params, "PhoneNumber", number)))
	if err != nil {
		w.t.Error(err)
		return answered{}, false
	}
	got, err := c.send(r)
	if err != nil {
		return answered{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, r)
	w.answered++
	if got.Status != http.StatusOK && got.Code != "Throttling.User" {
		w.t.Errorf("%s: %+v", action, got)
	}
	return got, got.Status == http.StatusOK
}

func (w *codeWorld) scan(l *codeLife) {
	status, _, err := opened(l.DeepLinkURL)
	if err != nil {
		return
	}
	if status != http.StatusFound {
		w.t.Errorf("the newest link answers %d", status)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scans[l.QrdlCode]++
	w.scanned++
}

// judge holds a daemon that has started again to what was answered before.
func (w *codeWorld) judge() {
	w.t.Helper()
	for _, r := range w.calls {
		got, err := camsClient{t: w.t}.send(r.Clone(w.t.Context()))
		if err != nil || got.Code != "SignatureNonceUsed" {
			w.t.Errorf("a call of before is taken: %+v, %v", got, err)
		}
	}
	w.calls = nil
	for _, l := range w.codes {
		for _, q := range l.old {
			over(w.t, q)
		}
		l.old = nil
		switch status, to := follow(w.t, l.DeepLinkURL); {
		case l.deleted && status == http.StatusGone:
		case !l.deleted && status == http.StatusFound && opening(to) == l.PrefilledMessage:
			w.scans[l.QrdlCode]++
			w.scanned++
		case status == http.StatusGone && l.asked != "": // it was updated, and nobody was told
		case status == http.StatusGone && l.leaving:
			l.deleted = true
		default:
			w.t.Errorf("the last link of a code answers %d %s: %+v", status, to, l)
		}
	}
	// What was not answered is not asked for again: this life of the code is over.
	for code, l := range w.codes {
		if l.asked != "" || l.leaving {
			delete(w.codes, code)
			delete(w.scans, code)
		}
	}
}

// opening is the message that an address of wa.me begins a chat with.
func opening(to string) string {
	u, err := url.Parse(to)
	if err != nil {
		return err.Error()
	}
	return u.Query().Get("text")
}
