package instance

import (
	"time"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/record"
)

// save commits a session that the connection offers: the scan itself in state
// 3, a changed name or LID later.
func (i *Instance) save(s *record.Session) error {
	kept := *s
	kept.SavedAt = time.Now().UTC()
	if i.session != nil {
		return i.store(i.current(), &kept)
	}
	if err := i.opened(); err != nil {
		return err
	}
	if err := i.fireWith(fsm.Scanned, fsm.CauseScan, &kept, i.steadyUp); err != nil {
		return err
	}
	i.try.paired = true
	i.try.code, i.try.codes = nil, nil
	i.phone, i.try.typed = "", nil
	i.try.deadline = time.Now().Add(i.cfg.Timing.Redial)
	i.publish()
	return nil
}
