// Package tencent is the dialect of Tencent Cloud Chat's REST API, version 4: profiles
// and the accounts that have them. It sits below /v4/.
//
// A call is a POST of a JSON object, whatever its type is said to be. The query says whose
// it is: sdkappid, identifier and usersig, in any order. HTTP's status is always 200; the
// answer's ErrorCode says what came of the call, and is 0 exactly when ActionStatus is OK.
//
// What follows is checked in this order, and the first that fails is the answer
// (WIRE.md §4.2): the verb and the query; the command; the app; the UserSig (verify);
// whether the identifier is one of the app's admins; the rate, of an app and a command;
// the body.
//
// Bodies, and the documents in UserSigs, are read more strictly than encoding/json would
// (parse): names are spelled as they are, none stands twice in an object, texts are valid
// UTF-8 without half characters, and depth and length are bounded.
//
// All fields of one portrait_set are set, or none: the first that is wrong decides, in the
// order of the array. Of one field its tag is judged first, then whether it may be written,
// then its value's type, length and worth.
//
// The [Port] keeps profiles and brings to WhatsApp what of them it takes; here they are
// only read and written, and a call never waits for WhatsApp. Package callback tells others
// of changes. Clients and operators find all of it in docs/tencent.md.
package tencent
