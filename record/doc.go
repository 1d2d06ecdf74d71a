// Package record holds the values that travel between the rooms and are kept
// on disk: the instance, its saved session, the event, the endpoint and its
// lane. They are plain data: no I/O, no clock, no lock. JSON tags are the
// format on disk, so a field is never renamed without a schema version.
package record
