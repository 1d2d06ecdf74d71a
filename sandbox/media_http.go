package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/binary"
)

// mediaHost is where clients upload and download. There is no such host: whoever
// is not led to the sandbox does not find it.
const mediaHost = "media.sandbox.invalid"

const (
	uploadPath   = "/mms/"
	downloadPath = "/v/"
	maxUpload    = 64 << 20
)

// A slow download comes in so many pieces, with such a pause before each.
const (
	slowPieces = 16
	slowPause  = 250 * time.Millisecond
)

// answerMedia tells a companion where its files go.
func answerMedia(c *conn, q query) ([]binary.Node, error) {
	if _, asked := child(q.node, "media_conn"); !asked {
		return nil, errNotImplemented
	}
	return []binary.Node{element("media_conn",
		binary.Attrs{"auth": c.network.media.auth, "ttl": 3600, "auth_ttl": 21600, "max_buckets": 12},
		element("host", binary.Attrs{"hostname": mediaHost}))}, nil
}

// serveUpload keeps a file that a companion has encrypted. Its token is its hash.
func (n *Network) serveUpload(w http.ResponseWriter, r *http.Request) {
	if !n.enter() {
		http.Error(w, "sandbox is closed", http.StatusServiceUnavailable)
		return
	}
	defer n.exit()
	kind, token, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, uploadPath), "/")
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "use POST", http.StatusMethodNotAllowed)
		return
	case r.URL.Query().Get("auth") != n.media.auth:
		http.Error(w, "not authorized", http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpload))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	hash := sha256.Sum256(body)
	if err != nil || kind == "" || token != base64.URLEncoding.EncodeToString(hash[:]) {
		http.Error(w, "not what the token says", http.StatusBadRequest)
		return
	}
	path := n.media.put(body, "")
	answerJSON(w, http.StatusOK, map[string]string{"url": "https://" + mediaHost + path, "direct_path": path})
}

// serveDownload gives a file to whoever knows its path.
func (n *Network) serveDownload(w http.ResponseWriter, r *http.Request) {
	if !n.enter() {
		http.Error(w, "sandbox is closed", http.StatusServiceUnavailable)
		return
	}
	defer n.exit()
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	file, found, gone := n.media.get(strings.TrimPrefix(r.URL.Path, downloadPath))
	how := DownloadsWork
	if found {
		how = n.behaviour(file.sender).Downloads
	}
	switch {
	case gone || how == DownloadsGone:
		http.Error(w, "gone", http.StatusGone)
	case !found || how == DownloadsNotFound:
		http.Error(w, "not found", http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(file.body)))
		if how == DownloadsSlow {
			n.trickle(w, r, file.body)
			return
		}
		w.Write(file.body) //nolint:errcheck // the caller has gone
	}
}

// trickle writes a file slowly.
func (n *Network) trickle(w http.ResponseWriter, r *http.Request, body []byte) {
	pause := time.NewTicker(slowPause)
	defer pause.Stop()
	flush := http.NewResponseController(w)
	for i := range slowPieces {
		select {
		case <-pause.C:
		case <-r.Context().Done():
			return
		case <-n.ctx.Done():
			return
		}
		if _, err := w.Write(body[len(body)*i/slowPieces : len(body)*(i+1)/slowPieces]); err != nil {
			return
		}
		if flush.Flush() != nil {
			return
		}
	}
}
