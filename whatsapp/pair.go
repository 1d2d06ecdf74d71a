package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waCompanionReg"

	"github.com/switchhook/switchhook/instance"
)

// PairPhone implements [instance.Conn]. The number is digits with its country
// code.
func (c *conn) PairPhone(ctx context.Context, number string) (string, error) {
	if !instance.PhoneDigits(number) {
		return "", &instance.InvalidError{Field: "phone", Problem: instance.PhoneRule}
	}
	kind, name := linkName(c.spec.UserAgent)
	code, err := c.client.PairPhone(ctx, number, true, kind, name)
	var refused *whatsmeow.IQError
	switch {
	case errors.As(err, &refused) && refused.Code == http.StatusNotFound:
		return "", &instance.InvalidError{Field: "phone", Problem: "WhatsApp knows no phone with this number"}
	case errors.As(err, &refused):
		return "", fmt.Errorf("pair by code: WhatsApp refused it with code %d", refused.Code) // its text may be the answer's XML
	case err != nil:
		return "", fmt.Errorf("pair by code: %w", maskedError{err})
	}
	return code, nil
}

// linkName is how the phone is asked whether it wants to link: WhatsApp takes
// "Browser (System)" of browsers and systems that it knows, and nothing else
// (read in v0.0.0-20251217143725, Client.PairPhone). What a user agent does not
// name so is Chrome on Linux; the list of linked devices shows the instance's own
// name all the same.
func linkName(userAgent string) (kind whatsmeow.PairClientType, name string) {
	kind, browser := whatsmeow.PairClientChrome, "Chrome"
	switch platformType(userAgent) {
	case waCompanionReg.DeviceProps_EDGE:
		kind, browser = whatsmeow.PairClientEdge, "Edge"
	case waCompanionReg.DeviceProps_OPERA:
		kind, browser = whatsmeow.PairClientOpera, "Opera"
	case waCompanionReg.DeviceProps_FIREFOX:
		kind, browser = whatsmeow.PairClientFirefox, "Firefox"
	case waCompanionReg.DeviceProps_SAFARI:
		kind, browser = whatsmeow.PairClientSafari, "Safari"
	default:
	}
	system := displayName(userAgent)
	switch system {
	case "Windows", "Mac OS":
	default:
		system = "Linux"
	}
	return kind, browser + " (" + system + ")"
}
