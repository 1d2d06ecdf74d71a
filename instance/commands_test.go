//nolint:forbidigo // its sleeps are in bubbles
package instance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// places are the conditions a command can meet, and the ways there.
var places = map[string]func(*rig){
	"0":           func(r *rig) { r.start(newRecord(fsm.NoConnection), nil) },
	"0+session":   func(r *rig) { r.start(newRecord(fsm.NoConnection), newSession()) },
	"1":           func(r *rig) { r.start(newRecord(fsm.NoConnection), nil); r.command("generate") },
	"1+session":   func(r *rig) { r.start(newRecord(fsm.NoConnection), newSession()); r.command("restore") },
	"2":           func(r *rig) { r.start(newRecord(fsm.NoConnection), nil); r.command("generate"); r.connected() },
	"3":           func(r *rig) { r.showing() },
	"4 scanned":   func(r *rig) { r.scanned() },
	"4 restoring": func(r *rig) { r.start(newRecord(fsm.NoConnection), newSession()); r.command("restore"); r.connected() },
	"10":          func(r *rig) { r.authenticated() },
	"11 waits":    func(r *rig) { r.tell(r.authenticated(), lost) },
	"11 queues": func(r *rig) {
		r.dials.gated = true
		r.start(newRecord(fsm.AuthenticatedClosed), newSession())
		r.halt()
		r.journal.rec.RetryAt = time.Now()
		r.restart(fsm.CauseRestart)
	},
	"11 replaced": func(r *rig) { r.tell(r.authenticated(), replaced) },
	"13":          func(r *rig) { r.tell(r.authenticated(), loggedOut) },
	"logging out": func(r *rig) { r.authenticated(); r.command("disconnect") },
	"exported":    func(r *rig) { r.authenticated(); r.raised("E") },
	"deleted":     func(r *rig) { r.start(newRecord(fsm.NoConnection), nil); r.command("delete") },
	"stopped":     func(r *rig) { r.authenticated(); r.halt() },
	"degraded":    func(r *rig) { c := r.authenticated(); r.journal.fail(errFull); r.tell(c, lost) },
}

// cases says what a command answers at once, what it does at once, and what it
// answers in the end if WhatsApp never says a word.
var cases = `
0            generate    waits        0>1 operator     not_ready
0            close       ok           -                -
0            restore     nothing      -                -
0            disconnect  ok           -                -
0            save        nothing      -                -
0            delete      ok           instance.deleted -
0            reboot      ok           -                -

0+session    generate    saved        -                -
0+session    close       ok           -                -
0+session    restore     waits        0>1 operator     not_ready
0+session    disconnect  waits        0>1 operator     ok
0+session    save        ok           -                -
0+session    delete      ok           0>0 logout_unconfirmed, instance.deleted -
0+session    reboot      ok           0>1 operator     -

1            generate    waits        -                not_ready
1            close       ok           1>0 operator     -
1            restore     nothing      -                -
1            disconnect  ok           1>0 operator     -
1            save        nothing      -                -
1            delete      ok           1>0 operator, instance.deleted -
1            reboot      ok           1>0 operator     -

1+session    generate    saved        -                -
1+session    close       ok           1>0 operator     -
1+session    restore     waits        -                not_ready
1+session    disconnect  waits        -                ok
1+session    save        ok           -                -
1+session    delete      ok           1>0 logout_unconfirmed, instance.deleted -
1+session    reboot      ok           1>11 restart, 11>1 operator -

2            generate    waits        -                not_ready
2            close       ok           2>0 operator     -
2            restore     nothing      -                -
2            disconnect  ok           2>0 operator     -
2            save        nothing      -                -
2            delete      ok           2>0 operator, instance.deleted -
2            reboot      ok           2>0 operator     -

3            generate    ok           -                -
3            close       ok           3>0 operator     -
3            restore     nothing      -                -
3            disconnect  ok           3>0 operator     -
3            save        nothing      -                -
3            delete      ok           3>0 operator, instance.deleted -
3            reboot      ok           3>0 operator     -

4 scanned    generate    established  -                -
4 scanned    close       ok           4>0 operator     -
4 scanned    restore     waits        -                not_ready
4 scanned    disconnect  waits        -                ok
4 scanned    save        ok           -                -
4 scanned    delete      ok           4>0 logout_unconfirmed, instance.deleted -
4 scanned    reboot      ok           4>11 restart, 11>1 operator -

4 restoring  generate    established  -                -
4 restoring  close       ok           4>0 operator     -
4 restoring  restore     waits        -                not_ready
4 restoring  disconnect  waits        -                ok
4 restoring  save        ok           -                -
4 restoring  delete      ok           4>0 logout_unconfirmed, instance.deleted -
4 restoring  reboot      ok           4>11 restart, 11>1 operator -

10           generate    established  -                -
10           close       ok           10>0 operator    -
10           restore     ok           -                -
10           disconnect  waits        -                ok
10           save        ok           -                -
10           delete      ok           10>0 logout_unconfirmed, instance.deleted -
10           reboot      ok           10>11 restart, 11>1 operator -

11 waits     generate    saved        -                -
11 waits     close       ok           11>0 operator    -
11 waits     restore     waits        11>1 operator    not_ready
11 waits     disconnect  waits        11>1 operator    ok
11 waits     save        ok           -                -
11 waits     delete      ok           11>0 logout_unconfirmed, instance.deleted -
11 waits     reboot      ok           11>1 operator    -

11 queues    generate    saved        -                -
11 queues    close       ok           11>0 operator    -
11 queues    restore     waits        11>1 operator    not_ready
11 queues    disconnect  waits        11>1 operator    ok
11 queues    save        ok           -                -
11 queues    delete      ok           11>0 logout_unconfirmed, instance.deleted -
11 queues    reboot      ok           11>1 operator    -

11 replaced  generate    saved        -                -
11 replaced  close       ok           11>0 operator    -
11 replaced  restore     waits        11>1 operator    not_ready
11 replaced  disconnect  waits        11>1 operator    ok
11 replaced  save        ok           -                -
11 replaced  delete      ok           11>0 logout_unconfirmed, instance.deleted -
11 replaced  reboot      ok           11>1 operator    -

13           generate    waits        13>1 operator    not_ready
13           close       ok           -                -
13           restore     nothing      -                -
13           disconnect  ok           13>0 operator    -
13           save        nothing      -                -
13           delete      ok           13>0 operator, instance.deleted -
13           reboot      ok           -                -

exported     generate    fenced       -                -
exported     close       ok           -                -
exported     restore     fenced       -                -
exported     disconnect  fenced       -                -
exported     save        ok           -                -
exported     delete      ok           0>0 operator, instance.deleted -
exported     reboot      fenced       -                -

logging out  generate    logging_out  -                -
logging out  close       waits        -                ok
logging out  restore     logging_out  -                -
logging out  disconnect  waits        -                ok
logging out  save        ok           -                -
logging out  delete      ok           10>0 logout_unconfirmed, instance.deleted -
logging out  reboot      logging_out  -                -
`

// uniform is what the same commands answer in every state that is not above,
// and what clear and configure answer everywhere else.
var uniform = map[string]string{"deleted": "deleted", "stopped": "stopping", "degraded": "unavailable"}

var answers = map[string]error{
	"ok": nil, "nothing": instance.ErrNothingToRestore, "saved": instance.ErrSavedSession,
	"established": instance.ErrEstablished, "not_ready": instance.ErrNotReady,
	"logging_out": instance.ErrLoggingOut, "deleted": instance.ErrDeleted,
	"stopping": instance.ErrStopping, "fenced": instance.ErrFenced, "unavailable": instance.ErrUnavailable,
}

func TestCommands(t *testing.T) {
	seen := make(map[string]bool)
	for line := range strings.Lines(cases) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		place, command, now := strings.TrimSpace(line[:13]), strings.TrimSpace(line[13:25]), strings.TrimSpace(line[25:38])
		does, finally := strings.TrimSpace(line[38:]), ""
		at := strings.LastIndex(does, " ")
		does, finally = strings.TrimSpace(does[:at]), does[at+1:]
		seen[place+" "+command] = true
		t.Run(place+" "+command, func(t *testing.T) {
			inBubble(t, func(_ *testing.T, r *rig) { r.try(place, command, now, strings.Trim(does, "-"), finally) })
		})
	}
	for place := range places {
		for _, command := range []string{"generate", "close", "restore", "disconnect", "save", "delete", "reboot", "clear", "configure"} {
			if seen[place+" "+command] {
				continue
			}
			want := uniform[place]
			if want == "" {
				want = "ok"
				if command != "clear" && command != "configure" {
					t.Errorf("no case for %s in %s", command, place)
				}
			}
			t.Run(place+" "+command, func(t *testing.T) {
				inBubble(t, func(_ *testing.T, r *rig) { r.try(place, command, want, "", "") })
			})
		}
	}
}

func (r *rig) try(place, command, now, does, finally string) {
	t := r.t
	places[place](r)
	r.trail()
	before := r.Status().Record
	c := r.command(command)
	if now != "waits" {
		c.wantErr(t, answers[now])
		if c.took != 0 {
			t.Errorf("answered after %v", c.took)
		}
	} else if !c.waits() {
		t.Fatalf("answered %v, %v", c.value, c.err)
	}
	r.wantTrail(does)
	r.agree()
	if after := r.Status().Record; now != "ok" && does == "" && after != before {
		t.Errorf("refused, and changed %+v to %+v", before, after)
	}
	if now == "waits" {
		<-c.done
		c.wantErr(t, answers[finally])
		if c.took > r.timing.Command {
			t.Errorf("answered after %v", c.took)
		}
		if finally == "ok" {
			r.want(fsm.NoConnection, fsm.CauseLogoutUnconfirmed)
		}
	}
	if info, ok := c.value.(record.Info); ok && info.State != r.Status().Info.State {
		t.Errorf("answered state %d in %d", info.State, r.Status().Info.State)
	}
	if place == "degraded" {
		r.journal.fail(nil)
		time.Sleep(r.timing.StoreRetry)
		r.want(fsm.AuthenticatedClosed, fsm.CauseNetwork)
	}
}
