package sandbox

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"google.golang.org/protobuf/proto"
)

// BenchmarkIdleConnections logs in as many companions as it is told to and says
// what one of them costs the server while nothing happens. The clients are bare
// sockets that cost next to nothing themselves.
func BenchmarkIdleConnections(b *testing.B) {
	n, err := Open(Config{})
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- n.Serve(b.Context(), l) }()
	companions := make([]Companion, b.N)
	enrolments := make([]Enrolment, b.N)
	for i := range companions {
		if companions[i], err = NewCompanion(strconv.Itoa(5511900000001+i), 1); err != nil {
			b.Fatal(err)
		}
		enrolments[i] = companions[i].Enrolment
	}
	if err := n.Enrol(b.Context(), enrolments); err != nil {
		b.Fatal(err)
	}
	before, goroutines := inUse(), runtime.NumGoroutine()
	clients := make([]net.Conn, b.N)
	b.ResetTimer()

	var logins sync.WaitGroup
	for worker := range 8 {
		logins.Go(func() {
			for i := worker; i < b.N; i += 8 {
				if clients[i], err = bareLogin(l.Addr().String(), companions[i]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	logins.Wait()
	b.StopTimer()
	if stats := n.Stats(); stats.Connected != b.N {
		b.Errorf("%d of %d are connected", stats.Connected, b.N)
	}
	b.ReportMetric(float64(inUse()-before)/float64(b.N), "B/conn")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/float64(b.N), "goroutines/conn")
	for _, c := range clients {
		c.Close()
	}
	if err := n.Close(); err != nil {
		b.Error(err)
	}
	if err := <-served; err != nil {
		b.Error(err)
	}
}

// inUse is the memory in use after a collection: heap and stacks.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// bareLogin logs a companion in and returns the socket once the server has said
// something, which is success.
func bareLogin(addr string, companion Companion) (net.Conn, error) {
	wire, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(wire, "GET "+chatPath+" HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	if err != nil {
		return nil, err
	}
	from := bufio.NewReader(wire)
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		return nil, err
	}
	response.Body.Close()

	s, ephemeral, noise := newSymmetric(preamble), newKeyPair(), keyPairOf(key(companion.NoiseKey))
	hello, err := proto.Marshal(&waWa6.HandshakeMessage{
		ClientHello: &waWa6.HandshakeMessage_ClientHello{Ephemeral: ephemeral.public[:]},
	})
	if err != nil {
		return nil, err
	}
	if err := writeMessage(wire, append(bytes.Clone(preamble), framed(hello)...)); err != nil {
		return nil, err
	}
	s.mixHash(ephemeral.public[:])
	raw, err := readMessage(from)
	if err != nil {
		return nil, err
	}
	var answer waWa6.HandshakeMessage
	if err := proto.Unmarshal(raw[frameHeader:], &answer); err != nil {
		return nil, err
	}
	said := answer.GetServerHello()
	s.mixHash(said.GetEphemeral())
	if err := s.mixSecret(ephemeral, key(said.GetEphemeral())); err != nil {
		return nil, err
	}
	static, err := s.open(said.GetStatic())
	if err != nil {
		return nil, err
	}
	if err := s.mixSecret(ephemeral, key(static)); err != nil {
		return nil, err
	}
	if _, err := s.open(said.GetPayload()); err != nil {
		return nil, err
	}
	sealedNoise := s.seal(noise.public[:])
	if err := s.mixSecret(noise, key(said.GetEphemeral())); err != nil {
		return nil, err
	}
	username, err := strconv.ParseUint(companion.Enrolment.Phone, 10, 64)
	if err != nil {
		return nil, err
	}
	payload, err := proto.Marshal(&waWa6.ClientPayload{Username: &username, Device: proto.Uint32(uint32(companion.Enrolment.Number))})
	if err != nil {
		return nil, err
	}
	finish, err := proto.Marshal(&waWa6.HandshakeMessage{
		ClientFinish: &waWa6.HandshakeMessage_ClientFinish{Static: sealedNoise, Payload: s.seal(payload)},
	})
	if err != nil {
		return nil, err
	}
	if err := writeMessage(wire, framed(finish)); err != nil {
		return nil, err
	}
	_, err = readMessage(from)
	return wire, err
}

// writeMessage writes one binary message as a client must: masked, here with
// noughts.
func writeMessage(w io.Writer, message []byte) error {
	header := []byte{0x82, 0x80 | 126}
	header = binary.BigEndian.AppendUint16(header, uint16(len(message)))
	_, err := w.Write(append(append(header, 0, 0, 0, 0), message...))
	return err
}

// readMessage reads one short message as a server sends it.
func readMessage(r io.Reader) ([]byte, error) {
	var header [2]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := int(header[1])
	if size == 126 {
		var long [2]byte
		if _, err := io.ReadFull(r, long[:]); err != nil {
			return nil, err
		}
		size = int(binary.BigEndian.Uint16(long[:]))
	}
	if size > 1<<16 || header[0] != 0x82 {
		return nil, fmt.Errorf("message begins with %x", header)
	}
	message := make([]byte, size)
	_, err := io.ReadFull(r, message)
	return message, err
}
