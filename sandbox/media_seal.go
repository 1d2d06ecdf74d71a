package sandbox

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
)

// mediaMAC is how many bytes of a file's signature follow it.
const mediaMAC = 10

// sealedFile is a file as it is uploaded, and what one must know to read it.
type sealedFile struct {
	body    []byte
	key     []byte
	plain   [sha256.Size]byte // the hash before
	cipher  [sha256.Size]byte // and after
	size    uint64
	keyTime int64
	path    string // where it can be fetched
}

// sealFile encrypts a file as WhatsApp does: AES-256-CBC, with the first ten bytes
// of an HMAC behind it, under keys made from one of its own. The purpose is part of
// how they are made, so that nothing is taken for another kind of file.
func sealFile(plain []byte, purpose string) (sealedFile, error) {
	f := sealedFile{key: make([]byte, 32), plain: sha256.Sum256(plain), size: uint64(len(plain)), keyTime: now().Unix()}
	rand.Read(f.key)
	iv, block, macKey, err := mediaKeys(f.key, purpose)
	if err != nil {
		return sealedFile{}, fmt.Errorf("encrypt media: %w", err)
	}
	gap := aes.BlockSize - len(plain)%aes.BlockSize
	body := make([]byte, len(plain)+gap, len(plain)+gap+sha256.Size)
	copy(body, plain)
	for i := len(plain); i < len(body); i++ {
		body[i] = byte(gap)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
	mac := hmac.New(sha256.New, macKey)
	mac.Write(iv)
	mac.Write(body)
	body = append(body, mac.Sum(nil)[:mediaMAC]...)
	f.body = body
	f.cipher = sha256.Sum256(f.body)
	return f, nil
}

// mediaKeys derives what a file is encrypted and signed with from its key.
func mediaKeys(key []byte, purpose string) (iv []byte, block cipher.Block, macKey []byte, err error) {
	keys, err := hkdf.Key(sha256.New, key, nil, purpose, 112)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("derive media keys: %w", err)
	}
	block, err = aes.NewCipher(keys[16:48])
	return keys[:16], block, keys[48:80], err
}
