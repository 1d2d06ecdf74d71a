package instance

import (
	"context"
	"errors"
	"io"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// The folder that downloads go to.
const mediaFolder = "media"

// Fetch downloads the file that came with a message into the instance's storage
// and answers where it is. It takes at most Timing.Fetch. It fails with an
// [*InvalidError] when no file came with it, [ErrNotConnected], an error that
// wraps [ErrFull] or [ErrGone], [ErrNotReady] when it took too long, or a
// [*FetchError]; nothing is stored then.
func (i *Instance) Fetch(ctx context.Context, m record.Message) (record.File, error) {
	if m.Media == nil || len(m.Media.Ref) == 0 {
		return record.File{}, &InvalidError{"message", "no file came with it"}
	}
	media := *m.Media
	r, err := i.askFor(ctx, i.cfg.Timing.Fetch, func(c *command) {
		if i.rec.State != fsm.Authenticated || i.try == nil || i.try.closed {
			i.answer(c, ErrNotConnected)
			return
		}
		if i.cfg.Files == nil {
			i.answer(c, ErrFull)
			return
		}
		conn := i.try.conn
		ctx, cancel := context.WithTimeout(i.ctx, i.cfg.Timing.Fetch)
		stop := context.AfterFunc(c.ctx, cancel)
		i.child(func() {
			defer stop()
			defer cancel()
			f, err := i.cfg.Files.Write(mediaFolder, m.StoredName(), media.Bytes, func(w io.Writer) error {
				return conn.Download(ctx, media, w)
			})
			i.post(mail{then: func(context.Context) { i.fetched(c, f, err) }})
		})
	})
	return r.file, err
}

// fetched answers a Fetch, and lets the status say whether there is room.
func (i *Instance) fetched(c *command, f record.File, err error) {
	trouble := i.storage
	switch {
	case err == nil:
		trouble = ""
	case errors.Is(err, ErrFull):
		trouble = err.Error()
	case errors.Is(err, ErrGone):
	default:
		err = &FetchError{err}
	}
	i.storageTrouble(trouble)
	c.reply <- result{info: i.info(), file: f, err: err}
}

// storageTrouble notes why files cannot be stored, empty once they can.
func (i *Instance) storageTrouble(why string) {
	if why == i.storage {
		return
	}
	if why != "" {
		i.log.Warn("file could not be stored", "err", why)
	}
	i.storage = why
	i.publish()
}

// Clear forgets counters and stored files; the link to WhatsApp is untouched.
func (i *Instance) Clear(ctx context.Context) (record.Info, error) {
	r, err := i.ask(ctx, func(c *command) {
		if i.cfg.Files == nil {
			i.cleared(c, nil)
			return
		}
		i.child(func() {
			err := i.cfg.Files.Clear()
			i.post(mail{then: func(context.Context) { i.cleared(c, err) }})
		})
	})
	return r.info, err
}

// cleared begins the counters anew once the files are gone.
func (i *Instance) cleared(c *command, err error) {
	if err != nil {
		i.answer(c, err)
		return
	}
	var passed Gauges
	if i.try != nil && i.try.conn != nil {
		passed = i.try.conn.Gauges()
	}
	rec := i.rec
	rec.Stats = record.Stats{}
	change := Change{Instance: rec}
	if i.picture != nil {
		change.Picture = new(record.Picture) // its file is gone
	}
	if err := i.commit(change); err != nil {
		i.answer(c, err)
		return
	}
	i.stored(rec)
	if i.try != nil {
		i.try.counted = passed
	}
	i.storage = ""
	i.clears++
	i.publish()
	i.answer(c, nil)
}

// FetchError says that a download failed and may be tried again.
type FetchError struct{ Err error }

func (e *FetchError) Error() string { return "the file could not be downloaded: " + e.Err.Error() }

func (e *FetchError) Unwrap() error { return e.Err }
