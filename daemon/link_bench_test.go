package daemon_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// BenchmarkLink measures how soon a phone that opens a link is sent on, its scan counted
// on disk: alone, and beside 64 others who open as many links without a pause.
func BenchmarkLink(b *testing.B) {
	const links = 1000
	dir := shortDir(b)
	d := runDaemon(b, dir, nil)
	d.tenant("acme")
	ten, err := d.admin.Tenant(b.Context(), "acme")
	if err != nil {
		b.Fatal(err)
	}
	if err := d.stop(); err != nil {
		b.Fatal(err)
	}
	tokens := plantCodes(b, dir, ten.ID, links)
	d = runDaemon(b, dir, nil)
	open := func(token string) (took time.Duration) {
		began := time.Now()
		if status, _, err := opened(d.d.URL() + "/m/" + token); status != http.StatusFound {
			b.Errorf("%d, %v", status, err)
		}
		return time.Since(began)
	}
	for _, others := range []int{0, 64} {
		b.Run(fmt.Sprintf("beside%d", others), func(b *testing.B) {
			stop := make(chan struct{})
			var wg sync.WaitGroup
			for i := range others {
				wg.Go(func() {
					for n := i; ; n += others {
						select {
						case <-stop:
							return
						default:
							open(tokens[1+n%(links-1)])
						}
					}
				})
			}
			var took []time.Duration
			pace := time.NewTicker(2 * scanPause) // one who is alone finds nobody's storing under way
			for b.Loop() {
				<-pace.C
				took = append(took, open(tokens[0]))
			}
			pace.Stop()
			close(stop)
			wg.Wait()
			report(b, "", took)
		})
	}
}

// scanPause is the time between two storings of scans.
const scanPause = 100 * time.Millisecond
