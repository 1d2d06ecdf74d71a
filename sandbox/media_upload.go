package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// maxUpload bounds one upload: 100 MiB, and what encryption adds.
const maxUpload = 100<<20 + 1<<10

// uploadPatience ends an upload that hangs, should its client never give up.
const uploadPatience = 10 * time.Minute

// Uploads says what happens to a companion that uploads a file.
type Uploads string

// What may happen to uploads. The zero value is UploadsWork.
const (
	UploadsWork    Uploads = ""
	UploadsRefused Uploads = "403"
	UploadsFail    Uploads = "500"
	UploadsFull    Uploads = "507"
	UploadsHang    Uploads = "hang"    // the server takes nothing and says nothing
	UploadsMute    Uploads = "mute"    // it takes all and says nothing
	UploadsCut     Uploads = "cut"     // it takes some and cuts the connection
	UploadsBabble  Uploads = "babble"  // it takes all, and its answer never ends
	UploadsLost    Uploads = "lost"    // it takes all, and does not say where it is
	UploadsNowhere Uploads = "nowhere" // no server is named when a client asks for one
)

var allUploads = []Uploads{
	UploadsWork, UploadsRefused, UploadsFail, UploadsFull, UploadsHang, UploadsMute, UploadsCut, UploadsBabble,
	UploadsLost, UploadsNowhere,
}

// authOf is what companions of an account show when they upload.
func (s *mediaStore) authOf(digits string) string { return s.auth + "." + digits }

// uploader is the account whose auth it is.
func (s *mediaStore) uploader(auth string) (digits string, ok bool) {
	digits, ok = strings.CutPrefix(auth, s.auth+".")
	return digits, ok
}

// serveUpload keeps a file that a companion has encrypted. Its token is its hash.
func (n *Network) serveUpload(w http.ResponseWriter, r *http.Request) {
	if !n.enter() {
		http.Error(w, "sandbox is closed", http.StatusServiceUnavailable)
		return
	}
	defer n.exit()
	kind, token, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, uploadPath), "/")
	digits, authorized := n.media.uploader(r.URL.Query().Get("auth"))
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "use POST", http.StatusMethodNotAllowed)
		return
	case !authorized:
		http.Error(w, "not authorized", http.StatusUnauthorized)
		return
	}
	if how := n.behaviour(digits).Uploads; how != UploadsWork && how != UploadsNowhere {
		n.spoil(w, r, how)
		return
	}
	f, hash, err := takeUpload(http.MaxBytesReader(w, r.Body, maxUpload))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	if _, fault := errors.AsType[*os.PathError](err); fault {
		n.log.Error("upload not kept", "err", err)
		http.Error(w, "no room", http.StatusInsufficientStorage)
		return
	}
	if err != nil || kind == "" || token != base64.URLEncoding.EncodeToString(hash) {
		f.drop()
		http.Error(w, "not what the token says", http.StatusBadRequest)
		return
	}
	path := n.media.keep(f)
	answerJSON(w, http.StatusOK, map[string]string{"url": "https://" + mediaHost + path, "direct_path": path})
}

// takeUpload reads a file into one without a name. After an error there is none.
func takeUpload(body io.Reader) (f mediaFile, hash []byte, err error) {
	file, err := os.CreateTemp("", "switchhook-sandbox-*")
	if err != nil {
		return mediaFile{}, nil, fmt.Errorf("keep an upload: %w", err)
	}
	f.content = file
	defer func() {
		if err != nil {
			f.drop()
			f = mediaFile{}
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return f, nil, fmt.Errorf("keep an upload: %w", err)
	}
	sum := sha256.New()
	if f.size, err = io.Copy(io.MultiWriter(file, sum), body); err != nil {
		return f, nil, fmt.Errorf("keep an upload: %w", err)
	}
	return f, sum.Sum(nil), nil
}

// drop closes a file that nobody else has.
func (f mediaFile) drop() {
	if c, ok := f.content.(io.Closer); ok {
		c.Close()
	}
}

// spoil answers an upload as it was asked to.
func (n *Network) spoil(w http.ResponseWriter, r *http.Request, how Uploads) {
	n.log.Info("upload spoilt, as asked", "how", string(how))
	switch how {
	case UploadsRefused:
		http.Error(w, "forbidden", http.StatusForbidden)
	case UploadsFail:
		http.Error(w, "internal error", http.StatusInternalServerError)
	case UploadsFull:
		http.Error(w, "no room", http.StatusInsufficientStorage)
	case UploadsHang:
		n.keepWaiting(r)
		panic(http.ErrAbortHandler)
	case UploadsMute:
		io.Copy(io.Discard, r.Body) //nolint:errcheck // whatever comes
		n.keepWaiting(r)
		panic(http.ErrAbortHandler)
	case UploadsCut:
		io.CopyN(io.Discard, r.Body, 1000) //nolint:errcheck // whatever comes
		panic(http.ErrAbortHandler)
	case UploadsBabble:
		io.Copy(io.Discard, r.Body) //nolint:errcheck // whatever comes
		babble := []byte(strings.Repeat("x", 1<<16))
		for _, err := w.Write([]byte(`{"url":"`)); err == nil && r.Context().Err() == nil; {
			_, err = w.Write(babble)
		}
	case UploadsLost:
		io.Copy(io.Discard, r.Body) //nolint:errcheck // whatever comes
		answerJSON(w, http.StatusOK, map[string]string{})
	case UploadsWork, UploadsNowhere:
	}
}

// keepWaiting returns when the client has gone, or the sandbox ends.
func (n *Network) keepWaiting(r *http.Request) {
	limit := time.NewTimer(uploadPatience)
	defer limit.Stop()
	select {
	case <-r.Context().Done():
	case <-n.ctx.Done():
	case <-limit.C:
	}
}
