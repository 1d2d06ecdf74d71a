package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// The state file:
//
//	meta
//	├─ schema        "1"
//	├─ intermediate  32 bytes, private
//	├─ static        32 bytes, private
//	└─ ref           32 bytes
//	phones
//	└─ <digits>      JSON phone
//	devices
//	└─ <digits>:<n>  JSON device
//	prekeys
//	└─ <digits>:<n>  bucket
//	   └─ <id>       4 bytes, big-endian → 32 bytes, public
//	pictures
//	└─ <digits>      JSON picture
//	profiles
//	└─ <digits>      JSON profile
const stateSchema = "1"

var (
	metaBucket    = []byte("meta")
	phonesBucket  = []byte("phones")
	devicesBucket = []byte("devices")
	preKeysBucket = []byte("prekeys")
)

// stateFile is the ledger's paper. One with no file writes nothing and never
// fails. Every write is one transaction, on disk when it returns.
type stateFile struct {
	db *bbolt.DB
}

// openStateFile opens or makes the file. It waits a second for another process to
// let go of it.
func openStateFile(path string) (*stateFile, error) {
	if path == "" {
		return &stateFile{}, nil
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("open state file: %w", err)
	}
	return &stateFile{db: db}, nil
}

func (f *stateFile) close() error {
	if f.db == nil {
		return nil
	}
	return f.db.Close()
}

func (f *stateFile) update(write func(*bbolt.Tx) error) error {
	if f.db == nil {
		return nil
	}
	if err := f.db.Update(write); err != nil {
		return fmt.Errorf("write state file: %w", err)
	}
	return nil
}

// load reads everything, and makes what a new file lacks.
func (f *stateFile) load() (serverKeys, []phone, []*device, error) {
	keys := newServerKeys()
	var phones []phone
	var devices []*device
	err := f.update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{metaBucket, phonesBucket, devicesBucket, preKeysBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if err := loadMeta(tx.Bucket(metaBucket), &keys); err != nil {
			return err
		}
		err := tx.Bucket(phonesBucket).ForEach(func(_, value []byte) error {
			var p phone
			err := json.Unmarshal(value, &p)
			phones = append(phones, p)
			return err
		})
		if err != nil {
			return fmt.Errorf("read phones: %w", err)
		}
		err = tx.Bucket(devicesBucket).ForEach(func(name, value []byte) error {
			d := &device{}
			if err := json.Unmarshal(value, d); err != nil {
				return err
			}
			var err error
			d.preKeys, err = loadPreKeys(tx.Bucket(preKeysBucket).Bucket(name))
			devices = append(devices, d)
			return err
		})
		if err != nil {
			return fmt.Errorf("read devices: %w", err)
		}
		return nil
	})
	return keys, phones, devices, err
}

// loadMeta reads the server's keys, or writes them into a file that has none.
func loadMeta(meta *bbolt.Bucket, keys *serverKeys) error {
	switch schema := meta.Get([]byte("schema")); {
	case schema == nil:
		return errors.Join(
			meta.Put([]byte("schema"), []byte(stateSchema)),
			meta.Put([]byte("intermediate"), keys.intermediate.private[:]),
			meta.Put([]byte("static"), keys.static.private[:]),
			meta.Put([]byte("ref"), keys.ref[:]),
		)
	case string(schema) != stateSchema:
		return fmt.Errorf("schema %q, not %q", schema, stateSchema)
	}
	intermediate, err1 := keyFrom(meta.Get([]byte("intermediate")))
	static, err2 := keyFrom(meta.Get([]byte("static")))
	ref, err3 := keyFrom(meta.Get([]byte("ref")))
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("read server keys: %w", err)
	}
	*keys = serverKeys{intermediate: keyPairOf(intermediate), static: keyPairOf(static), ref: ref}
	return nil
}

func loadPreKeys(bucket *bbolt.Bucket) (map[uint32]key, error) {
	keys := make(map[uint32]key)
	if bucket == nil {
		return keys, nil
	}
	err := bucket.ForEach(func(id, value []byte) error {
		if len(id) != 4 {
			return errors.New("prekey id is not 4 bytes")
		}
		public, err := keyFrom(value)
		keys[binary.BigEndian.Uint32(id)] = public
		return err
	})
	return keys, err
}

func (f *stateFile) putPhone(p phone) error {
	return f.update(func(tx *bbolt.Tx) error {
		return putJSON(tx.Bucket(phonesBucket), p.Digits, p)
	})
}

func (f *stateFile) putDevice(d *device) error {
	return f.update(func(tx *bbolt.Tx) error {
		return putJSON(tx.Bucket(devicesBucket), d.ID.String(), d)
	})
}

// putEnrolled writes phones and devices, all or none.
func (f *stateFile) putEnrolled(phones map[string]phone, devices map[deviceID]*device) error {
	return f.update(func(tx *bbolt.Tx) error {
		for digits, p := range phones {
			if err := putJSON(tx.Bucket(phonesBucket), digits, p); err != nil {
				return err
			}
		}
		for id, d := range devices {
			if err := putJSON(tx.Bucket(devicesBucket), id.String(), d); err != nil {
				return err
			}
		}
		return nil
	})
}

// putPreKeys writes a device and adds prekeys to those it has.
func (f *stateFile) putPreKeys(d *device, added map[uint32]key) error {
	return f.update(func(tx *bbolt.Tx) error {
		bucket, err := tx.Bucket(preKeysBucket).CreateBucketIfNotExists([]byte(d.ID.String()))
		if err != nil {
			return err
		}
		for id, public := range added {
			if err := bucket.Put(binary.BigEndian.AppendUint32(nil, id), public[:]); err != nil {
				return err
			}
		}
		return putJSON(tx.Bucket(devicesBucket), d.ID.String(), d)
	})
}

// remove erases devices and all that belongs to them.
func (f *stateFile) remove(ids ...deviceID) error {
	return f.update(func(tx *bbolt.Tx) error {
		for _, id := range ids {
			name := []byte(id.String())
			if err := tx.Bucket(devicesBucket).Delete(name); err != nil {
				return err
			}
			preKeys := tx.Bucket(preKeysBucket)
			if preKeys.Bucket(name) == nil {
				continue
			}
			if err := preKeys.DeleteBucket(name); err != nil {
				return err
			}
		}
		return nil
	})
}

func putJSON(bucket *bbolt.Bucket, name string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return bucket.Put([]byte(name), raw)
}
