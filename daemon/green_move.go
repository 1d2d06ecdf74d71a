package daemon

import (
	"context"
	"errors"

	"github.com/switchhook/switchhook/record"
)

// unpackGreen answers what an instance of a parcel is to GREEN-API's clients: what it was,
// so that they go on, unless its id is taken here.
func (m *mover) unpackGreen(p *parcel) (record.GreenAPI, error) {
	if !usable(p.Green) {
		return m.newGreen(p.Instance.ID, 0, "")
	}
	green, err := m.newGreen(p.Instance.ID, p.Green.ID, p.Green.Token)
	if errors.Is(err, errGreenTaken) {
		m.log.Warn("idInstance of the imported instance is taken here: its GREEN-API clients need the new one and its token", "instance", p.Instance.ID)
		green, err = m.newGreen(p.Instance.ID, 0, "")
	}
	green.Settings = p.Green.Settings
	return green, err
}

// usable judges what a file says: somebody who knew its passphrase may have written
// it.
func usable(g *record.GreenAPI) bool {
	return g != nil && g.ID != 0 && g.Token != "" && checkGreenKeys(g.ID, g.Token) == nil
}

// takeGreenBack makes an instance what it is to GREEN-API's clients where its file
// comes from, if they know it by the same id there.
func (m *mover) takeGreenBack(ctx context.Context, old *member, p *parcel) error {
	green := old.green.Load()
	if green == nil || !usable(p.Green) || p.Green.ID != green.ID {
		return nil
	}
	return m.storeGreen(ctx, old, func(was *record.GreenAPI) (record.GreenAPI, error) {
		next := *was
		next.Token, next.Settings = p.Green.Token, p.Green.Settings
		return next, nil
	})
}

// resumeGreen lets the notifications of an imported instance go where its settings
// say. Where they may not go from here, the settings stay for somebody to change.
func (m *mover) resumeGreen(ctx context.Context, member *member) {
	err := m.storeGreen(ctx, member, func(was *record.GreenAPI) (record.GreenAPI, error) { return *was, nil })
	if err != nil {
		m.log.Warn("the webhookUrl of an imported instance cannot be used here", "instance", member.id, "err", err)
	}
}
