// Package greenapi speaks the account, sending and queue methods of GREEN-API, as
// WIRE.md §2 has them: [Handler] answers /waInstance{idInstance}/{method}/{token}.
// The package translates and decides nothing but how often it may be asked.
//
// Every request passes the same checks in the same order: the idInstance is known
// (403), the token is right (401), the method and its verb are known (404), the rate
// is kept (429), then the state and the body. An unknown id and a wrong token cost the
// same work, and what was refused up to there has used up no rate. Errors have one
// form, [envelope]. A path holds the token: nothing of it is ever logged.
//
// [State] is the one table of what our states are called here; docs/greenapi.md shows
// it.
package greenapi
