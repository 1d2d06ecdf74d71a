package picture

// Pieces is how many files can be begun at once.
const Pieces = maxReceived / pieceSize

// Occupy takes the memory for decoding but for so many bytes, and answers what gives
// it back.
func (m *Maker) Occupy(left int64) (free func()) {
	if !m.decoding.TryAcquire(MaxMemory - left) {
		panic("somebody is decoding")
	}
	return func() { m.decoding.Release(MaxMemory - left) }
}

// Weighs is the memory that a file would be decoded in, 0 if it is refused before.
func Weighs(file []byte) int64 {
	p, err := look(file, recognise(file))
	if err != nil {
		return 0
	}
	return p.memory
}
