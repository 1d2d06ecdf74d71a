package whatsapp

import (
	"errors"
	"reflect"
	"testing"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// someone may stand in no fact.
var someone = types.NewJID("15550001111", types.DefaultUserServer)

// connectionEvents is what each event about the connection means to us.
func connectionEvents() map[any]instance.Fact {
	cause := errors.New("details")
	node := &waBinary.Node{Tag: "secret", Attrs: waBinary.Attrs{"jid": someone}}
	return map[any]instance.Fact{
		&events.QR{Codes: []string{"a", "b"}}:                  {Kind: instance.FactCodes, Codes: []string{"a", "b"}},
		&events.QR{}:                                           {Kind: instance.FactCodes},
		&events.PairSuccess{ID: someone}:                       {Kind: instance.FactPaired},
		&events.PairError{ID: someone, Error: cause}:           {Kind: instance.FactPairFailed, Cause: fsm.CausePairingFailed, Err: cause},
		&events.ManualLoginReconnect{}:                         {Kind: instance.FactRedial},
		&events.Connected{}:                                    {Kind: instance.FactUp},
		&events.KeepAliveRestored{}:                            {Kind: instance.FactAnswered},
		&events.Disconnected{}:                                 {Kind: instance.FactLost, Cause: fsm.CauseNetwork},
		&events.StreamError{Code: "516", Raw: node}:            {Kind: instance.FactLost, Cause: fsm.CauseServerError, Err: errors.New("stream error 516")},
		&events.CATRefreshError{Error: cause}:                  {Kind: instance.FactLost, Cause: fsm.CauseServerError, Err: cause},
		&events.StreamReplaced{}:                               {Kind: instance.FactRefused, Cause: fsm.CauseStreamReplaced},
		&events.TemporaryBan{Code: 101, Expire: time.Hour}:     {Kind: instance.FactRefused, Cause: fsm.CauseTemporaryBan, RetryAfter: time.Hour, Err: errors.New("ban code 101")},
		&events.TemporaryBan{Code: 7}:                          {Kind: instance.FactRefused, Cause: fsm.CauseTemporaryBan, Err: errors.New("ban code 7")},
		&events.ClientOutdated{}:                               {Kind: instance.FactRefused, Cause: fsm.CauseClientOutdated},
		&events.ConnectFailure{Reason: 409, Message: "x"}:      {Kind: instance.FactRefused, Cause: fsm.CauseConnectRefused, Err: errors.New("connect failure 409")},
		&events.LoggedOut{Reason: 401}:                         {Kind: instance.FactLoggedOut, Cause: fsm.CauseLoggedOut, Err: errors.New("reason 401")},
		&events.LoggedOut{OnConnect: true, Reason: 403}:        {Kind: instance.FactLoggedOut, Cause: fsm.CauseLoggedOut, Err: errors.New("reason 403")},
		&events.ConnectFailure{Reason: 418, Raw: node}:         {Kind: instance.FactRefused, Cause: fsm.CauseConnectRefused, Err: errors.New("connect failure 418")},
		&events.KeepAliveTimeout{LastSuccess: time.Unix(1, 0)}: {Kind: instance.FactUnanswered},
	}
}

func TestFacts(t *testing.T) {
	for event, want := range connectionEvents() {
		got, known := fact(event)
		if !known {
			t.Errorf("%T is not known", event)
		}
		if want.Kind == instance.FactUnanswered {
			if got.Silent < time.Hour {
				t.Errorf("%T: silent for %v", event, got.Silent)
			}
			got.Silent = 0
		}
		if (got.Err == nil) != (want.Err == nil) || got.Err != nil && got.Err.Error() != want.Err.Error() {
			t.Errorf("%T: %v, want %v", event, got.Err, want.Err)
		}
		got.Err, want.Err = nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%T: %+v, want %+v", event, got, want)
		}
	}
	for _, event := range []any{nil, events.Connected{}, &events.Message{}, "Connected", (*events.HistorySync)(nil)} {
		if f, known := fact(event); known {
			t.Errorf("%T is taken for %+v", event, f)
		}
	}
}

// TestFactsAreInTheTable holds that every fact of the table is tested.
func TestFactsAreInTheTable(t *testing.T) {
	tested := map[string]bool{}
	for event := range connectionEvents() {
		tested[reflect.TypeOf(event).Elem().Name()] = true
	}
	for _, row := range Events() {
		if (row.Fact != "") != tested[row.Event] {
			t.Errorf("%s: fact %q, tested %v", row.Event, row.Fact, tested[row.Event])
		}
	}
}
