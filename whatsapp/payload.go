package whatsapp

import (
	"crypto/md5" //nolint:gosec // WhatsApp's build hash is an MD5; nothing is protected by it
	"strings"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/store"
	"google.golang.org/protobuf/proto"
)

// deviceName is what the phone lists under "Linked devices" when the owner set
// no user agent.
const deviceName = "Switchhook"

// payload makes what a connection says of itself: the library's payload, with
// our client version, and for a pairing the name the phone will list. Setting
// the library's version variable would change the build hash only and every
// connection of the process.
func (c *conn) payload(device *store.Device) func() *waWa6.ClientPayload {
	return func() *waWa6.ClientPayload {
		version := c.driver.versions.current()
		c.announced.Store(&version)
		p := device.GetClientPayload()
		p.UserAgent.AppVersion = version.ProtoAppVersion()
		reg := p.GetDevicePairingData()
		if reg == nil {
			return p
		}
		hash := md5.Sum([]byte(version.String())) //nolint:gosec // see above
		reg.BuildHash = hash[:]
		props := &waCompanionReg.DeviceProps{}
		proto.Merge(props, store.DeviceProps)
		props.Os, props.PlatformType = proto.String(displayName(c.spec.UserAgent)), platformType(c.spec.UserAgent).Enum()
		if raw, err := proto.Marshal(props); err == nil {
			reg.DeviceProps = raw
		}
		return p
	}
}

// displayName makes a name of a user agent: the system a browser's names, or
// the text itself, at most 32 characters.
func displayName(userAgent string) string {
	switch ua := strings.TrimSpace(userAgent); {
	case ua == "":
		return deviceName
	case strings.Contains(ua, "iPhone"), strings.Contains(ua, "iPad"):
		return "iOS" // before Mac OS, which theirs name too
	case strings.Contains(ua, "CrOS"):
		return "Chrome OS"
	case strings.Contains(ua, "Windows"):
		return "Windows"
	case strings.Contains(ua, "Macintosh"), strings.Contains(ua, "Mac OS"):
		return "Mac OS"
	case strings.Contains(ua, "Android"):
		return "Android"
	case strings.Contains(ua, "Linux"):
		return "Linux"
	case !utf8.ValidString(ua):
		return deviceName
	default:
		if r := []rune(ua); len(r) > 32 {
			return string(r[:32])
		}
		return ua
	}
}

// platformType is the browser a user agent names; the phone shows its icon.
func platformType(userAgent string) waCompanionReg.DeviceProps_PlatformType {
	switch {
	case strings.Contains(userAgent, "Edg"):
		return waCompanionReg.DeviceProps_EDGE
	case strings.Contains(userAgent, "OPR/"):
		return waCompanionReg.DeviceProps_OPERA
	case strings.Contains(userAgent, "Firefox/"):
		return waCompanionReg.DeviceProps_FIREFOX
	case strings.Contains(userAgent, "Chrome/"):
		return waCompanionReg.DeviceProps_CHROME
	case strings.Contains(userAgent, "Safari/"):
		return waCompanionReg.DeviceProps_SAFARI
	default:
		return waCompanionReg.DeviceProps_UNKNOWN
	}
}
