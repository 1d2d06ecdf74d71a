package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/sandbox"
)

func newCompanion(t testing.TB, digits string, number int) sandbox.Companion {
	t.Helper()
	c, err := sandbox.NewCompanion(digits, number)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// deviceOf is a companion as a client's store would give it back.
func deviceOf(t testing.TB, c sandbox.Companion) *store.Device {
	t.Helper()
	jid, err1 := types.ParseJID(c.JID)
	lid, err2 := types.ParseJID(c.LID)
	account := &waAdv.ADVSignedDeviceIdentity{}
	if err := errors.Join(err1, err2, proto.Unmarshal(c.Account, account)); err != nil {
		t.Fatal(err)
	}
	m := &memory{uploaded: 812}
	return &store.Device{
		Log: waLog.Noop, ID: &jid, LID: lid, Account: account, Platform: c.Platform,
		NoiseKey:    keys.NewKeyPairFromPrivateKey([32]byte(c.NoiseKey)),
		IdentityKey: keys.NewKeyPairFromPrivateKey([32]byte(c.IdentityKey)),
		SignedPreKey: &keys.PreKey{
			KeyPair: *keys.NewKeyPairFromPrivateKey([32]byte(c.SignedPreKey)),
			KeyID:   c.SignedPreKeyID, Signature: (*[64]byte)(c.SignedPreKeySignature),
		},
		RegistrationID: c.RegistrationID, AdvSecretKey: c.AdvSecret, Initialized: true,
		Identities: m, Sessions: m, PreKeys: m, SenderKeys: m, AppStateKeys: m, AppState: m, Contacts: m,
		ChatSettings: m, MsgSecrets: m, PrivacyTokens: m, EventBuffer: m, LIDs: m, Container: m,
	}
}

func TestEnrolledCompanionLogsIn(t *testing.T) {
	inBubble(t, sandbox.Config{StateFile: stateFile(t)}, func(t *testing.T, r *rig) {
		made := newCompanion(t, someone, 3)
		for range 2 { // again changes nothing
			if err := r.network.Enrol(t.Context(), []sandbox.Enrolment{made.Enrolment}); err != nil {
				t.Fatal(err)
			}
		}
		device := deviceOf(t, made)
		s := r.logIn(t, device)
		d := r.only()
		if d.JID != made.JID || d.LID != made.LID || d.Logins != 1 || d.PreKeys != 812 || d.Number != 3 {
			t.Errorf("device: %+v", d)
		}
		if device.LID.String() != made.LID {
			t.Errorf("the server says %s, the companion has %s", device.LID, made.LID)
		}
		if uploaded := device.PreKeys.(*memory).uploaded; uploaded != 812 {
			t.Errorf("uploaded up to %d", uploaded)
		}
		s.client.Disconnect()

		// The phone goes on from there.
		next := newDevice()
		r.pair(t, someone, next).client.Disconnect()
		if next.ID.Device != 4 || next.LID.User != device.LID.User {
			t.Errorf("the next companion is %s, %s", next.ID, next.LID)
		}
		if string(next.Account.GetAccountSignatureKey()) != string(made.AccountIdentity) {
			t.Error("the phone has another identity")
		}
	})
}

func TestMadeCompanionIsSigned(t *testing.T) {
	made := newCompanion(t, someone, 1)
	account := &waAdv.ADVSignedDeviceIdentity{}
	if err := proto.Unmarshal(made.Account, account); err != nil {
		t.Fatal(err)
	}
	identity := keys.NewKeyPairFromPrivateKey([32]byte(made.IdentityKey)).Pub
	signed := func(by []byte, signature []byte, parts ...[]byte) bool {
		return ecc.VerifySignature(ecc.NewDjbECPublicKey([32]byte(by)), slices.Concat(parts...), [64]byte(signature))
	}
	if string(account.GetAccountSignatureKey()) != string(made.AccountIdentity) ||
		!signed(account.GetAccountSignatureKey(), account.GetAccountSignature(), whatsmeow.AdvAccountSignaturePrefix, account.GetDetails(), identity[:]) {
		t.Error("the phone has not signed")
	}
	if !signed(identity[:], account.GetDeviceSignature(),
		whatsmeow.AdvDeviceSignaturePrefix, account.GetDetails(), identity[:], account.GetAccountSignatureKey()) {
		t.Error("the companion has not signed")
	}
	for _, digits := range []string{"", "1234567", "+4915112345678"} {
		if _, err := sandbox.NewCompanion(digits, 1); !errors.Is(err, sandbox.ErrBadPhone) {
			t.Errorf("%q: %v", digits, err)
		}
	}
	for _, number := range []int{0, -1, 256} {
		if _, err := sandbox.NewCompanion(someone, number); !errors.Is(err, sandbox.ErrBadEnrolment) {
			t.Errorf("number %d: %v", number, err)
		}
	}
}

func TestEnrolmentSurvives(t *testing.T) {
	t.Parallel()
	file := stateFile(t)
	made := newCompanion(t, someone, 1)
	t.Run("first life", func(t *testing.T) {
		if err := openNetwork(t, sandbox.Config{StateFile: file}).Enrol(t.Context(), []sandbox.Enrolment{made.Enrolment}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("second life", func(t *testing.T) {
		r := serveTCP(t, openNetwork(t, sandbox.Config{StateFile: file}))
		s := r.logIn(t, deviceOf(t, made))
		if d := r.only(); d.PreKeys != 812 {
			t.Errorf("device: %+v", d)
		}
		s.client.Disconnect()
	})
}

func TestEnrolmentRefusals(t *testing.T) {
	n := openNetwork(t, sandbox.Config{})
	good := newCompanion(t, someone, 1)
	if err := n.Enrol(t.Context(), []sandbox.Enrolment{good.Enrolment}); err != nil {
		t.Fatal(err)
	}
	fine := newCompanion(t, another, 1).Enrolment
	for name, test := range map[string]struct {
		spoil func(*sandbox.Enrolment)
		want  error
	}{
		"phone":              {func(e *sandbox.Enrolment) { e.Phone = "1" }, sandbox.ErrBadPhone},
		"hidden number":      {func(e *sandbox.Enrolment) { e.LID = "x" }, sandbox.ErrBadEnrolment},
		"number":             {func(e *sandbox.Enrolment) { e.Number = 256 }, sandbox.ErrBadEnrolment},
		"noise":              {func(e *sandbox.Enrolment) { e.Noise = e.Noise[1:] }, sandbox.ErrBadEnrolment},
		"identity":           {func(e *sandbox.Enrolment) { e.Identity = nil }, sandbox.ErrBadEnrolment},
		"another identity":   {func(e *sandbox.Enrolment) { e.Identity = fine.Identity }, sandbox.ErrBadEnrolment},
		"signed prekey":      {func(e *sandbox.Enrolment) { e.SignedPreKey = nil }, sandbox.ErrBadEnrolment},
		"signature":          {func(e *sandbox.Enrolment) { e.SignedPreKeySignature = nil }, sandbox.ErrBadEnrolment},
		"prekey id":          {func(e *sandbox.Enrolment) { e.SignedPreKeyID = 1 << 24 }, sandbox.ErrBadEnrolment},
		"prekeys":            {func(e *sandbox.Enrolment) { e.PreKeys = -1 }, sandbox.ErrBadEnrolment},
		"phone's identity":   {func(e *sandbox.Enrolment) { e.PhoneIdentity = []byte{1} }, sandbox.ErrBadEnrolment},
		"number that is had": {func(e *sandbox.Enrolment) {}, sandbox.ErrEnrolled},
		"other phone's LID":  {func(e *sandbox.Enrolment) { e.Phone = "5511900000009" }, sandbox.ErrEnrolled},
		"other LID":          {func(e *sandbox.Enrolment) { e.Number, e.LID = 2, "123456789012345" }, sandbox.ErrEnrolled},
		"other identity": {func(e *sandbox.Enrolment) {
			e.Number, e.PhoneIdentity = 2, slices.Repeat([]byte{7}, 32)
		}, sandbox.ErrEnrolled},
	} {
		bad := newCompanion(t, someone, 1).Enrolment
		test.spoil(&bad)
		if err := n.Enrol(t.Context(), []sandbox.Enrolment{fine, bad}); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	two, again := newCompanion(t, "5511900000007", 1).Enrolment, newCompanion(t, "5511900000007", 1).Enrolment
	if err := n.Enrol(t.Context(), []sandbox.Enrolment{two, again}); !errors.Is(err, sandbox.ErrEnrolled) {
		t.Errorf("one number twice: %v", err)
	}
	if stats := n.Stats(); stats.Devices != 1 || stats.Phones != 1 {
		t.Errorf("a refused call left something behind: %+v", stats)
	}
	second := newCompanion(t, someone, 2).Enrolment
	second.PhoneIdentity = nil
	if err := n.Enrol(t.Context(), []sandbox.Enrolment{second}); err != nil {
		t.Errorf("a second companion, of a phone that is known: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Enrol(ctx, []sandbox.Enrolment{fine}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestClientEnrolsManyAtOnce(t *testing.T) {
	const many = 1200 // more than one call takes
	r := newRig(t)
	enrolments := make([]sandbox.Enrolment, many)
	for i := range enrolments {
		enrolments[i] = newCompanion(t, fmt.Sprint(5511900000001+i/100), i%100+1).Enrolment
	}
	control := r.client(t)
	if err := control.Enrol(t.Context(), enrolments); err != nil {
		t.Fatal(err)
	}
	if stats := r.network.Stats(); stats.Devices != many || stats.Phones != many/100 {
		t.Errorf("%d devices of %d phones", stats.Devices, stats.Phones)
	}
	enrolments[0].Noise = enrolments[1].Noise
	if err := control.Enrol(t.Context(), enrolments[:1]); !errors.Is(err, sandbox.ErrEnrolled) {
		t.Errorf("contradiction: %v", err)
	}
}

func TestEnrolledPhoneIsHeldToItsFaults(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		made := newCompanion(t, someone, 1)
		if err := r.network.Enrol(t.Context(), []sandbox.Enrolment{made.Enrolment}); err != nil {
			t.Fatal(err)
		}
		s := r.logIn(t, deviceOf(t, made))
		r.fault(t, sandbox.FaultLoggedOut)
		await[*events.LoggedOut](s)
		r.none()
	})
}
