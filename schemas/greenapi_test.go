package schemas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestGreenAPI: every notification of the golden files is what the schema says, and
// it says all of it.
func TestGreenAPI(t *testing.T) {
	open, shut := compile(t, nil)["greenapi"], compile(t, closed)["greenapi"]
	files, err := filepath.Glob("../api/greenapi/notify/testdata/*.json")
	if err != nil || len(files) < 30 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		held, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for several := json.NewDecoder(bytes.NewReader(held)); ; count++ {
			var one json.RawMessage
			if err := several.Decode(&one); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			v := parse(t, one)
			if err := errors.Join(open.Validate(v), shut.Validate(v)); err != nil {
				t.Errorf("%s: %#v", name, err)
			}
		}
		if count == 0 {
			t.Errorf("%s holds nothing", name)
		}
	}
}
