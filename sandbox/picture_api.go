package sandbox

import (
	"context"
	"encoding/json"
	"net/http"
)

type (
	pictureRequest struct {
		Phone string `json:"phone"`
		JPEG  []byte `json:"jpeg,omitempty"` // none: it is taken away
	}
	pictureAnswer struct {
		JPEG []byte `json:"jpeg"`
	}
)

// pictureAPI adds what [Control] says of pictures to the control API.
func (n *Network) pictureAPI(mux *http.ServeMux) {
	mux.Handle(apiPath+"set-picture", methodUpTo(maxPicture*2, http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r pictureRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		return struct{}{}, n.SetPicture(ctx, r.Phone, r.JPEG)
	}))
	mux.Handle(apiPath+"picture", method(http.MethodPost, func(ctx context.Context, body *json.Decoder) (any, error) {
		var r pictureRequest
		if err := readBody(body, &r); err != nil {
			return nil, err
		}
		jpeg, err := n.Picture(ctx, r.Phone)
		return pictureAnswer{jpeg}, err
	}))
}

// SetPicture is [Network.SetPicture].
func (c *Client) SetPicture(ctx context.Context, digits string, jpeg []byte) error {
	var nothing struct{}
	return c.call(ctx, http.MethodPost, "set-picture", pictureRequest{digits, jpeg}, &nothing)
}

// Picture is [Network.Picture].
func (c *Client) Picture(ctx context.Context, digits string) ([]byte, error) {
	var answer pictureAnswer
	err := c.call(ctx, http.MethodPost, "picture", pictureRequest{Phone: digits}, &answer)
	return answer.JPEG, err
}
