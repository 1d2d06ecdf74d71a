package devicestore

import (
	"bytes"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Fields of waE2E.Message and what is in it (read in v0.0.0-20251217143725).
const (
	fieldProtocolMessage   protowire.Number = 12
	fieldDeviceSentMessage protowire.Number = 31
	fieldMessage           protowire.Number = 2 // of DeviceSentMessage
	fieldHistory           protowire.Number = 6 // of ProtocolMessage
)

// peek looks into a padded plaintext from one's own phone: whether it is an
// errand for this device rather than a message, and the history it announces, nil
// if none. What does not read is neither. It finds what the library finds.
func peek(padded []byte) (errand bool, history *waE2E.HistorySyncNotification) {
	if len(padded) == 0 {
		return false, nil
	}
	last := padded[len(padded)-1]
	body, fits := bytes.CutSuffix(padded, bytes.Repeat([]byte{last}, int(last)))
	if !fits {
		return false, nil
	}
	errand = has(body, fieldProtocolMessage)
	if !has(body, fieldProtocolMessage, fieldHistory) &&
		!has(body, fieldDeviceSentMessage, fieldMessage, fieldProtocolMessage, fieldHistory) {
		return errand, nil // most messages: nothing was decoded
	}
	message := &waE2E.Message{}
	if err := proto.Unmarshal(body, message); err != nil {
		return false, nil
	}
	if sent := message.GetDeviceSentMessage().GetMessage(); sent != nil {
		message = sent
	}
	return errand, message.GetProtocolMessage().GetHistorySyncNotification()
}

// has reports whether a message has a field, by its path of submessages.
func has(message []byte, first protowire.Number, rest ...protowire.Number) bool {
	for len(message) > 0 {
		number, kind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return false
		}
		message = message[tag:]
		width := protowire.ConsumeFieldValue(number, kind, message)
		if width < 0 {
			return false
		}
		if number == first && kind == protowire.BytesType {
			inner, _ := protowire.ConsumeBytes(message)
			if len(rest) == 0 || has(inner, rest[0], rest[1:]...) {
				return true
			}
		}
		message = message[width:]
	}
	return false
}
