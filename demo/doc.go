// Package demo is a tour of the real daemon in half a minute: a sandbox network,
// a webhook receiver and a NATS subscriber on loopback, one instance through its
// whole life, and at the end the proof that every committed transition arrived
// once, signed and in order, on both ways.
package demo
