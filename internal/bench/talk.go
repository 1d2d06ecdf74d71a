package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// answerMark begins each line that answers an order.
const answerMark = "answer "

// servant is a process of this program that takes orders, a line of JSON each on
// its standard input, and answers each with a line. One order at a time.
type servant struct {
	p       *process
	answers chan string
}

// hire starts a role of this program and returns when it has said hello, which is
// read into hello.
func hire(ctx context.Context, name string, hello any, args ...string) (*servant, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &servant{answers: make(chan string, 1)}
	s.p, err = start(name, func(line string) {
		if text, ok := strings.CutPrefix(line, answerMark); ok {
			s.answers <- text
			return
		}
		fmt.Fprintln(os.Stderr, name+": "+line)
	}, self, args...)
	if err != nil {
		return nil, err
	}
	if err := s.hear(ctx, "it to begin", hello); err != nil {
		s.p.stop()
		return nil, err
	}
	return s, nil
}

// ask gives an order and reads the answer.
func (s *servant) ask(ctx context.Context, order, answer any) error {
	line, err := json.Marshal(order)
	if err != nil {
		return err
	}
	if _, err := s.p.stdin.Write(append(line, '\n')); err != nil {
		return s.p.gone()
	}
	return s.hear(ctx, string(line), answer)
}

func (s *servant) hear(ctx context.Context, what string, into any) error {
	var text string
	select {
	case text = <-s.answers:
	case <-s.p.exited:
		return s.p.gone()
	case <-ctx.Done():
		return fmt.Errorf("wait for %s, %s: %w", s.p.name, what, context.Cause(ctx))
	}
	var a struct {
		Error string          `json:"error"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return fmt.Errorf("hear %s: %w", s.p.name, err)
	}
	if a.Error != "" {
		return fmt.Errorf("%s, %s: %s", s.p.name, what, a.Error)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(a.Value, into)
}

// dismiss ends the process.
func (s *servant) dismiss() {
	if s != nil {
		s.p.stop()
	}
}

// obey is the other side: it says hello, then does what it is told until its
// standard input or ctx ends.
func obey[T any](ctx context.Context, hello any, do func(context.Context, *T) (any, error)) error {
	if err := tell(hello, nil); err != nil {
		return err
	}
	orders := make(chan []byte)
	go func() {
		defer close(orders)
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			orders <- append([]byte(nil), lines.Bytes()...)
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-orders:
			if !ok {
				return nil
			}
			order := new(T)
			if err := json.Unmarshal(line, order); err != nil {
				return err
			}
			if err := tell(do(ctx, order)); err != nil {
				return err
			}
		}
	}
}

func tell(value any, failed error) error {
	var a struct {
		Error string `json:"error,omitempty"`
		Value any    `json:"value,omitempty"`
	}
	a.Value = value
	if failed != nil {
		a.Error = failed.Error()
	}
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(append([]byte(answerMark), line...), '\n'))
	return err
}
