// Package api is everything that comes in over HTTP: the dialects that other
// systems speak, the admin API, the status page and the health checks, on one
// listener.
//
// [New] makes the handler, [API.Server] the server that bounds what a client
// may take of it. A request is told apart by its raw path (WIRE.md §0): first
// our own rooms (/api/v1, /ui, /healthz, /readyz), then the table of dialects.
// A path that nobody owns answers 404 in JSON; nothing is ever redirected but a
// browser that asks for "/", and who follows a message link.
//
// A dialect is a folder below this one. It translates: decode, call the port,
// encode. It declares the few methods it needs of [Instances], which is the one
// port of all of them; what two dialects would both decide is decided behind
// it. Known errors come from package instance and each dialect has one function
// that says them in its own words; what is not known is logged here and shown
// to nobody.
//
// Who cannot be reached from here pulls: the events of an instance, or of the
// daemon itself, as arrays that are waited for, or as a stream of server-sent
// events. Both begin behind an event's number or id, say where the stream ends
// and what of it was pruned, and end when the daemon stops.
//
// Message links below /m/ are for strangers, who find them on paper. A link leads to a
// chat in WhatsApp and has pictures, PNG and SVG; one that is no longer in use says so
// in the language of who follows it, and nothing more.
//
// The admin API is for the operator only: over TCP with a bearer token, over a
// unix socket ([ListenUnix]) for root and the daemon's own user. Its answers
// hold secrets (wid, webhook secret, pairing code); nothing else does. The JSON
// Schemas of events below /api/v1/schemas are open to all.
package api
