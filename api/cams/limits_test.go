package cams_test

import (
	"sync"
	"testing"
	"time"
)

// TestNonceIsUsedOnce: of 64 calls at once with one nonce, one is answered.
func TestNonceIsUsedOnce(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			w := newWorld()
			h := w.handler()
			answers := make([]got, 64)
			var wg sync.WaitGroup
			for i := range answers {
				r := asks(way, "ListPhoneMessageQrdl", operations["ListPhoneMessageQrdl"]).sign().request()
				wg.Go(func() { answers[i] = play(t, h, r) })
			}
			wg.Wait()
			count := make(map[string]int)
			for _, a := range answers {
				count[a.Code]++
			}
			if count["OK"] != 1 || count["SignatureNonceUsed"] != 63 {
				t.Errorf("%v", count)
			}
			until := w.nonces[keyID+"/0123456789abcdef"]
			if len(w.nonces) != 1 || until.Sub(noon) <= 15*time.Minute || until.Sub(noon) > 17*time.Minute {
				t.Errorf("%v", w.nonces)
			}
		})
	}
}

// TestRate: five calls a second of a key and an operation; those that are refused before
// do not count.
func TestRate(t *testing.T) {
	w := newWorld()
	w.tenant.Keys = append(w.tenant.Keys, w.tenant.Keys[0])
	w.tenant.Keys[1].ID = "LTAI5tSecond"
	w.amnesia = true
	h := w.handler()
	call := func(key, action string, change ...func(*ask)) got {
		a := asks("v1", action, operations[action])
		a.key = key
		for _, c := range change {
			c(a)
		}
		return play(t, h, a.sign().request())
	}
	for range 20 {
		if got := call(keyID, "ListPhoneMessageQrdl", func(a *ask) { a.secret = "x" }); got.Code != "SignatureDoesNotMatch" {
			t.Fatalf("%+v", got)
		}
	}
	for n := range 5 {
		if got := call(keyID, "ListPhoneMessageQrdl"); got.Code != "OK" {
			t.Fatalf("call %d: %+v", n+1, got)
		}
	}
	got := call(keyID, "ListPhoneMessageQrdl")
	if got.Code != "Throttling.User" || got.status != 400 || got.head.Get("Retry-After") != "1" {
		t.Errorf("the sixth: %+v", got)
	}
	if got := call(keyID, "CreatePhoneMessageQrdl"); got.Code != "OK" {
		t.Errorf("another operation: %+v", got)
	}
	if got := call("LTAI5tSecond", "ListPhoneMessageQrdl"); got.Code != "OK" {
		t.Errorf("another key: %+v", got)
	}
	w.now = w.now.Add(200 * time.Millisecond)
	if got := call(keyID, "ListPhoneMessageQrdl"); got.Code != "OK" {
		t.Errorf("a fifth of a second later: %+v", got)
	}
	if got := call(keyID, "ListPhoneMessageQrdl"); got.Code != "Throttling.User" {
		t.Errorf("and one more: %+v", got)
	}
}
