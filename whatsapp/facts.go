package whatsapp

import (
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// fact is the one place that knows what a connection event of the library means
// to us (WHATSAPP.md §6). known is false for events that say nothing about the
// connection.
func fact(event any) (f instance.Fact, known bool) {
	switch e := event.(type) {
	case *events.QR:
		return instance.Fact{Kind: instance.FactCodes, Codes: e.Codes}, true
	case *events.PairSuccess:
		return instance.Fact{Kind: instance.FactPaired}, true
	case *events.PairError:
		return instance.Fact{Kind: instance.FactPairFailed, Cause: fsm.CausePairingFailed, Err: e.Error}, true
	case *events.ManualLoginReconnect:
		return instance.Fact{Kind: instance.FactRedial}, true
	case *events.Connected:
		return instance.Fact{Kind: instance.FactUp}, true
	case *events.KeepAliveTimeout:
		return instance.Fact{Kind: instance.FactUnanswered, Silent: time.Since(e.LastSuccess)}, true
	case *events.KeepAliveRestored:
		return instance.Fact{Kind: instance.FactAnswered}, true
	case *events.Disconnected:
		return instance.Fact{Kind: instance.FactLost, Cause: fsm.CauseNetwork}, true
	case *events.StreamError:
		return instance.Fact{Kind: instance.FactLost, Cause: fsm.CauseServerError, Err: fmt.Errorf("stream error %s", e.Code)}, true
	case *events.CATRefreshError:
		return instance.Fact{Kind: instance.FactLost, Cause: fsm.CauseServerError, Err: e.Error}, true
	case *events.StreamReplaced:
		return instance.Fact{Kind: instance.FactRefused, Cause: fsm.CauseStreamReplaced}, true
	case *events.TemporaryBan:
		return instance.Fact{Kind: instance.FactRefused, Cause: fsm.CauseTemporaryBan, RetryAfter: e.Expire, Err: fmt.Errorf("ban code %d", int(e.Code))}, true
	case *events.ClientOutdated:
		return instance.Fact{Kind: instance.FactRefused, Cause: fsm.CauseClientOutdated}, true
	case *events.ConnectFailure:
		return instance.Fact{Kind: instance.FactRefused, Cause: fsm.CauseConnectRefused, Err: fmt.Errorf("connect failure %d", int(e.Reason))}, true
	case *events.LoggedOut:
		return instance.Fact{Kind: instance.FactLoggedOut, Cause: fsm.CauseLoggedOut, Err: fmt.Errorf("reason %d", int(e.Reason))}, true
	default:
		return instance.Fact{}, false
	}
}
