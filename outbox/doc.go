// Package outbox drains the event log to its endpoints: in order, at least
// once, until each endpoint has acknowledged each event, across receiver
// outages, crashes and kill -9.
//
// # Lanes
//
// A lane is one stream on its way to one endpoint. It holds a cursor into the
// log and nothing of the log itself: strictly in order, one request at a time.
// An endpoint of an instance has one lane; one of a tenant, or of the whole
// daemon, has a lane for every stream that it covers, those included that appear
// later. A lane that was not stored with its endpoint begins with the stream's
// first event since the endpoint was created.
//
// One goroutine, in [Outbox.Run], owns every lane. It never waits for the
// network or the disk: a try (read what is next, send it) is made on another
// goroutine that answers with a result, and so are cursors written. A lane that
// waits is an entry in a heap of alarms or in a queue; it holds no goroutine, no
// timer and no event.
//
// # Slots and turns
//
// Tries are bounded in all, for each origin (the scheme, host and port of an
// address) and for each endpoint. An origin holds at most as many slots as are
// free in all, an endpoint at most as many as its origin has free: whoever hangs
// leaves slots to the others. Origins take turns, within one its endpoints, and
// within one of these its lanes, first come first served. So a million events
// that wait for one endpoint, or a thousand lanes of it, delay nobody else's.
//
// # What a crash repeats
//
// An acknowledgement moves the cursor in memory; the cursor reaches the disk
// with the next [Log.SaveLanes], at most [Config.AckDelay] later. A lane may
// send N+1 before the cursor of N is on disk, but not N+2, so that a crash
// repeats at most two requests of a lane: the one acknowledged but not on disk
// and the one under way, or two acknowledged ones. A lane that this rule holds
// up has the cursors written at once, together with those of all others. While
// SaveLanes fails it is tried again each second and every lane stops at the
// rule; nothing is lost.
//
// An event that was given up holds its lane until the dead letter is on disk.
// So no event is ever sent for the first time after a later one.
//
// # Batches
//
// An endpoint with a [record.Bulk] gets what waits in one request: as soon as so
// many events wait that are meant for it, or when the first has waited as long
// as it shall. The answer counts for all of them. A batch that failed is sent
// again with the same events, after a restart too; only a kill before the
// failure was stored may make a larger one of it.
//
// # When a try fails
//
// The lane waits by the schedule of the endpoint, of its policy or of the
// configuration, the last span repeating, each a little shorter or longer; a
// Retry-After that the sender passes on takes its place. A slow verdict leaves
// out the two quick steps at the beginning. Attempts, the first failure since
// something was delivered, the last few tries and the last error are part of
// [record.Lane]. A restarted daemon tries every lane at once, whatever its next
// try was, and goes on with the schedule from the attempts it had.
//
// An event's time is over when the horizon has passed since it was committed and
// since the lane's first failure in a row. What is next is then tried a last
// time. If that fails it becomes a dead letter, in one run with all that follows
// and whose time is over, too. Giving up ends no row of failures; a delivery, a
// new address and a resumed endpoint do. So the schedule goes on where it stood,
// over a restart too: what follows has one try at once, and then the tries come
// as rarely as before, each with all whose time is over meanwhile. What is given
// up makes the dead letter before it longer, if nothing was delivered in between
// and the process is the same.
//
// # The breaker
//
// After five failed tries in a row, over all its lanes, an endpoint's breaker
// opens. From then on one lane at a time probes, in turn, those first that have
// not failed themselves; probe n waits as the n-th failed try would. A success
// closes it, and all lanes are due at once. While all failures are of one lane
// it goes by its own schedule, and another lane that has something to send
// probes at once: it may be that lane's event that the receiver does not take.
// The breaker is not stored: it is closed after a start. An endpoint whose lanes
// had failed so often by then has its recovery told with the first delivery.
//
// An endpoint that is disabled (by its receiver with 410 Gone, or by an
// operator) is not tried. Events that wait for it or for an open breaker become
// dead letters when their time is over, without a try.
//
// # Replays
//
// A replay is a lane of its own, from one seq to another, beside the live one: it
// survives a restart, goes only when no live lane of its endpoint is ready, and
// ends with a save that makes the log forget it, and the dead letters that it
// has delivered. What a replay repeats is old: at its horizon one event alone is
// given up, and the next has its try. That dead letter names the replay, and
// stays. An operator may stop a replay; then all of them stay.
//
// Events that are not meant for the endpoint are passed over without a request.
// Events that were pruned before the lane got to them become one dead letter,
// "expired"; a replay passes over them with a line in the log. An operator may
// skip what a lane, or a replay, is stuck with. Nothing else moves a cursor.
package outbox
