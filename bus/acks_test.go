package bus_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/bus"
)

func TestParseAck(t *testing.T) {
	unanswered := nats.Header{"Status": {"503"}}
	for data, want := range map[string]struct {
		header    nats.Header
		stream    string
		seq       uint64
		duplicate bool
		code      jetstream.ErrorCode // 0: no error of JetStream's
		fails     bool
	}{
		`{"stream":"SWITCHHOOK","seq":12}`:                   {stream: "SWITCHHOOK", seq: 12},
		`{"stream":"SWITCHHOOK","seq":12,"duplicate":true}`:  {stream: "SWITCHHOOK", seq: 12, duplicate: true},
		`{"stream":"SWITCHHOOK","domain":"hub","seq":12}`:    {stream: "SWITCHHOOK", seq: 12},
		`{"stream":"OTHER","seq":18446744073709551615}`:      {stream: "OTHER", seq: 1<<64 - 1},
		`{"stream":"SWITCHHOOK","seq":18446744073709551616}`: {fails: true},
		`{"stream":"SWITCHHOOK","seq":}`:                     {fails: true},
		`{"stream":"SWITCHHOOK","seq":0}`:                    {fails: true},
		`{"stream":"","seq":1}`:                              {fails: true},
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"},"stream":"SWITCHHOOK","seq":0}`: {code: 10071, fails: true},
		`{}`:   {fails: true},
		`-`:    {fails: true},
		``:     {fails: true},
		"\x00": {fails: true},
	} {
		stream, seq, duplicate, err := bus.ParseAck(&nats.Msg{Data: []byte(data), Header: want.header})
		if (err != nil) != want.fails || stream != want.stream || seq != want.seq || duplicate != want.duplicate {
			t.Errorf("%s: %q %d %t, %v", data, stream, seq, duplicate, err)
		}
		if api, ok := errors.AsType[*jetstream.APIError](err); ok != (want.code != 0) || ok && api.ErrorCode != want.code {
			t.Errorf("%s: %v", data, err)
		}
	}
	if _, _, _, err := bus.ParseAck(&nats.Msg{Header: unanswered}); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("nobody there: %v", err)
	}
}

// What is read without a decoder is what a decoder reads.
func FuzzParseAck(f *testing.F) {
	f.Add([]byte(`{"stream":"SWITCHHOOK","seq":12}`))
	f.Add([]byte(`{"stream":"SWITCHHOOK","seq":+1}`))
	f.Add([]byte(`{"stream":"SWITCHHOOK","seq":007}`))
	f.Add([]byte(`{"error":{"code":503}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		stream, seq, duplicate, err := bus.ParseAck(&nats.Msg{Data: data})
		if err != nil {
			return
		}
		var want struct {
			Stream    string `json:"stream"`
			Seq       uint64 `json:"seq"`
			Duplicate bool   `json:"duplicate"`
		}
		if err := json.Unmarshal(data, &want); err != nil || stream != want.Stream || seq != want.Seq || duplicate != want.Duplicate {
			t.Errorf("%q: %q %d %t, a decoder says %+v %v", data, stream, seq, duplicate, want, err)
		}
	})
}
