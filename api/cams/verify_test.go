package cams

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/record"
)

// vector is a call as one of the vendor's own libraries has signed it (WIRE.md §5).
type vector struct {
	Name    string            `json:"name"`
	Key     string            `json:"key"`
	Secret  string            `json:"secret"`
	Now     time.Time         `json:"now"`
	Method  string            `json:"method"`
	Target  string            `json:"target"`
	Host    string            `json:"host"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func (v *vector) isV3() bool { return v.Headers["Authorization"] != "" }

func (v *vector) call() *call {
	_, query, _ := strings.Cut(v.Target, "?")
	c := &call{method: v.Method, host: v.Host, query: query, header: make(http.Header), body: []byte(v.Body)}
	for name, value := range v.Headers {
		c.header.Set(name, value)
	}
	return c
}

// find knows the vectors' keys.
func (v *vector) find(id string) (record.Tenant, record.AccessKey, error) {
	if id != v.Key {
		return record.Tenant{}, record.AccessKey{}, ErrNoKey
	}
	return record.Tenant{ID: "t1"}, record.AccessKey{ID: v.Key, Secret: v.Secret}, nil
}

func TestVectors(t *testing.T) {
	all := vectors(t)
	if len(all) != 7 {
		t.Errorf("%d vectors", len(all))
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			p, err := verify(v.call(), v.Now, v.find)
			if err != nil {
				t.Fatalf("%v: %+v", err, err)
			}
			number, message := "8615800000000", "Hello שלום & (a+b)*c~!"
			if p.action == "ListPhoneMessageQrdl" {
				number, message = "861 *~+ש", ""
			}
			if !p.at.Equal(v.Now) || p.version != version || p.key.ID != v.Key || p.tenant.ID != "t1" ||
				p.params["PhoneNumber"] != number || p.params["PrefilledMessage"] != message {
				t.Errorf("%+v", p)
			}
		})
	}
}

// tampered calls play with each byte of a text: another one, another case, none.
func tampered(text string, play func(changed string)) {
	for i := range len(text) {
		for _, c := range []byte{text[i] ^ 1, text[i] ^ 0x20, '0', 'A', '%', '&', '=', '+', ' ', ',', ';', 0, 0xff} {
			if c != text[i] {
				play(text[:i] + string([]byte{c}) + text[i+1:])
			}
		}
		play(text[:i] + text[i+1:])
		if text[i] != ' ' { // spaces around the parts of Authorization mean nothing
			play(text[:i] + text[i:i+1] + text[i:])
		}
	}
}

// means is what the parameters of a call mean, as net/url reads them.
func (c *call) means() (url.Values, bool) {
	query, err1 := url.ParseQuery(c.query)
	form, err2 := url.ParseQuery(string(c.body))
	for name, values := range form {
		query[name] = append(query[name], values...)
	}
	return query, err1 == nil && err2 == nil
}

// TestTamperedVectors: a call of which one byte was changed, left out or doubled is
// refused, unless it means the very same.
func TestTamperedVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			whole, _ := v.call().means()
			tries, same := 0, 0
			refused := func(where, changed string, change func(c *call)) {
				c := v.call()
				change(c)
				tries++
				if _, err := verify(c, v.Now, v.find); err != nil {
					return
				}
				same++
				if means, ok := c.means(); v.isV3() || !ok || !reflect.DeepEqual(means, whole) {
					t.Errorf("%s: %q is accepted", where, changed)
				}
			}
			start := v.call()
			tampered(start.method, func(s string) { refused("method", s, func(c *call) { c.method = s }) })
			tampered(start.query, func(s string) { refused("query", s, func(c *call) { c.query = s }) })
			tampered(v.Body, func(s string) { refused("body", s, func(c *call) { c.body = []byte(s) }) })
			if !v.isV3() {
				if same == 0 || same > tries/10 {
					t.Errorf("%d of %d mean the same", same, tries)
				}
				return
			}
			tampered(start.host, func(s string) { refused("host", s, func(c *call) { c.host = s }) })
			for name, value := range v.Headers {
				if name == "user-agent" || name == "accept" {
					continue // they are not signed
				}
				tampered(value, func(s string) { refused(name, s, func(c *call) { c.header.Set(name, s) }) })
				refused(name, "nothing", func(c *call) { c.header.Del(name) })
				refused(name, "twice", func(c *call) { c.header.Add(name, value) })
			}
			for name := range strings.SplitSeq("host;"+strings.Join(slices.Collect(maps.Keys(v.Headers)), ";"), ";") {
				refused("SignedHeaders without "+name, "", func(c *call) {
					auth := c.header.Get("Authorization")
					less := strings.NewReplacer("="+name+";", "=", ";"+name+";", ";", ";"+name+",", ",").Replace(auth)
					if less == auth {
						less = "" // it is not signed
					}
					c.header.Set("Authorization", less)
				})
			}
			if same > 0 {
				t.Errorf("%d of %d are accepted", same, tries)
			}
		})
	}
}

// TestVectorsAreReadAlike: what is not signed, or signed alike, may be otherwise.
func TestVectorsAreReadAlike(t *testing.T) {
	for _, v := range vectors(t) {
		for name, change := range map[string]func(c *call){
			"a plus for a space": func(c *call) {
				if !v.isV3() {
					c.query, c.body = strings.ReplaceAll(c.query, "%20", "+"), []byte(strings.ReplaceAll(v.Body, "%20", "+"))
				}
			},
			"another order": func(c *call) {
				pairs := strings.Split(c.query, "&")
				slices.Reverse(pairs)
				c.query = strings.Join(pairs, "&")
			},
			"spaces around":  func(c *call) { c.header.Set("X-Acs-Version", " \t2020-06-06 ") },
			"another client": func(c *call) { c.header.Set("User-Agent", "else") },
			"a space after the commas": func(c *call) {
				if v.isV3() {
					c.header.Set("Authorization", strings.ReplaceAll(v.Headers["Authorization"], ",", ", "))
				}
			},
		} {
			c := v.call()
			change(c)
			if _, err := verify(c, v.Now, v.find); err != nil {
				t.Errorf("%s, with %s: %v", v.Name, name, err)
			}
		}
	}
}

// TestKeysThatDoNotSign: what is found decides, and an error that is not known is passed
// on as it is.
func TestKeysThatDoNotSign(t *testing.T) {
	broken := errors.New("the index is broken")
	for _, v := range vectors(t) {
		for want, key := range map[error]record.AccessKey{
			errInactiveKey: {ID: v.Key, Secret: v.Secret, Disabled: true},
			errMismatch:    {ID: v.Key, Secret: v.Secret + "x"},
		} {
			_, err := verify(v.call(), v.Now, func(string) (record.Tenant, record.AccessKey, error) { return record.Tenant{}, key, nil })
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", v.Name, err, want)
			}
		}
		for _, want := range []error{ErrNoKey, broken} {
			_, err := verify(v.call(), v.Now, func(string) (record.Tenant, record.AccessKey, error) {
				return record.Tenant{}, record.AccessKey{}, want
			})
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", v.Name, err, want)
			}
		}
		rotated := record.AccessKey{ID: v.Key, Secret: v.Secret, Until: v.Now.Add(time.Second)}
		for after, want := range map[time.Duration]error{0: nil, time.Second: errInactiveKey} {
			_, err := verify(v.call(), v.Now.Add(after), func(string) (record.Tenant, record.AccessKey, error) { return record.Tenant{}, rotated, nil })
			if !errors.Is(err, want) {
				t.Errorf("%s, %v after: %v, want %v", v.Name, after, err, want)
			}
		}
	}
}

func TestWindow(t *testing.T) {
	for _, v := range vectors(t) {
		for off, want := range map[time.Duration]error{
			0: nil, window: nil, -window: nil,
			window + time.Nanosecond: errTimeExpired, -window - time.Nanosecond: errTimeExpired,
			16 * time.Minute: errTimeExpired, -16 * time.Minute: errTimeExpired, 1e6 * time.Hour: errTimeExpired,
		} {
			if _, err := verify(v.call(), v.Now.Add(off), v.find); !errors.Is(err, want) {
				t.Errorf("%s, %v off: %v, want %v", v.Name, off, err, want)
			}
		}
	}
}

// headers writes what FuzzVerify reads.
func headers(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			b.WriteString(name + ":" + value + "\n")
		}
	}
	return b.String()
}

// FuzzVerify: no call makes the verifier panic, and the only ones that it accepts are the
// vectors, whose secrets it knows and the fuzzing engine does not.
func FuzzVerify(f *testing.F) {
	all := vectors(f)
	proofs := make([]*proof, len(all))
	for i, v := range all {
		c := v.call()
		proof, err := verify(c, v.Now, v.find)
		if err != nil {
			f.Fatal(err)
		}
		proofs[i] = proof
		head := headers(c.header)
		f.Add(c.method, c.host, c.query, head, v.Body)
		f.Add(c.method, c.host, c.query, head, v.Body+"&x=y")
		f.Add(c.method, c.host, c.query+"&PhoneNumber=1", head, v.Body)
		f.Add(c.method, c.host, c.query, strings.Replace(head, "x-acs-date;", "", 1), v.Body)
		f.Add(c.method, c.host, c.query, strings.ReplaceAll(head, "HMAC-SHA256", "HMAC-SM3"), v.Body)
		f.Add(c.method, "other.example", c.query, head, v.Body)
	}
	f.Fuzz(func(t *testing.T, method, host, query, head, body string) {
		c := &call{method: method, host: host, query: query, header: make(http.Header), body: []byte(body)}
		for line := range strings.SplitSeq(head, "\n") {
			name, value, _ := strings.Cut(line, ":")
			name = textproto.CanonicalMIMEHeaderKey(name)
			c.header[name] = append(c.header[name], value)
		}
		for i, v := range all {
			got, err := verify(c, v.Now, v.find)
			if err != nil {
				if _, known := explain(err); !known {
					t.Errorf("%v is no error for the caller", err)
				}
				continue
			}
			want := slices.ContainsFunc(proofs, func(p *proof) bool { return reflect.DeepEqual(p, got) })
			if !want {
				t.Errorf("%s accepts %s %q %q %q %q", all[i].Name, method, host, query, head, body)
			}
		}
	})
}
