package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// limitInFlight is how many requests the limit has under way at once.
const limitInFlight = 64

// measureLimit posts a body to the receiver as fast as a plain net/http client
// can, from this process, and answers how many a second.
func measureLimit(ctx context.Context, url string, body []byte, span time.Duration) (float64, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: limitInFlight, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var posted atomic.Int64
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for range limitInFlight {
		g.Go(func() error {
			for time.Since(began) < span {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
				if err != nil {
					return err
				}
				req.Header.Set("Content-Type", "application/json")
				resp, err := client.Do(req)
				if err != nil {
					return err
				}
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					return fmt.Errorf("the receiver answers the limit with %d: %w", resp.StatusCode, err)
				}
				posted.Add(1)
			}
			return nil
		})
	}
	err := g.Wait()
	return float64(posted.Load()) / time.Since(began).Seconds(), err
}
