package sandbox

import (
	"errors"
	"testing"
)

func TestPhoneRunsOutOfDeviceNumbers(t *testing.T) {
	l, err := openLedger("")
	if err != nil {
		t.Fatal(err)
	}
	for want := 1; want <= maxDeviceNumber; want++ {
		if _, number, err := l.dial("5511900000001"); err != nil || int(number) != want {
			t.Fatalf("number %d, %v, want %d", number, err, want)
		}
	}
	if _, _, err := l.dial("5511900000001"); !errors.Is(err, ErrNoDeviceNumber) {
		t.Errorf("one too many: %v", err)
	}
	if _, number, err := l.dial("5511900000002"); err != nil || number != 1 {
		t.Errorf("another phone: %d, %v", number, err)
	}
}

func TestEveryPhoneHasItsOwnLID(t *testing.T) {
	l, err := openLedger("")
	if err != nil {
		t.Fatal(err)
	}
	taken := lidOf("5511900000001", 0)
	l.lids[taken] = "4915112345678"
	p, _, err := l.dial("5511900000001")
	if err != nil || p.LID == taken || len(p.LID) != 15 {
		t.Errorf("LID %s, %v", p.LID, err)
	}
}
