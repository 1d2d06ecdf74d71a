package witi

import "github.com/switchhook/switchhook/record"

// information is the connection information of WIRE.md §1.2, keys in its order.
type information struct {
	Status         int         `json:"status"`
	StatusString   string      `json:"statusString"`
	Connected      bool        `json:"connected"`
	ConnectionInfo *connection `json:"ConnectionInfo"` // null while there is no session
	WebID          string      `json:"WebID"`
	Webhook        string      `json:"Webhook"`
	UserAgent      string      `json:"UserAgent"`
	CanRestore     bool        `json:"CanRestoreConnection"`
	Stats          stats       `json:"stats"`
	Storage        folder      `json:"storage"`
}

type connection struct {
	Language     string `json:"lg"`
	Country      string `json:"lc"`
	Phone        phone  `json:"phone"`
	Battery      int    `json:"battery"`
	TOS          int    `json:"tos"`
	PushName     string `json:"pushname"`
	ProtoVersion [2]int `json:"protoVersion"`
	Plugged      bool   `json:"plugged"`
	Platform     string `json:"platform"`
	WID          string `json:"wid"`
	Connected    bool   `json:"connected"`
	IsResponse   string `json:"isResponse"`
	BinVersion   int    `json:"binVersion"`
	Locales      string `json:"locales"`
}

type phone struct {
	DeviceModel  string `json:"device_model"`
	WAVersion    string `json:"wa_version"`
	MCC          string `json:"mcc"`
	OSVersion    string `json:"os_version"`
	OSBuild      string `json:"os_build_number"`
	Manufacturer string `json:"device_manufacturer"`
	MNC          string `json:"mnc"`
}

type stats struct {
	Contacts      int   `json:"Contacts"`
	Chats         int   `json:"Chats"`
	SentBytes     int64 `json:"SentBytes"`
	ReceivedBytes int64 `json:"ReceveidBytes"`
}

// folder is the storage or one folder of it; a leaf's Subs is null.
type folder struct {
	Name  string   `json:"Name"`
	Bytes int64    `json:"Bytes"`
	Files int      `json:"Files"`
	Subs  []folder `json:"Subs"`
}

// undefined stands for what the multi-device protocol no longer tells.
const undefined = "undefined"

// inform is the one place where connection information is made. wid is the
// instance's key as it was issued.
func inform(wid string, info record.Info) information {
	in := information{
		Status:       int(info.State),
		StatusString: info.State.String(),
		Connected:    info.Connected,
		WebID:        wid,
		Webhook:      info.Webhook,
		UserAgent:    info.UserAgent,
		CanRestore:   info.CanRestore,
		Stats: stats{
			Contacts:      info.Stats.Contacts,
			Chats:         info.Stats.Chats,
			SentBytes:     info.Stats.SentBytes,
			ReceivedBytes: info.Stats.ReceivedBytes,
		},
		Storage: folder{
			Name:  wid,
			Bytes: info.Storage.Bytes,
			Files: info.Storage.Files,
			Subs:  make([]folder, 0, len(info.Storage.Subs)),
		},
	}
	for _, s := range info.Storage.Subs {
		in.Storage.Subs = append(in.Storage.Subs, folder{Name: s.Name, Bytes: s.Bytes, Files: s.Files})
	}
	if info.CanRestore {
		in.ConnectionInfo = connect(info)
	}
	return in
}

func connect(info record.Info) *connection {
	return &connection{
		Language: undefined,
		Country:  undefined,
		Phone: phone{
			DeviceModel: undefined, WAVersion: undefined, MCC: undefined, OSVersion: undefined,
			OSBuild: undefined, Manufacturer: undefined, MNC: undefined,
		},
		PushName:   info.PushName,
		Platform:   known(info.Platform),
		WID:        info.Phone + "@s.whatsapp.net",
		Connected:  info.Connected,
		IsResponse: "false",
		Locales:    "en-US,pt-BR",
	}
}

func known(s string) string {
	if s == "" {
		return undefined
	}
	return s
}
