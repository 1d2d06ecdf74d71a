package faultbook

import (
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/fsm"
)

// Rows is the book. It is a fresh copy.
func Rows() []Row {
	return slices.Concat(socketRows(), loginRows(), dialRows(), pairingRows())
}

// socketRows are the faults of a connection that stands.
func socketRows() []Row {
	var rows []Row
	// The socket goes: at once, or with a word that only says so.
	cut := func(fault string, cause fsm.Cause, word bool) {
		connected := Row{Fault: fault, Place: Connected, Path: path(lost(cause), retry), Within: soon + first}
		showing := Row{Fault: fault, Place: Showing, Path: to(fsm.NoConnection, cause), Within: soon}
		if word {
			connected.Missed, connected.MissedWithin = path(lost(fsm.CauseNetwork), retry), soon+first
			showing.Missed, showing.MissedWithin = to(fsm.NoConnection, fsm.CauseNetwork), soon
		}
		rows = append(rows, connected, showing)
	}
	for _, fault := range []string{"drop", "ws-close", "ws-going-away", "ws-internal-error"} {
		cut(fault, fsm.CauseNetwork, false)
	}
	for _, fault := range []string{"stream-end", "stream-503"} {
		cut(fault, fsm.CauseNetwork, true)
	}
	for _, fault := range []string{"stream-401", "stream-500", "stream-516", "stream-599"} {
		cut(fault, fsm.CauseServerError, true)
	}
	// While a code is on show, 515 makes the client dial again by itself; the
	// server's new connection has other codes, and the old one's end is the end.
	rows = append(rows,
		Row{
			Fault: "stream-515", Place: Connected, Path: path(lost(fsm.CauseServerError), retry), Within: soon + first,
			Missed: path(lost(fsm.CauseNetwork), retry), MissedWithin: soon + first,
		},
		Row{
			Fault: "stream-515", Place: Showing, Path: to(fsm.NoConnection, fsm.CauseNetwork), Within: redial,
			Missed: to(fsm.NoConnection, fsm.CauseNetwork), MissedWithin: redial,
		},
		// WhatsApp says that it is over.
		Row{
			Fault: "replaced", Place: Connected, Path: lost(fsm.CauseStreamReplaced), Within: soon,
			Missed: path(lost(fsm.CauseNetwork), retry), MissedWithin: soon + first,
		},
		Row{
			Fault: "logged-out", Place: Connected, Path: to(fsm.NotAuthenticated, fsm.CauseLoggedOut), Within: soon,
			Missed:       path(lost(fsm.CauseNetwork), dialled(fsm.CauseRetry), to(fsm.NotAuthenticated, fsm.CauseLoggedOut)),
			MissedWithin: soon + first,
		},
		// The socket stands and nothing comes of it.
		Row{Fault: "stream-503-open", Place: Connected, Path: path(lost(fsm.CauseServerError), retry), Within: noticing + first},
		Row{Fault: "deaf", Place: Connected, Path: path(lost(fsm.CauseKeepaliveTimeout), retry), Within: deaf + first},
		Row{Fault: "undecryptable", Place: Connected, Path: path(lost(fsm.CauseKeepaliveTimeout), retry), Within: deaf + first},
		// A code on show outlives them: the next one is asked for on a new
		// connection.
		Row{Fault: "stream-503-open", Place: Showing},
		Row{Fault: "deaf", Place: Showing},
		Row{Fault: "undecryptable", Place: Showing},
		// Nothing is wrong.
		Row{Fault: "hear", Place: Connected},
		Row{Fault: "hear", Place: Showing},
		Row{Fault: "heal", Place: Connected},
		Row{Fault: "heal", Place: Showing},
	)
	// A phone that removes its companions while they are not connected is heard of
	// at the next login.
	gone := to(fsm.NotAuthenticated, fsm.CauseLoggedOut)
	for _, place := range []Place{Saved, Waiting} {
		rows = append(rows, Row{Fault: "logged-out", Place: place, Path: path(dialled(arrival(place)), gone), Within: comes(place)})
	}
	return append(rows, Row{Fault: "logged-out", Place: Scanned, Path: gone, Within: redial + soon})
}

// arrival is why a place's next dial is made, and comes how long it may take.
func arrival(p Place) fsm.Cause {
	if p == Waiting {
		return fsm.CauseRetry
	}
	return fsm.CauseOperator
}

func comes(p Place) time.Duration {
	switch p {
	case Waiting:
		return first + soon
	case Scanned:
		return redial + soon
	default:
		return soon
	}
}

// refusal is how WhatsApp refuses a login, and where that leads.
type refusal struct {
	fault   string
	session []Step // with a session
	pairing []Step // without: no code is offered
	spell   time.Duration
	back    bool // it is dialled again
	word    bool
}

func refusals() []refusal {
	var all []refusal
	final := func(cause fsm.Cause, faults ...string) {
		for _, f := range faults {
			all = append(all, refusal{fault: f, session: lost(cause), pairing: to(fsm.NoConnection, cause), word: true})
		}
	}
	passing := func(cause fsm.Cause, faults ...string) {
		for _, f := range faults {
			all = append(all, refusal{fault: f, session: lost(cause), pairing: to(fsm.NoConnection, cause), back: true, word: true})
		}
	}
	final(fsm.CauseConnectRefused, "refuse-400", "refuse-409", "refuse-415", "refuse-418", "refuse-501", "refuse-599")
	final(fsm.CauseTemporaryBan, "refuse-402")
	final(fsm.CauseClientOutdated, "refuse-405")
	passing(fsm.CauseServerError, "refuse-413", "refuse-414")
	passing(fsm.CauseNetwork, "refuse-500", "refuse-503")
	for _, f := range []string{"refuse-401", "refuse-403", "refuse-406"} {
		all = append(all, refusal{
			fault: f, session: to(fsm.NotAuthenticated, fsm.CauseLoggedOut),
			pairing: to(fsm.NoConnection, fsm.CauseConnectRefused), word: true,
		})
	}
	for _, f := range []string{"refuse-503-open", "no-answer-login"} {
		all = append(all, refusal{
			fault: f, session: lost(fsm.CauseLoginTimeout), pairing: to(fsm.NoConnection, fsm.CauseLoginTimeout),
			spell: login, back: true,
		})
	}
	return all
}

// loginRows are the faults that strike the next login, in every place.
func loginRows() []Row {
	var rows []Row
	for _, r := range refusals() {
		for _, p := range Places() {
			rows = append(rows, r.in(p))
		}
	}
	for _, p := range []Place{Fresh, Refused} {
		rows = append(rows, Row{
			Fault: "heal", Place: p, Within: soon,
			Path: []Step{{fsm.Connecting, fsm.CauseOperator}, {fsm.SocketOpen, fsm.CauseProgress}, {fsm.AwaitingScan, fsm.CauseProgress}},
		})
	}
	for _, p := range []Place{Saved, Waiting} {
		rows = append(rows, Row{Fault: "heal", Place: p, Path: path(dialled(arrival(p)), usable), Within: comes(p)})
	}
	return append(rows, Row{Fault: "heal", Place: Scanned, Path: usable, Within: redial + soon})
}

// in is what the refusal does in a place.
func (r refusal) in(p Place) Row {
	row := Row{Fault: r.fault, Place: p, Within: comes(p) + r.spell}
	var before []Step
	missed := lost(fsm.CauseNetwork)
	failures := first // the wait after the refusal
	switch p {
	case Fresh, Refused:
		before = []Step{{fsm.Connecting, fsm.CauseOperator}, {fsm.SocketOpen, fsm.CauseProgress}}
		row.Path = path(before, r.pairing)
		if r.word {
			row.Missed, row.MissedWithin = path(before, to(fsm.NoConnection, fsm.CauseNetwork)), row.Within
		}
		return row
	case Showing:
		before = to(fsm.Starting, fsm.CauseScan)
	case Scanned:
	case Connected:
		before = path(lost(fsm.CauseNetwork), dialled(fsm.CauseRetry))
		row.Within += first
		failures = second
	case Waiting:
		before = dialled(fsm.CauseRetry)
		failures = second
	default:
		before = dialled(fsm.CauseOperator)
	}
	row.Path = path(before, r.session)
	if r.word {
		row.Missed, row.MissedWithin = path(before, missed, retry), row.Within+failures
	}
	if r.back {
		row.Path = path(row.Path, retry)
		row.Within += failures
	}
	return row
}

// dialRows are the faults that strike the next dial, in every place.
func dialRows() []Row {
	var rows []Row
	for fault, spell := range map[string]time.Duration{
		"refuse-connection": soon, "no-upgrade": soon, "hang-upgrade": dial, "no-hello": dial, "wrong-root": soon,
	} {
		for _, p := range Places() {
			row := Row{Fault: fault, Place: p, Within: comes(p) + spell}
			failed := lost(fsm.CauseNetwork)
			switch p {
			case Fresh, Refused:
				row.Path = path(to(fsm.Connecting, fsm.CauseOperator), to(fsm.NoConnection, fsm.CauseNetwork))
			case Showing:
				row.Path = path(to(fsm.Starting, fsm.CauseScan), failed, retry)
				row.Within += first
			case Scanned:
				row.Path = path(failed, retry)
				row.Within += first
			case Connected:
				row.Path = path(failed, to(fsm.Connecting, fsm.CauseRetry), failed, retry)
				row.Within += first + second
			case Waiting:
				row.Path = path(to(fsm.Connecting, fsm.CauseRetry), failed, retry)
				row.Within += second
			default:
				row.Path = path(to(fsm.Connecting, fsm.CauseOperator), failed, retry)
				row.Within += first
			}
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return strings.Compare(a.Fault, b.Fault) })
	return rows
}

// pairingRows are what can be wrong with a code and its scan.
func pairingRows() []Row {
	failed := to(fsm.NoConnection, fsm.CausePairingFailed)
	paired := path(to(fsm.Starting, fsm.CauseScan), usable)
	return []Row{
		{Fault: "bad-hmac", Place: Showing, Path: failed, Within: soon},
		{Fault: "bad-signature", Place: Showing, Path: failed, Within: soon},
		{Fault: "no-restart", Place: Showing, Path: paired, Within: redial + soon},
		{Fault: "downgrade-webclient", Place: Showing, Path: paired, Within: soon},
		{
			Fault: "codes-run-out", Place: Showing, Within: codes + soon,
			Path: []Step{
				{fsm.Connecting, fsm.CauseQRRefresh}, {fsm.SocketOpen, fsm.CauseProgress}, {fsm.AwaitingScan, fsm.CauseProgress},
			},
		},
	}
}
