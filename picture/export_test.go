package picture

// Pieces is how many files can be begun at once.
const Pieces = maxReceived / pieceSize

// Occupy takes all memory for decoding, and answers what gives it back.
func (m *Maker) Occupy() (free func()) {
	if !m.decoding.TryAcquire(MaxMemory) {
		panic("somebody is decoding")
	}
	return func() { m.decoding.Release(MaxMemory) }
}

// Weighs is the memory that a file would be decoded in, 0 if it is refused before.
func Weighs(file []byte) int64 {
	p, err := look(file, recognise(file))
	if err != nil {
		return 0
	}
	return p.memory
}
