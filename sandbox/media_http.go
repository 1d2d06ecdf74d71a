package sandbox

import (
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
	hosts := []binary.Node{element("host", binary.Attrs{"hostname": mediaHost})}
	if c.network.behaviour(c.login.Phone).Uploads == UploadsNowhere {
		hosts = nil
	}
	return []binary.Node{element("media_conn",
		binary.Attrs{"auth": c.network.media.authOf(c.login.Phone), "ttl": 3600, "auth_ttl": 21600, "max_buckets": 12}, hosts...)}, nil
}

// enterToGet is enter for those who fetch over HTTP. Where it answers false they have
// been told why.
func (n *Network) enterToGet(w http.ResponseWriter, r *http.Request) bool {
	if !n.enter() {
		http.Error(w, "sandbox is closed", http.StatusServiceUnavailable)
		return false
	}
	if r.Method != http.MethodGet {
		n.exit()
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return false
	}
	return true
}

// serveDownload gives a file to whoever knows its path.
func (n *Network) serveDownload(w http.ResponseWriter, r *http.Request) {
	if !n.enterToGet(w, r) {
		return
	}
	defer n.exit()
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
		w.Header().Set("Content-Length", strconv.FormatInt(file.size, 10))
		if how == DownloadsSlow {
			n.trickle(w, r, file)
			return
		}
		io.Copy(w, file.all()) //nolint:errcheck // the caller has gone
	}
}

// trickle writes a file slowly.
func (n *Network) trickle(w http.ResponseWriter, r *http.Request, file mediaFile) {
	pause := time.NewTicker(slowPause)
	defer pause.Stop()
	flush := http.NewResponseController(w)
	for i := range int64(slowPieces) {
		select {
		case <-pause.C:
		case <-r.Context().Done():
			return
		case <-n.ctx.Done():
			return
		}
		from, to := file.size*i/slowPieces, file.size*(i+1)/slowPieces
		if _, err := io.Copy(w, io.NewSectionReader(file.content, from, to-from)); err != nil {
			return
		}
		if flush.Flush() != nil {
			return
		}
	}
}
