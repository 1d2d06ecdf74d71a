package tencent_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestRates: a second's calls at once of an app and a command, no more, and one more each
// time that the share of one has passed. What is refused before does not count.
func TestRates(t *testing.T) {
	limits := map[string]int{setting: 200, getting: 200, checking: 100, importing: 200}
	for command, limit := range limits {
		t.Run(command, func(t *testing.T) {
			w := newWorld()
			h := w.handler()
			refused := asks(command)
			refused.signer.SecretKey = "else"
			for range limit + 1 {
				if got := play(t, h, refused.request()); got.ErrorCode != 70009 {
					t.Fatalf("%+v", got)
				}
			}
			for n := range limit {
				if got := call(t, h, command, rights[command]); got.ErrorCode != 0 {
					t.Fatalf("call %d: %+v", n+1, got)
				}
			}
			writes := w.writes
			if got := call(t, h, command, rights[command]); got.ErrorCode != 60007 || w.writes != writes {
				t.Errorf("call %d: %+v", limit+1, got)
			}
			for other := range limits {
				if got := call(t, h, other, rights[other]); other != command && got.ErrorCode != 0 {
					t.Errorf("another command: %+v", got)
				}
			}
			w.now = w.now.Add(time.Second / time.Duration(limit))
			if got := call(t, h, command, rights[command]); got.ErrorCode != 0 {
				t.Errorf("a share of a second later: %+v", got)
			}
			if got := call(t, h, command, rights[command]); got.ErrorCode != 60007 {
				t.Errorf("and one more: %+v", got)
			}
		})
	}
}

// TestWriters: 64 at once, half of which fail at their last field, leave a profile that
// one of the others wrote in one piece.
func TestWriters(t *testing.T) {
	w := newWorld()
	h := w.handler()
	answers := make([]got, 64)
	var wg sync.WaitGroup
	for i := range answers {
		mine := fmt.Sprint("writer ", i)
		pairs := []any{nick, mine, signature, mine, "Tag_Profile_IM_Level", i}
		if i%2 == 1 {
			pairs = append(pairs, "Tag_Profile_IM_Gender", "wrong")
		}
		r := request(app(), setting, set(pairs...))
		wg.Go(func() { answers[i] = play(t, h, r) })
	}
	wg.Wait()
	for i, a := range answers {
		if want := 40605 * (i % 2); a.ErrorCode != want {
			t.Errorf("writer %d: %+v", i, a)
		}
	}
	level, ok := w.value(user, "Tag_Profile_IM_Level").(float64)
	mine := fmt.Sprint("writer ", level)
	if !ok || int(level)%2 == 1 || w.value(user, nick) != mine || w.value(user, signature) != mine || w.writes != 32 {
		t.Errorf("%d writes, %+v", w.writes, w.accounts[user])
	}
	if w.value(user, "Tag_Profile_IM_Gender") != nil {
		t.Error("a field of a call that failed is set")
	}
}

// TestCallsAreBounded: whatever a megabyte is, it takes a few of them, and a moment.
func TestCallsAreBounded(t *testing.T) {
	const size = 1 << 20
	before := `{"From_Account":"` + user + `","ProfileItem":[{"Tag":"` + nick + `","Value":`
	for name, c := range map[string]struct {
		code int
		body string
	}{
		"a text":      {40601, before + `"` + strings.Repeat("x", size) + `"}]}`},
		"a number":    {40610, before + strings.Repeat("9", size) + `}]}`},
		"brackets":    {60003, before + strings.Repeat("[", size)},
		"deep":        {60003, before + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}]}`},
		"items":       {60003, `{"From_Account":"` + user + `","ProfileItem":` + many(size/3, "{}") + `}`},
		"a long tag":  {40009, `{"From_Account":"` + user + `","ProfileItem":[{"Tag":"` + strings.Repeat("x", size) + `","Value":1}]}`},
		"a long name": {40003, strings.Replace(set(nick, "x"), user, strings.Repeat("x", size), 1)},
	} {
		w := newWorld()
		h := w.handler()
		least := uint64(math.MaxUint64)
		for range 3 {
			r := httptest.NewRequest(http.MethodPost, targets()[setting], strings.NewReader(c.body))
			rec := httptest.NewRecorder()
			var first, last runtime.MemStats
			runtime.ReadMemStats(&first)
			h.ServeHTTP(rec, r)
			runtime.ReadMemStats(&last)
			least = min(least, last.TotalAlloc-first.TotalAlloc)
			if !strings.Contains(rec.Body.String(), fmt.Sprintf(`"ErrorCode":%d,`, c.code)) {
				t.Errorf("%s: %.200s, want %d", name, rec.Body, c.code)
			}
		}
		if least > 16*size || w.writes != 0 {
			t.Errorf("%s: %d bytes, %d writes", name, least, w.writes)
		}
	}
}
