package api

import "net/http"

// mediaPath is where pictures are served, by their tokens.
const mediaPath = "/media/"

// mediaURL is the address that a picture's token is served at: below public_url or,
// where that is not set, below the host that a client has found us by.
func (c Config) mediaURL(r *http.Request, token string) string {
	switch {
	case c.PublicURL != "":
		return c.PublicURL + mediaPath + token
	case r.TLS != nil:
		return "https://" + r.Host + mediaPath + token
	}
	return "http://" + r.Host + mediaPath + token
}
