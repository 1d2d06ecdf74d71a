package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
	"github.com/switchhook/switchhook/store"
)

// TestTransactions counts what a store has committed, from outside.
func TestTransactions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s, err := store.Open(path, store.Options{Network: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := transactions(path); err == nil {
		t.Error("a journal that was never begun counts")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	before := uint64(0)
	for i := range uint64(7) {
		if i == 4 { // the other file takes what follows
			if _, err := s.Backup(t.Context(), io.Discard); err != nil {
				t.Fatal(err)
			}
		}
		c := s.Change()
		c.PutInstance(record.Instance{ID: "a", Name: strings.Repeat("x", int(i)*3000)})
		if _, err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		after, err := transactions(path)
		if err != nil || before > 0 && after != before+1 {
			t.Fatalf("after %d: %d, %v", before, after, err)
		}
		before = after
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := transactions(filepath.Join(t.TempDir(), "b.db")); err == nil {
		t.Error("nothing counts as a journal")
	}
}

// TestJudge: the rate runs from the first text to the last acknowledgement, and
// nothing missing goes unnoticed.
func TestJudge(t *testing.T) {
	began := time.Now()
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	var mail []sandbox.MailStatus
	for i := range 20 { // one every 100 ms, acknowledged after 5 ms, the last after 105
		m := sandbox.MailStatus{SentAt: at(100 * i), LastSendAt: at(100*i + 1), AcknowledgedAt: at(100*i + 5), Acknowledged: true, Sends: 1}
		if i == 19 {
			m.AcknowledgedAt = at(2000)
		}
		mail = append(mail, m)
	}
	f := flow{written: written{Sent: 20}}
	f.judge(mail, spent{}, spent{commits: 10})
	if f.rate != 10 || f.least != 9 || f.acknowledged != 20 || f.commits != 10 || f.resent != 0 {
		t.Errorf("%+v", f)
	}
	if f.taken[0].took != 5*time.Millisecond || f.wire[0].took != 4*time.Millisecond || f.taken[2].took != 100*time.Millisecond {
		t.Errorf("taken %v, wire %v", f.taken, f.wire)
	}
	if err := f.whole(); err != nil {
		t.Error(err)
	}
	f.written.Sent++
	if f.whole() == nil {
		t.Error("one that the server never took is not missed")
	}
	mail[3].Acknowledged = false
	f = flow{written: written{Sent: 20}}
	f.judge(mail, spent{}, spent{})
	if f.whole() == nil {
		t.Error("one that was not acknowledged is not missed")
	}
}
