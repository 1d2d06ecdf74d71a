package record

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// FuzzEncode holds what is written by hand against encoding/json, with every
// field filled by chance: a new field that is forgotten fails it.
func FuzzEncode(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed, "a \"name\" <&> \u2028 é \x00\xff")
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		r := rand.New(rand.NewPCG(seed, 1))
		e := Event{}
		if r.IntN(4) > 0 {
			e.Transition = new(fsm.Transition)
		}
		if r.IntN(4) > 0 {
			e.Info = new(Info)
		}
		if r.IntN(4) > 0 {
			e.Before = new(Before)
		}
		if r.IntN(3) == 0 {
			e.Code = new(Code)
		}
		scatter(r, reflect.ValueOf(&e).Elem(), text)
		same(t, "stored", behind(t, e.AppendJSON), func() ([]byte, error) { return json.Marshal(e) })
		in := Instance{}
		scatter(r, reflect.ValueOf(&in).Elem(), text)
		same(t, "instance", behind(t, in.AppendJSON), func() ([]byte, error) { return json.Marshal(in) })
		lane := Lane{}
		scatter(r, reflect.ValueOf(&lane).Elem(), text)
		if r.IntN(2) == 0 { // nothing fails
			lane.Attempts, lane.Step, lane.LastError, lane.BatchTo = 0, 0, "", 0
			lane.FirstAt, lane.NextAt = time.Time{}, time.Time{}
		}
		if r.IntN(4) == 0 {
			lane.Receipts = []int64{r.Int64()}
		}
		same(t, "lane", behind(t, lane.AppendJSON), func() ([]byte, error) { return json.Marshal(lane) })
		same(t, "standard data", e.appendStandardData, func() ([]byte, error) { return json.Marshal(e.standardData()) })
		same(t, "standard", e.appendStandard, e.marshalStandard)
	})
}

// behind appends to what is there already.
func behind(t *testing.T, to func([]byte) ([]byte, error)) func() ([]byte, error) {
	return func() ([]byte, error) {
		out, err := to([]byte("before"))
		rest, ok := bytes.CutPrefix(out, []byte("before"))
		if !ok {
			t.Errorf("%q was written over", out)
		}
		return rest, err
	}
}

func same(t *testing.T, what string, got, want func() ([]byte, error)) {
	t.Helper()
	g, err := got()
	w, wantErr := want()
	if (err == nil) != (wantErr == nil) || err == nil && string(g) != string(w) {
		t.Errorf("%s: %s (%v), want %s (%v)", what, g, err, w, wantErr)
	}
}

// scatter fills some of the fields.
func scatter(r *rand.Rand, v reflect.Value, text string) {
	if at, ok := reflect.TypeAssert[*time.Time](v.Addr()); ok {
		if r.IntN(3) > 0 {
			*at = time.Unix(r.Int64N(300_000_000_000), r.Int64N(1e9)).In(time.FixedZone("", r.IntN(9)*1800))
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"", "plain", text, text + text}[r.IntN(4)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt([]int64{0, 7, -1, r.Int64()}[r.IntN(4)])
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint([]uint64{0, 13, r.Uint64() >> 1}[r.IntN(3)] & (1<<v.Type().Bits() - 1))
	case reflect.Struct:
		for of, field := range v.Fields() {
			if of.IsExported() {
				scatter(r, field, text)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			scatter(r, v.Elem(), text)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[[]TreeLeaf]() {
			v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 3))
			for i := range v.Len() {
				scatter(r, v.Index(i), text)
			}
		}
	}
}
