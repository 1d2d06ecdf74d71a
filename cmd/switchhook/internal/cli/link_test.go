package cli_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api/qrcode/qrcodetest"
	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

func TestLinkShowsCodesUntilOneIsScanned(t *testing.T) {
	r := newRig(t)
	var out, errs screen
	wait := r.background(t.Context(), &out, &errs, "link", "shop")
	out.await(t, "switchhook sandbox scan shop", 1)
	first, err := r.Generate(t.Context(), "i1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := scanned(t, out.String()); got != first.Text {
		t.Errorf("the screen shows %q, want %q", got, first.Text)
	}
	r.Renew("i1")
	out.await(t, "switchhook sandbox scan shop", 2)
	second, err := r.Generate(t.Context(), "i1", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, later, _ := strings.Cut(out.String(), "switchhook sandbox scan shop\n")
	if got := scanned(t, later); got != second.Text || got == first.Text {
		t.Errorf("renewed, the screen shows %q, want %q", got, second.Text)
	}
	if _, err := r.Scan(t.Context(), "i1", ""); err != nil {
		t.Fatal(err)
	}
	if code := wait(); code != 0 || !strings.HasSuffix(out.String(), "Scanned. Logging in …\nshop is linked to …1234\n") {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
}

// scanned reads the code on a screen without colours.
func scanned(t *testing.T, text string) string {
	t.Helper()
	var light [][]bool
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if strings.Trim(l, "█▀▄ ") != "" {
			break
		}
		var upper, lower []bool
		for _, c := range l {
			upper = append(upper, c == '█' || c == '▀')
			lower = append(lower, c == '█' || c == '▄')
		}
		light = append(light, upper, lower)
	}
	if len(light) == 0 {
		t.Fatalf("no code in %s", text)
	}
	img := image.NewGray(image.Rect(0, 0, len(light[0])*4, len(light)*4))
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if light[y/4][x/4] {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	return qrcodetest.Scan(t, img)
}

func TestLinkOnATerminalRenewsInPlace(t *testing.T) {
	r := newRig(t)
	r.columns = 20
	var out, errs screen
	wait := r.background(t.Context(), &out, &errs, "link", "shop")
	out.await(t, "make it wider", 1)
	lines := strings.Count(out.String(), "\n")
	r.Renew("i1")
	out.await(t, "make it wider", 2)
	if want := fmt.Sprintf("\x1b[%dA\x1b[J", lines); !strings.Contains(out.String(), want) {
		t.Errorf("no %q in %q", want, out.String())
	}
	if _, err := r.Scan(t.Context(), "i1", ""); err != nil {
		t.Fatal(err)
	}
	if code := wait(); code != 0 {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

func TestLinkOfALinkedInstanceIsDoneAtOnce(t *testing.T) {
	r := newRig(t)
	r.pair(t)
	r.play(t, []line{{"link shop", 0, "shop is linked to …1234", ""}})
}

func TestLinkWithJSONKeepsTheCodeOffStandardOutput(t *testing.T) {
	r := newRig(t)
	var out, errs screen
	wait := r.background(t.Context(), &out, &errs, "link", "shop", "--json")
	errs.await(t, "switchhook sandbox scan shop", 1)
	if _, err := r.Scan(t.Context(), "i1", ""); err != nil {
		t.Fatal(err)
	}
	if code := wait(); code != 0 || !strings.HasPrefix(out.String(), "{\n") || !strings.Contains(out.String(), `"phone": "15550001234"`) {
		t.Errorf("exit %d: %s", code, out.String())
	}
}

func TestLinkOnTheRealNetworkNamesNoSandbox(t *testing.T) {
	r := newRig(t)
	r.Network = "whatsapp"
	var out, errs screen
	ctx, cancel := context.WithCancel(t.Context())
	wait := r.background(ctx, &out, &errs, "link", "shop")
	out.await(t, "Linked devices", 1)
	cancel()
	if code := wait(); code != 1 || strings.Contains(out.String(), "sandbox") || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
}

// What makes a scan impossible ends the command, with what to do.
func TestLinkEndsWhenItCannotSucceed(t *testing.T) {
	for name, c := range map[string]struct {
		prepare, meanwhile func(r *rig)
		says               string
	}{
		"saved session": {
			prepare: func(r *rig) {
				r.pair(t)
				r.Fire("shop", fsm.CauseOperator, fsm.Closed)
			},
			says: "switchhook instance restore shop",
		},
		"closed by somebody": {
			meanwhile: func(r *rig) { r.Fire("shop", fsm.CauseOperator, fsm.Closed) },
			says:      "operator",
		},
		"pairing failed": {
			meanwhile: func(r *rig) { r.Fire("shop", fsm.CausePairingFailed, fsm.PairingFailed) },
			says:      "Generate a new code",
		},
		"scanned, then refused": {
			meanwhile: func(r *rig) { r.Fire("shop", fsm.CauseClientOutdated, fsm.Scanned, fsm.LoginFailed) },
			says:      "Update Switchhook",
		},
		"scanned, then logged out": {
			meanwhile: func(r *rig) { r.Fire("shop", fsm.CauseLoggedOut, fsm.Scanned, fsm.LoggedOut) },
			says:      "ended on the phone",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			if c.prepare != nil {
				c.prepare(r)
			}
			var out, errs screen
			wait := r.background(t.Context(), &out, &errs, "link", "shop")
			if c.meanwhile != nil {
				out.await(t, "sandbox scan", 1)
				c.meanwhile(r)
			}
			if code := wait(); code != 1 || !strings.Contains(errs.String(), c.says) {
				t.Errorf("exit %d: %s", code, errs.String())
			}
		})
	}
}

// A connection that comes back by itself is waited for.
func TestLinkOutlivesARetry(t *testing.T) {
	r := newRig(t)
	var out, errs screen
	wait := r.background(t.Context(), &out, &errs, "link", "shop")
	out.await(t, "sandbox scan", 1)
	r.Amend("shop", func(in *record.Instance) { in.RetryAt = r.Now() })
	r.Pair("shop", "15551112222")
	r.Fire("shop", fsm.CauseNetwork, fsm.Scanned, fsm.ConnectionLost)
	out.await(t, "Logging in", 1)
	r.Fire("shop", fsm.CauseRetry, fsm.RetryDue, fsm.HandshakeDone, fsm.LoginSent, fsm.LoginAccepted)
	if code := wait(); code != 0 || !strings.Contains(out.String(), "shop is linked to …2222") {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
}
