package record

import "slices"

// Kinds lists every kind of event there is, in alphabetical order.
func Kinds() []Kind { return slices.Clone(kinds) }

var kinds = slices.Sorted(slices.Values([]Kind{
	ConnectionChanged, QRIssued, PairingCodeIssued,
	InstanceCreated, InstanceDeleted, InstanceExported, InstanceImported, InstanceUnfenced,
	DaemonStarted, DaemonStopped,
	EndpointCreated, EndpointChanged, EndpointDeleted, EndpointDisabled, EndpointEnabled,
	EndpointFailing, EndpointRecovered, EndpointGaveUp, EndpointTest,
	MessageText, MessageMedia, MessageOther, MessageReaction, MessageEdited, MessageRevoked,
	MessageReceipt, MessageCall, MessageSent,
	PictureUpdated,
	TenantCreated, TenantChanged, TenantDeleted,
	QRDLCreated, QRDLUpdated, QRDLDeleted, QRDLScanned,
	ProfileUpdated, ProfileApplied,
}))

// OfTenant reports whether such events are on the stream of a tenant. Those on the
// daemon's that are about a tenant are not.
func (k Kind) OfTenant() bool {
	switch k {
	case QRDLCreated, QRDLUpdated, QRDLDeleted, QRDLScanned:
		return true
	default:
		return false
	}
}

// OfAccount reports whether such events are on the stream of an account ([Account]).
func (k Kind) OfAccount() bool { return k == ProfileUpdated || k == ProfileApplied }
