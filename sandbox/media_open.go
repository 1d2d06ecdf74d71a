package sandbox

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// fileKeys is where a file is that a phone was sent, and how it is opened.
type fileKeys struct {
	path          string
	purpose       string
	key           []byte
	plain, cipher []byte // the hashes before and after encryption
}

// ErrUnreadable says that a phone cannot open the file of a message.
var ErrUnreadable = errors.New("the phone cannot open the file")

// ReadFile writes the file of a message that a phone has received to w, opened and
// checked as a real phone does. The error is or wraps one of ErrBadPhone,
// ErrUnknownPhone, ErrUnknownMessage, ErrUnreadable and ErrClosed, or is w's.
func (n *Network) ReadFile(ctx context.Context, digits, id string, w io.Writer) error {
	all, err := n.Received(ctx, digits)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(m ReceivedMessage) bool { return m.ID == id })
	if i < 0 {
		return ErrUnknownMessage
	}
	if !n.enter() {
		return ErrClosed
	}
	defer n.exit()
	keys := all[i].opens
	name, _, _ := strings.Cut(strings.TrimPrefix(keys.path, downloadPath), "?")
	f, found, _ := n.media.get(name)
	if !found {
		return fmt.Errorf("%w: it is not there", ErrUnreadable)
	}
	return keys.open(f, w)
}

// open decrypts a file, once it is known to be the one that was meant.
func (k fileKeys) open(f mediaFile, w io.Writer) error {
	iv, block, macKey, err := mediaKeys(k.key, k.purpose)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	length := f.size - mediaMAC
	if length <= 0 || length%aes.BlockSize != 0 {
		return fmt.Errorf("%w: it has %d bytes", ErrUnreadable, f.size)
	}
	sum, mac := sha256.New(), hmac.New(sha256.New, macKey)
	mac.Write(iv)
	tail := make([]byte, mediaMAC)
	if _, err := io.Copy(io.MultiWriter(sum, mac), io.NewSectionReader(f.content, 0, length)); err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if _, err := f.content.ReadAt(tail, length); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	sum.Write(tail)
	if !bytes.Equal(sum.Sum(nil), k.cipher) || !hmac.Equal(mac.Sum(nil)[:mediaMAC], tail) {
		return fmt.Errorf("%w: its hash or its signature is another", ErrUnreadable)
	}
	plain := sha256.New()
	if err := decrypt(io.MultiWriter(w, plain), io.NewSectionReader(f.content, 0, length), block, iv); err != nil {
		return err
	}
	if !bytes.Equal(plain.Sum(nil), k.plain) {
		return fmt.Errorf("%w: what was in it is not what was said", ErrUnreadable)
	}
	return nil
}

// decrypt undoes AES-CBC and its padding.
func decrypt(w io.Writer, from *io.SectionReader, block cipher.Block, iv []byte) error {
	cbc := cipher.NewCBCDecrypter(block, iv)
	buf := make([]byte, 32<<10)
	for left := from.Size(); left > 0; {
		part := buf[:min(left, int64(len(buf)))]
		if _, err := io.ReadFull(from, part); err != nil {
			return fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		cbc.CryptBlocks(part, part)
		if left -= int64(len(part)); left == 0 {
			gap := int(part[len(part)-1])
			if gap == 0 || gap > aes.BlockSize {
				return fmt.Errorf("%w: its padding is none", ErrUnreadable)
			}
			part = part[:len(part)-gap]
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
