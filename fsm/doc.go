// Package fsm is the state machine of one WhatsApp connection: the codes, the
// events, the causes and the one table that says how they belong together.
//
// It imports nothing of this project, keeps no time and does no I/O; everyone
// else imports it. [Table] is the truth. The diagrams in docs/ are generated
// from it (go generate ./fsm) and a test holds them equal.
//
// looplab/fsm does the moving and stays inside [Machine], behind one guarded
// door, [Machine.Fire]: the caller's commit runs after the table has agreed and
// before anything moves, so a state is never in memory that is not on disk.
package fsm

//go:generate go run ./gen -out ../docs/states.md
