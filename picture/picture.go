package picture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/semaphore"
)

// decodeTime bounds one decode, once it has begun.
const decodeTime = 10 * time.Second

// Picture is what was made of a file.
type Picture struct {
	JPEG      []byte // square, without metadata
	Thumbnail []byte // the same, of 96 pixels a side at most
	Side      int    // of JPEG, in pixels: 1 to 640
}

// Maker makes pictures and bounds the memory that all of them take together. Its
// methods may be called from any goroutine.
type Maker struct {
	received *semaphore.Weighted // bytes
	decoding *semaphore.Weighted // bytes
}

// NewMaker makes one with nothing in use.
func NewMaker() *Maker {
	return &Maker{semaphore.NewWeighted(maxReceived), semaphore.NewWeighted(MaxMemory)}
}

// Make reads a file to its end and makes a picture of it. formats are those it may
// have; none given, it must be a JPEG. It fails with an [*Error], [ErrBusy], or the
// context's error; it cannot interrupt a read that blocks, which is for whoever gave
// the reader to bound.
func (m *Maker) Make(ctx context.Context, r io.Reader, formats ...Format) (Picture, error) {
	if len(formats) == 0 {
		formats = []Format{JPEG}
	}
	file, taken, err := m.receive(ctx, r)
	defer func() { m.received.Release(taken) }()
	if err != nil {
		return Picture{}, err
	}
	format, err := accept(file, formats)
	if err != nil {
		return Picture{}, err
	}
	p, err := look(file, format)
	if err != nil {
		return Picture{}, err
	}
	if err := m.decoding.Acquire(ctx, p.memory); err != nil {
		return Picture{}, err
	}
	defer m.decoding.Release(p.memory)
	limited, cancel := context.WithTimeout(ctx, decodeTime)
	defer cancel()
	made, err := p.make(limited)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = errSlow
	}
	return made, err
}

// make decodes, scales and encodes.
func (p *plan) make(ctx context.Context) (Picture, error) {
	img, err := p.pixels(ctx)
	if err != nil {
		return Picture{}, err
	}
	large, err := square(ctx, img)
	if err != nil {
		return Picture{}, err
	}
	large = upright(large, p.orientation)
	out := Picture{Side: large.Rect.Dx()}
	if out.JPEG, err = encode(large); err == nil {
		out.Thumbnail, err = encode(scaled(large, thumb))
	}
	if err != nil {
		return Picture{}, fmt.Errorf("encode the picture: %w", err)
	}
	return out, nil
}
