package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"go.mau.fi/whatsmeow"

	"github.com/switchhook/switchhook/instance"
)

// TestUploadErrors: each says what it is, and nothing that belongs in no log.
func TestUploadErrors(t *testing.T) {
	disk := func(why error) error {
		return fmt.Errorf("failed to encrypt file: failed to write file: %w", &os.PathError{Op: "write", Path: "/secret", Err: why})
	}
	request := func(why error) error {
		return fmt.Errorf("failed to execute request: %w", &url.Error{Op: "Post", URL: "https://host/mms?auth=secret", Err: why})
	}
	for _, c := range []struct {
		err  error
		is   error
		says string
	}{
		{disk(syscall.ENOSPC), instance.ErrFull, "the disk of the data directory has no room for it"},
		{disk(syscall.EDQUOT), instance.ErrFull, "no room"},
		{disk(syscall.EIO), syscall.EIO, "the data directory cannot be written: input/output error"},
		{request(statusError(403)), statusError(403), "WhatsApp answered with status 403"},
		{request(context.DeadlineExceeded), context.DeadlineExceeded, "no answer in time"},
		{request(syscall.ECONNRESET), syscall.ECONNRESET, "connection reset by peer"},
		{fmt.Errorf("failed to refresh media connections: %w", &whatsmeow.IQError{Code: 500, Text: "secret"}), nil, "WhatsApp refused it with code 500"},
		{fmt.Errorf("x: %w", whatsmeow.ErrNotConnected), instance.ErrNotConnected, "not connected"},
		{&whatsmeow.DisconnectedError{Action: "info query"}, instance.ErrNotConnected, "not connected"},
		{errors.New("of 5511999990000"), nil, "of …"},
	} {
		got := uploadError(c.err)
		if !strings.Contains(got.Error(), c.says) || c.is != nil && !errors.Is(got, c.is) || strings.Contains(got.Error(), "secret") || strings.Contains(got.Error(), "5511") {
			t.Errorf("%v is told as %v", c.err, got)
		}
	}
}
