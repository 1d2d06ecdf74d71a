package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/client"
	"github.com/switchhook/switchhook/record"
)

// customer is the virtual phone that the instance talks with.
const customer = "5511977770001"

// The words of the tour's conversation.
const (
	question = "Good morning! Are you open today?"
	answer   = "Good morning! Until eight this evening."
)

// talk lets a phone write to the instance, answers it, and waits until the phone has
// read the answer. What the log must say of it is promised to the ledger.
func (t *tour) talk(ctx context.Context) error {
	e, err := t.admin.Find(ctx, t.name)
	if err != nil {
		return err
	}
	if err := t.admin.Behave(ctx, api.Behaviour{Phone: customer, Receipts: "read"}); err != nil {
		return err
	}
	letter, err := t.admin.Write(ctx, t.name, api.Letter{From: customer, Name: "Ana", Text: question})
	if err != nil {
		return err
	}
	if !letter.Taken {
		return fmt.Errorf("the text %s was not acknowledged", letter.ID)
	}
	asked := told(record.MessageText, "", letter.ID)
	t.ledger.promise(promise{asked, "the text that the phone wrote"})
	heard, err := t.await(ctx, e.Seq, asked)
	if err != nil {
		return err
	}
	t.sayf("  %s wrote %q", heard.Data.Message.Name, heard.Data.Message.Text)

	sent, err := t.admin.Send(ctx, t.name, api.Outgoing{To: customer, Text: answer})
	if err != nil {
		return err
	}
	t.sayf("  the answer is %q", sent.Text)
	t.ledger.promise(promise{told(record.MessageSent, "", sent.ID), "the answer"})
	for _, receipt := range []string{"delivered", "read"} {
		wanted := told(record.MessageReceipt, receipt, sent.ID)
		t.ledger.promise(promise{wanted, "the answer being " + receipt})
		if _, err := t.await(ctx, e.Seq, wanted); err != nil {
			return err
		}
	}
	inbox, err := t.admin.Inbox(ctx, customer)
	if err != nil {
		return err
	}
	if len(inbox) != 1 || inbox[0].Text != answer || heard.Data.Message.Text != question {
		return fmt.Errorf("the phone wrote %q and has %+v: not what was said", question, inbox)
	}
	return nil
}

// await follows the event log until it tells of a message.
func (t *tour) await(ctx context.Context, after uint64, message string) (client.Event, error) {
	for {
		events, err := t.admin.Events(ctx, t.name, client.Look{After: after, Wait: stepWait})
		if err != nil {
			return client.Event{}, err
		}
		for _, e := range events {
			after = e.Seq
			if about(e) == message {
				return e, nil
			}
		}
	}
}

// about is what an event says of a message, empty if it is about none.
func about(e client.Event) string {
	m := e.Data.Message
	if m == nil {
		return ""
	}
	if e.Type == record.MessageReceipt {
		return told(e.Type, m.Type, strings.Join(m.Targets, " "))
	}
	return told(e.Type, m.Type, m.ID)
}

// told names what an event says of a message, for the ledger's promises.
func told(kind record.Kind, what, id string) string {
	return string(kind) + " " + what + " " + id
}
