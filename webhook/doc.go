// Package webhook makes one PostBack: it encodes an event in the endpoint's
// format, signs it, sends it, judges the answer and says when to try again.
// Which event, to whom and when is the outbox's business; [Sender.Send] is the
// [outbox.Sender] that it calls.
//
// # The request
//
// A POST with the format's body and these headers:
//
//	webhook-id         the event's id, the same in every try and replay
//	webhook-timestamp  unix seconds of this try
//	webhook-signature  Standard Webhooks v1 (HMAC-SHA256), one for each secret, separated by spaces
//	switchhook-seq     the event's number in its stream
//	switchhook-prev    the number of the event before it that was meant for this endpoint, 0 if there is none
//
// A receiver that has not seen switchhook-prev has missed something. An
// endpoint without secrets gets no webhook-signature.
//
// go-retryablehttp makes the try. It repeats it at most once, soon, freshly
// signed, and only when the connection failed before anything was answered;
// every longer wait belongs to the outbox. Redirects are not followed.
//
// # The verdict
//
// Any 2xx is an acknowledgement, whatever the body does afterwards. 410 Gone
// disables the endpoint. Everything else is tried again, after Retry-After if
// the answer is 408, 425, 429 or 5xx and has one, bounded to 1 s to 1 h.
//
// # Where it may connect
//
// Every address is checked after resolution, in the dialer, on every dial:
// private, loopback, link-local and all other special networks are refused
// unless the operator allows them. [Sender.CheckURL] refuses the literal ones
// when an address is set. Proxies from the environment are not used, because
// behind one there is nothing to check.
//
// # Secrets
//
// The address of an endpoint may hold credentials anywhere but in its scheme
// and host. An error says scheme://host and a reason from a fixed list; the
// text of a library's error never gets out, since it may quote the address or
// what a receiver echoed.
package webhook
