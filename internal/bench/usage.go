package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a process holds and has used, as Linux counts it.
type usage struct {
	resident int64 // bytes, all of it
	file     int64 // of them, pages of files, which the kernel can drop
	anon     int64 // of them, memory of the process's own
	peak     int64 // the most that was ever resident
	threads  int64
	cpu      time.Duration // user and system, since it began
}

// ticksPerSecond is the unit of /proc/<pid>/stat: USER_HZ, 100 on every Linux
// that Go runs on.
const ticksPerSecond = 100

func (p *process) usage() (u usage, err error) {
	dir := fmt.Sprintf("/proc/%d/", p.pid())
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return u, fmt.Errorf("measure %s (only Linux can): %w", p.name, err)
	}
	into := map[string]*int64{"VmRSS": &u.resident, "RssFile": &u.file, "RssAnon": &u.anon, "VmHWM": &u.peak}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		n, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			continue
		}
		if key == "Threads" {
			u.threads = n
		}
		if at := into[key]; at != nil {
			*at = n << 10
		}
	}
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return u, fmt.Errorf("measure %s: %w", p.name, err)
	}
	// The name in parentheses may hold anything; the 14th and 15th fields count
	// from before it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return u, errors.New("measure " + p.name + ": /proc/<pid>/stat is short")
	}
	for _, f := range fields[11:13] {
		ticks, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return u, fmt.Errorf("measure %s: %w", p.name, err)
		}
		u.cpu += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	return u, nil
}
