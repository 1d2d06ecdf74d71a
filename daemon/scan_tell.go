package daemon

import (
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How often scans are told: at once, until there are so many in a row; then a code and a
// tenant each have their pace, and an event tells all that came since the one before. It
// keeps whoever follows links over and over from filling the log, and the way to the
// receivers with it.
const (
	tellCode    = 30 * time.Second // from one event of a code to the next
	tellCodes   = 30               // events of a code in a row
	tellTenant  = 20               // events of a tenant in a second
	tellTenants = 300              // of a tenant in a row
	tellAgain   = time.Second      // what may not be told is looked at so often

	tellForget = 4096 // paces, with which those that are not used are looked for
)

// telling is which scans are stored and not told, and what may be told. The zero value is
// ready; any goroutine may call its methods.
type telling struct {
	tellMu  sync.Mutex
	behind  map[string]bool          // guarded by tellMu; codes with scans that are not told
	codes   map[string]*rate.Limiter // guarded by tellMu
	tenants map[string]*rate.Limiter // guarded by tellMu; by id
	forget  int                      // guarded by tellMu; with so many in codes those that are full go
}

// may reports whether an event of a code of a tenant may be appended, and counts it.
func (t *telling) may(tenant, code string) bool {
	t.tellMu.Lock()
	defer t.tellMu.Unlock()
	if t.codes == nil {
		t.codes, t.tenants, t.forget = make(map[string]*rate.Limiter), make(map[string]*rate.Limiter), tellForget
	}
	if len(t.codes) >= t.forget {
		full := func(_ string, l *rate.Limiter) bool { return l.Tokens() >= float64(l.Burst()) }
		maps.DeleteFunc(t.codes, full)
		maps.DeleteFunc(t.tenants, full)
		t.forget = max(tellForget, 2*len(t.codes))
	}
	of, its := t.tenants[tenant], t.codes[code]
	if of == nil {
		of = rate.NewLimiter(tellTenant, tellTenants)
		t.tenants[tenant] = of
	}
	if its == nil {
		its = rate.NewLimiter(rate.Every(tellCode), tellCodes)
		t.codes[code] = its
	}
	return its.Tokens() >= 1 && of.Allow() && its.Allow()
}

// keep notes whether a code has scans that are not told.
func (t *telling) keep(code string, behind bool) {
	t.tellMu.Lock()
	defer t.tellMu.Unlock()
	if t.behind == nil {
		t.behind = make(map[string]bool)
	}
	if delete(t.behind, code); behind {
		t.behind[code] = true
	}
}

// late reports whether there is something to tell.
func (t *telling) late() bool {
	t.tellMu.Lock()
	defer t.tellMu.Unlock()
	return len(t.behind) > 0
}

// untold are the codes with scans that are not told.
func (t *telling) untold() []string {
	t.tellMu.Lock()
	defer t.tellMu.Unlock()
	return slices.Collect(maps.Keys(t.behind))
}
