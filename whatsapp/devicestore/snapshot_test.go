package devicestore_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

func fullDevice(t *testing.T) (*rig, *store.Device) {
	r := newRig(t)
	d := must(r.NewDevice())
	pair(d, ownPN, ownLID)
	d.FacebookUUID = uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	d.LIDMigrationTimestamp = 1234
	return r, d
}

func TestSessionRoundTrip(t *testing.T) {
	r, d := fullDevice(t)
	at := time.Unix(1_700_000_000, 0).UTC()
	s := must(devicestore.SessionFrom(d, "id", at))
	back := must(r.Load(s))
	again := must(devicestore.SessionFrom(back, s.ID, s.SavedAt))
	equal(t, "the same snapshot", reflect.DeepEqual(s, again), true)
	v := reflect.ValueOf(*s)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("Session.%s is not filled", v.Type().Field(i).Name)
		}
	}

	equal(t, "ID", *back.ID, *d.ID)
	equal(t, "LID", back.LID, d.LID)
	equal(t, "noise key", *back.NoiseKey.Pub, *d.NoiseKey.Pub)
	equal(t, "identity key", *back.IdentityKey.Pub, *d.IdentityKey.Pub)
	equal(t, "signed prekey", *back.SignedPreKey.Pub, *d.SignedPreKey.Pub)
	equal(t, "signature", *back.SignedPreKey.Signature, *d.SignedPreKey.Signature)
	equal(t, "account", proto.Equal(back.Account, d.Account), true)
	equal(t, "registration", back.RegistrationID, d.RegistrationID)
	equal(t, "UUID", back.FacebookUUID, d.FacebookUUID)
	equal(t, "initialized", back.Initialized, true)
	check(t, back.Save(t.Context()))
	equal(t, "a loaded device is unchanged", r.owner.count(), 0)
	back.PushName = "Anna"
	check(t, back.Save(t.Context()))
	equal(t, "saved under its id", r.owner.saved[0].ID, "id")
}

// The least a session has: no LID, names, secret or UUID.
func TestSmallestSession(t *testing.T) {
	r, d := fullDevice(t)
	d.LID, d.PushName, d.Platform, d.BusinessName = types.EmptyJID, "", "", ""
	d.AdvSecretKey, d.FacebookUUID, d.LIDMigrationTimestamp = nil, uuid.Nil, 0
	s := must(devicestore.SessionFrom(d, "id", time.Time{}))
	back := must(r.Load(s))
	equal(t, "LID", back.LID, types.EmptyJID)
	equal(t, "UUID", back.FacebookUUID, uuid.Nil)
	equal(t, "the same snapshot", reflect.DeepEqual(s, must(devicestore.SessionFrom(back, "id", time.Time{}))), true)
}

func TestSessionFromSharesNothing(t *testing.T) {
	_, d := fullDevice(t)
	s := must(devicestore.SessionFrom(d, "id", time.Time{}))
	for _, b := range [][]byte{s.NoiseKey, s.IdentityKey, s.SignedPreKey, s.SignedPreSig, s.AdvSecret, s.Account, s.FacebookUUID} {
		clear(b)
	}
	_, err := devicestore.SessionFrom(d, "id", time.Time{})
	check(t, err)
	equal(t, "keys", *d.NoiseKey.Priv != [32]byte{} && *d.IdentityKey.Priv != [32]byte{} && *d.SignedPreKey.Priv != [32]byte{}, true)
	equal(t, "secret", d.AdvSecretKey[0]|d.AdvSecretKey[1]|d.AdvSecretKey[2]|d.AdvSecretKey[3] != 0, true)
}

func TestLoadErrors(t *testing.T) {
	r, d := fullDevice(t)
	for _, test := range []struct {
		name  string
		spoil func(s *record.Session)
		want  error
	}{
		{"no JID", func(s *record.Session) { s.JID = "" }, devicestore.ErrNoJID},
		{"no user", func(s *record.Session) { s.JID = "s.whatsapp.net" }, devicestore.ErrNoJID},
		{"bad JID", func(s *record.Session) { s.JID = "1:x@s.whatsapp.net" }, devicestore.ErrNoJID},
		{"bad LID", func(s *record.Session) { s.LID = "1:x@lid" }, devicestore.ErrIncomplete},
		{"no id", func(s *record.Session) { s.ID = "" }, devicestore.ErrIncomplete},
		{"short key", func(s *record.Session) { s.NoiseKey = s.NoiseKey[1:] }, devicestore.ErrIncomplete},
		{"no key", func(s *record.Session) { s.IdentityKey = nil }, devicestore.ErrIncomplete},
		{"short signature", func(s *record.Session) { s.SignedPreSig = s.SignedPreSig[1:] }, devicestore.ErrIncomplete},
		{"no account", func(s *record.Session) { s.Account = nil }, devicestore.ErrIncomplete},
		{"bad account", func(s *record.Session) { s.Account = []byte{0xFF} }, devicestore.ErrIncomplete},
		{"bad UUID", func(s *record.Session) { s.FacebookUUID = []byte{1} }, devicestore.ErrIncomplete},
	} {
		s := must(devicestore.SessionFrom(d, "id", time.Time{}))
		test.spoil(s)
		if _, err := r.Load(s); !errors.Is(err, test.want) {
			t.Errorf("%s: error = %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := r.Load(nil); err == nil {
		t.Error("nil: no error")
	}
	if _, err := devicestore.SessionFrom(nil, "id", time.Time{}); err == nil {
		t.Error("nil device: no error")
	}
}
