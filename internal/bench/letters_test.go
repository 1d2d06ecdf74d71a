package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/switchhook/switchhook/sandbox"
)

// TestTransactions counts what bbolt has committed, from outside.
func TestTransactions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	before, err := transactions(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(7) {
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("b"))
			if err != nil {
				return err
			}
			return b.Put(binary.BigEndian.AppendUint64(nil, i), []byte("x"))
		})
		if err != nil {
			t.Fatal(err)
		}
		if after, err := transactions(path); err != nil || after-before != i+1 {
			t.Fatalf("after %d transactions: %d, %v", i+1, after-before, err)
		}
	}
	other := filepath.Join(t.TempDir(), "b.db")
	if err := os.WriteFile(other, make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := transactions(other); err == nil {
		t.Error("zeroes count as a store")
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
