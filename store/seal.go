package store

// Sealer encrypts what may not lie on disk in the clear: sessions, device keys,
// endpoints (their secrets) and event bodies. context binds a sealed value to
// the place it was made for; Open with another context fails.
//
// Every sealed value begins with a byte that says how it was sealed, so that a
// file can hold values of both kinds while it is being converted. Both methods
// are called from many goroutines, and keep no argument. Seal appends what it makes to
// dst.
type Sealer interface {
	Seal(dst, context, plain []byte) ([]byte, error)
	Open(context, sealed []byte) ([]byte, error)
}

// sealedPlain marks a value that is not encrypted.
const sealedPlain byte = 0

// Plain is the Sealer that does not encrypt. The data directory's permissions
// (0700) are then all that protects key material.
type Plain struct{}

// Seal marks plain as not encrypted.
func (Plain) Seal(dst, _, plain []byte) ([]byte, error) {
	return append(append(dst, sealedPlain), plain...), nil
}

// Open is the inverse of Seal. The answer aliases sealed.
func (Plain) Open(_, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealedPlain {
		return nil, ErrSealed
	}
	return sealed[1:], nil
}
