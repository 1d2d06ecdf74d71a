package whatsapp

import (
	"crypto/md5"
	"strings"
	"testing"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/instance"
)

// agents are user agents, what the phone lists for them, and the icon it shows.
var agents = []struct {
	agent, name string
	kind        waCompanionReg.DeviceProps_PlatformType
}{
	{"", "Switchhook", waCompanionReg.DeviceProps_UNKNOWN},
	{"  ", "Switchhook", waCompanionReg.DeviceProps_UNKNOWN},
	{"Front desk", "Front desk", waCompanionReg.DeviceProps_UNKNOWN},
	{"Empfang Süd, 2. Stock, neben der Treppe", "Empfang Süd, 2. Stock, neben der", waCompanionReg.DeviceProps_UNKNOWN},
	{"受付", "受付", waCompanionReg.DeviceProps_UNKNOWN},
	{"\xff\xfe", "Switchhook", waCompanionReg.DeviceProps_UNKNOWN},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36", "Windows", waCompanionReg.DeviceProps_CHROME},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 Edg/129.0.0.0", "Windows", waCompanionReg.DeviceProps_EDGE},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 OPR/114.0.0.0", "Windows", waCompanionReg.DeviceProps_OPERA},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15", "Mac OS", waCompanionReg.DeviceProps_SAFARI},
	{"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Linux", waCompanionReg.DeviceProps_FIREFOX},
	{"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36", "Android", waCompanionReg.DeviceProps_CHROME},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1", "iOS", waCompanionReg.DeviceProps_SAFARI},
	{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36", "Chrome OS", waCompanionReg.DeviceProps_CHROME},
}

func newDevice() *store.Device {
	identity := keys.NewKeyPair()
	return &store.Device{NoiseKey: keys.NewKeyPair(), IdentityKey: identity, SignedPreKey: identity.CreateSignedPreKey(1), RegistrationID: 7}
}

// announcing is the payload of a connection of an instance with a user agent.
func announcing(d *Driver, device *store.Device, agent string) *waWa6.ClientPayload {
	c := &conn{driver: d, spec: instance.Spec{UserAgent: agent}}
	return c.payload(device)()
}

func TestPairingPayload(t *testing.T) {
	base, props := proto.Clone(store.BaseClientPayload), proto.Clone(store.DeviceProps)
	for _, version := range []string{"", "2.3001.42"} {
		d, err := New(Config{Version: version})
		if err != nil {
			t.Fatal(err)
		}
		want := version
		if want == "" {
			want = store.GetWAVersion().String()
		}
		for _, a := range agents {
			p := announcing(d, newDevice(), a.agent)
			reg := p.GetDevicePairingData()
			var got waCompanionReg.DeviceProps
			if err := proto.Unmarshal(reg.GetDeviceProps(), &got); err != nil {
				t.Fatal(err)
			}
			if got.GetOs() != a.name || got.GetPlatformType() != a.kind {
				t.Errorf("%q: %q, %s, want %q, %s", a.agent, got.GetOs(), got.GetPlatformType(), a.name, a.kind)
			}
			if !proto.Equal(got.GetHistorySyncConfig(), store.DeviceProps.GetHistorySyncConfig()) {
				t.Errorf("%q: other history settings", a.agent)
			}
			v := p.GetUserAgent().GetAppVersion()
			announced := store.WAVersionContainer{v.GetPrimary(), v.GetSecondary(), v.GetTertiary()}
			hash := md5.Sum([]byte(want))
			if announced.String() != want || string(reg.GetBuildHash()) != string(hash[:]) {
				t.Errorf("version %s, build hash %x, want %s, %x", announced, reg.GetBuildHash(), want, hash)
			}
		}
	}
	if !proto.Equal(base, store.BaseClientPayload) || !proto.Equal(props, store.DeviceProps) {
		t.Error("the library's own payload was changed")
	}
}

func TestLoginPayload(t *testing.T) {
	d, err := New(Config{Version: "2.3001.42"})
	if err != nil {
		t.Fatal(err)
	}
	device := newDevice()
	jid := types.JID{User: "15550001111", Device: 3, Server: types.DefaultUserServer}
	device.ID = &jid
	p := announcing(d, device, "Front desk")
	if p.GetDevicePairingData() != nil || p.GetUsername() != 15550001111 || p.GetDevice() != 3 {
		t.Errorf("payload %+v", p)
	}
	if v := p.GetUserAgent().GetAppVersion(); v.GetPrimary() != 2 || v.GetSecondary() != 3001 || v.GetTertiary() != 42 {
		t.Errorf("version %+v", v)
	}
}

func FuzzDisplayName(f *testing.F) {
	for _, a := range agents {
		f.Add(a.agent)
	}
	f.Fuzz(func(t *testing.T, agent string) {
		name := displayName(agent)
		if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > 32 || strings.TrimSpace(name) == "" {
			t.Errorf("%q becomes %q", agent, name)
		}
		platformType(agent)
	})
}
