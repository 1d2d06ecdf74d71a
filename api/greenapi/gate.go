package greenapi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"

	"github.com/switchhook/switchhook/instance"
	"github.com/switchhook/switchhook/record"
)

// gate lets in who knows an instance's id and its token.
type gate struct {
	instances Instances
	nobody    string // the token of an id that nobody has, as long as those of others
}

// tokenLength is how long the tokens are that the daemon makes.
const tokenLength = 50

func newGate(instances Instances) gate {
	return gate{instances, (rand.Text() + rand.Text())[:tokenLength]}
}

// admit answers whose request it is, or a 403 or 401. Both take the same work: the id
// is looked up, and the token is compared with one, its digest with a digest.
func (g gate) admit(ctx context.Context, to target) (record.GreenAPI, error) {
	green, err := g.instances.FindGreen(ctx, to.id)
	unknown := errors.Is(err, instance.ErrNotFound)
	if err != nil && !unknown {
		return record.GreenAPI{}, err
	}
	token := green.Token
	if unknown {
		token = g.nobody
	}
	given, issued := sha256.Sum256([]byte(to.token)), sha256.Sum256([]byte(token))
	right := subtle.ConstantTimeCompare(given[:], issued[:]) == 1
	switch {
	case unknown:
		return record.GreenAPI{}, &failure{status: http.StatusForbidden, message: "Forbidden"}
	case !right:
		return record.GreenAPI{}, &failure{status: http.StatusUnauthorized, message: "Unauthorized"}
	}
	return green, nil
}
