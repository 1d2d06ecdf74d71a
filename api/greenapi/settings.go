package greenapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/switchhook/switchhook/api/internal/reply"
	"github.com/switchhook/switchhook/record"
)

// setting is one line of the table in WIRE.md §2.4. Exactly one of on, text, number
// and other says where it is kept.
type setting struct {
	name   string
	on     func(*record.GreenSettings) *bool   // a switch: "yes" and "no" on the wire
	text   func(*record.GreenSettings) *string // at most maxSetting bytes
	number func(*record.GreenSettings) *int    // 500 to 600000
	other  any                                 // kept in Others; what it is until it is set
}

type settings = record.GreenSettings

// settingTable is that table, in the order of the vendor's answers.
var settingTable = []setting{
	{name: "countryInstance", other: ""},
	{name: "typeAccount", other: ""},
	{name: "webhookUrl", text: func(s *settings) *string { return &s.WebhookURL }},
	{name: "webhookUrlToken", text: func(s *settings) *string { return &s.WebhookToken }},
	{name: "delaySendMessagesMilliseconds", number: func(s *settings) *int { return &s.DelayMillis }},
	{name: "markIncomingMessagesReaded", on: func(s *settings) *bool { return &s.MarkRead }},
	{name: "markIncomingMessagesReadedOnReply", on: func(s *settings) *bool { return &s.MarkReadOnReply }},
	{name: "sharedSession", other: no},
	{name: "proxyInstance", other: ""},
	{name: "outgoingWebhook", on: func(s *settings) *bool { return &s.OutgoingStatus }},
	{name: "outgoingMessageWebhook", on: func(s *settings) *bool { return &s.OutgoingMessage }},
	{name: "outgoingAPIMessageWebhook", on: func(s *settings) *bool { return &s.OutgoingAPIMessage }},
	{name: "incomingWebhook", on: func(s *settings) *bool { return &s.Incoming }},
	{name: "deviceWebhook", on: func(s *settings) *bool { return &s.Device }},
	{name: "statusInstanceWebhook", other: no},
	{name: "stateWebhook", on: func(s *settings) *bool { return &s.State }},
	{name: "enableMessagesHistory", other: no},
	{name: "keepOnlineStatus", on: func(s *settings) *bool { return &s.KeepOnline }},
	{name: "pollMessageWebhook", on: func(s *settings) *bool { return &s.Poll }},
	{name: "incomingBlockWebhook", on: func(s *settings) *bool { return &s.IncomingBlock }},
	{name: "incomingCallWebhook", on: func(s *settings) *bool { return &s.IncomingCall }},
	{name: "editedMessageWebhook", on: func(s *settings) *bool { return &s.Edited }},
	{name: "deletedMessageWebhook", on: func(s *settings) *bool { return &s.Deleted }},
	{name: "autoTyping", other: 0},
	{name: "linkPreview", other: true},
	{name: "enableLidMode", other: false},
}

// toggle is a switch that is kept with the others.
type toggle string

const no toggle = "no"

// The bounds of settings.
const (
	minDelay      = 500
	maxDelay      = 600_000
	maxSetting    = 4096
	maxAutoTyping = 600_000
)

func getSettings(r *request) (any, error) {
	info, _, err := r.info()
	if err != nil {
		return nil, err
	}
	return encodeSettings(&r.green.Settings, info.Phone)
}

// encodeSettings makes the object of getSettings, in the order of the table.
func encodeSettings(s *record.GreenSettings, phone string) (json.RawMessage, error) {
	var b bytes.Buffer
	put := func(name string, v any) error {
		text, err := reply.Encode(v)
		fmt.Fprintf(&b, ",%q:%s", name, text)
		return err
	}
	err := put("wid", ChatID(phone))
	for i := range settingTable {
		if row := &settingTable[i]; err == nil {
			err = put(row.name, row.value(s))
		}
	}
	b.WriteByte('}')
	out := b.Bytes()
	out[0] = '{'
	return out, err
}

// value is how a setting stands, as it is written.
func (row *setting) value(s *record.GreenSettings) any {
	switch {
	case row.on != nil:
		return yesNo(*row.on(s))
	case row.text != nil:
		return *row.text(s)
	case row.number != nil:
		return max(*row.number(s), minDelay)
	}
	if stored, ok := s.Others[row.name]; ok {
		return json.RawMessage(stored)
	}
	return row.other
}

func yesNo(on bool) string {
	if on {
		return "yes"
	}
	return "no"
}

// setSettings changes what the body names: all of it, or nothing.
func setSettings(r *request) (any, error) {
	text, err := r.body()
	if err != nil {
		return nil, err
	}
	change, err := parseSettings(text)
	if err != nil {
		return nil, err
	}
	_, err = r.cfg.Instances.ChangeGreen(r.ctx, r.id, func(s *record.GreenSettings) error {
		change(s)
		return nil
	})
	return struct {
		Saved bool `json:"saveSettings"`
	}{true}, err
}

// parseSettings reads a body and answers the change that it asks for.
func parseSettings(text []byte) (change func(*record.GreenSettings), err error) {
	given := make(map[string]json.RawMessage)
	if err := parse(text, &given); err != nil {
		return nil, err
	}
	var sets []func(*record.GreenSettings)
	for i := range settingTable {
		row := &settingTable[i]
		raw, ok := given[row.name]
		if !ok {
			continue
		}
		set, problem := row.parse(raw)
		if problem != "" {
			return nil, invalid(row.name, problem)
		}
		sets = append(sets, set)
	}
	if len(sets) == 0 {
		return nil, &failure{status: 400, message: "Validation failed. Details: at least one setting is needed"}
	}
	return func(s *record.GreenSettings) {
		for _, set := range sets {
			set(s)
		}
	}, nil
}

// parse reads a setting's value and answers what sets it, or what is wrong with it.
func (row *setting) parse(raw json.RawMessage) (set func(*record.GreenSettings), problem string) {
	switch {
	case row.on != nil:
		on, problem := parseToggle(raw)
		return func(s *record.GreenSettings) { *row.on(s) = on }, problem
	case row.text != nil:
		text, problem := parseText(raw)
		return func(s *record.GreenSettings) { *row.text(s) = text }, problem
	case row.number != nil:
		n, problem := parseNumber(raw, minDelay, maxDelay)
		return func(s *record.GreenSettings) { *row.number(s) = n }, problem
	}
	switch row.other.(type) {
	case toggle:
		_, problem = parseToggle(raw)
	case string:
		_, problem = parseText(raw)
	case int:
		_, problem = parseNumber(raw, 0, maxAutoTyping)
	default:
		if v := string(raw); v != "true" && v != "false" {
			problem = "must be true or false"
		}
	}
	return func(s *record.GreenSettings) {
		if s.Others == nil {
			s.Others = make(map[string]string)
		}
		s.Others[row.name] = string(raw)
	}, problem
}

func parseToggle(raw json.RawMessage) (on bool, problem string) {
	switch string(raw) {
	case `"yes"`:
		return true, ""
	case `"no"`:
		return false, ""
	}
	return false, "must be yes or no"
}

func parseText(raw json.RawMessage) (text, problem string) {
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return "", "must be a string"
	}
	if len(text) > maxSetting || strings.ContainsFunc(text, unicode.IsControl) {
		return "", fmt.Sprintf("must be at most %d bytes of plain text", maxSetting)
	}
	return text, ""
}

func parseNumber(raw json.RawMessage, least, most int) (n int, problem string) {
	if json.Unmarshal(raw, &n) != nil || string(raw) == "null" || n < least || n > most {
		return 0, fmt.Sprintf("must be a whole number from %d to %d", least, most)
	}
	return n, ""
}
