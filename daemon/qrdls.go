package daemon

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/cams"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/store"
)

// qrdls is every message QR code as the store holds it, in memory: some 500 bytes each,
// and 72 for each former revision that it remembers. Its methods may be called from any
// goroutine.
//
// What a token was once made for is not kept: it proves by its last 40 bits that it was
// made here, and one that leads to nothing any more is one that did. So the links of all
// former revisions are known to be old, for ever, at no cost, and when a backup is
// restored. Who forges one learns that it is old.
type qrdls struct {
	seal []byte // tokens are proved by it
	turn        // to change codes

	mu      sync.RWMutex
	byCode  map[string]record.QRDL    // guarded by mu; what a value refers to never changes
	byToken map[string]string         // guarded by mu; codes
	of      map[place]map[string]bool // guarded by mu; codes, by whose they are
	each    map[string]int            // guarded by mu; how many a tenant has
}

// place is whose a message QR code is.
type place struct{ tenant, number string }

func (q *qrdls) load(s *store.Store) error {
	q.seal = []byte(s.LinkKey())
	q.turn = newTurn()
	q.byCode, q.byToken = make(map[string]record.QRDL), make(map[string]string)
	q.of, q.each = make(map[place]map[string]bool), make(map[string]int)
	stored, err := s.QRDLs()
	if err != nil {
		return err
	}
	for _, code := range stored {
		q.put(code)
	}
	return nil
}

// put adds a code or changes one: from one moment to the next its link is another.
func (q *qrdls) put(codes ...record.QRDL) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range codes {
		at := place{c.Tenant, c.Number}
		if old, there := q.byCode[c.Code]; there {
			delete(q.byToken, old.Token)
		} else {
			q.each[c.Tenant]++
		}
		if q.of[at] == nil {
			q.of[at] = make(map[string]bool)
		}
		q.byCode[c.Code], q.byToken[c.Token], q.of[at][c.Code] = c, c.Code, true
	}
}

func (q *qrdls) remove(c record.QRDL) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := place{c.Tenant, c.Number}
	delete(q.byCode, c.Code)
	delete(q.byToken, c.Token)
	if delete(q.of[at], c.Code); len(q.of[at]) == 0 {
		delete(q.of, at)
	}
	if q.each[c.Tenant]--; q.each[c.Tenant] == 0 {
		delete(q.each, c.Tenant)
	}
}

// count answers how many codes a tenant has.
func (q *qrdls) count(tenant string) int {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return q.each[tenant]
}

// countOf answers how many codes a tenant's number has.
func (q *qrdls) countOf(at place) int {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return len(q.of[at])
}

// get answers the code of a tenant's number.
func (q *qrdls) get(at place, code string) (record.QRDL, bool) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	c, ok := q.byCode[code]
	return c, ok && c.Tenant == at.tenant && c.Number == at.number
}

// one answers a code, whoever's it is.
func (q *qrdls) one(code string) (record.QRDL, bool) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	c, ok := q.byCode[code]
	return c, ok
}

// which answers the codes that a test picks, the newest first.
func (q *qrdls) which(pick func(place) bool) []record.QRDL {
	q.mu.RLock()
	defer q.mu.RUnlock()
	out := []record.QRDL{}
	for at, codes := range q.of {
		if pick(at) {
			for code := range maps.Keys(codes) {
				out = append(out, q.byCode[code])
			}
		}
	}
	slices.SortFunc(out, func(a, b record.QRDL) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.Code, b.Code))
	})
	return out
}

// find answers what a token leads to.
func (q *qrdls) find(token string) (record.QRDL, error) {
	q.mu.RLock()
	c, there := q.byCode[q.byToken[token]]
	q.mu.RUnlock()
	switch {
	case there:
		return c, nil
	case q.proved(token):
		return record.QRDL{}, api.ErrQRDLGone
	}
	return record.QRDL{}, cams.ErrNoQRDL
}

// A token is so many random bytes, and so many that prove it.
const (
	tokenRandom = 10
	tokenProof  = 5
)

// tokenAlphabet has no letter in two cases: a link may be typed off a poster.
var tokenAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567")

func (q *qrdls) newToken() string {
	b := make([]byte, tokenRandom, tokenRandom+tokenProof)
	_, _ = rand.Read(b) // never fails
	return tokenAlphabet.EncodeToString(append(b, q.proof(b)...))
}

func (q *qrdls) proof(b []byte) []byte {
	h := hmac.New(sha256.New, q.seal)
	h.Write(b)
	return h.Sum(nil)[:tokenProof]
}

// proved reports whether a token was made here.
func (q *qrdls) proved(token string) bool {
	b, err := tokenAlphabet.DecodeString(token)
	return err == nil && len(b) == tokenRandom+tokenProof && hmac.Equal(b[tokenRandom:], q.proof(b[:tokenRandom]))
}

const codeAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// newCode makes a code that there is not: 14 letters and digits.
func (q *qrdls) newCode() (string, error) {
	for {
		var b strings.Builder
		for range 14 {
			n, err := rand.Int(rand.Reader, big.NewInt(int64(len(codeAlphabet))))
			if err != nil {
				return "", err
			}
			b.WriteByte(codeAlphabet[n.Int64()])
		}
		q.mu.RLock()
		_, taken := q.byCode[b.String()]
		q.mu.RUnlock()
		if !taken {
			return b.String(), nil
		}
	}
}
