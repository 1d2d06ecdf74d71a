package tencent

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/record"
)

// maxText is the longest text of a field, in bytes.
const maxText = 500

// kind is what a field takes.
type kind struct {
	numeric bool     // an integer of 32 bits without sign; otherwise a text of at most maxText
	oneOf   []string // what texts there are; none: any
}

var (
	anyText = kind{}
	number  = kind{numeric: true}
)

// standard are the fields that every app has (WIRE.md §4.3). Location was 16 bytes on the
// vendor's older pages, and MsgSettings is gone from the newest.
var standard = map[string]kind{
	record.TagNick:                   anyText,
	record.TagSelfSignature:          anyText,
	record.TagImage:                  anyText,
	"Tag_Profile_IM_Location":        anyText,
	"Tag_Profile_IM_Gender":          {oneOf: []string{"Gender_Type_Unknown", "Gender_Type_Female", "Gender_Type_Male"}},
	"Tag_Profile_IM_AllowType":       {oneOf: []string{"AllowType_Type_NeedConfirm", "AllowType_Type_AllowAny", "AllowType_Type_DenyAny"}},
	"Tag_Profile_IM_AdminForbidType": {oneOf: []string{"AdminForbid_Type_None", "AdminForbid_Type_SendOut"}},
	"Tag_Profile_IM_BirthDay":        number,
	"Tag_Profile_IM_Language":        number,
	"Tag_Profile_IM_Level":           number,
	"Tag_Profile_IM_Role":            number,
	"Tag_Profile_IM_MsgSettings":     number,
}

// customPrefix begins the tags of an app's own fields.
const customPrefix = "Tag_Profile_Custom_"

// find says what a tag's field takes, and whether it may be written; false: the app has no
// such field.
func find(chat *record.Chat, tag string) (k kind, writable, ok bool) {
	if k, ok := standard[tag]; ok {
		return k, true, true
	}
	name, ok := strings.CutPrefix(tag, customPrefix)
	if !ok {
		return kind{}, false, false
	}
	at := slices.IndexFunc(chat.Custom, func(c record.CustomField) bool { return c.Name == name })
	if at < 0 {
		return kind{}, false, false
	}
	return anyText, chat.Custom[at].Admin, true
}

// take makes a field of a value: its type is judged before its length, and that before
// what it says. where says which value it is.
func (k kind) take(tag, where string, value any) (record.Field, error) {
	if k.numeric {
		return takeNumber(tag, where, value)
	}
	text, ok := value.(string)
	switch {
	case !ok:
		return record.Field{}, &failure{codeBadType, where + " must be a text"}
	case len(text) > maxText:
		return record.Field{}, &failure{codeTooLong, where + " has more than " + strconv.Itoa(maxText) + " bytes of UTF-8"}
	case k.oneOf != nil && !slices.Contains(k.oneOf, text):
		return record.Field{}, &failure{codeBadValue, where + " must be one of " + strings.Join(k.oneOf, ", ")}
	}
	return record.Field{Tag: tag, Text: text}, nil
}

func takeNumber(tag, where string, value any) (record.Field, error) {
	literal, ok := value.(json.Number)
	if !ok || strings.ContainsAny(literal.String(), ".eE") {
		return record.Field{}, &failure{codeBadType, where + " must be an integer, without quotes, fraction and exponent"}
	}
	// What does not parse is below 0, -0 among it, or too large.
	n, err := strconv.ParseUint(literal.String(), 10, 32)
	if err != nil {
		return record.Field{}, &failure{codeBadValue, where + " must be 0 to " + strconv.Itoa(math.MaxUint32)}
	}
	return record.Field{Tag: tag, Number: uint32(n), Numeric: true}, nil
}
