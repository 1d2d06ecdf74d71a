// Package cams is the dialect of Alibaba Cloud's CAMS, version 2020-06-06: the four
// operations on message QR codes. It sits at the root of the listener, because its
// clients know no path.
//
// A call is made by GET or POST. Its parameters stand in the query, in a form that is the
// body whatever its type is said to be, or in both; one that is given twice makes the call
// refused. Every call is signed, in one of two ways:
//
//   - V3, ACS3-HMAC-SHA256: in the header Authorization, over the headers that it names,
//     the query and the body as it is (claimV3);
//   - V1, HMAC-SHA1: in the parameter Signature, over all other parameters (claimV1).
//
// What follows is checked in this order, and the first that fails is the answer
// (WIRE.md §3.5): the call's form; the access key, that it exists and is active; the time;
// the signature; the nonce, which is remembered only then; the operation and its version;
// whether the key may; whether the tenant is subscribed; the rate; the parameters, those
// that are missing before those that are wrong; whose the number is.
//
// A call with a form that is no call's is IncompleteSignature: a parameter twice or broken,
// more than 256 parameters, an Authorization without its three parts, a signed header that
// is absent or stands there twice, headers in another order than the alphabet's, one
// missing that has to be signed. A signature that cannot be decoded does not match. A body
// beyond the limit, or broken off, is InvalidBody; a verb but GET and POST is
// InvalidAction.NotFound with the status 405.
//
// A security token is signed like anything else, and not judged: the keys here are lasting
// ones.
package cams
