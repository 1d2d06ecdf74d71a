package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
)

// enrol registers companions in a sandbox's state file and answers what they
// know themselves.
func enrol(_ context.Context, state string, n int) ([]record.Session, error) {
	net, err := sandbox.Open(sandbox.Config{StateFile: state})
	if err != nil {
		return nil, err
	}
	made, err := net.TmpEnrol(n, 50)
	if err != nil {
		return nil, err
	}
	out := make([]record.Session, n)
	for i, c := range made {
		var id [16]byte
		rand.Read(id[:])
		out[i] = record.Session{
			ID: hex.EncodeToString(id[:]), SavedAt: time.Now().UTC(), JID: c.JID, LID: c.LID, Platform: "android",
			RegistrationID: c.RegistrationID, NoiseKey: c.Noise[:], IdentityKey: c.Identity[:],
			SignedPreKeyID: 1, SignedPreKey: c.SignedPre[:], SignedPreSig: c.SignedSig,
			AdvSecret: c.Secret[:], Account: c.Account,
		}
	}
	return out, net.Close()
}

// writeSessions puts the sessions where the bare clients read them.
func writeSessions(path string, sessions []record.Session) error {
	raw, err := json.Marshal(sessions)
	if err != nil {
		return fmt.Errorf("write sessions: %w", err)
	}
	return os.WriteFile(path, raw, 0o600)
}
