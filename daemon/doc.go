// Package daemon builds the rooms, starts them, supervises the instances and
// stops everything in reverse. It is the only room that sees all the others.
//
// What fails together is grouped: if the store, the outbox, the bus or the
// server ends, the daemon ends. Instances are supervised: one that panics is
// started again from what the store holds, and none of the others notices.
//
// The order of a stop: no new requests, then the instances record that they go
// down, then what they recorded is delivered as far as time allows, then the
// outbox, the bus and the store end. What was not delivered is on disk.
package daemon
