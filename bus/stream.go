package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/switchhook/switchhook/record"
)

// StreamName is the JetStream stream that holds the events.
const StreamName = "SWITCHHOOK"

// subjects is all that the stream binds.
const subjects = record.SubjectPrefix + ">"

// createdBy marks a stream as created, and so configured, by this package.
const createdBy = "switchhook"

// errForeignStream is a stream of our name that is not for our subjects.
var errForeignStream = errors.New("the stream " + StreamName + " exists and does not bind " + subjects + ": remove it or use another account")

// openStream finds the stream or creates it, and brings its bounds up to date
// if it is ours. The stream it returns carries fresh information.
func (s *session) openStream(ctx context.Context) (jetstream.Stream, error) {
	stream, err := s.js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = s.js.CreateStream(ctx, s.streamConfig())
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another daemon was faster
			stream, err = s.js.Stream(ctx, StreamName)
		}
	}
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, fmt.Errorf("open the stream %s: the broker's JetStream is off or not ready: %w", StreamName, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the stream %s: %w", StreamName, err)
	}
	have := stream.CachedInfo().Config
	if !slices.Contains(have.Subjects, subjects) {
		return nil, errForeignStream
	}
	if _, mine := have.Metadata[createdBy]; !mine {
		return stream, nil
	}
	want := have
	want.MaxAge, want.MaxBytes = s.cfg.MaxAge, s.cfg.MaxBytes
	want.Discard = jetstream.DiscardOld
	if want.MaxAge == have.MaxAge && want.MaxBytes == have.MaxBytes && want.Discard == have.Discard {
		return stream, nil
	}
	updated, err := s.js.UpdateStream(ctx, want)
	if err != nil {
		// Events can be published all the same.
		s.log.Warn("nats stream keeps its old bounds", "max_age", have.MaxAge, "max_bytes", have.MaxBytes, "err", err)
		return stream, nil
	}
	return updated, nil
}

func (s *session) streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamName,
		Description: "switchhook events",
		Subjects:    []string{subjects},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardOld,
		MaxAge:      s.cfg.MaxAge,
		MaxBytes:    s.cfg.MaxBytes,
		Replicas:    s.cfg.Replicas,
		// The least the server takes: deduplication is not used, and each id in
		// its window costs memory (124 MiB a million).
		Duplicates: 100 * time.Millisecond,
		Metadata:   map[string]string{createdBy: "1"},
	}
}

// messageLimit is the largest message that broker and stream take.
func messageLimit(maxPayload int64, c jetstream.StreamConfig) int {
	limit := maxPayload
	if c.MaxMsgSize > 0 {
		limit = min(limit, int64(c.MaxMsgSize))
	}
	if c.MaxBytes > 0 {
		limit = min(limit, c.MaxBytes/2)
	}
	return int(limit)
}
