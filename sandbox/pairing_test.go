package sandbox_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types/events"
	"go.mau.fi/whatsmeow/util/keys"

	"github.com/switchhook/switchhook/sandbox"
)

func TestPairAndLogIn(t *testing.T) {
	r := newRig(t)
	device := newDevice()
	s := r.start(t, device)
	codes := await[*events.QR](s).Codes
	if len(codes) != 6 {
		t.Fatalf("%d codes, want 6", len(codes))
	}

	// A phone reads any of the codes, and newer clients wrap them.
	scanned, err := r.network.Scan(t.Context(), "4915112345678", "https://wa.me/settings/linked_devices#"+codes[3]+",1")
	if err != nil {
		t.Fatal(err)
	}
	paired := s.paired()
	if paired.ID.String() != scanned.JID || paired.LID.String() != scanned.LID {
		t.Errorf("paired as %s, %s; scanned %s, %s", paired.ID, paired.LID, scanned.JID, scanned.LID)
	}
	if scanned.JID != "4915112345678:1@s.whatsapp.net" || scanned.Phone != "4915112345678" || scanned.Number != 1 {
		t.Errorf("scanned %+v", scanned)
	}

	r.logIn(t, device)
	d := r.only()
	if !d.Connected || d.Logins != 1 || d.PreKeys != 812 || d.System != "whatsmeow" {
		t.Errorf("device after login: %+v", d)
	}
	version := store.GetWAVersion().String()
	if d.Client.AppVersion != version || d.Client.Platform != "WEB" || !d.Client.Passive || d.Client.Country != "US" {
		t.Errorf("client at login: %+v", d.Client)
	}
	stats := r.network.Stats()
	if stats.Accepted != 2 || stats.Handshakes != 2 || stats.Pairings != 1 || stats.Logins != 1 || stats.Refused != 0 ||
		stats.Connected != 1 || stats.Logged[d.JID] != 1 {
		t.Errorf("stats: %+v", stats)
	}
}

func TestPairThroughQRChannel(t *testing.T) {
	r := newRig(t)
	device := newDevice()
	s, codes := r.startShowing(t, device)
	if _, err := r.network.Scan(t.Context(), "", (<-codes).Code); err != nil {
		t.Fatal(err)
	}
	if item := <-codes; item.Event != "success" {
		t.Errorf("QR channel ended with %+v", item)
	}
	await[*events.QR](s)
	s.paired()
}

func TestPhonesWithoutANumberCountUp(t *testing.T) {
	r := newRig(t)
	r.pair(t, "5511900000002", newDevice())
	for _, want := range []string{"5511900000001", "5511900000003"} {
		device := newDevice()
		r.pair(t, "", device)
		if device.ID.User != want {
			t.Errorf("phone %s, want %s", device.ID.User, want)
		}
	}
}

func TestDeviceNumbersAreNotReused(t *testing.T) {
	r := newRig(t)
	for want := uint16(1); want <= 3; want++ {
		device := newDevice()
		s := r.pair(t, "5511900000001", device)
		if device.ID.Device != want || device.LID.Device != want {
			t.Fatalf("device numbers %d and %d, want %d", device.ID.Device, device.LID.Device, want)
		}
		if err := s.client.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.none()
}

func TestScanRefusals(t *testing.T) {
	r := newRig(t)
	s := r.start(t, newDevice())
	code := await[*events.QR](s).Codes[0]
	fields := strings.Split(code, ",")
	other := base64.StdEncoding.EncodeToString(keys.NewKeyPair().Pub[:])
	with := func(i int, value string) string {
		changed := append([]string(nil), fields...)
		changed[i] = value
		return strings.Join(changed, ",")
	}
	// Two letters are exchanged for others, so nobody has ever shown it.
	forged := "2@AA" + fields[0][4:]

	for _, test := range []struct {
		name, digits, code string
		want               error
	}{
		{"no code", "", "", sandbox.ErrBadCode},
		{"some text", "", "hello, world", sandbox.ErrBadCode},
		{"short key", "", with(2, "AAAA"), sandbox.ErrBadCode},
		{"long text", "", code + strings.Repeat(",x", 2000), sandbox.ErrBadCode},
		{"foreign ref", "", with(0, "2@abcdef"), sandbox.ErrUnknownCode},
		{"forged ref", "", with(0, forged), sandbox.ErrUnknownCode},
		{"other noise key", "", with(1, other), sandbox.ErrKeyMismatch},
		{"other identity", "", with(2, other), sandbox.ErrKeyMismatch},
		{"short number", "1234567", code, sandbox.ErrBadPhone},
		{"long number", "1234567890123456", code, sandbox.ErrBadPhone},
		{"leading nought", "0123456789", code, sandbox.ErrBadPhone},
		{"not digits", "+4915112345678", code, sandbox.ErrBadPhone},
	} {
		if _, err := r.network.Scan(t.Context(), test.digits, test.code); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if stats := r.network.Stats(); stats.Phones != 0 {
		t.Errorf("refused scans made %d phones", stats.Phones)
	}

	if _, err := r.network.Scan(t.Context(), "", code); err != nil {
		t.Errorf("code is spoilt: %v", err)
	}
	s.paired()
	if _, err := r.network.Scan(t.Context(), "", code); !errors.Is(err, sandbox.ErrCodeExpired) {
		t.Errorf("second scan: %v", err)
	}
}

func TestScanExpiredCode(t *testing.T) {
	r := newRig(t)
	s := r.start(t, newDevice())
	code := await[*events.QR](s).Codes[0]
	target := sandbox.Target{Code: code}
	if err := r.network.Fault(t.Context(), target, sandbox.FaultDrop, sandbox.FaultOptions{}); err != nil {
		t.Fatal(err)
	}
	await[*events.Disconnected](s)
	if _, err := r.network.Scan(t.Context(), "", code); !errors.Is(err, sandbox.ErrCodeExpired) {
		t.Errorf("scan: %v", err)
	}
}

func TestCompanionRefusesTheWrongSecret(t *testing.T) {
	r := newRig(t)
	s := r.start(t, newDevice())
	fields := strings.Split(await[*events.QR](s).Codes[0], ",")
	fields[3] = base64.StdEncoding.EncodeToString(make([]byte, 32))
	_, err := r.network.Scan(t.Context(), "", strings.Join(fields, ","))
	if !errors.Is(err, sandbox.ErrPairingRefused) || !strings.Contains(err.Error(), "401 hmac-mismatch") {
		t.Errorf("scan: %v", err)
	}
	await[*events.PairError](s)
	r.none()
}

func TestScanOutlivesItsCaller(t *testing.T) {
	r := newRig(t)
	device := newDevice()
	s := r.start(t, device)
	code := await[*events.QR](s).Codes[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.network.Scan(ctx, "", code); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("scan: %v", err)
	}
	s.paired()
	r.logIn(t, device)
}

func TestTenAtOnce(t *testing.T) {
	const many = 10
	r := newRig(t)
	devices := make([]*store.Device, many)
	sessions := make([]*session, many)
	scanned := make(chan error, many)
	for i := range many {
		devices[i] = newDevice()
		sessions[i] = r.start(t, devices[i])
	}
	for i, s := range sessions {
		code := await[*events.QR](s).Codes[0]
		go func() {
			_, err := r.network.Scan(t.Context(), fmt.Sprint(5511900000001+i/2), code) // two to a phone
			scanned <- err
		}()
	}
	for range many {
		if err := <-scanned; err != nil {
			t.Error(err)
		}
	}
	for i, s := range sessions {
		s.paired()
		sessions[i] = r.start(t, devices[i])
	}
	addresses := make(map[string]bool)
	for i, s := range sessions {
		await[*events.Connected](s)
		addresses[devices[i].ID.String()] = true
	}
	stats := r.network.Stats()
	if stats.Pairings != many || stats.Phones != many/2 || stats.Connected != many || len(addresses) != many {
		t.Errorf("%d addresses, stats: %+v", len(addresses), stats)
	}
}
