// Package picture makes of an uploaded file what WhatsApp takes as an account's own
// picture: a square JPEG of at most 640 pixels a side, with a thumbnail beside it.
//
// The file comes from a stranger, and a few kilobytes can ask for gigabytes. So
// nothing of it is believed before it was looked at, in this order:
//
//   - At most [MaxFile] bytes are read. All files that are being read at once share
//     a budget; who finds it used up is told [ErrBusy]. A slow upload holds only what
//     has arrived of it.
//   - What it is, is told by its first bytes, not by a name or a type that came with
//     it ([Format]).
//   - Its dimensions are read and weighed, and so are the passes that a progressive
//     JPEG asks for, before a single pixel is decoded: more than [MaxPixels], or
//     memory beyond what all decodes may use together, is refused.
//   - Decodes share that memory. One that needs much waits until others have
//     finished, so that any number of uploads stays within [MaxMemory] and what is
//     being read.
//   - A decode takes 10 s at most, and ends with its caller's context.
//
// The memory that a decode needs is known from the header: a byte for each sample,
// four more for each in a progressive JPEG, whose coefficients all have to be kept
// (image/jpeg, Go 1.26), and 40 MiB for the rest. A photo of 50 megapixels as a
// phone makes it (baseline, 4:2:0) needs 112 MiB of the 256, and in the worst
// sampling 183; as a progressive file the same photo is refused.
//
// What comes out holds the pixels and nothing else: no place, no camera, no colour
// profile. The orientation that a camera has noted (EXIF) is applied. The middle of
// the picture is kept. It is never enlarged.
//
// The scaling is golang.org/x/image/draw's. The segments of a JPEG are walked here:
// the library decodes whatever number of passes a file asks for, and says nothing of
// orientation.
package picture
