// Package store is the one file everything durable lives in: bbolt, with a journal in
// front of it. One goroutine gathers what everyone wants to write and makes one
// transaction of it (group commit, without a timer): one write to the journal, synced
// once. What [Store.Commit] has answered is on disk; what it has not answered, nobody
// has heard of.
//
// What is in the journal lies over the file in memory, where every reader finds it, and
// goes into the file beside the commits that follow, a second later or when much has
// come together. Until then only the journal has it, two files beside the database:
// the next [Open] brings in what a killed process left there. A clean stop leaves the
// database alone.
//
// The buckets, their keys and their values (TestLayout holds this drawing):
//
//	meta       schema                       -> uint64, big endian
//	           network                      -> "whatsapp" or "sandbox"
//	           commit                       -> uint64, the number of the last transaction in the file
//	           log                          -> a random name of this log
//	           run                          -> a random name of what opened the file last
//	           links                        -> random, by it links of message QR codes are known
//	           keys                         -> the file's own keys, wrapped; see package seal
//	           compact                      -> 1 while the next Open shall compact the file
//	           import 0 <export>            -> when an exported instance came in, RFC 3339
//	instances  <instance>                   -> record.Instance, JSON, sealed
//	sessions   <instance>                   -> record.Session, JSON, sealed
//	           <instance> 0 picture         -> record.Picture of the session's account, JSON, sealed
//	device     <instance> 0 <session> 0 …   -> live key material, sealed
//	greenapi   <instance>                   -> record.GreenAPI, JSON, sealed
//	endpoints  <endpoint>                   -> record.Endpoint, JSON, sealed
//	lanes      <endpoint> 0 <stream>        -> record.Lane, JSON, sealed; of a queue, too, that has no endpoint
//	           <endpoint> 0 <stream> 0 <replay> -> record.Lane of a replay, JSON, sealed
//	dead       <endpoint> 0 <stream> 0 <from> -> record.DeadLetter, JSON, sealed
//	           <endpoint> 0 <stream> 0 <from> 0 <replay> -> record.DeadLetter of a replay, JSON, sealed
//	tenants    <tenant>                     -> record.Tenant, JSON, sealed
//	qrdls      <tenant> 0 <code>            -> record.QRDL, JSON, sealed
//	accounts   <tenant> 0 <account>         -> record.Account, JSON, sealed
//	nonces     <until> <key> 0 <hash>       -> nothing; until is in seconds, big endian
//	heads      <stream>                     -> epoch uint32, last seq uint64
//	log        <position>                   -> header, record.Event as JSON, sealed
//
// "Sealed" is a promise of [Options.Unseal]. Keys are not sealed, as device keys
// are scanned by prefix and in order: who reads the file without its keys learns
// which instances, sessions, streams, tenants and message QR codes there are, how much
// each holds, how often each access key was used lately, and from the device keys the
// phone numbers an account has exchanged messages with.
// An event is sealed for its stream, not for its place in it: its seq is given
// out after it was sealed.
//
// Instance, session, endpoint and stream names hold no zero byte. The heads of
// a deleted instance stay, so that its ids are never given out again.
//
// The log is keyed by a global position because keys that only grow are an
// order of magnitude cheaper to append than keys spread over instances. Which
// position holds which event of a stream is known in memory (8 bytes an event)
// and rebuilt at start. Positions never leave the process: cursors on disk are
// the stream's own seq.
package store
