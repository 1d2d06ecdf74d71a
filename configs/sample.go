package configs

import _ "embed"

var (
	//go:embed switchhook.yaml
	sample []byte
	//go:embed switchhook.service
	unit []byte
)

// Sample is the annotated configuration file: every key with its default,
// commented out. The caller may change the result.
func Sample() []byte { return append([]byte(nil), sample...) }

// Unit is the systemd unit switchhook.service, with how to install it. The
// caller may change the result.
func Unit() []byte { return append([]byte(nil), unit...) }
