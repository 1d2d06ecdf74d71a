package api

import (
	"net/http"
	"strings"
)

// linkPath is where the links of message QR codes lead, by their tokens.
const linkPath = "/m/"

// linkURL is the link of a message QR code: below public_url or, where that is not set,
// below the host that a client has found us by.
func (c Config) linkURL(r *http.Request, token string) string {
	return c.reachedBy(r) + linkPath + token
}

// imageURL is the address of the picture of the link, "PNG" or "SVG".
func (c Config) imageURL(r *http.Request, token, image string) string {
	return c.linkURL(r, token) + "." + strings.ToLower(image)
}
