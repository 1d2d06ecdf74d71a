package greenapi

import (
	"net/http"

	"github.com/switchhook/switchhook/record"
)

// ChatID is how GREEN-API names the person with that number; empty for no number.
func ChatID(phone string) string {
	if phone == "" {
		return ""
	}
	return phone + "@c.us"
}

// info answers the connection and what it is called here.
func (r *request) info() (record.Info, string, error) {
	info, err := r.cfg.Instances.Info(r.ctx, r.id)
	return info, State(info.State, info.Cause, info.CanRestore), err
}

// authorized refuses what needs a usable connection.
func (r *request) authorized() error {
	_, state, err := r.info()
	switch {
	case err != nil:
		return err
	case state == StateStarting:
		return &failure{status: http.StatusBadRequest, message: inStarting}
	case state != StateAuthorized:
		return &failure{status: http.StatusBadRequest, message: notAuthorized}
	}
	return nil
}

func getStateInstance(r *request) (any, error) {
	_, state, err := r.info()
	return struct {
		State string `json:"stateInstance"`
	}{state}, err
}

func getStatusInstance(r *request) (any, error) {
	info, _, err := r.info()
	return struct {
		Status string `json:"statusInstance"`
	}{Status(info.State)}, err
}

func reboot(r *request) (any, error) {
	_, err := r.cfg.Instances.Reboot(r.ctx, r.id)
	return struct {
		Done bool `json:"isReboot"`
	}{true}, err
}

func logout(r *request) (any, error) {
	_, err := r.cfg.Instances.Disconnect(r.ctx, r.id)
	return struct {
		Done bool `json:"isLogout"`
	}{true}, err
}

type waSettings struct {
	Avatar string `json:"avatar"`
	Phone  string `json:"phone"`
	State  string `json:"stateInstance"`
	Device string `json:"deviceId"`
}

func getWaSettings(r *request) (any, error) {
	info, state, err := r.info()
	if err != nil {
		return nil, err
	}
	switch out := (waSettings{State: state}); state {
	case StateNotAuthorized, StateBlocked, StateStarting:
		return out, nil
	default:
		out.Phone, out.Device = info.Phone, info.JID
		out.Avatar, err = r.ownPicture()
		return out, err
	}
}

// DeviceInfo is the device as getDeviceInfo and the notification deviceInfo have it.
type DeviceInfo struct {
	Platform     string `json:"platform"`
	Manufacturer string `json:"deviceManufacturer"`
	Model        string `json:"deviceModel"`
	OSVersion    string `json:"osVersion"`
	WAVersion    string `json:"waVersion"`
	Battery      int    `json:"battery"`
}

// Device is what is known of the phone behind a connection. WhatsApp tells linked
// devices its platform and no more: the rest is empty, and the battery 0.
func Device(info record.Info) DeviceInfo { return DeviceInfo{Platform: info.Platform} }

func getDeviceInfo(r *request) (any, error) {
	info, _, err := r.info()
	return Device(info), err
}
