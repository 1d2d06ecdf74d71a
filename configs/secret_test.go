package configs

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// A secret does not come out of a Config by any of the ways in which a Config
// is usually shown.
func TestSecretsDoNotPrint(t *testing.T) {
	c := Default()
	secrets := 0
	for _, k := range keys {
		if f := k.in(&c); f.Type() == reflect.TypeFor[Secret]() {
			f.SetString("hunter2-" + k.path)
			secrets++
		}
	}
	if secrets < 4 {
		t.Fatalf("only %d keys are secrets", secrets)
	}
	shown := make(map[string]string)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%f", "%c", "%U", "%10s", "%-5v", "%T"} {
		shown[format] = fmt.Sprintf(format, c)
		shown[format+" of a pointer"] = fmt.Sprintf(format, &c)
		shown[format+" alone"] = fmt.Sprintf(format, c.NATS.Password)
		shown[format+" in a list"] = fmt.Sprintf(format, []any{c.NATS.Password, c.NATS, map[Secret]Secret{"hunter2": "hunter2"}})
	}
	shown["Sprint"] = fmt.Sprint(c)
	for name, marshal := range map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"xml":  xml.Marshal,
		"yaml": func(v any) ([]byte, error) { return yaml.Dump(v) },
	} {
		out, err := marshal(c.NATS)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Contains(out, []byte(redacted)) {
			t.Errorf("%s does not say that it is redacted: %s", name, out)
		}
		shown[name] = string(out)
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("loaded", "config", c, "pointer", &c, "password", c.NATS.Password)
	}
	shown["slog"] = log.String()
	for how, text := range shown {
		// %x and its kin would show it in hexadecimal.
		if strings.Contains(text, "hunter2") || strings.Contains(strings.ToLower(text), "68756e74") {
			t.Errorf("%s shows a secret: %s", how, text)
		}
	}
	if got := c.NATS.Password.Reveal(); got != "hunter2-nats.password" {
		t.Errorf("Reveal gives %q", got)
	}
}

func TestEmptySecret(t *testing.T) {
	if got := fmt.Sprintf("<%v>", Secret("")); got != "<>" {
		t.Errorf("an empty secret prints %s", got)
	}
}
