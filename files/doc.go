// Package files keeps what each instance has stored on disk: pictures, documents
// and other media that came with messages, in
//
//	<dir>/<instance>/{media,profile,thumb}/<name>
//
// with directories of mode 0700 and files of mode 0600. Every path is opened below
// one [os.Root], so that no name and no link leads out of it.
//
// A file appears whole or not at all. It is written to a temporary file in its own
// folder, synced, and renamed over whatever had its name; then the folder is synced
// too, because the answer that a file is stored must outlive a power cut. What a
// crash leaves behind begins with a dot and is removed when the directory is opened.
//
// Names are made of what strangers sent, and are cleaned here whoever made them:
// see [Clean]. The sender's own name for a file is never part of a path.
//
// Two limits bound the files: one for each instance and one for all together. What
// is being written counts from its first byte on, so that no number of downloads at
// once gets past a limit, and the last megabytes of the disk are left to the event
// log, without which nothing works. Who is refused for want of room gets [ErrFull],
// with how much there is and which key allows more.
//
// A [Spool] is for what only passes through: it has no name, is bounded by the same
// limits while it is there, and ends with whoever holds it.
//
// How much is stored is known in memory: counted once when the directory is opened,
// and kept exact from there on. Files that somebody else puts there or takes away
// are noticed at the next start.
package files
