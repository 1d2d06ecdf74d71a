package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/coder/websocket"
	"go.mau.fi/whatsmeow/binary/token"
)

// preamble are the first bytes a client sends, once, before its first frame. The
// last of them is the version of the dictionary that nodes are packed with.
var preamble = []byte{'W', 'A', 6, token.DictVersion}

// How large a frame may be. The protocol allows 16 MiB; we allow what a client
// plausibly sends, and a stranger less than that.
const (
	maxFrame          = 2 << 20
	maxHandshakeFrame = 64 << 10
	frameHeader       = 3
)

var (
	errPreamble   = errors.New("not a WhatsApp client")
	errEmptyFrame = errors.New("empty frame")
	errTextFrame  = errors.New("text message on a binary stream")
)

// frameReader cuts a byte stream into frames: three bytes of length, big-endian,
// then so many bytes. Frames and websocket messages need not line up. It belongs
// to one goroutine.
type frameReader struct {
	from  *bufio.Reader
	limit int
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{from: bufio.NewReader(r), limit: maxHandshakeFrame}
}

// start reads the preamble.
func (f *frameReader) start() error {
	first := make([]byte, len(preamble))
	if _, err := io.ReadFull(f.from, first); err != nil {
		return fmt.Errorf("read preamble: %w", err)
	}
	if string(first) != string(preamble) {
		return errPreamble
	}
	return nil
}

// next reads one frame. It returns io.EOF only between frames, an error for a
// frame that is empty or over the limit, and never a part of one.
func (f *frameReader) next() ([]byte, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(f.from, header[:]); err != nil {
		return nil, err
	}
	size := int(header[0])<<16 | int(header[1])<<8 | int(header[2])
	switch {
	case size == 0:
		return nil, errEmptyFrame
	case size > f.limit:
		return nil, fmt.Errorf("frame of %d bytes, over the limit of %d", size, f.limit)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(f.from, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read frame: %w", err)
	}
	return body, nil
}

// framed puts the length before a frame's body. The server sends no preamble.
func framed(body []byte) []byte {
	size := len(body)
	return append([]byte{byte(size >> 16), byte(size >> 8), byte(size)}, body...)
}

// messages is the byte stream inside a websocket's binary messages. The context
// ends the reading, and the websocket with it.
type messages struct {
	ctx     context.Context
	ws      *websocket.Conn
	current io.Reader
}

// Read implements [io.Reader].
func (m *messages) Read(p []byte) (int, error) {
	for {
		if m.current == nil {
			kind, message, err := m.ws.Reader(m.ctx)
			if err != nil {
				return 0, err
			}
			if kind != websocket.MessageBinary {
				return 0, errTextFrame
			}
			m.current = message
		}
		n, err := m.current.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		m.current = nil
		if n > 0 {
			return n, nil
		}
	}
}
