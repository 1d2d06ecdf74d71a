// Package webhook makes one PostBack: it encodes an event in the endpoint's
// format, signs it, sends it, judges the answer and says when to try again.
// Which event, to whom and when is the outbox's business; [Sender.Send] is the
// [outbox.Sender] that it calls.
//
// # The request
//
// A POST with the format's body and these headers:
//
//	webhook-id         the event's id, the same in every try and replay; of several events <stream>/<epoch>/<first>-<last>
//	webhook-timestamp  unix seconds of this try
//	webhook-signature  Standard Webhooks v1 (HMAC-SHA256), one for each secret, separated by spaces
//	switchhook-seq     the event's number in its stream; of several events the last one's
//	switchhook-prev    the number of the event before it, or before the first of several, that was meant for this endpoint, 0 if there is none
//	switchhook-count   how many events it holds; only for an endpoint with a Bulk
//
// A receiver that has not seen switchhook-prev has missed something. An
// endpoint without secrets gets no webhook-signature. Its own headers
// ([CheckHeaders]) and its bearer token come beside these and never instead.
//
// A format may say one event in several requests ([record.PostBack].More). They go
// one after the other; from the second on .2, .3 and so on follow the id.
//
// The formats here are [Standard] and [CloudEvents]; dialects bring others.
//
// A try is repeated at most once, freshly signed, and only when the connection failed
// before anything was answered: at once if it had been used before, else soon. Every
// longer wait belongs to the outbox. HTTP/1.1 is spoken here, one request after the
// other on a connection, by the goroutine that makes the try; what answers say is read
// by net/http, and HTTP/2 is all its own.
//
// # The verdict
//
// Any 2xx is an acknowledgement, or what the format accepts ([Judge]), whatever
// the body does afterwards. 410 Gone disables the endpoint. Everything else is
// tried again: after Retry-After if the answer is 408, 425, 429 or 5xx and has
// one, bounded to 1 s to 1 h; slowly ([outbox.Verdict].Slow) if only somebody's
// hand can mend it, as after any other status, or where the address is
// forbidden, the format unknown or a secret broken.
//
// # Redirects
//
// They are followed only for an endpoint that wants it, 307 and 308, at most
// five, never from https to http; 301, 302 and 303 would have the POST become a
// GET. Each address is checked like the endpoint's, in words and by the dialler.
// Once one leads to another origin the endpoint's headers, bearer token and
// password stay behind; the signature goes along, since it tells nothing of the
// secret.
//
// # Where it may connect
//
// Every address is checked after resolution, in the dialer, on every dial:
// private, loopback, link-local and all other special networks are refused
// unless the operator allows them, and whatever the operator denies. Of a name
// with several addresses only the permitted ones are used. [Sender.CheckURL]
// refuses the literal ones when an address is set.
//
// An IPv6 address that leads on to an IPv4 one, by NAT64, 6to4, Teredo, ISATAP
// or as a mapped address, is judged by both. So 64:ff9b::/96, allowed, is the
// public IPv4 internet behind the standard NAT64 prefix and no private network.
// What cannot be seen is a NAT64 prefix of the network's own: deny it if its
// translator reaches inside.
//
// # Through a proxy
//
// With Config.Proxy every connection is a tunnel: CONNECT, for http addresses
// too, or SOCKS5. The name is looked up and checked here and the proxy is told
// the address, so that nobody resolves the name a second time; TLS runs through
// the tunnel and is verified by the name, as without a proxy. The price: a proxy
// that permits names will not know them, it has to permit CONNECT to the ports
// in use, and this machine has to be able to resolve. The proxy's own address is
// the operator's choice and not checked; proxies from the environment are not
// used.
//
// What that does not protect against: the address means what it means where the
// proxy stands. If its network routes a public address inside, or the proxy
// rewrites destinations, we cannot see it. And whoever runs the proxy reads and
// changes what goes over plain http.
//
// # TLS
//
// Receivers are always verified, by the system's authorities and those of
// Config.CAFile, with TLS 1.2 at least. The client certificate is shown to every
// receiver that asks for one: it tells them who we are and proves nothing about
// them. Its files are read anew for each such handshake.
//
// # Secrets
//
// The address of an endpoint may hold credentials anywhere but in its scheme
// and host. An error says scheme://host and a reason from a fixed list; the
// text of a library's error never gets out, since it may quote the address or
// what a receiver echoed. What is kept of an answer has the secrets of the
// address and of the headers taken out.
package webhook
