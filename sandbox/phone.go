package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"

	"go.mau.fi/whatsmeow/types"
)

// firstPhone is the number of the first phone that was not asked for by number.
// The next ones count up from it.
const firstPhone = 5511900000001

// maxDeviceNumber is the last companion a phone can have: the address of a
// device carries its number in one byte. 0 is the phone itself.
const maxDeviceNumber = 255

// phone is a virtual telephone: the account, and the primary device of it.
type phone struct {
	Digits     string `json:"digits"`
	LID        string `json:"lid"`         // the account's hidden number
	Identity   key    `json:"identity"`    // private; device 0 of the account speaks with it
	RawID      uint32 `json:"raw_id"`      // names the account's list of devices
	NextDevice int    `json:"next_device"` // numbers are never given twice
}

func newPhone(digits, lid string) phone {
	var rawID [4]byte
	rand.Read(rawID[:])
	return phone{
		Digits:     digits,
		LID:        lid,
		Identity:   newKeyPair().private,
		RawID:      binary.BigEndian.Uint32(rawID[:]),
		NextDevice: 1,
	}
}

// validPhone says whether a number can be a phone's: 8 to 15 digits. It cannot
// start with a nought, because a login carries it as a number.
func validPhone(digits string) bool {
	if len(digits) < 8 || len(digits) > 15 || digits[0] == '0' {
		return false
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// lidOf makes a hidden number out of a phone's: fifteen digits that do not give
// the number away. Attempts counts the numbers found taken.
func lidOf(digits string, attempt int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "lid %s %d", digits, attempt))
	const span = 900_000_000_000_000
	return strconv.FormatUint(binary.BigEndian.Uint64(sum[:8])%span+span/9, 10)
}

// masked is a phone's number as logs may show it.
func masked(digits string) string {
	if len(digits) <= 4 {
		return "…"
	}
	return "…" + digits[len(digits)-4:]
}

// deviceID names a companion: its phone, and its number there.
type deviceID struct {
	Phone  string `json:"phone"`
	Number uint8  `json:"number"`
}

// String names the companion in the state file. It holds the whole number and so
// never goes into a log.
func (d deviceID) String() string { return fmt.Sprintf("%s:%d", d.Phone, d.Number) }

func (d deviceID) jid() types.JID { return deviceJID(d.Phone, d.Number, types.DefaultUserServer) }

func deviceJID(user string, number uint8, server string) types.JID {
	return types.JID{User: user, Device: uint16(number), Server: server}
}
