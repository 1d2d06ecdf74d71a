package client_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/instance"
)

func TestPictures(t *testing.T) {
	ctx := t.Context()
	f, c := daemon(t)
	if _, err := c.Add(ctx, api.AddSpec{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetPicture(ctx, "acme", strings.NewReader("\xff\xd8\xff")); !errors.Is(err, instance.ErrNotConnected) {
		t.Errorf("not connected: %v", err)
	}
	if _, err := c.Code(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Scan(ctx, "acme", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Picture(ctx, "acme"); !errors.Is(err, api.ErrNoPicture) {
		t.Errorf("before there is one: %v", err)
	}
	set, err := c.SetPicture(ctx, "acme", strings.NewReader("\xff\xd8\xff large"))
	if err != nil || set.Bytes != 9 || !strings.Contains(set.URL, "/media/") {
		t.Errorf("%+v, %v", set, err)
	}
	if got, err := c.Picture(ctx, "acme"); err != nil || got != set {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := c.SetPicture(ctx, "acme", strings.NewReader("text")); err == nil || !strings.Contains(err.Error(), "image: is not a JPEG") {
		t.Errorf("a text: %v", err)
	}
	if found, err := c.Contact(ctx, "acme", "5511999990000"); err != nil || !found.Exists {
		t.Errorf("%+v, %v", found, err)
	}
	f.Fail(instance.ErrFull)
	if _, err := c.SetPicture(ctx, "acme", strings.NewReader("\xff\xd8\xff")); !errors.Is(err, instance.ErrFull) {
		t.Errorf("full: %v", err)
	}
}
