package sandbox

import (
	"log/slog"
	"sync"

	"go.etcd.io/bbolt"
)

// What messages add to the state file, beside what statefile.go draws:
//
//	signal
//	└─ <digits>              JSON signalKeys
//	signal-prekeys
//	└─ <digits>|<id>         32 bytes, private
//	signal-sessions
//	└─ <digits>|<companion>  a libsignal session record
//	mail
//	└─ <serial>              8 bytes, big-endian → JSON keptLetter
var (
	signalBucket   = []byte("signal")
	oneTimeBucket  = []byte("signal-prekeys")
	sessionsBucket = []byte("signal-sessions")
	mailBucket     = []byte("mail")
)

var messageBuckets = [][]byte{signalBucket, oneTimeBucket, sessionsBucket, mailBucket}

// change is one value to be written, or erased when it is nil.
type change struct {
	bucket []byte
	name   string
	value  []byte
}

// journal writes to the state file what changes with every message: ratchets and
// mail. Whatever is wanted while one transaction is under way shares the next, so
// that a thousand messages a second cost a few hundred writes. Any goroutine may
// call it.
type journal struct {
	file *stateFile
	log  *slog.Logger
	wake chan struct{} // room for one
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	wanted  map[string]change // below: guarded by mu
	written chan struct{}     // closed when wanted is on disk
}

// newJournal starts a journal. It writes nothing, and starts nothing, for a state
// that is kept in memory.
func newJournal(file *stateFile, log *slog.Logger) *journal {
	j := &journal{
		file: file, log: log,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		wanted: make(map[string]change), written: make(chan struct{}),
	}
	if file.db == nil {
		close(j.done)
		return j
	}
	go j.run()
	return j
}

// write asks for changes to be written, together or not at all. The channel is
// closed when they are on disk; it is nil if there is no disk.
func (j *journal) write(changes ...change) <-chan struct{} {
	if j.file.db == nil || len(changes) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range changes {
		j.wanted[string(c.bucket)+"\x00"+c.name] = c
	}
	select {
	case j.wake <- struct{}{}:
	default:
	}
	return j.written
}

func (j *journal) run() {
	defer close(j.done)
	for {
		select {
		case <-j.wake:
			j.flush()
		case <-j.stop:
			j.flush()
			return
		}
	}
}

// flush writes what is wanted. What cannot be written is lost to a restart and to
// nobody else: a sandbox goes on without its disk.
func (j *journal) flush() {
	j.mu.Lock()
	batch, written := j.wanted, j.written
	j.wanted, j.written = make(map[string]change), make(chan struct{})
	j.mu.Unlock()
	defer close(written)
	if len(batch) == 0 {
		return
	}
	err := j.file.update(func(tx *bbolt.Tx) error {
		for _, c := range batch {
			bucket := tx.Bucket(c.bucket)
			if c.value == nil {
				if err := bucket.Delete([]byte(c.name)); err != nil {
					return err
				}
				continue
			}
			if err := bucket.Put([]byte(c.name), c.value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		j.log.Error("messages were not written", "changes", len(batch), "err", err)
	}
}

// close writes the rest. Nothing may be written afterwards.
func (j *journal) close() {
	if j.file.db == nil {
		return
	}
	close(j.stop)
	<-j.done
}

// loadMessages reads what a journal has written, value by value.
func (f *stateFile) loadMessages(each func(bucket []byte, name string, value []byte) error) error {
	return f.update(func(tx *bbolt.Tx) error {
		for _, name := range messageBuckets {
			bucket, err := tx.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}
			err = bucket.ForEach(func(k, v []byte) error { return each(name, string(k), append([]byte(nil), v...)) })
			if err != nil {
				return err
			}
		}
		return nil
	})
}
