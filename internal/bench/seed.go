package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"go.mau.fi/whatsmeow/types"
	"golang.org/x/sync/errgroup"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

// preKeys is what a device has after its first pairing.
const preKeys = 812

// seed writes the store of a daemon that had all these sessions connected and
// was then restarted: every instance is in state 11 and due. Every session gets
// the prekeys of the first, so that the file has its real size: to make 812 for
// each would take minutes. It is sealed from the start, as a daemon's own is.
func seed(ctx context.Context, dir string, sessions []record.Session) (err error) {
	key := seal.NewKey()
	if err := seal.WriteFile(filepath.Join(dir, "store.key"), key); err != nil {
		return err
	}
	s, err := store.Open(filepath.Join(dir, "switchhook.db"), store.Options{
		Network: "sandbox",
		Unseal: func(_ []byte, inClear bool) (store.Sealer, []byte, error) {
			ring := seal.NewRing(key, !inClear)
			record := ring.Record()
			return ring, record, nil
		},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-ran, s.Close())
	}()
	template, err := deviceKeys(ctx, s, &sessions[0])
	if err != nil {
		return fmt.Errorf("make prekeys: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(64)
	for i := range sessions {
		g.Go(func() error { return seedOne(ctx, s, i, sessions[i], template) })
	}
	return g.Wait()
}

// deviceKeys answers the device keys of a paired session.
func deviceKeys(ctx context.Context, s *store.Store, session *record.Session) (map[string][]byte, error) {
	place := s.Device("template", session.ID)
	c := devicestore.New(func(string) devicestore.Backend { return place }, nil, nil)
	d, err := c.Load(session)
	if err != nil {
		return nil, err
	}
	made, err := d.PreKeys.GetOrGenPreKeys(ctx, preKeys)
	if err != nil {
		return nil, err
	}
	if err := d.PreKeys.MarkPreKeysAsUploaded(ctx, made[len(made)-1].KeyID); err != nil {
		return nil, err
	}
	keys := make(map[string][]byte)
	gone := make(map[string][]byte)
	err = place.Scan(nil, func(k, v []byte) error {
		keys[string(k)] = bytes.Clone(v)
		gone[string(k)] = nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return keys, place.Apply(ctx, gone)
}

func seedOne(ctx context.Context, s *store.Store, i int, session record.Session, keys map[string][]byte) error {
	now := time.Now().UTC()
	rec := record.Instance{
		ID: fmt.Sprintf("b%09d", i), Name: instanceName(i), WID: uuid.NewString(), CreatedAt: now,
		Config: record.Config{APIVersion: "1.0"},
		State:  fsm.AuthenticatedClosed, Cause: fsm.CauseRestart, Since: now, RetryAt: now,
	}
	place := s.Device(rec.ID, session.ID)
	c := devicestore.New(func(string) devicestore.Backend { return place }, nil, nil)
	d, err := c.Load(&session)
	if err != nil {
		return err
	}
	saved, err := devicestore.SessionFrom(d, session.ID, now)
	if err != nil {
		return err
	}
	change := s.Change()
	change.PutInstance(rec)
	change.PutSession(rec.ID, *saved)
	change.PutEndpoint(record.Endpoint{ID: rec.ID + "-webhook", Stream: rec.ID, Format: "witi", CreatedAt: now})
	if _, err := s.Commit(ctx, change); err != nil {
		return err
	}
	if err := place.Apply(ctx, keys); err != nil {
		return err
	}
	// Its own mapping from phone number to LID is known since the pairing.
	return d.LIDs.PutLIDMapping(ctx, bare(d.LID), bare(*d.ID))
}

func bare(j types.JID) types.JID { return j.ToNonAD() }
