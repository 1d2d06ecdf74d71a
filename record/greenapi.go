package record

// GreenAPI is what an instance is to clients of GREEN-API: who it is there and how
// they have set it up. It is kept beside the instance, under its id.
type GreenAPI struct {
	Instance string `json:"instance"` // the instance's own id
	ID       int64  `json:"id"`       // idInstance: ten digits, unique in the daemon, not secret
	Token    string `json:"token"`    // secret: apiTokenInstance

	Settings GreenSettings `json:"settings"`
}

// GreenSettings are the settings that GREEN-API's getSettings answers and setSettings
// changes, under the vendor's names; the zero value is what a new instance has, but
// for the delay. Switches are "yes" and "no" on the wire.
type GreenSettings struct {
	WebhookURL   string `json:"webhookUrl,omitempty"`      // secret: it may hold credentials; empty: notifications wait in the queue
	WebhookToken string `json:"webhookUrlToken,omitempty"` // secret: of the Authorization header
	DelayMillis  int    `json:"delaySendMessagesMilliseconds,omitempty"`

	MarkRead           bool `json:"markIncomingMessagesReaded,omitempty"`
	MarkReadOnReply    bool `json:"markIncomingMessagesReadedOnReply,omitempty"`
	OutgoingStatus     bool `json:"outgoingWebhook,omitempty"`           // outgoingMessageStatus
	OutgoingMessage    bool `json:"outgoingMessageWebhook,omitempty"`    // sent by the phone
	OutgoingAPIMessage bool `json:"outgoingAPIMessageWebhook,omitempty"` // sent by us
	Incoming           bool `json:"incomingWebhook,omitempty"`
	State              bool `json:"stateWebhook,omitempty"`
	KeepOnline         bool `json:"keepOnlineStatus,omitempty"`
	Poll               bool `json:"pollMessageWebhook,omitempty"`
	IncomingBlock      bool `json:"incomingBlockWebhook,omitempty"`
	IncomingCall       bool `json:"incomingCallWebhook,omitempty"`
	Edited             bool `json:"editedMessageWebhook,omitempty"`
	Deleted            bool `json:"deletedMessageWebhook,omitempty"`
	Device             bool `json:"deviceWebhook,omitempty"`

	// Others are settings that are stored and answered and change nothing here, by
	// the vendor's names, as JSON.
	Others map[string]string `json:"others,omitempty"`
}
