// Package outbox drains the event log to its endpoints: in order, at least
// once, until each endpoint has acknowledged each event, across receiver
// outages, crashes and kill -9.
//
// # Lanes
//
// A lane is one stream on its way to one endpoint. It holds a cursor into the
// log and nothing of the log itself: strictly in order, one request at a time.
// One goroutine, in [Outbox.Run], owns every lane. It never waits for the
// network or the disk: a try (read the next event, send it) is a goroutine that
// answers with a result, and so is the writing of cursors. A lane that waits for
// its next try is an entry in a heap of due times; it holds no goroutine, no
// timer and no event.
//
// Tries are bounded in all and for each receiver (the scheme, host and port of
// an address), and receivers take turns, so that a hanging one keeps its own
// lanes waiting and few of the others'.
//
// # What a crash repeats
//
// An acknowledgement moves the cursor in memory; the cursor reaches the disk
// with the next [Log.SaveLanes], at most [Config.AckDelay] later. A lane may
// send N+1 before the cursor of N is on disk, but not N+2, so that a crash
// repeats at most two requests of a lane: the one acknowledged but not on disk
// and the one under way, or two acknowledged ones. A lane that this rule holds
// up has the cursors written at once. While SaveLanes fails it is tried again
// each second and every lane stops at the rule; nothing is lost.
//
// An event that was given up holds its lane until the dead letter is on disk.
// So no event is ever sent for the first time after a later one.
//
// # When a try fails
//
// The lane waits by [Config.Schedule], the last span repeating, each ±20 %; a
// Retry-After that the sender passes on takes its place. Attempts, the time of
// the first and of the next try and the last error are part of [record.Lane].
// A restarted daemon tries every lane at once, whatever its next try was, and
// goes on with the schedule from the attempts it had; the horizon keeps
// counting from the first try. At the horizon the event is tried a last time
// and then becomes a dead letter.
//
// An endpoint that is disabled (by its receiver with 410 Gone, or by an
// operator) is not tried. Its events become dead letters when they are as old
// as the horizon, or, the one that was being tried, at its own horizon.
//
// Events that the endpoint's format does not carry are passed over without a
// request. Events that were pruned before the lane got to them become one dead
// letter, "expired". Nothing else moves a cursor.
package outbox
