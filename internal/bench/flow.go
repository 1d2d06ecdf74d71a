package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook/sandbox"
)

// flow is what is measured of one process that is written to.
type flow struct {
	name    string
	written written

	mail         []sandbox.MailStatus
	acknowledged int
	resent       int           // texts that went out more than once
	rate         float64       // acknowledgements a second, from the first text to the last of them
	least        int           // of them in any whole second but the last
	taken        []percentile  // from the server taking a text to its acknowledgement
	wire         []percentile  // from its going out
	cpu          time.Duration // of the process
	sandboxCPU   time.Duration
	span         time.Duration // in which that was spent
	commits      uint64        // transactions of the store; 0: it has none
	logged       int           // texts in the log
}

// percentile is how long so many of a hundred took at most.
type percentile struct {
	of   int
	took time.Duration
}

// spent is what the processes have used and done at one moment.
type spent struct {
	at             time.Time
	under, sandbox usage
	commits        uint64
}

func (t *torrent) take(p *process, r *logReader) (s spent, err error) {
	s.at = time.Now()
	if s.under, err = p.usage(); err != nil {
		return s, err
	}
	if s.sandbox, err = t.air.p.usage(); err != nil {
		return s, err
	}
	if r != nil {
		s.commits, err = transactions(r.file)
	}
	return s, err
}

// lastMail is the serial of the latest text.
func (t *torrent) lastMail(ctx context.Context) (uint64, error) {
	mail, err := t.phones.Mail(ctx, sandbox.MailQuery{Class: sandbox.MailMessage})
	if err != nil || len(mail) == 0 {
		return 0, err
	}
	return mail[len(mail)-1].Serial, nil
}

// drain waits until nothing is unacknowledged, and answers the mail of the run.
func (t *torrent) drain(ctx context.Context, p *process, last uint64) ([]sandbox.MailStatus, error) {
	for {
		waiting, err := t.phones.Mail(ctx, sandbox.MailQuery{Class: sandbox.MailMessage, Waiting: true, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(waiting) == 0 {
			return t.phones.Mail(ctx, sandbox.MailQuery{Class: sandbox.MailMessage, After: last})
		}
		select {
		case <-p.exited:
			return nil, p.gone()
		default:
		}
		if err := rest(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// judge works out what the mail says.
func (f *flow) judge(mail []sandbox.MailStatus, before, after spent) {
	f.mail = mail
	f.cpu, f.sandboxCPU = after.under.cpu-before.under.cpu, after.sandbox.cpu-before.sandbox.cpu
	f.span, f.commits = after.at.Sub(before.at), after.commits-before.commits
	if len(mail) == 0 {
		return
	}
	began := slices.MinFunc(mail, func(a, b sandbox.MailStatus) int { return a.SentAt.Compare(b.SentAt) }).SentAt
	var ended time.Time
	var taken, wire []time.Duration
	seconds := make(map[int]int)
	for i := range mail {
		m := &mail[i]
		if !m.Acknowledged {
			continue
		}
		f.acknowledged++
		if m.Sends > 1 || m.Retries > 0 {
			f.resent++
		}
		seconds[int(m.AcknowledgedAt.Sub(began)/time.Second)]++
		taken, wire = append(taken, m.AcknowledgedAt.Sub(m.SentAt)), append(wire, m.AcknowledgedAt.Sub(m.LastSendAt))
		if m.AcknowledgedAt.After(ended) {
			ended = m.AcknowledgedAt
		}
	}
	span := ended.Sub(began)
	f.rate = float64(f.acknowledged) / span.Seconds()
	f.least = f.acknowledged
	for s := range int(span / time.Second) {
		f.least = min(f.least, seconds[s])
	}
	f.taken, f.wire = percentiles(taken), percentiles(wire)
}

// percentiles are the median, the 99th and the most.
func percentiles(took []time.Duration) (all []percentile) {
	if len(took) == 0 {
		return nil
	}
	slices.Sort(took)
	for _, of := range []int{50, 99, 100} {
		all = append(all, percentile{of, took[(len(took)-1)*of/100]})
	}
	return all
}

// whole is the error of a run that lost something.
func (f *flow) whole() error {
	if f.written.Sent != len(f.mail) || f.acknowledged != len(f.mail) {
		return fmt.Errorf("%s: %d texts were written, the sandbox knows of %d and was told that %d have arrived",
			f.name, f.written.Sent, len(f.mail), f.acknowledged)
	}
	if f.written.Sent == 0 {
		return errors.New("nothing was written")
	}
	return nil
}
