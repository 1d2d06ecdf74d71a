package whatsapp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"github.com/switchhook/switchhook/record"
)

func TestReceipts(t *testing.T) {
	var got strings.Builder
	about := types.MessageSource{Chat: ana.ToNonAD(), Sender: ana, SenderAlt: anaLID}
	mine := types.MessageSource{Chat: ana.ToNonAD(), Sender: me.ToNonAD(), IsFromMe: true}
	crowd := types.MessageSource{Chat: group, Sender: anaLID, SenderAlt: ana, IsGroup: true}
	for _, c := range []struct {
		name   string
		source types.MessageSource
		kind   types.ReceiptType
		ids    []string
	}{
		{"delivered", about, types.ReceiptTypeDelivered, []string{"A"}},
		{"delivered to a client in the background", about, types.ReceiptTypeInactive, []string{"A"}},
		{"read", about, types.ReceiptTypeRead, []string{"A", "B"}},
		{"played", about, types.ReceiptTypePlayed, []string{"A"}},
		{"read in a group", crowd, types.ReceiptTypeRead, []string{"A"}},
		{"read on the own phone", mine, types.ReceiptTypeRead, []string{"A"}},
		{"read on the own phone in private", mine, types.ReceiptTypeReadSelf, []string{"A"}},
		{"played on the own phone in private", mine, types.ReceiptTypePlayedSelf, []string{"A"}},
		{"delivered to the own phone", mine, types.ReceiptTypeSender, []string{"A"}},
		{"delivered from the own phone", mine, types.ReceiptTypeDelivered, []string{"A"}},
		{"retry", about, types.ReceiptTypeRetry, []string{"A"}},
		{"about nothing", about, types.ReceiptTypeRead, nil},
		{"about no id", about, types.ReceiptTypeRead, []string{""}},
		{"of a new kind", about, "telepathy", []string{"A"}},
	} {
		all := ours.receipts(&events.Receipt{MessageSource: c.source, MessageIDs: c.ids, Timestamp: sentAt, Type: c.kind})
		out, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "# %s\n%s\n\n", c.name, out)
	}
	golden(t, "receipts.golden", got.String())
}

// TestManyReceipts is told in parts, and nothing is left out.
func TestManyReceipts(t *testing.T) {
	e := &events.Receipt{MessageSource: types.MessageSource{Chat: ana, Sender: ana}, Timestamp: sentAt, Type: types.ReceiptTypeRead}
	for i := range 3*maxTargets + 1 {
		e.MessageIDs = append(e.MessageIDs, fmt.Sprint(i))
	}
	var ids []string
	seen := map[string]bool{}
	for _, m := range ours.receipts(e) {
		ids = append(ids, m.Targets...)
		seen[seenAs(record.MessageReceipt, m)] = true
	}
	if strings.Join(ids, " ") != strings.Join(e.MessageIDs, " ") || len(seen) != 4 {
		t.Errorf("%d ids in %d parts", len(ids), len(seen))
	}
}

func TestCalls(t *testing.T) {
	var got strings.Builder
	for _, c := range []struct {
		name string
		meta types.BasicCallMeta
	}{
		{"call", types.BasicCallMeta{From: ana, CallCreator: ana, CallID: "C1", Timestamp: sentAt}},
		{"call by hidden number", types.BasicCallMeta{From: stranger, CallCreator: stranger, CallCreatorAlt: types.NewJID("15550003333", types.DefaultUserServer), CallID: "C1", Timestamp: sentAt}},
		{"call without creator", types.BasicCallMeta{From: anaLID, CallID: "C1", Timestamp: sentAt}},
		{"call in a group", types.BasicCallMeta{From: group, CallCreator: ana, GroupJID: group, CallID: "C1", Timestamp: sentAt}},
	} {
		out, err := json.MarshalIndent(ours.call(&c.meta), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "# %s\n%s\n\n", c.name, out)
	}
	golden(t, "calls.golden", got.String())
}
