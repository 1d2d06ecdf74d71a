//go:build unix

package webhook

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// records are the records of TLS 1.3 that one side sends with TLS_AES_128_GCM_SHA256
// (RFC 8446, sections 5.2 and 7): the library has no way to ask for new keys.
type records struct {
	secret []byte
	sent   uint64 // with this secret
}

func expandLabel(secret []byte, label string, length int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(length))
	info = append(append(info, byte(len("tls13 "+label))), "tls13 "+label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), length)
	if err != nil {
		panic(err)
	}
	return out
}

func (r *records) seal(kind byte, text string) []byte {
	block, err := aes.NewCipher(expandLabel(r.secret, "key", 16))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	nonce := expandLabel(r.secret, "iv", 12)
	for i := range 8 {
		nonce[4+i] ^= byte(r.sent >> (56 - 8*i))
	}
	r.sent++
	head := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(text)+1+aead.Overhead()))
	return aead.Seal(head, nonce, append([]byte(text), kind), head)
}

// update asks the other side for new keys, and is the last record with the old ones.
func (r *records) update() []byte {
	const handshake, keyUpdate, requested = 22, 24, 1
	out := r.seal(handshake, string([]byte{keyUpdate, 0, 0, 1, requested}))
	r.secret, r.sent = expandLabel(r.secret, "traffic upd", sha256.Size), 0
	return out
}

// A receiver that asks for new keys on an idle connection is answered, however long ago
// the last try on it had to end.
func TestNewKeysWhileIdle(t *testing.T) {
	cert, vouches := certified()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var receiver sync.WaitGroup
	defer receiver.Wait()
	defer l.Close()
	ask := make(chan struct{})
	asks := sync.OnceFunc(func() { close(ask) })
	defer asks()
	receiver.Go(func() {
		plain, err := l.Accept()
		if err != nil {
			return
		}
		defer plain.Close()
		var secrets bytes.Buffer
		c := tls.Server(plain, &tls.Config{
			Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13,
			SessionTicketsDisabled: true, KeyLogWriter: &secrets,
		})
		if c.Handshake() != nil || c.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
			return // the sender says it
		}
		in := bufio.NewReader(c)
		if _, err := http.ReadRequest(in); err != nil {
			t.Error(err)
			return
		}
		_, rest, _ := strings.Cut(secrets.String(), "SERVER_TRAFFIC_SECRET_0 ")
		fields := strings.Fields(rest)
		secret, err := hex.DecodeString(fields[1])
		if err != nil {
			t.Error(err)
			return
		}
		out := records{secret: secret}
		const data = 23
		_, _ = plain.Write(out.seal(data, fine))
		<-ask
		_, _ = plain.Write(out.update())
		if _, err := http.ReadRequest(in); err != nil { // with the sender's new keys
			t.Error(err)
		}
		_, _ = plain.Write(out.seal(data, fine))
		_, _ = io.Copy(io.Discard, plain)
	})
	s := senderFor(t, Config{RootCAs: vouches, AllowLoopback: true})
	to := tryTo(t, "https://"+l.Addr().String()+"/")
	c, _, err := s.wire.connect(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	secure := c.Conn.(*tls.Conn)
	if suite := secure.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("without AES in the processor, it is " + tls.CipherSuiteName(suite))
	}
	exchange := func() {
		t.Helper()
		resp, err := c.exchange(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent || !c.ended() {
			t.Fatalf("%+v", resp)
		}
	}
	exchange()
	if err := c.SetWriteDeadline(past); err != nil { // the try's is over
		t.Fatal(err)
	}
	asks()
	arrived(t, secure.NetConn())
	if !c.alive() {
		t.Error("the connection is given up")
	}
	exchange()
}
