package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
)

func BenchmarkCodec(b *testing.B) {
	m := newMember(3)
	info := record.Describe(m.rec, &m.session)
	ev := record.Event{Stream: m.rec.ID, Epoch: 1, Seq: 5, Kind: record.ConnectionChanged, At: time.Now().UTC(), Name: m.rec.Name, Transition: m.next(time.Now().UTC()), Info: &info}
	raw, _ := json.Marshal(ev)
	std, _ := ev.Standard()
	b.Logf("event %d standard %d", len(raw), len(std))
	b.Run("standard", func(b *testing.B) { b.ReportAllocs(); for b.Loop() { ev.Standard() } })
	b.Run("marshal", func(b *testing.B) { b.ReportAllocs(); for b.Loop() { json.Marshal(ev) } })
	b.Run("instance", func(b *testing.B) { b.ReportAllocs(); for b.Loop() { json.Marshal(m.rec) } })
	b.Run("unmarshal", func(b *testing.B) { b.ReportAllocs(); for b.Loop() { var e record.Event; json.Unmarshal(raw, &e) } })
	b.Run("lane", func(b *testing.B) { b.ReportAllocs(); for b.Loop() { json.Marshal(record.Lane{Endpoint: "b00000001-webhook", Stream: "b000001", Acked: 5, Prev: 4}) } })
}
