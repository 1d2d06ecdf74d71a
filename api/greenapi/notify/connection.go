package notify

import (
	"github.com/switchhook/switchhook/fsm"
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
	Device device `json:"deviceData"`
}

// device is the linked phone. Its protocol tells the platform and nothing else any
// more; what it does not tell is empty and not made up (our choice).
type device struct {
	Platform     string `json:"platform"`
	Manufacturer string `json:"deviceManufacturer"`
	Model        string `json:"deviceModel"`
	OS           string `json:"osVersion"`
	WhatsApp     string `json:"waVersion"`
	Battery      int    `json:"battery"`
}

// connection answers, in this order: the state, if it is another one to GREEN-API;
// whether the socket is there, if that has changed; the device, when the account
// has become usable.
func (e Encoder) connection(a Account, ev *record.Event) []notification {
	if ev.Transition == nil || ev.Info == nil {
		return nil
	}
	wrapped := func(kind string) envelope { return wrap(kind, a, ev.Info.Phone, ev.At) }
	old, now := e.states(ev)
	wasOnline, online := ev.Transition.From == fsm.Authenticated, ev.Transition.To == fsm.Authenticated
	status := "offline"
	if online {
		status = "online"
	}
	return []notification{
		{a.Settings.State && old != now, stateChanged{wrapped("stateInstanceChanged"), now}},
		{a.Settings.State && wasOnline != online, statusChanged{wrapped("statusInstanceChanged"), status}},
		{
			a.Settings.Device && old != now && now == authorized,
			deviceInfo{wrapped("deviceInfo"), device{Platform: ev.Info.Platform}},
		},
	}
}

// states answers what GREEN-API calls the connection before a transition and after
// it.
func (e Encoder) states(ev *record.Event) (old, now string) {
	t, in := ev.Transition, ev.Info
	before := record.Before{CanRestore: in.CanRestore} // of an event from before it was kept
	if ev.Before != nil {
		before = *ev.Before
	}
	return e.State(t.From, before.Cause, before.CanRestore), e.State(t.To, t.Cause, in.CanRestore)
}
