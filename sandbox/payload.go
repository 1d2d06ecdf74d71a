package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"google.golang.org/protobuf/proto"
)

// ClientInfo is what a companion says about itself when it connects. It is kept
// for whoever wants to know which version or system a client announced; the
// sandbox believes all of it, and acts on none but the version (SetMinimumVersion).
type ClientInfo struct {
	AppVersion     string `json:"app_version"` // three numbers with dots
	Platform       string `json:"platform"`    // WEB, MACOS, …
	ReleaseChannel string `json:"release_channel"`
	Device         string `json:"device"`
	Manufacturer   string `json:"manufacturer,omitempty"`
	OSVersion      string `json:"os_version"`
	OSBuild        string `json:"os_build"`
	Language       string `json:"language"`
	Country        string `json:"country"`
	MCC            string `json:"mcc"`
	MNC            string `json:"mnc"`
	WebSubPlatform string `json:"web_sub_platform"`
	ConnectReason  string `json:"connect_reason"`
	PushName       string `json:"push_name,omitempty"`
	Passive        bool   `json:"passive"`
	Pull           bool   `json:"pull"`
	LIDMigrated    bool   `json:"lid_migrated"`
}

// announcedVersion is the version a client says it has, in numbers.
func announcedVersion(p *waWa6.ClientPayload) [3]uint32 {
	version := p.GetUserAgent().GetAppVersion()
	return [3]uint32{version.GetPrimary(), version.GetSecondary(), version.GetTertiary()}
}

func clientInfo(p *waWa6.ClientPayload) ClientInfo {
	agent := p.GetUserAgent()
	return ClientInfo{
		AppVersion:     versionText(announcedVersion(p)),
		Platform:       agent.GetPlatform().String(),
		ReleaseChannel: agent.GetReleaseChannel().String(),
		Device:         agent.GetDevice(),
		Manufacturer:   agent.GetManufacturer(),
		OSVersion:      agent.GetOsVersion(),
		OSBuild:        agent.GetOsBuildNumber(),
		Language:       agent.GetLocaleLanguageIso6391(),
		Country:        agent.GetLocaleCountryIso31661Alpha2(),
		MCC:            agent.GetMcc(),
		MNC:            agent.GetMnc(),
		WebSubPlatform: p.GetWebInfo().GetWebSubPlatform().String(),
		ConnectReason:  p.GetConnectReason().String(),
		PushName:       p.GetPushName(),
		Passive:        p.GetPassive(),
		Pull:           p.GetPull(),
		LIDMigrated:    p.GetLidDbMigrated(),
	}
}

// registration is what an unpaired companion brings: the keys that become its
// identity once a phone has scanned its code.
type registration struct {
	RegistrationID uint32    `json:"registration_id"`
	Noise          key       `json:"noise"`
	Identity       key       `json:"identity"`
	Signed         signedKey `json:"signed_prekey"`
	System         string    `json:"system"`   // what it wants to be called, like "Firefox"
	Platform       string    `json:"platform"` // the kind of companion, which picks its icon
}

// signedKey is a companion's signed prekey.
type signedKey struct {
	ID        uint32 `json:"id"`
	Public    key    `json:"public"`
	Signature []byte `json:"signature"`
}

// valid says whether the identity has signed the key. What is signed is the key
// as Signal writes it, with its type before it.
func (s signedKey) valid(identity key) bool {
	return identity.signed(s.Signature, []byte{ecc.DjbType}, s.Public[:])
}

// readRegistration reads the registration in a payload whose sender holds the
// noise key.
func readRegistration(noise key, p *waWa6.ClientPayload) (registration, error) {
	data := p.GetDevicePairingData()
	if len(data.GetERegid()) != 4 {
		return registration{}, errors.New("registration id is not 4 bytes")
	}
	if string(data.GetEKeytype()) != string([]byte{ecc.DjbType}) {
		return registration{}, errors.New("unknown key type")
	}
	identity, err := keyFrom(data.GetEIdent())
	if err != nil {
		return registration{}, fmt.Errorf("identity: %w", err)
	}
	signed, err := readSignedKey(identity, data.GetESkeyID(), data.GetESkeyVal(), data.GetESkeySig())
	if err != nil {
		return registration{}, err
	}
	var props waCompanionReg.DeviceProps
	if err := proto.Unmarshal(data.GetDeviceProps(), &props); err != nil {
		return registration{}, fmt.Errorf("device properties: %w", err)
	}
	return registration{
		RegistrationID: binary.BigEndian.Uint32(data.GetERegid()),
		Noise:          noise,
		Identity:       identity,
		Signed:         signed,
		System:         props.GetOs(),
		Platform:       props.GetPlatformType().String(),
	}, nil
}

// readSignedKey reads the three parts of a signed prekey and checks the
// signature.
func readSignedKey(identity key, id, public, signature []byte) (signedKey, error) {
	number, err := keyID(id)
	if err != nil {
		return signedKey{}, fmt.Errorf("signed prekey: %w", err)
	}
	value, err := keyFrom(public)
	if err != nil {
		return signedKey{}, fmt.Errorf("signed prekey: %w", err)
	}
	signed := signedKey{ID: number, Public: value, Signature: signature}
	if !signed.valid(identity) {
		return signedKey{}, errors.New("signed prekey: wrong signature")
	}
	return signed, nil
}

// keyID reads a prekey's id, which travels as three bytes.
func keyID(raw []byte) (uint32, error) {
	if len(raw) != 3 {
		return 0, fmt.Errorf("key id of %d bytes, not 3", len(raw))
	}
	return uint32(raw[0])<<16 | uint32(raw[1])<<8 | uint32(raw[2]), nil
}

// readLogin reads which companion a payload claims to come from.
func readLogin(p *waWa6.ClientPayload) (deviceID, error) {
	digits := strconv.FormatUint(p.GetUsername(), 10)
	if !validPhone(digits) {
		return deviceID{}, errors.New("login without a phone number")
	}
	number := p.GetDevice()
	if number < 1 || number > maxDeviceNumber {
		return deviceID{}, fmt.Errorf("login with device number %d", number)
	}
	return deviceID{Phone: digits, Number: uint8(number)}, nil
}
