package greenapi

import (
	"context"
	"io"
	"time"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// Instances is what the methods ask for. Its errors are those of package instance.
type Instances interface {
	// FindGreen answers who has that idInstance, or instance.ErrNotFound. How long it
	// takes tells nothing of an id that exists.
	FindGreen(ctx context.Context, id int64) (record.GreenAPI, error)
	ChangeGreen(ctx context.Context, id string, change func(*record.GreenSettings) error) (record.GreenAPI, error)
	Connections
	Send(ctx context.Context, id string, t instance.Text) (record.Message, error)
	// Watch wakes its receiver after events of the instance.
	Watch(stream string) (wake <-chan struct{}, stop func())
	Pictures
	Files
	Notifications
}

// Connections is what is asked of a connection.
type Connections interface {
	Info(ctx context.Context, id string) (record.Info, error)
	Generate(ctx context.Context, id string, userAgent *string) (record.Code, error)
	LinkPhone(ctx context.Context, id, digits string, userAgent *string) (record.Code, error)
	Reboot(ctx context.Context, id string) (record.Info, error)
	Disconnect(ctx context.Context, id string) (record.Info, error)
}

// Pictures are the accounts' own pictures, and what WhatsApp tells of others.
type Pictures interface {
	// SetPicture gives the account the picture in image. It may fail with an
	// *instance.InvalidError about the image and with instance.ErrPictureRefused.
	SetPicture(ctx context.Context, id string, image io.Reader) (record.Picture, error)
	// OwnPicture answers the picture that was set last; false: none was.
	OwnPicture(ctx context.Context, id string) (record.Picture, bool, error)
	// Contact asks WhatsApp about a person or a group.
	Contact(ctx context.Context, id, jid string) (record.Contact, error)
}

// Files sends files.
type Files interface {
	// SendFile answers once WhatsApp has taken the file over. A name may be empty, or a
	// path, and a type empty or wrong: what they should be is found out there. Its
	// errors are those of Send, and instance.ErrFull.
	SendFile(ctx context.Context, id string, f instance.File, content io.Reader) (record.Message, error)
	// HoldFile opens a file without a name, for SendFile to take from its beginning.
	// It counts as the instance's until it is closed. It, and its Write, fail with
	// instance.ErrFull where there is no room.
	HoldFile(ctx context.Context, id string) (heldFile, error)
}

type heldFile = interface {
	io.ReadWriteSeeker
	io.Closer
}

// Notifications is the queue of an instance.
type Notifications interface {
	// ReceiveNotification answers the oldest notification of the queue and leaves it there, waiting
	// for one as long as wait and ctx allow; false: none came.
	ReceiveNotification(ctx context.Context, id string, wait time.Duration) (receipt int64, body []byte, ok bool, err error)
	// DeleteNotification takes one off the queue; false: it is not there.
	DeleteNotification(ctx context.Context, id string, receipt int64) (bool, error)
}
