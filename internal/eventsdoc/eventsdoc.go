// Package eventsdoc writes docs/events.md: every kind of event with what each
// format makes of it, as package webhook sends it.
package eventsdoc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/switchhook/switchhook/api/tencent/callback"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/record/recordtest"
)

//go:generate go run ./gen -out ../../docs/events.md

const intro = `# Events

<!-- Written by go generate ./internal/eventsdoc from record/recordtest. Do not edit. -->

Every kind of event, and the body of its PostBack in each format. How PostBacks
arrive, are signed and are repeated: [postbacks.md](postbacks.md). What the fields of
messages say: [messages.md](messages.md); states and causes: [states.md](states.md).
Names and numbers are made up, and the picture of a QR code is cut short.

The daemon serves JSON Schemas of the formats below ` + "`/api/v1/schemas/`" + `:
` + "`standard.json`, `cloudevents.json`, `witi.json`, `greenapi.json`, `tencent.json`" + `. They
say which fields are always there. What ` + "`greenapi`" + ` tells depends on the instance's settings; here
every switch is on, and an event can be several notifications:
[greenapi-notifications.md](greenapi-notifications.md). Ignore fields that you do not know: later versions may add some.

An endpoint of an instance gets the events of that instance; an endpoint of a tenant
those of its instances, of its accounts and of its own stream; an endpoint of the daemon
all of them, and those of the stream ` + "`daemon`" + ` too. A tenant's own stream bears the
tenant's id, which ` + "`switchhook tenant show`" + ` tells, and has what happens to its message QR
codes; an account's bears the account's id and has what happens to its profile.
Events about the health of an endpoint are never sent to that endpoint. "-" means that
the format has no form for such an event: nothing is sent, and ` + "`switchhook-prev`" + ` of the
next PostBack passes over it.

`

// Render answers the whole document.
func Render(ctx context.Context) ([]byte, error) {
	w, err := newWire()
	if err != nil {
		return nil, err
	}
	defer w.close()
	var table, body strings.Builder
	table.WriteString("| event | stream |")
	for _, f := range Formats {
		table.WriteString(" " + f + " |")
	}
	table.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(Formats)) + "\n")
	var before record.Kind
	for _, s := range recordtest.Samples() {
		ev := s.Event
		if ev.Kind != before {
			before = ev.Kind
			fmt.Fprintf(&table, "| [%s](#%s) | %s |", ev.Kind, anchor(ev.Kind), stream(&ev))
			for _, f := range Formats {
				table.WriteString(" " + w.word(f, &ev) + " |")
			}
			table.WriteByte('\n')
			fmt.Fprintf(&body, "\n## %s\n", ev.Kind)
		}
		fmt.Fprintf(&body, "\n%s\n", s.About)
		for _, f := range Formats {
			if err := w.show(ctx, &body, f, &ev); err != nil {
				return nil, err
			}
		}
	}
	return []byte(intro + table.String() + body.String()), nil
}

// anchor is the link to a heading, as GitHub makes it.
func anchor(kind record.Kind) string { return strings.ReplaceAll(string(kind), ".", "") }

func stream(ev *record.Event) string {
	switch {
	case ev.Kind == record.EndpointTest:
		return "none"
	case ev.Stream == record.DaemonStream:
		return "`daemon`"
	case ev.Kind.OfTenant():
		return "the tenant's"
	case ev.Kind.OfAccount():
		return "the account's"
	default:
		return "the instance's"
	}
}

// word says how a format calls an event.
func (w *wire) word(format string, ev *record.Event) string {
	if !w.carries(format, ev) {
		return "-"
	}
	switch {
	case format == CloudEvents:
		return "`io.github.switchhook." + string(ev.Kind) + "`"
	case format == WITI && ev.Kind == record.ConnectionChanged:
		return "`status`"
	case format == WITI:
		return "`qrcode`"
	case format == GreenAPI:
		return greenWord(ev.Kind)
	case format == Tencent:
		return "`" + callback.Command + "`"
	default:
		return "`" + string(ev.Kind) + "`"
	}
}

// greenWord is what GREEN-API calls the notifications of a kind of event.
func greenWord(kind record.Kind) string {
	switch kind {
	case record.ConnectionChanged:
		return "`stateInstanceChanged`, `statusInstanceChanged`, `deviceInfo`"
	case record.MessageReceipt:
		return "`outgoingMessageStatus`"
	case record.MessageCall:
		return "`incomingCall`"
	case record.MessageSent:
		return "`outgoingAPIMessageReceived`, `outgoingMessageStatus`"
	default:
		return "`incomingMessageReceived`, `outgoingMessageReceived`"
	}
}

// show appends what a format makes of an event.
func (w *wire) show(ctx context.Context, b *strings.Builder, format string, ev *record.Event) error {
	if !w.carries(format, ev) {
		return nil
	}
	req, err := w.send(ctx, record.Endpoint{Format: format}, ev)
	if err != nil {
		return err
	}
	for i, one := range append([]Request{req}, req.More...) {
		var out bytes.Buffer
		if err := json.Indent(&out, one.Body, "", "  "); err != nil {
			return fmt.Errorf("%s as %s: %w", ev.ID(), format, err)
		}
		then := ""
		if i > 0 {
			then = ", then"
		}
		fmt.Fprintf(b, "\n%s%s (`%s`):\n\n```json\n%s\n```\n", format, then, one.Header.Get("Content-Type"), short(out.Bytes()))
	}
	return nil
}

var picture = regexp.MustCompile(`("data:image/[^"]{40})[^"]+"`)

// short cuts pictures.
func short(body []byte) []byte { return picture.ReplaceAll(body, []byte(`$1…"`)) }
