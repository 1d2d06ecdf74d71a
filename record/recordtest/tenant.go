package recordtest

import (
	"encoding/json"
	"time"

	"github.com/switchhook/switchhook/record"
)

// tenants are the events of a tenant's own stream: the life of a message QR code.
func tenants() []Sample {
	var all []Sample
	add := func(kind record.Kind, about string, revision int, count, scans, total int64) {
		data, err := json.Marshal(record.QRDLFact{
			Tenant: "acme", Code: "D9II3TESTD9II3", Number: "5511955550001",
			Revision: revision, Count: count, Scans: scans, Total: total,
		})
		if err != nil {
			panic(err) // every value is written below
		}
		all = append(all, Sample{about, record.Event{
			Stream: Tenant, Epoch: 1, Seq: uint64(len(all) + 1), Kind: kind,
			At: start.Add(time.Duration(len(all)) * time.Minute), Name: "acme", Data: data,
		}})
	}
	add(record.QRDLCreated, "A message QR code was made. `code` stays the same for its whole life, `number` is the phone number that it opens a chat with. The message is not told.", 1, 0, 0, 0)
	add(record.QRDLScanned, "A message QR code was scanned, or its link opened: `count` times since the event before, `scans` times in this revision, `total` times in all. Nothing is known of who did.", 1, 3, 17, 17)
	add(record.QRDLUpdated, "A message QR code has another message or image, and another link: the old one is dead. `revision` is the new one; `total` is what all before it were scanned.", 2, 0, 0, 17)
	add(record.QRDLDeleted, "A message QR code was deleted: its link and image are dead. `scans` and `total` are final.", 2, 0, 5, 22)
	return all
}
