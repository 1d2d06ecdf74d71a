package instance

import "github.com/switchhook/switchhook/record"

// count answers the figures with what a connection's gauges show now, at having
// been counted already.
func count(s record.Stats, now, at Gauges) record.Stats {
	s.SentBytes += now.Sent - at.Sent
	s.ReceivedBytes += now.Received - at.Received
	if now.Known {
		s.Contacts, s.Chats = now.Contacts, now.Chats
	}
	return s
}

// current is the record with the figures of this moment, as a change should
// store it.
func (i *Instance) current() record.Instance {
	rec := i.rec
	if i.try != nil && i.try.conn != nil {
		now := i.try.conn.Gauges()
		now.Known = now.Known && i.session != nil
		rec.Stats = count(rec.Stats, now, i.try.counted)
	}
	return rec
}

// stored makes a record that was committed the instance's, and remembers what of
// the connection's gauges is in it.
func (i *Instance) stored(rec record.Instance) {
	if i.try != nil {
		i.try.counted.Sent += rec.Stats.SentBytes - i.rec.Stats.SentBytes
		i.try.counted.Received += rec.Stats.ReceivedBytes - i.rec.Stats.ReceivedBytes
	}
	i.rec = rec
}
