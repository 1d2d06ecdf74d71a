package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
)

const (
	// askEvery is how often WhatsApp is asked for its version while the answer
	// stays the same; a day's worth of refusals would not change it.
	askEvery = time.Hour
	// askAgain is how soon it is asked again after it could not be.
	askAgain = time.Minute
	// askLimit bounds the answer, a web page of some 100 KB.
	askLimit = 8 << 20
	// askTime bounds the question, whoever waits for it.
	askTime = 30 * time.Second
)

// versions knows which client version to announce. It never goes down.
type versions struct {
	pinned bool
	file   string // where it is kept; may be empty
	latest func(context.Context) (string, error)
	log    *slog.Logger

	mu      sync.Mutex
	now     store.WAVersionContainer // guarded by mu, like the rest
	asking  chan struct{}            // closed when the question that is under way is answered
	askedAt time.Time
	answer  error
}

// newVersions starts with the pinned version, or the newer of the library's and
// the one in the file. A file that cannot be read is as good as none.
func newVersions(pinned, file string, latest func(context.Context) (string, error), log *slog.Logger) (*versions, error) {
	v := &versions{file: file, latest: latest, log: log, now: store.GetWAVersion()}
	if pinned != "" {
		now, err := parseVersion(pinned)
		if err != nil {
			return nil, fmt.Errorf("whatsapp.version: %w", err)
		}
		v.pinned, v.now = true, now
		return v, nil
	}
	kept, err := readVersion(file)
	switch {
	case err != nil:
		log.Warn("saved client version ignored", "path", file, "err", err)
	case newer(kept, v.now):
		v.now = kept
	}
	return v, nil
}

// current is the version to announce.
func (v *versions) current() store.WAVersionContainer {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// renew looks for a version newer than the one that was announced, and reports
// whether there is one now. However many ask, WhatsApp is asked once at a time,
// and not again soon.
func (v *versions) renew(ctx context.Context, announced store.WAVersionContainer) (bool, error) {
	for {
		v.mu.Lock()
		switch {
		case v.pinned:
			v.mu.Unlock()
			return false, nil
		case newer(v.now, announced):
			v.mu.Unlock()
			return true, nil
		case v.asking == nil && time.Since(v.askedAt) < v.patience():
			answer := v.answer
			v.mu.Unlock()
			return false, answer
		case v.asking == nil:
			v.asking = make(chan struct{})
			go v.ask(context.WithoutCancel(ctx)) // the others wait for the answer, too
		}
		asking := v.asking
		v.mu.Unlock()
		select {
		case <-asking:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// patience is how long the last answer counts. The caller holds mu.
func (v *versions) patience() time.Duration {
	switch {
	case v.askedAt.IsZero():
		return 0
	case v.answer != nil:
		return askAgain
	default:
		return askEvery
	}
}

// ask asks WhatsApp and keeps the answer if it is newer.
func (v *versions) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	got, err := v.fetch(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil && newer(got, v.now) {
		v.log.Info("client version renewed", "from", v.now.String(), "to", got.String())
		v.now = got
		if err := writeVersion(v.file, got); err != nil {
			v.log.Warn("client version not saved", "path", v.file, "err", err)
		}
	}
	v.answer, v.askedAt = err, time.Now()
	close(v.asking)
	v.asking = nil
}

func (v *versions) fetch(ctx context.Context) (got store.WAVersionContainer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("ask for the client version: panicked: %v", p)
		}
	}()
	s, err := v.latest(ctx)
	if err != nil {
		return got, fmt.Errorf("ask for the client version: %w", err)
	}
	if s == "" {
		return got, nil
	}
	if got, err = parseVersion(s); err != nil {
		return got, fmt.Errorf("ask for the client version: %w", err)
	}
	return got, nil
}

// latestOf asks web.whatsapp.com over a transport.
func latestOf(t http.RoundTripper) func(context.Context) (string, error) {
	client := &http.Client{Transport: page{t}}
	return func(ctx context.Context) (string, error) {
		v, err := whatsmeow.GetLatestVersion(ctx, client)
		if err != nil {
			return "", err
		}
		return v.String(), nil
	}
}

// leastOf asks the sandbox for the least version that it lets in.
func leastOf(t http.RoundTripper) func(context.Context) (string, error) {
	client := &http.Client{Transport: page{t}}
	return func(ctx context.Context) (string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/sandbox/v1/info", nil)
		if err != nil {
			return "", err
		}
		resp, err := client.Do(r)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		var info struct {
			Minimum string `json:"minimum_version"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&info); err != nil {
			return "", err
		}
		return info.Minimum, nil
	}
}

// page bounds an answer and turns a refusal into an error: the library's would
// hold the whole page.
type page struct{ http.RoundTripper }

func (p page) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := p.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, askLimit), resp.Body}
	return resp, nil
}

func newer(a, b store.WAVersionContainer) bool { return slices.Compare(a[:], b[:]) > 0 }

var errVersion = errors.New("not three numbers such as 2.3000.1031080782")

func parseVersion(s string) (v store.WAVersionContainer, err error) {
	parts := strings.Split(s, ".")
	if len(parts) != len(v) {
		return v, errVersion
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return store.WAVersionContainer{}, errVersion
		}
		v[i] = uint32(n)
	}
	return v, nil
}

// readVersion reads the version in a file; the zero one if there is none.
func readVersion(file string) (v store.WAVersionContainer, err error) {
	if file == "" {
		return v, nil
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return v, err
	}
	return parseVersion(strings.TrimSpace(string(raw)))
}

// writeVersion replaces the file by a whole one, or leaves it.
func writeVersion(file string, v store.WAVersionContainer) (err error) {
	if file == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, failed := f.WriteString(v.String() + "\n")
	if err := errors.Join(failed, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
