package notify

import (
	"github.com/switchhook/switchhook/api/greenapi"
	"github.com/switchhook/switchhook/record"
)

// stateChanged, statusChanged and deviceInfo are the forms of a connection that has
// changed ("StateInstanceChanged", "StatusInstanceChanged", "DeviceInfo").
type stateChanged struct {
	envelope
	State string `json:"stateInstance"`
}

type statusChanged struct {
	envelope
	Status string `json:"statusInstance"` // online, offline
}

type deviceInfo struct {
	envelope
	Device greenapi.DeviceInfo `json:"deviceData"`
}

// connection answers, in this order: the state, if it is another one to GREEN-API;
// whether the socket is there, if that has changed; the device, when the account
// has become usable.
func connection(a Account, ev *record.Event) []notification {
	if ev.Transition == nil || ev.Info == nil {
		return nil
	}
	wrapped := func(kind string) envelope { return wrap(kind, a, ev.Info.Phone, ev.At) }
	old, now := states(ev)
	was, is := greenapi.Status(ev.Transition.From), greenapi.Status(ev.Transition.To)
	return []notification{
		{a.Settings.State && old != now, stateChanged{wrapped("stateInstanceChanged"), now}},
		{a.Settings.State && was != is, statusChanged{wrapped("statusInstanceChanged"), is}},
		{
			a.Settings.Device && old != now && now == greenapi.StateAuthorized,
			deviceInfo{wrapped("deviceInfo"), greenapi.Device(*ev.Info)},
		},
	}
}

// states answers what GREEN-API calls the connection before a transition and after
// it.
func states(ev *record.Event) (old, now string) {
	t, in := ev.Transition, ev.Info
	before := record.Before{CanRestore: in.CanRestore} // of an event from before it was kept
	if ev.Before != nil {
		before = *ev.Before
	}
	return greenapi.State(t.From, before.Cause, before.CanRestore), greenapi.State(t.To, t.Cause, in.CanRestore)
}
