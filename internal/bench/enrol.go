package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/record"
	"github.com/switchhook/switchhook/sandbox"
)

// firstPhone is the number of the first enrolled phone; the others count up.
const firstPhone = 5521900000001

// enrol makes companions known in a sandbox's state file, as if they had been
// paired, and answers their sessions. A real pairing takes a tenth of a second.
func enrol(ctx context.Context, state string, n int) (sessions []record.Session, err error) {
	network, err := sandbox.Open(sandbox.Config{StateFile: state})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, network.Close()) }()
	enrolments := make([]sandbox.Enrolment, n)
	sessions = make([]record.Session, n)
	for i := range n {
		c, err := sandbox.NewCompanion(strconv.Itoa(firstPhone+i), 1)
		if err != nil {
			return nil, err
		}
		enrolments[i] = c.Enrolment
		sessions[i] = record.Session{
			ID: strings.ReplaceAll(uuid.NewString(), "-", ""), SavedAt: time.Now().UTC(),
			JID: c.JID, LID: c.LID, Platform: c.Platform,
			RegistrationID: c.RegistrationID, NoiseKey: c.NoiseKey, IdentityKey: c.IdentityKey,
			SignedPreKeyID: c.SignedPreKeyID, SignedPreKey: c.SignedPreKey, SignedPreSig: c.SignedPreKeySignature,
			AdvSecret: c.AdvSecret, Account: c.Account,
		}
	}
	return sessions, network.Enrol(ctx, enrolments)
}

// writeSessions puts the sessions where the bare clients read them.
func writeSessions(path string, sessions []record.Session) error {
	raw, err := json.Marshal(sessions)
	if err != nil {
		return fmt.Errorf("write sessions: %w", err)
	}
	return os.WriteFile(path, raw, 0o600)
}
