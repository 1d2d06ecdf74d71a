package greenapi

import (
	"net/http"
	"strings"
)

// method is one line of the tables in WIRE.md §2.2 and §2.5.
type method struct {
	name  string
	verb  string
	rate  int  // requests a second
	paced bool // once in picturePace, instead
	run   func(*request) (any, error)
	rest  int   // how much may follow the token in the path
	body  int64 // the most bytes of its body; 0: maxBody
}

func (m *method) limit() int64 {
	if m.body > 0 {
		return m.body
	}
	return maxBody
}

// methods is that table, by name in lower case.
var methods = byName([]method{
	{name: "getSettings", verb: http.MethodGet, rate: 1, run: getSettings},
	{name: "setSettings", verb: http.MethodPost, rate: 1, run: setSettings},
	{name: "getStateInstance", verb: http.MethodGet, rate: 1, run: getStateInstance},
	{name: "getStatusInstance", verb: http.MethodGet, rate: 1, run: getStatusInstance},
	{name: "reboot", verb: http.MethodGet, rate: 1, run: reboot},
	{name: "logout", verb: http.MethodGet, rate: 1, run: logout},
	{name: "qr", verb: http.MethodGet, rate: 3, run: qr},
	{name: "getAuthorizationCode", verb: http.MethodPost, rate: 1, run: getAuthorizationCode},
	{name: "scanqrcode", verb: http.MethodGet, rate: 1, run: scanQRCode},
	{name: "setProfilePicture", verb: http.MethodPost, paced: true, run: setProfilePicture, body: maxPicture + maxAround},
	{name: "getWaSettings", verb: http.MethodGet, rate: 1, run: getWaSettings},
	{name: "getAvatar", verb: http.MethodPost, rate: 10, run: getAvatar},
	{name: "getDeviceInfo", verb: http.MethodGet, rate: 1, run: getDeviceInfo},
	{name: "sendMessage", verb: http.MethodPost, rate: 50, run: sendMessage},
	{name: "sendFileByUpload", verb: http.MethodPost, rate: 50, run: sendFileByUpload, body: maxFile + maxAround},
	{name: "receiveNotification", verb: http.MethodGet, rate: 100, run: receiveNotification},
	{name: "deleteNotification", verb: http.MethodDelete, rate: 100, run: deleteNotification, rest: 1},
})

func byName(all []method) map[string]*method {
	out := make(map[string]*method, len(all))
	for i := range all {
		out[strings.ToLower(all[i].name)] = &all[i]
	}
	return out
}
