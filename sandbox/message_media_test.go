package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"github.com/switchhook/switchhook/sandbox"
)

// fileIn returns the part of a message that can be downloaded.
func fileIn(m *waE2E.Message) whatsmeow.DownloadableMessage {
	switch {
	case m.GetImageMessage() != nil:
		return m.GetImageMessage()
	case m.GetVideoMessage() != nil:
		return m.GetVideoMessage()
	case m.GetAudioMessage() != nil:
		return m.GetAudioMessage()
	case m.GetDocumentMessage() != nil:
		return m.GetDocumentMessage()
	}
	return m.GetStickerMessage()
}

func TestMedia(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		w := r.enrol(t, someone)
		defer w.hangUp()
		body := bytes.Repeat([]byte("0123456789"), 1001)
		for _, kind := range []string{"image", "video", "audio", "document", "sticker"} {
			sent := r.send(t, sandbox.SendSpec{From: contact, To: someone, Media: &sandbox.Media{
				Kind: kind, MIME: "x/" + kind, Bytes: body, Caption: "look", FileName: "a.bin",
			}})
			m := next(t, w.messages)
			if m.Info.MediaType != kind || m.Info.Type != "media" {
				t.Errorf("%s: %+v", kind, m.Info)
			}
			if d := m.Message.GetDocumentMessage(); d != nil && (d.GetFileName() != "a.bin" || d.GetCaption() != "look") {
				t.Errorf("document %v", d)
			}
			got, err := w.client.Download(t.Context(), fileIn(m.Message))
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%s: %d bytes, %v", kind, len(got), err)
			}
			if s := r.mailOf(t, sent.ID); s.Kind != kind {
				t.Errorf("mail %+v", s)
			}
			for how, want := range map[sandbox.Downloads]error{
				sandbox.DownloadsNotFound: whatsmeow.ErrMediaDownloadFailedWith404,
				sandbox.DownloadsGone:     whatsmeow.ErrMediaDownloadFailedWith410,
				sandbox.DownloadsSlow:     nil,
			} {
				r.behave(t, sandbox.Behaviour{Downloads: how})
				began := time.Now()
				_, err := w.client.Download(t.Context(), fileIn(m.Message))
				if took := time.Since(began); !errors.Is(err, want) || (how == sandbox.DownloadsSlow) != (took == 4*time.Second) {
					t.Errorf("%s: %v after %v", how, err, took)
				}
			}
			r.behave(t, sandbox.Behaviour{})
		}
	})
}

func TestMediaFromCompanion(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		a, b := r.enrol(t, someone), r.enrol(t, contact)
		defer a.hangUp()
		defer b.hangUp()
		body := []byte("a picture")
		up, err := a.client.Upload(t.Context(), body, whatsmeow.MediaImage)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.client.SendMessage(t.Context(), pn(contact), &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
			Caption: proto.String("see"), Mimetype: proto.String("image/png"), URL: &up.URL, DirectPath: &up.DirectPath,
			MediaKey: up.MediaKey, FileEncSHA256: up.FileEncSHA256, FileSHA256: up.FileSHA256, FileLength: &up.FileLength,
		}})
		if err != nil {
			t.Fatal(err)
		}
		m := next(t, b.messages)
		if got, err := b.client.Download(t.Context(), fileIn(m.Message)); err != nil || !bytes.Equal(got, body) {
			t.Errorf("downloaded %q, %v", got, err)
		}
		if got := r.received(t, contact); len(got) != 1 || got[0].Kind != "image" || got[0].Text != "see" || got[0].MIME != "image/png" {
			t.Errorf("received %+v", got)
		}
		var opened bytes.Buffer
		if err := r.network.ReadFile(t.Context(), contact, m.Info.ID, &opened); err != nil || !bytes.Equal(opened.Bytes(), body) {
			t.Errorf("the phone opened %q, %v", opened.Bytes(), err)
		}
		if err := r.network.ReadFile(t.Context(), contact, "NONE", &opened); !errors.Is(err, sandbox.ErrUnknownMessage) {
			t.Errorf("a message that it does not have: %v", err)
		}
		m.Message.ImageMessage.DirectPath, m.Message.ImageMessage.URL = proto.String("/v/99-x?a"), nil
		if _, err := b.client.Download(t.Context(), fileIn(m.Message)); !errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith404) {
			t.Errorf("download of nothing: %v", err)
		}
	})
}

// TestFilesThatCannotBeOpened: what a companion says of its file must be true.
func TestFilesThatCannotBeOpened(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		a := r.enrol(t, someone)
		defer a.hangUp()
		if err := r.network.Behave(t.Context(), contact, sandbox.Behaviour{}); err != nil { // makes the phone
			t.Fatal(err)
		}
		up, err := a.client.Upload(t.Context(), bytes.Repeat([]byte("x"), 40_000), whatsmeow.MediaDocument)
		if err != nil {
			t.Fatal(err)
		}
		for name, lie := range map[string]func(*waE2E.DocumentMessage){
			"":                func(*waE2E.DocumentMessage) {},
			"another path":    func(m *waE2E.DocumentMessage) { m.DirectPath = proto.String("/v/9-x?") },
			"another key":     func(m *waE2E.DocumentMessage) { m.MediaKey = make([]byte, 32) },
			"no key":          func(m *waE2E.DocumentMessage) { m.MediaKey = nil },
			"another hash":    func(m *waE2E.DocumentMessage) { m.FileEncSHA256 = make([]byte, 32) },
			"another content": func(m *waE2E.DocumentMessage) { m.FileSHA256 = make([]byte, 32) },
		} {
			m := &waE2E.DocumentMessage{
				FileName: proto.String("a.txt"), Mimetype: proto.String("text/plain"), DirectPath: &up.DirectPath, MediaKey: up.MediaKey,
				FileEncSHA256: up.FileEncSHA256, FileSHA256: up.FileSHA256, FileLength: &up.FileLength,
			}
			lie(m)
			sent, err := a.client.SendMessage(t.Context(), pn(contact), &waE2E.Message{DocumentMessage: m})
			if err != nil {
				t.Fatal(err)
			}
			got := r.received(t, contact)
			if last := got[len(got)-1]; last.Kind != "document" || last.FileName != "a.txt" || last.Bytes != 40_000 || last.MIME != "text/plain" {
				t.Errorf("%s: received %+v", name, last)
			}
			var opened bytes.Buffer
			err = r.network.ReadFile(t.Context(), contact, sent.ID, &opened)
			if (name == "") != (err == nil) || err != nil && !errors.Is(err, sandbox.ErrUnreadable) {
				t.Errorf("%s: %d bytes, %v", name, opened.Len(), err)
			}
		}
	})
}

// TestSpoiltUploads: each fails in its own way, and nothing is kept.
func TestSpoiltUploads(t *testing.T) {
	inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
		a, b := r.enrol(t, someone), r.enrol(t, contact)
		defer a.hangUp()
		defer b.hangUp()
		for how, says := range map[sandbox.Uploads]string{
			sandbox.UploadsRefused: "403", sandbox.UploadsFail: "500", sandbox.UploadsFull: "507", sandbox.UploadsCut: "EOF",
			sandbox.UploadsHang: "deadline", sandbox.UploadsMute: "deadline",
		} {
			if err := r.network.Behave(t.Context(), someone, sandbox.Behaviour{Uploads: how}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if _, err := a.client.Upload(ctx, []byte("a picture"), whatsmeow.MediaImage); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", how, err)
			}
			cancel()
			if _, err := b.client.Upload(t.Context(), []byte("a picture"), whatsmeow.MediaImage); err != nil {
				t.Errorf("%s, of another account: %v", how, err)
			}
		}
		r.behave(t, sandbox.Behaviour{})
	})
}

func TestHistorySync(t *testing.T) {
	for _, download := range []bool{false, true} {
		t.Run(fmt.Sprint("download ", download), func(t *testing.T) {
			inBubble(t, sandbox.Config{}, func(t *testing.T, r *rig) {
				w := r.enrol(t, someone)
				defer w.hangUp()
				sent, err := r.network.SyncHistory(t.Context(), someone, sandbox.HistorySpec{
					Type: "push_name", Download: download, Mappings: []string{contact},
					PushNames: []sandbox.HistoryName{{Phone: contact, Name: "Ana"}},
					Conversations: []sandbox.HistoryConversation{{Chat: contact, Name: "Ana S", Messages: []sandbox.HistoryMessage{
						{Text: "in"}, {Text: "out", FromMe: true, ID: "OUT"},
					}}},
				})
				if err != nil {
					t.Fatal(err)
				}
				m := next(t, w.messages)
				if !m.Info.IsFromMe || m.Info.Category != "peer" {
					t.Errorf("message %+v", m.Info)
				}
				h, err := w.client.DownloadHistorySync(t.Context(), m.Message.GetProtocolMessage().GetHistorySyncNotification(), true)
				if err != nil {
					t.Fatal(err)
				}
				if name := w.vault.names[pn(contact)]; name != "Ana" {
					t.Errorf("contact is called %q", name)
				}
				if c := h.GetConversations(); len(c) != 1 || len(c[0].GetMessages()) != 2 ||
					c[0].GetMessages()[1].GetMessage().GetMessage().GetConversation() != "out" {
					t.Errorf("history %v", h)
				}
				if len(h.GetPushnames()) != 1 || len(h.GetPhoneNumberToLidMappings()) != 1 {
					t.Errorf("history %v", h)
				}
				w.until("the receipts are there", func() bool { return len(r.mailOf(t, sent.ID).Receipts) == 3 })
				kinds := make(map[string]bool)
				for _, receipt := range r.mailOf(t, sent.ID).Receipts {
					kinds[receipt.Type] = !receipt.At.IsZero()
				}
				if s := r.mailOf(t, sent.ID); !kinds["hist_sync"] || !kinds["peer_msg"] || !kinds["sender"] || s.Receipt != "sender" {
					t.Errorf("mail %+v", s)
				}
			})
		})
	}
}
