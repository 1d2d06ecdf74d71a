package witi

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
)

// bulk gathers events as a version of the format does:
//
//	1.0  BULK,   and a JSON array of strings, each an event in base64
//	1.1  BULKGZ, and such an array, in zlib's form (RFC 1950), in base64
//
// No version is 1.0.
func bulk(version string, events [][]byte) ([]byte, error) {
	list, err := json.Marshal(events) // bytes become base64
	if err != nil {
		return nil, err
	}
	switch version {
	case "", "1.0":
		return append([]byte("BULK,"), list...), nil
	case "1.1":
		return base64.StdEncoding.AppendEncode([]byte("BULKGZ,"), deflate(list)), nil
	default:
		return nil, fmt.Errorf("bulk has no version %q, it has 1.0 and 1.1", version)
	}
}

// deflaters are kept as each has more than half a megabyte of tables.
var deflaters sync.Pool // of *zlib.Writer

func deflate(plain []byte) []byte {
	var out bytes.Buffer
	w, ok := deflaters.Get().(*zlib.Writer)
	if ok {
		w.Reset(&out)
	} else {
		w = zlib.NewWriter(&out)
	}
	defer deflaters.Put(w)
	// Writing to memory cannot fail.
	_, _ = w.Write(plain)
	_ = w.Close()
	return out.Bytes()
}
