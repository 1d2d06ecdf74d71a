package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/record"
)

// header stands before an event's body, so that the index is rebuilt without
// opening any body: version, stream length, stream, epoch, seq, unix time in
// nanoseconds.
const headerVersion = 1

func headerSize(stream string) int { return 2 + len(stream) + 20 }

func appendHeader(b []byte, stream string, epoch uint32, seq uint64, at time.Time) []byte {
	b = append(b, headerVersion, byte(len(stream)))
	b = append(b, stream...)
	b = binary.BigEndian.AppendUint32(b, epoch)
	b = binary.BigEndian.AppendUint64(b, seq)
	return binary.BigEndian.AppendUint64(b, uint64(at.UnixNano()))
}

// number fills in what an entry is to be of its stream.
func number(entry []byte, stream string, epoch uint32, seq uint64) {
	n := 2 + len(stream)
	binary.BigEndian.PutUint32(entry[n:], epoch)
	binary.BigEndian.PutUint64(entry[n+4:], seq)
}

// entrySize is what an entry of the log takes in the file: its key, its value and
// what bbolt keeps of both.
func entrySize(v []byte) int64 { return int64(8 + elementSize + len(v)) }

type header struct {
	stream string
	epoch  uint32
	seq    uint64
	at     time.Time
}

var errHeader = errors.New("an entry of the log has a header this version does not know")

func parseHeader(v []byte) (h header, body []byte, err error) {
	if len(v) < 2 || v[0] != headerVersion || len(v) < 2+int(v[1])+20 {
		return h, nil, errHeader
	}
	n := 2 + int(v[1])
	h.stream = string(v[2:n])
	h.epoch = binary.BigEndian.Uint32(v[n:])
	h.seq = binary.BigEndian.Uint64(v[n+4:])
	h.at = time.Unix(0, int64(binary.BigEndian.Uint64(v[n+12:])))
	return h, v[n+20:], nil
}

func (s *Store) decodeEvent(v []byte) (record.Event, error) {
	h, body, err := parseHeader(v)
	if err != nil {
		return record.Event{}, &CorruptError{s.path, err}
	}
	plain, err := s.sealer.Open([]byte(h.stream), body)
	if err != nil {
		return record.Event{}, fmt.Errorf("open event %s/%d: %w", h.stream, h.seq, err)
	}
	var e record.Event
	if err := json.Unmarshal(plain, &e); err != nil {
		return record.Event{}, &CorruptError{s.path, fmt.Errorf("decode event %s/%d: %w", h.stream, h.seq, err)}
	}
	e.Stream, e.Epoch, e.Seq = h.stream, h.epoch, h.seq
	return e, nil
}

// position is the key of an entry of the log.
func position(p uint64) []byte { return binary.BigEndian.AppendUint64(nil, p) }

func keyPosition(k []byte) uint64 { return binary.BigEndian.Uint64(k) }
