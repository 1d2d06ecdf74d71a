package daemon

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/record"
)

// parcel is an instance on its way between daemons. Its file is a sealed stream
// (package seal) of frames, each its length (four bytes, big endian) and its
// bytes: first the manifest as JSON, then the device keys, a frame for the key
// and one for the value.
type parcel struct {
	manifest
	keys map[string][]byte
}

type manifest struct {
	Version    int               `json:"version"`
	Export     string            `json:"export"`
	ExportedAt time.Time         `json:"exported_at"`
	Network    string            `json:"network"`
	Instance   record.Instance   `json:"instance"`
	Session    record.Session    `json:"session"`
	Green      *record.GreenAPI  `json:"green_api,omitempty"` // nil in a file from before there were any
	Endpoint   record.Endpoint   `json:"endpoint"`            // the webhook
	Endpoints  []record.Endpoint `json:"endpoints,omitempty"` // the instance's others
	Epoch      uint32            `json:"epoch"`               // of its stream, where it came from
	Seq        uint64            `json:"seq"`
	Keys       int               `json:"keys"`
}

const (
	parcelVersion = 1
	maxFrame      = 16 << 20
)

// errParcel is about what the passphrase has opened: somebody who knew it wrote
// something else.
var errParcel = errors.New("the file opens, but does not hold an instance as this version knows it")

func (p *parcel) write(w io.Writer) error {
	p.Version, p.Keys = parcelVersion, len(p.keys)
	head, err := json.Marshal(p.manifest)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	out := bufio.NewWriterSize(w, 32<<10)
	frame := func(b []byte) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(b)))
		_, _ = out.Write(n[:]) // Flush answers the error
		_, _ = out.Write(b)
	}
	frame(head)
	for k, v := range p.keys {
		frame([]byte(k))
		frame(v)
	}
	return out.Flush()
}

// readParcel reads at most [api.MaxImport] bytes. Besides what r fails with, it
// fails with errParcel.
func readParcel(r io.Reader) (*parcel, error) {
	in := frames{from: r, left: api.MaxImport}
	head, err := in.next()
	if err != nil {
		return nil, err
	}
	p := &parcel{keys: make(map[string][]byte)}
	if err := json.Unmarshal(head, &p.manifest); err != nil {
		return nil, errParcel
	}
	if p.Version != parcelVersion {
		return nil, fmt.Errorf("%w: version %d", errParcel, p.Version)
	}
	for range p.Keys {
		key, err := in.next()
		if err != nil {
			return nil, err
		}
		if p.keys[string(key)], err = in.next(); err != nil {
			return nil, err
		}
	}
	switch n, err := io.ReadFull(r, make([]byte, 1)); {
	case n > 0 || len(p.keys) != p.Keys:
		return nil, errParcel
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *parcel) check() error {
	if p.Keys < 0 || p.Export == "" || len(p.Export) > 64 || p.Instance.ID == "" || p.Session.ID == "" || p.Session.JID == "" || p.Instance.Moves < 0 ||
		p.Instance.ID == record.DaemonStream || !idRule.MatchString(p.Instance.ID) {
		return errParcel
	}
	return nil
}

// frames reads frames.
type frames struct {
	from io.Reader
	left int
}

func (f *frames) next() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(f.from, size[:]); err != nil {
		return nil, cutShort(err)
	}
	n := int(binary.BigEndian.Uint32(size[:]))
	if f.left -= n; n > maxFrame || f.left < 0 {
		return nil, errParcel
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(f.from, b); err != nil {
		return nil, cutShort(err)
	}
	return b, nil
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errParcel
	}
	return err
}
