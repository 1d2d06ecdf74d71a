package sandbox

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// compressed is the bit of a frame's first byte that says the rest is zlib.
const compressed = 2

// decodeNode reads the node in an opened frame. Anything may be in there; it
// returns an error for what is not a node.
func decodeNode(frame []byte) (binary.Node, error) {
	if len(frame) == 0 {
		return binary.Node{}, errEmptyFrame
	}
	flags, packed := frame[0], frame[1:]
	if flags&compressed != 0 {
		var err error
		if packed, err = inflate(packed); err != nil {
			return binary.Node{}, err
		}
	}
	if err := checkShape(packed); err != nil {
		return binary.Node{}, err
	}
	node, err := binary.Unmarshal(packed)
	if err != nil {
		return binary.Node{}, fmt.Errorf("decode node: %w", err)
	}
	return *node, nil
}

func inflate(packed []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("inflate frame: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxFrame+1))
	if err != nil {
		return nil, fmt.Errorf("inflate frame: %w", err)
	}
	if len(plain) > maxFrame {
		return nil, errors.New("inflate frame: too large")
	}
	return plain, nil
}

// element makes a node with children. A text that a client will read must be
// given as bytes in leaf instead: a string may come out of the dictionary as
// another type than it went in.
func element(tag string, attrs binary.Attrs, children ...binary.Node) binary.Node {
	node := binary.Node{Tag: tag, Attrs: attrs}
	if len(children) > 0 {
		node.Content = children
	}
	return node
}

// leaf makes a node with bytes in it.
func leaf(tag string, attrs binary.Attrs, content []byte) binary.Node {
	return binary.Node{Tag: tag, Attrs: attrs, Content: content}
}

// request makes an iq by which the server asks something of a client. The sender
// must be the server's address as a JID, or the client does not listen.
func request(id, kind, namespace string, child binary.Node) binary.Node {
	return element("iq", binary.Attrs{
		"from": types.ServerJID, "id": id, "type": kind, "xmlns": namespace,
	}, child)
}

// text returns an attribute's value when it is a string, and "" otherwise.
func text(node binary.Node, name string) string {
	value, _ := node.Attrs[name].(string)
	return value
}

// child returns a node's first child of that tag.
func child(node binary.Node, tag string) (binary.Node, bool) {
	for _, c := range node.GetChildren() {
		if c.Tag == tag {
			return c, true
		}
	}
	return binary.Node{}, false
}

// content returns the bytes of the child with that tag, or nil. A sender's string
// counts as its bytes.
func content(node binary.Node, tag string) []byte {
	c, _ := child(node, tag)
	switch inside := c.Content.(type) {
	case []byte:
		return inside
	case string:
		return []byte(inside)
	}
	return nil
}
