package picture

import (
	"bytes"
	"slices"
	"strings"
)

// Format is a kind of file.
type Format string

// The formats that can be read.
const (
	JPEG Format = "JPEG"
	PNG  Format = "PNG"
	WebP Format = "WebP"
)

// recognise tells the format by the first bytes, "" for one that is none of ours.
func recognise(file []byte) Format {
	switch {
	case bytes.HasPrefix(file, []byte{0xff, 0xd8, 0xff}):
		return JPEG
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
		return PNG
	case len(file) >= 12 && string(file[:4]) == "RIFF" && string(file[8:12]) == "WEBP":
		return WebP
	}
	return ""
}

// accept answers the file's format, or that it is not one of those wanted.
func accept(file []byte, wanted []Format) (Format, error) {
	if len(file) == 0 {
		return "", errEmpty
	}
	format := recognise(file)
	if format != "" && slices.Contains(wanted, format) {
		return format, nil
	}
	names := make([]string, len(wanted))
	for i, w := range wanted {
		names[i] = string(w)
	}
	list := strings.Join(names, " or ")
	if format == "" {
		return "", &Error{Reason: "is not a " + list + " file, whatever it is called"}
	}
	return "", &Error{Reason: "is a " + string(format) + " file, whatever it is called: send a " + list}
}
