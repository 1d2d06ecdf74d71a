package cams

import (
	"context"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchhook/switchhook/record"
)

// version is the only one of the operations.
const version = "2020-06-06"

// ratePerSecond is how often a key may ask for each operation.
const ratePerSecond = 5

// operation is one line of the table in WIRE.md §3.1.
type operation struct {
	needs []parameter // that are mandatory
	run   func(*request) (any, error)
}

// operations is that table. Upper and lower case differ, as in the vendor's.
var operations = map[string]operation{
	"CreatePhoneMessageQrdl": {[]parameter{phoneNumber, qrImage, message}, create},
	"UpdatePhoneMessageQrdl": {[]parameter{phoneNumber, qrImage, message, qrdlCode}, update},
	"ListPhoneMessageQrdl":   {[]parameter{phoneNumber}, list},
	"DeletePhoneMessageQrdl": {[]parameter{phoneNumber, qrdlCode}, remove},
}

// parameter is one that an operation knows.
type parameter struct {
	name  string
	valid func(value string) bool // of one that is not empty
}

var (
	phoneNumber = parameter{"PhoneNumber", func(v string) bool { return isDigits(digits(v), 7, 15) }}
	qrImage     = parameter{"GenerateQrImage", func(v string) bool { return v == "PNG" || v == "SVG" }}
	message     = parameter{"PrefilledMessage", isMessage}
	qrdlCode    = parameter{"QrdlCode", isCode}
)

// check answers the first parameter that is missing or, where none is, that is wrong. One
// that is empty is missing.
func (o *operation) check(p parameters) error {
	for _, need := range o.needs {
		if p[need.name] == "" {
			return missing(need.name)
		}
	}
	for _, need := range o.needs {
		if !need.valid(p[need.name]) {
			return invalid(need.name)
		}
	}
	return nil
}

// request is a call that is proved, permitted and complete.
type request struct {
	Config
	ctx    context.Context
	http   *http.Request
	tenant string // its id
	params parameters
}

// code is a message QR code as clients see it.
type code struct {
	PhoneNumber      string `json:"PhoneNumber"`
	QrdlCode         string `json:"QrdlCode"`
	GenerateQrImage  string `json:"GenerateQrImage"`
	PrefilledMessage string `json:"PrefilledMessage"`
	DeepLinkURL      string `json:"DeepLinkUrl"`
	QrImageURL       string `json:"QrImageUrl"`
}

func (r *request) show(q *record.QRDL) code {
	return code{
		PhoneNumber: q.Number, QrdlCode: q.Code, GenerateQrImage: q.Image, PrefilledMessage: q.Message,
		DeepLinkURL: r.LinkURL(r.http, q.Token), QrImageURL: r.ImageURL(r.http, q.Token, q.Image),
	}
}

func (r *request) number() string { return digits(r.params[phoneNumber.name]) }
func (r *request) code() string   { return r.params[qrdlCode.name] }
func (r *request) content() Content {
	return Content{Message: r.params[message.name], Image: r.params[qrImage.name]}
}

func create(r *request) (any, error) {
	q, err := r.Port.CreateQRDL(r.ctx, r.tenant, r.number(), r.content())
	if err != nil {
		return nil, err
	}
	return r.show(&q), nil
}

func update(r *request) (any, error) {
	q, err := r.Port.UpdateQRDL(r.ctx, r.tenant, r.number(), r.code(), r.content())
	if err != nil {
		return nil, err
	}
	return r.show(&q), nil
}

func list(r *request) (any, error) {
	all, err := r.Port.ListQRDL(r.ctx, r.tenant, r.number())
	if err != nil {
		return nil, err
	}
	shown := make([]code, 0, len(all)) // [] where there are none: clients want an array
	for i := range all {
		shown = append(shown, r.show(&all[i]))
	}
	return shown, nil
}

func remove(r *request) (any, error) {
	return nil, r.Port.DeleteQRDL(r.ctx, r.tenant, r.number(), r.code())
}

// digits is a phone number without its plus. A plus that a form's writer has left bare is
// read as a space.
func digits(number string) string {
	if number != "" && (number[0] == '+' || number[0] == ' ') {
		return number[1:]
	}
	return number
}

func isDigits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// isCode reports whether a text can be a QrdlCode: 14 capital letters and digits.
func isCode(s string) bool {
	const length = 14
	return len(s) == length && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// isMessage reports whether a text can be the message of a [Content].
func isMessage(s string) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > MaxMessage {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return unicode.IsControl(c) && c != '\n' && c != '\r' && c != '\t'
	})
}
