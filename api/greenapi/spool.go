package greenapi

import "os"

// spool is a file without a name that holds what is on its way. One goroutine uses it.
type spool struct {
	file  *os.File
	named bool // the system does not take the name from an open file
	size  int64
	err   error // what writing has failed with
}

// newSpool makes a file that only this process sees, where the system can do that.
func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "switchhook-*")
	if err != nil {
		return nil, err
	}
	return &spool{file: f, named: os.Remove(f.Name()) != nil}, nil
}

// Write implements [io.Writer].
func (s *spool) Write(p []byte) (int, error) {
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
