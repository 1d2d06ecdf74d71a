package whatsapp

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/fsm"
	"github.com/switchhook/switchhook/instance"
)

// EventRow says what one event of the library means to us.
type EventRow struct {
	Event string // the name of its type in go.mau.fi/whatsmeow/types/events
	Class EventClass
	Fact  instance.FactKind // of [AboutConnection]; empty: it changes nothing
	Cause fsm.Cause         // where the fact has one
	About string            // what WhatsApp did, or why it is ignored
}

// EventClass is the part of our work that an event of the library belongs to.
type EventClass string

// The classes of event.
const (
	AboutConnection EventClass = "connection" // becomes a fact
	AboutMessages   EventClass = "message"    // becomes an event of ours, or writes keys
	Ignored         EventClass = "ignored"    // on purpose
)

// Events lists every event that the library defines, by class and name. The
// facts of a connection are made from this table and no other.
func Events() []EventRow {
	rows := make([]EventRow, 0, len(table))
	for _, r := range table {
		rows = append(rows, r.EventRow)
	}
	slices.SortFunc(rows, func(a, b EventRow) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Event, b.Event))
	})
	return rows
}

// row is an event with what its fact takes from it.
type row struct {
	EventRow
	of   reflect.Type
	fill func(event any, f *instance.Fact) // may be nil
}

// table is the one place that knows what an event of the library means to us
// (WHATSAPP.md §6).
var table = slices.Concat(connectionRows, messageRows, ignoredRows)

var connectionRows = []row{
	tells(instance.FactCodes, "", "offers pairing codes", func(e *events.QR, f *instance.Fact) { f.Codes = e.Codes }),
	tells[events.PairSuccess](instance.FactPaired, "", "confirmed the scan", nil),
	tells(instance.FactPairFailed, fsm.CausePairingFailed, "confirmed a scan that does not verify, or that could not be stored",
		func(e *events.PairError, f *instance.Fact) { f.Err = e.Error }),
	tells[events.ManualLoginReconnect](instance.FactRedial, "", "asks for a new connection to log in (stream error 515)", nil),
	tells[events.Connected](instance.FactUp, "", "took the login", nil),
	tells(instance.FactUnanswered, "", "did not answer a ping",
		func(e *events.KeepAliveTimeout, f *instance.Fact) { f.Silent = time.Since(e.LastSuccess) }),
	tells[events.KeepAliveRestored](instance.FactAnswered, "", "answers pings again", nil),
	tells[events.Disconnected](instance.FactLost, fsm.CauseNetwork, "or the network closed the socket", nil),
	tells(instance.FactLost, fsm.CauseServerError, "ended the stream with a code of no meaning of its own (401 without conflict, 500, 516, …)",
		func(e *events.StreamError, f *instance.Fact) { f.Err = fmt.Errorf("stream error %s", e.Code) }),
	tells(instance.FactLost, fsm.CauseServerError, "asks for a token that only Messenger has (413, 414)",
		func(e *events.CATRefreshError, f *instance.Fact) { f.Err = e.Error }),
	tells[events.StreamReplaced](instance.FactRefused, fsm.CauseStreamReplaced, "gave the session to another client", nil),
	tells(instance.FactRefused, fsm.CauseTemporaryBan, "locked the number for a time (402)",
		func(e *events.TemporaryBan, f *instance.Fact) {
			f.RetryAfter, f.Err = e.Expire, fmt.Errorf("ban code %d", int(e.Code))
		}),
	tells[events.ClientOutdated](instance.FactRefused, fsm.CauseClientOutdated, "wants a newer client version (405)", nil),
	tells(instance.FactRefused, fsm.CauseConnectRefused, "refused the login (400, 409, 415, 418, 501, unknown)",
		func(e *events.ConnectFailure, f *instance.Fact) {
			f.Err = fmt.Errorf("connect failure %d", int(e.Reason))
		}),
	tells(instance.FactLoggedOut, fsm.CauseLoggedOut, "ended the session (401, 403, 406, device removed)",
		func(e *events.LoggedOut, f *instance.Fact) { f.Err = fmt.Errorf("reason %d", int(e.Reason)) }),
	tells[events.QRScannedWithoutMultidevice]("", "", "says that the phone is too old; the code can be scanned again", nil),
}

var messageRows = []row{
	is[events.Message](AboutMessages, "somebody, or the own phone, sent something"),
	is[events.FBMessage](AboutMessages, "a message in Messenger's format: only its keys are stored, WhatsApp sends none"),
	is[events.UndecryptableMessage](AboutMessages, "logged; the library has asked the sender to send it again"),
	is[events.Receipt](AboutMessages, "messages were delivered, read or played"),
	is[events.CallOffer](AboutMessages, "somebody calls"),
	is[events.CallOfferNotice](AboutMessages, "somebody calls, in a group"),
}

var ignoredRows = []row{
	is[events.AppState](Ignored, "each change of app state has an event of its own"),
	is[events.AppStateSyncComplete](Ignored, "the store has the result"),
	is[events.Archive](Ignored, "the store keeps the setting"),
	is[events.Blocklist](Ignored, "asked for when wanted"),
	is[events.BusinessName](Ignored, "the store keeps the name"),
	is[events.CallAccept](Ignored, "calls are told when they are offered"),
	is[events.CallPreAccept](Ignored, "calls are told when they are offered"),
	is[events.CallReject](Ignored, "calls are told when they are offered"),
	is[events.CallRelayLatency](Ignored, "calls are told when they are offered"),
	is[events.CallTerminate](Ignored, "calls are told when they are offered"),
	is[events.CallTransport](Ignored, "calls are told when they are offered"),
	is[events.UnknownCallEvent](Ignored, "calls are told when they are offered"),
	is[events.ChatPresence](Ignored, "passing: who is typing"),
	is[events.Presence](Ignored, "passing: who is online"),
	is[events.ClearChat](Ignored, "the account's own housekeeping"),
	is[events.DeleteChat](Ignored, "the account's own housekeeping"),
	is[events.DeleteForMe](Ignored, "the account's own housekeeping"),
	is[events.MarkChatAsRead](Ignored, "the account's own housekeeping"),
	is[events.Mute](Ignored, "the store keeps the setting"),
	is[events.Pin](Ignored, "the store keeps the setting"),
	is[events.Star](Ignored, "the account's own housekeeping"),
	is[events.UnarchiveChatsSetting](Ignored, "the account's own housekeeping"),
	is[events.UserStatusMute](Ignored, "the account's own housekeeping"),
	is[events.LabelAssociationChat](Ignored, "the account's own housekeeping"),
	is[events.LabelAssociationMessage](Ignored, "the account's own housekeeping"),
	is[events.LabelEdit](Ignored, "the account's own housekeeping"),
	is[events.Contact](Ignored, "the store keeps the name"),
	is[events.PushName](Ignored, "the store keeps the name"),
	is[events.PushNameSetting](Ignored, "saved with the session, and announced"),
	is[events.GroupInfo](Ignored, "groups are asked for when wanted"),
	is[events.JoinedGroup](Ignored, "groups are asked for when wanted"),
	is[events.HistorySync](Ignored, "never emitted: history is fetched by us, once its notification is stored"),
	is[events.IdentityChange](Ignored, "a contact's new phone is trusted, as WhatsApp's own clients do"),
	is[events.MediaRetry](Ignored, "answers what we never ask"),
	is[events.NewsletterJoin](Ignored, "newsletters are not followed"),
	is[events.NewsletterLeave](Ignored, "newsletters are not followed"),
	is[events.NewsletterLiveUpdate](Ignored, "newsletters are not followed"),
	is[events.NewsletterMuteChange](Ignored, "newsletters are not followed"),
	is[events.OfflineSyncCompleted](Ignored, "each of its messages is told"),
	is[events.OfflineSyncPreview](Ignored, "each of its messages is told"),
	is[events.Picture](Ignored, "asked for when wanted"),
	is[events.PrivacySettings](Ignored, "asked for when wanted"),
	is[events.UserAbout](Ignored, "asked for when wanted"),
}

// rowOf finds an event's row by its type.
var rowOf = func() map[reflect.Type]*row {
	m := make(map[reflect.Type]*row, len(table))
	for i := range table {
		m[table[i].of] = &table[i]
	}
	return m
}()

// tells is the row of an event about the connection.
func tells[E any](kind instance.FactKind, cause fsm.Cause, about string, fill func(*E, *instance.Fact)) row {
	r := is[E](AboutConnection, "WhatsApp "+about)
	r.Fact, r.Cause = kind, cause
	if fill != nil {
		r.fill = func(event any, f *instance.Fact) {
			if e, ok := event.(*E); ok {
				fill(e, f)
			}
		}
	}
	return r
}

func is[E any](class EventClass, about string) row {
	of := reflect.TypeFor[*E]()
	return row{EventRow: EventRow{Event: of.Elem().Name(), Class: class, About: about}, of: of}
}

// fact is what an event says about the connection; known is false if it says
// nothing.
func fact(event any) (f instance.Fact, known bool) {
	r := rowOf[reflect.TypeOf(event)]
	if r == nil || r.Fact == "" {
		return f, false
	}
	f.Kind, f.Cause = r.Fact, r.Cause
	if r.fill != nil {
		r.fill(event, &f)
	}
	return f, true
}
