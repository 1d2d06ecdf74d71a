package daemon

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// garbagePercent is how much garbage the heap may hold beside what is in use.
	// A connection's share of the heap is 100 KB that live as long as it does, so
	// Go's 100 % would keep as much again resident for nothing.
	garbagePercent = 50

	// While messages come in, garbage is made much faster than connections hold
	// memory, and collecting a small heap over and over takes a fifth of the CPU:
	// then there may be more, up to workingPercent and at most workingGarbage.
	workingPercent = 600
	workingGarbage = 256 << 20
	// working is how much a daemon with something to do allocates in a lookEvery;
	// 5,000 idle connections allocate an eighth of it.
	working   = 16 << 20
	lookEvery = time.Second

	tidyEvery = 15 * time.Second
	// quiet is how much may be allocated between two looks by a daemon at rest;
	// 5,000 idle connections allocate a quarter of it.
	quiet = 128 << 20
	// worthIt is how much must come free: a collection of a big heap takes a
	// second of CPU.
	worthIt = 64 << 20
)

// KeepSmall gives memory back to the system for as long as ctx lives: the heap
// is collected at half its size, while there is much to do and the heap is small
// at up to three times that, unless the environment sets GOGC; and what a wave of
// connections has left behind is returned once it is over. It changes the whole
// process, so a program calls it, once.
func KeepSmall(ctx context.Context) {
	ours := os.Getenv("GOGC") == ""
	percent := garbagePercent
	if ours {
		debug.SetGCPercent(percent)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := readHeap()
	tidied, looks := last, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := readHeap()
		if wanted := garbage(last, now); ours && wanted != percent {
			percent = wanted
			debug.SetGCPercent(percent)
		}
		last = now
		if looks++; looks%int(tidyEvery/lookEvery) == 0 {
			tidied = tidy(tidied)
		}
	}
}

// garbage is how many percent of the heap may be garbage, by what was allocated
// between two looks.
func garbage(last, now heap) int {
	if now.allocated-last.allocated < working {
		return garbagePercent
	}
	return int(min(max(workingGarbage*100/max(now.live, 1), garbagePercent), workingPercent))
}

// tidy gives back what is worth it, if little was allocated since last. It
// answers how the heap is then.
func tidy(last heap) heap {
	now := readHeap()
	if now.allocated-last.allocated < quiet && now.spare() > max(worthIt, now.live/4) {
		debug.FreeOSMemory()
		now = readHeap()
	}
	return now
}

// heap is what the runtime says of the heap, in bytes.
type heap struct {
	live      uint64 // reached by the last collection
	held      uint64 // kept from the system: objects, and room for others
	allocated uint64 // since the process began
}

// spare is what a collection may give back.
func (h heap) spare() uint64 { return max(h.held, h.live) - h.live }

func readHeap() heap {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(samples)
	at := func(i int) uint64 {
		if samples[i].Value.Kind() != metrics.KindUint64 {
			return 0 // a runtime that does not know it
		}
		return samples[i].Value.Uint64()
	}
	return heap{live: at(0), held: at(1) + at(2) + at(3), allocated: at(4)}
}
