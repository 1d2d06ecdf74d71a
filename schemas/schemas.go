// Package schemas holds the JSON Schemas (2020-12) of what receivers get. They are
// written by hand; a test holds them to the samples of record/recordtest, in every
// format, and to the fields of package record.
//
// They have no $id and refer to each other by relative address, so that they are
// valid wherever they are served, if they are served side by side.
//
// They are open: what they do not name is allowed, as a later version may add it.
package schemas

import "embed"

// FS holds the schemas: standard.json, cloudevents.json, witi.json, greenapi.json and
// tencent.json of a single event, standard-bulk.json and cloudevents-bulk.json of a request
// with several.
//
//go:embed *.json
var FS embed.FS
