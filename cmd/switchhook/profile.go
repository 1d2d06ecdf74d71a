//go:build profile

package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"
)

// With the tag profile, which only benchmarks build with, SIGUSR1 writes the
// heap, after a collection, and the goroutines to PROFILE_DIR, and SIGUSR2 what
// the next ten seconds spend.
func init() { //nolint:gochecknoinits // no other file knows of this one
	dir := os.Getenv("PROFILE_DIR")
	if dir == "" {
		return
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for s := range asked {
			if err := profile(dir, s); err != nil {
				fmt.Fprintln(os.Stderr, "profile:", err)
			}
		}
	}()
}

func profile(dir string, s os.Signal) error {
	at := time.Now().Format("150405.000")
	if s == syscall.SIGUSR2 {
		f, err := os.Create(filepath.Join(dir, "cpu-"+at))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		time.Sleep(10 * time.Second) //nolint:forbidigo // it is the length of the profile
		pprof.StopCPUProfile()
		return nil
	}
	var m0, m runtime.MemStats
	runtime.ReadMemStats(&m0)
	runtime.GC()
	runtime.ReadMemStats(&m)
	fmt.Fprintf(os.Stderr, "memory: heap in use %d MB of %d MB, before the collection %d MB, released %d MB; stacks %d MB; other %d MB; goroutines %d\n",
		m.HeapAlloc>>20, m.HeapSys>>20, m0.HeapAlloc>>20, m.HeapReleased>>20, m.StackInuse>>20,
		(m.GCSys+m.MSpanSys+m.MCacheSys+m.OtherSys+m.BuckHashSys)>>20, runtime.NumGoroutine())
	for _, name := range []string{"heap", "goroutine"} {
		f, err := os.Create(filepath.Join(dir, name+"-"+at))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.Lookup(name).WriteTo(f, 0); err != nil {
			return err
		}
	}
	return nil
}
