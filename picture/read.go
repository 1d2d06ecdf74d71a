package picture

import (
	"context"
	"errors"
	"io"
	"slices"
)

// MaxFile bounds a file, in bytes.
const MaxFile = 10 << 20

// maxReceived bounds what has arrived, and not been decoded yet, of all files
// together.
const maxReceived = 64 << 20

const (
	pieceSize = 128 << 10
	// maxIdle is how often in a row a reader may answer nothing.
	maxIdle = 100
)

// receive reads a file, piece by piece, so that it takes no more of the budget than
// has arrived. The caller gives back what taken says, whatever the error.
func (m *Maker) receive(ctx context.Context, r io.Reader) (file []byte, taken int64, err error) {
	var pieces [][]byte
	size := 0
	for done := false; !done; {
		if !m.received.TryAcquire(pieceSize) {
			return nil, taken, ErrBusy
		}
		taken += pieceSize
		piece := make([]byte, min(pieceSize, MaxFile+1-size))
		var n int
		n, done, err = fill(ctx, r, piece)
		if err != nil {
			return nil, taken, err
		}
		if size += n; size > MaxFile {
			return nil, taken, errLarge
		}
		pieces = append(pieces, piece[:n])
	}
	if len(pieces) == 1 {
		return pieces[0], taken, nil
	}
	return slices.Concat(pieces...), taken, nil
}

// fill reads until the piece is full, or the file has ended.
func fill(ctx context.Context, r io.Reader, piece []byte) (n int, done bool, err error) {
	for idle := 0; n < len(piece); idle++ {
		if err := ctx.Err(); err != nil {
			return n, false, err
		}
		got, err := r.Read(piece[n:])
		if n += got; got > 0 {
			idle = 0
		}
		switch {
		case errors.Is(err, io.EOF):
			return n, true, nil
		case ctx.Err() != nil:
			return n, false, ctx.Err()
		case err != nil:
			return n, false, &Error{errBroken.Reason, err}
		case idle >= maxIdle:
			return n, false, &Error{errBroken.Reason, io.ErrNoProgress}
		}
	}
	return n, false, nil
}
