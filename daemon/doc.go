// Package daemon builds the rooms, starts them, supervises the instances and
// stops everything in reverse. It is the only room that sees all the others.
//
// What fails together is grouped: if the store, the outbox, the bus or the
// server ends, the daemon ends. Instances are supervised: one that panics is
// started again from what the store holds, and none of the others notices.
//
// Endpoints, whoever they belong to, are in one book in memory. A change of one
// waits for its turn, and is stored with its lanes and the event that tells it
// before the outbox and the book hear of it. An instance's webhook, which the
// dialects set, is one of them: its loop moves it in the change set that moves
// the configuration.
//
// The order of a stop: no new requests, then the instances record that they go
// down, then what they recorded is delivered as far as time allows and receivers
// can be reached, then the outbox, the bus and the store end. What was not
// delivered is on disk.
package daemon
