package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/switchhook/switchhook/sandbox"
)

// sandboxCount is what the sandbox's process tells of itself.
type sandboxCount struct {
	dialCount

	Connected int `json:"connected"` // companions logged in now
}

// serveSandbox is the sandbox's process. It listens twice: dials are counted at
// one address, and questions come to the other.
func serveSandbox(ctx context.Context, args []string) (err error) {
	set := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	state := set.String("state", "", "state file")
	listen := set.String("listen", "", "address for clients")
	control := set.String("control", "", "address for questions")
	if err := set.Parse(args); err != nil {
		return err
	}
	n, err := sandbox.Open(sandbox.Config{StateFile: *state})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	var listener net.ListenConfig
	air, err := listener.Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	desk, err := listener.Listen(ctx, "tcp", *control)
	if err != nil {
		return err
	}
	log := &dialLog{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /count", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(sandboxCount{log.take(), n.Stats().Connected}) // the caller would notice
	})
	mux.HandleFunc("POST /write", serveLetters(n))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.Serve(ctx, counted{air, log}) })
	g.Go(func() error {
		if err := server.Serve(desk); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	_, _ = fmt.Fprintln(os.Stdout, sandboxReady) // nobody reads it: nobody waits
	return g.Wait()
}

const sandboxReady = "sandbox serves"

// air is the sandbox as the scenarios use it: it can be stopped and started
// again, at the same addresses.
type air struct {
	state, listen, control string
	p                      *process
}

func newAir(ctx context.Context, state string) (*air, error) {
	a := &air{state: state}
	for _, addr := range []*string{&a.listen, &a.control} {
		var err error
		if *addr, err = freeAddress(ctx); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// freeAddress is one that nobody listens on just now.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (a *air) url() string { return "http://" + a.listen }

// start returns when the sandbox serves.
func (a *air) start(ctx context.Context) (err error) {
	ready := newMark(sandboxReady)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	a.p, err = start("the sandbox", ready.line, self, "sandbox", "-state", a.state, "-listen", a.listen, "-control", a.control)
	if err != nil {
		return err
	}
	return a.p.await(ctx, ready.seen)
}

func (a *air) stop() { a.p.stop() }

// count answers what the sandbox has seen since the last count.
func (a *air) count(ctx context.Context) (c sandboxCount, err error) {
	err = a.ask(ctx, "count", struct{}{}, &c)
	return c, err
}

// write lets phones write, and answers when they have.
func (a *air) write(ctx context.Context, o *order) (w written, err error) {
	err = a.ask(ctx, "write", o, &w)
	return w, err
}

func (a *air) ask(ctx context.Context, what string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.control+"/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute + longestTime}
	res, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("ask the sandbox: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10)) // the status says enough
		return fmt.Errorf("ask the sandbox: %s: %s", res.Status, bytes.TrimSpace(why))
	}
	return json.NewDecoder(res.Body).Decode(answer)
}
