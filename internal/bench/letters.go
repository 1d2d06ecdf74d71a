package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/switchhook/switchhook/sandbox"
)

const (
	// firstContact is the number of the first phone that writes; the others count
	// up, as many for every account as are wanted.
	firstContact = 5531900000001
	// writers is how many phones may be at it at one moment: the pace is the
	// clock's, not that of whoever writes before.
	writers = 16
	// longestTime bounds an order.
	longestTime = 10 * time.Minute

	opening = "good morning" // the first words of every conversation
	usual   = "a text about as long as most that people write to each other"
)

// order tells the sandbox's process what its phones are to write. They write from
// inside it: asking for every single text over HTTP would cost more than the text.
type order struct {
	Accounts []string `json:"accounts"` // digits, who is written to
	Contacts int      `json:"contacts"` // phones that write to each
	// Rate is how many texts a second, all in all and evenly; 0 writes the next to
	// an account once one of the Window before has been acknowledged.
	Rate   float64       `json:"rate"`
	Window int           `json:"window"`
	For    time.Duration `json:"for"`
	// Open lets every phone write once instead, and waits for the acknowledgement.
	Open bool `json:"open"`
}

// written is what came of an order.
type written struct {
	Sent int           `json:"sent"`
	Took time.Duration `json:"took"`
	Late time.Duration `json:"late"` // the most that a text was behind the clock
}

// contact is the number of a phone that writes to an account.
func (o *order) contact(account, n int) string {
	return strconv.Itoa(firstContact + account*o.Contacts + n)
}

// serveLetters answers orders.
func serveLetters(n *sandbox.Network) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var o order
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		done, err := o.fill(r.Context(), n)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(done) // the caller would notice
	}
}

func (o *order) fill(ctx context.Context, n *sandbox.Network) (written, error) {
	if len(o.Accounts) == 0 || o.Contacts < 1 || o.For > longestTime {
		return written{}, errors.New("that is no order")
	}
	switch {
	case o.Open:
		return o.open(ctx, n)
	case o.Rate > 0:
		return o.evenly(ctx, n)
	default:
		return o.inStep(ctx, n)
	}
}

// open begins every conversation.
func (o *order) open(ctx context.Context, n *sandbox.Network) (written, error) {
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	for a, to := range o.Accounts {
		for c := range o.Contacts {
			g.Go(func() error {
				s, err := n.Send(ctx, sandbox.SendSpec{From: o.contact(a, c), To: to, Text: opening})
				if err == nil && (len(s.Copies) != 1 || !s.Copies[0].Acknowledged) {
					err = fmt.Errorf("the first text to account %d is not acknowledged", a)
				}
				return err
			})
		}
	}
	err := g.Wait()
	return written{Sent: len(o.Accounts) * o.Contacts, Took: time.Since(began)}, err
}

// evenly writes by the clock, whether anything is acknowledged or not.
func (o *order) evenly(ctx context.Context, n *sandbox.Network) (written, error) {
	total := int(o.Rate * o.For.Seconds())
	var late longest
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	texts := make(chan int, writers)
	for range writers {
		g.Go(func() error {
			for i := range texts {
				late.note(time.Since(began.Add(o.due(i))))
				a := i % len(o.Accounts)
				_, err := n.Send(ctx, sandbox.SendSpec{
					From: o.contact(a, i/len(o.Accounts)%o.Contacts), To: o.Accounts[a], Text: usual, NoWait: true,
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(texts)
		for i := range total {
			if err := rest(ctx, time.Until(began.Add(o.due(i)))); err != nil {
				return err
			}
			select {
			case texts <- i:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	err := g.Wait()
	return written{Sent: total, Took: time.Since(began), Late: late.of()}, err
}

// longest is the longest of some spans.
type longest struct {
	mu   sync.Mutex
	span time.Duration // guarded by mu
}

func (l *longest) note(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.span = max(l.span, d)
}

func (l *longest) of() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.span
}

// due is when after the beginning a text is written.
func (o *order) due(i int) time.Duration {
	return time.Duration(float64(i) / o.Rate * float64(time.Second))
}

// inStep writes as fast as it is acknowledged.
func (o *order) inStep(ctx context.Context, n *sandbox.Network) (written, error) {
	began := time.Now()
	var sent atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for a, to := range o.Accounts {
		for w := range max(o.Window, 1) {
			g.Go(func() error {
				for time.Since(began) < o.For {
					spec := sandbox.SendSpec{From: o.contact(a, w%o.Contacts), To: to, Text: usual}
					if s, err := n.Send(ctx, spec); err != nil || !s.Copies[0].Acknowledged {
						return errors.Join(err, fmt.Errorf("a text to account %d is not acknowledged", a))
					}
					sent.Add(1)
				}
				return nil
			})
		}
	}
	err := g.Wait()
	return written{Sent: int(sent.Load()), Took: time.Since(began)}, err
}
