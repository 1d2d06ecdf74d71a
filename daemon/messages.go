package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/files"
	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// mediaFolder is where instances store what came with messages.
const mediaFolder = "media"

// LinkPhone implements [api.Instances].
func (f *fleet) LinkPhone(ctx context.Context, id, digits string, userAgent *string) (record.Code, error) {
	return on(f, id, func(i *instance.Instance) (record.Code, error) {
		code, err := i.LinkPhone(ctx, digits, userAgent)
		if m := f.byID(id); m != nil && err == nil {
			m.asked.Store(&digits)
		}
		return code, err
	})
}

// Send implements [api.Instances].
func (f *fleet) Send(ctx context.Context, id string, t instance.Text) (record.Message, error) {
	return on(f, id, func(i *instance.Instance) (record.Message, error) { return i.Send(ctx, t) })
}

// Fetch implements [api.Instances].
func (f *fleet) Fetch(ctx context.Context, id string, seq uint64) (record.File, error) {
	return on(f, id, func(i *instance.Instance) (record.File, error) {
		m, err := f.withMedia(id, seq)
		if err != nil {
			return record.File{}, err
		}
		if stored, err := f.files.Of(id).Find(mediaFolder, m.StoredName()); err == nil {
			return stored, nil
		}
		return i.Fetch(ctx, *m)
	})
}

// Stored implements [api.Instances].
func (f *fleet) Stored(_ context.Context, id string, seq uint64) (api.Stored, error) {
	if f.byID(id) == nil {
		return api.Stored{}, instance.ErrNotFound
	}
	m, err := f.withMedia(id, seq)
	if err != nil {
		return api.Stored{}, err
	}
	return f.openStored(id, mediaFolder, m.StoredName(), m.Media.MIME, api.ErrNotStored)
}

// openStored opens a stored file; missing is what to answer where it is not there.
func (f *fleet) openStored(id, folder, name, mime string, missing error) (api.Stored, error) {
	content, err := f.files.Of(id).Open(folder, name)
	if errors.Is(err, fs.ErrNotExist) {
		return api.Stored{}, missing
	}
	if err != nil {
		return api.Stored{}, err
	}
	st, err := content.Stat()
	if err != nil {
		content.Close()
		return api.Stored{}, err
	}
	return api.Stored{
		File: record.File{Name: files.Clean(name), Folder: folder, Path: content.Name(), Bytes: st.Size()},
		MIME: mime, ModifiedAt: st.ModTime(), Content: content,
	}, nil
}

// withMedia reads the message of an event that a file came with.
func (f *fleet) withMedia(id string, seq uint64) (*record.Message, error) {
	if seq > 0 {
		events, err := f.store.Events(id, seq-1, 1)
		if err != nil {
			return nil, err
		}
		if len(events) > 0 && events[0].Seq == seq {
			if m := events[0].Message; m != nil && m.Media != nil && len(m.Media.Ref) > 0 {
				return m, nil
			}
			return nil, &instance.InvalidError{Field: "seq", Problem: fmt.Sprintf("event %d is a %s: give the number of one that a file came with, or was sent with", seq, events[0].Kind)}
		}
	}
	return nil, &instance.InvalidError{Field: "seq", Problem: fmt.Sprintf("the log of the instance has no event %d, or has it no more (store.retention)", seq)}
}

// storage is an instance's files as the instance sees them.
type storage struct{ *files.Owner }

// Write implements [instance.Files].
func (s storage) Write(folder, name string, bytes int64, fill func(io.Writer) error) (record.File, error) {
	f, err := s.Owner.Write(folder, name, bytes, fill)
	return f, noRoom(err)
}

// noRoom is an error of package files as instances know it.
func noRoom(err error) error {
	if errors.Is(err, files.ErrFull) || errors.Is(err, files.ErrUnwritable) {
		return &fullError{err}
	}
	return err
}

// fullError is [instance.ErrFull] with how much there is and what makes room. A disk
// that cannot be written is no better than a full one, and says why.
type fullError struct{ err error }

func (e *fullError) Error() string {
	if why, ok := strings.CutPrefix(e.err.Error(), files.ErrFull.Error()+": "); ok {
		return "the instance's storage is full: " + why
	}
	return e.err.Error()
}

func (e *fullError) Is(target error) bool { return target == instance.ErrFull }

func (e *fullError) Unwrap() error { return e.err }

// traffic counts messages as they are committed.
func (f *fleet) traffic(events []record.Event) {
	for i := range events {
		e := &events[i]
		sent := e.Kind == record.MessageSent
		switch e.Kind {
		case record.MessageSent, record.MessageText, record.MessageMedia, record.MessageOther:
		default:
			continue
		}
		m := f.byID(e.Stream)
		if m == nil {
			continue
		}
		if sent {
			m.sent.Add(1)
		} else {
			m.received.Add(1)
		}
		m.lastMessage.Store(e.At.UnixNano())
	}
}

// traffic answers what the member has counted.
func (m *member) traffic() api.Traffic {
	t := api.Traffic{Received: m.received.Load(), Sent: m.sent.Load()}
	if at := m.lastMessage.Load(); at != 0 {
		t.LastAt = time.Unix(0, at).UTC()
	}
	return t
}
