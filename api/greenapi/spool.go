package greenapi

import "os"

// spool is a file without a name that holds what is on its way. One goroutine uses it.
type spool struct {
	file   *os.File
	named  bool // the system does not take the name from an open file
	size   int64
	begins []byte // the first bytes, which tell what it is
	err    error  // what writing has failed with
}

// newSpool makes a file that only this process sees, where the system can do that.
func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "switchhook-*")
	if err != nil {
		return nil, err
	}
	return &spool{file: f, named: os.Remove(f.Name()) != nil}, nil
}

// sniffed is how much of a file tells what it is.
const sniffed = 512

// Write implements [io.Writer].
func (s *spool) Write(p []byte) (int, error) {
	if room := sniffed - len(s.begins); room > 0 {
		s.begins = append(s.begins, p[:min(room, len(p))]...)
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	if err != nil {
		s.err = err
	}
	return n, err
}

func (s *spool) close() {
	_ = s.file.Close()
	if s.named {
		_ = os.Remove(s.file.Name())
	}
}
