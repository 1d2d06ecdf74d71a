package instance

import "errors"

// ErrPictureRefused is wrapped when WhatsApp refuses a picture.
var ErrPictureRefused = errors.New("WhatsApp refused the picture")
