package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// A file under a passphrase is a header and chunks. The header, 44 bytes:
//
//	magic    8  "SWHKFILE"
//	version  1  1
//	threads  1  of argon2id
//	zero     2
//	time     4  passes of argon2id, big endian
//	memory   4  of argon2id, in KiB, big endian
//	salt    24
//
// argon2id makes the key of the passphrase and the salt. A chunk is its length
// (four bytes, big endian), and what XChaCha20-Poly1305 makes of at most 64 KiB.
// Its nonce is the chunk's number (eight bytes, big endian) behind fifteen zeros,
// and a byte 1 for the last chunk, 0 for the others: the key is this file's own,
// so a number is used once. The header is authenticated with every chunk. What
// was cut, swapped, repeated or appended does not open.
const (
	streamMagic   = "SWHKFILE"
	streamVersion = 1
	headerSize    = 44
	saltSize      = 24
	chunkSize     = 64 << 10
)

// Cost is what deriving a key from a passphrase takes.
type Cost struct {
	Time    uint32 // passes
	Memory  uint32 // KiB
	Threads uint8
}

// DefaultCost is the second recommendation of RFC 9106, section 4: 64 MiB.
func DefaultCost() Cost { return Cost{Time: 3, Memory: 64 << 10, Threads: 4} }

// maxCost bounds what a file may ask of whoever opens it.
var maxCost = Cost{Time: 16, Memory: 256 << 10, Threads: 16}

// MinPassphrase is the length of the shortest passphrase that is taken, in bytes.
const MinPassphrase = 8

var (
	// ErrPassphrase says that the passphrase is not the file's, or that the file
	// was damaged before anything of it could be read; the two cannot be told
	// apart.
	ErrPassphrase = errors.New("the passphrase is wrong, or the file is damaged")
	// ErrStream says that the file is damaged or cut off.
	ErrStream = errors.New("the file is damaged or cut off")
	// ErrNoStream says that it is no such file at all.
	ErrNoStream = errors.New("this is no file that switchhook has exported")
)

// Writer seals what is written to it. Close ends the file; without it, the file
// does not open.
type Writer struct {
	to     io.Writer
	aead   cipher.AEAD
	header []byte
	buf    []byte
	n      uint64
	err    error
}

// NewWriter begins a file under a passphrase.
func NewWriter(to io.Writer, passphrase string, cost Cost) (*Writer, error) {
	if len(passphrase) < MinPassphrase {
		return nil, fmt.Errorf("the passphrase has %d bytes and needs at least %d", len(passphrase), MinPassphrase)
	}
	h := make([]byte, 0, headerSize)
	h = append(h, streamMagic...)
	h = append(h, streamVersion, cost.Threads, 0, 0)
	h = binary.BigEndian.AppendUint32(h, cost.Time)
	h = binary.BigEndian.AppendUint32(h, cost.Memory)
	h = h[:headerSize]
	_, _ = rand.Read(h[headerSize-saltSize:]) // never fails
	w := &Writer{to: to, aead: derive(passphrase, h, cost), header: h, buf: make([]byte, 0, chunkSize)}
	_, err := to.Write(h)
	return w, err
}

func derive(passphrase string, header []byte, c Cost) cipher.AEAD {
	key := argon2.IDKey([]byte(passphrase), header[headerSize-saltSize:], c.Time, c.Memory, c.Threads, KeySize)
	return aead([KeySize]byte(key))
}

// Write implements [io.Writer].
func (w *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		if len(w.buf) == chunkSize {
			w.chunk(0) // there is more, so it is not the last
			continue
		}
		took := min(len(p), chunkSize-len(w.buf))
		w.buf, p, n = append(w.buf, p[:took]...), p[took:], n+took
	}
	return n, w.err
}

// Close writes the last chunk.
func (w *Writer) Close() error {
	if w.err == nil {
		w.chunk(1)
	}
	if w.err == nil {
		w.err = errors.New("the file is finished")
		return nil
	}
	return w.err
}

func (w *Writer) chunk(last byte) {
	nonce := chunkNonce(w.n, last)
	out := make([]byte, 4, 4+len(w.buf)+chacha20poly1305.Overhead)
	binary.BigEndian.PutUint32(out, uint32(len(w.buf)+chacha20poly1305.Overhead))
	_, w.err = w.to.Write(w.aead.Seal(out, nonce[:], w.buf, w.header))
	w.buf, w.n = w.buf[:0], w.n+1
}

func chunkNonce(n uint64, last byte) (nonce [chacha20poly1305.NonceSizeX]byte) {
	binary.BigEndian.PutUint64(nonce[15:], n)
	nonce[23] = last
	return nonce
}

// Reader opens what a [Writer] wrote. Nothing is answered that was not
// authenticated; the end of the file is, too.
type Reader struct {
	from   io.Reader
	aead   cipher.AEAD
	header []byte
	rest   []byte
	n      uint64
	done   bool
	err    error
}

// NewReader reads the header and derives the key. It holds as much memory
// meanwhile as the header asks for, at most 256 MiB.
func NewReader(from io.Reader, passphrase string) (*Reader, error) {
	h := make([]byte, headerSize)
	if _, err := io.ReadFull(from, h); err != nil || !bytes.HasPrefix(h, []byte(streamMagic)) {
		return nil, ErrNoStream
	}
	c := Cost{Threads: h[9], Time: binary.BigEndian.Uint32(h[12:]), Memory: binary.BigEndian.Uint32(h[16:])}
	switch {
	case h[8] != streamVersion || h[10] != 0 || h[11] != 0:
		return nil, fmt.Errorf("%w that this version knows: version %d", ErrNoStream, h[8])
	case c.Time < 1 || c.Time > maxCost.Time || c.Threads < 1 || c.Threads > maxCost.Threads || c.Memory > maxCost.Memory:
		return nil, fmt.Errorf("%w: it asks for %d KiB, %d passes and %d threads", ErrStream, c.Memory, c.Time, c.Threads)
	}
	return &Reader{from: from, aead: derive(passphrase, h, c), header: h}, nil
}

// Read implements [io.Reader]. It fails with [ErrPassphrase] or [ErrStream].
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		if r.done {
			r.err = r.end()
			break
		}
		r.rest, r.err = r.chunk()
	}
	if r.err != nil {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// end makes sure that nothing follows the last chunk.
func (r *Reader) end() error {
	if n, err := r.from.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return ErrStream
	}
	return io.EOF
}

func (r *Reader) chunk() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r.from, size[:]); err != nil {
		return nil, broken(err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < chacha20poly1305.Overhead || n > chunkSize+chacha20poly1305.Overhead {
		return nil, ErrStream
	}
	sealed := make([]byte, n)
	if _, err := io.ReadFull(r.from, sealed); err != nil {
		return nil, broken(err)
	}
	for last := range byte(2) {
		nonce := chunkNonce(r.n, last)
		if plain, err := r.aead.Open(nil, nonce[:], sealed, r.header); err == nil {
			r.n++
			r.done = last == 1
			return plain, nil
		}
	}
	if r.n == 0 {
		return nil, ErrPassphrase
	}
	return nil, ErrStream
}

func broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrStream
	}
	return err
}
