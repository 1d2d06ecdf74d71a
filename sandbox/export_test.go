package sandbox

import "go.mau.fi/whatsmeow/binary"

// PanicNode makes the connection that receives it panic.
var PanicNode = binary.Node{Tag: "sandbox-test-panic"}

func init() { //nolint:gochecknoinits // tables are not written while they are read
	nodeHandlers[PanicNode.Tag] = func(*conn, binary.Node) { panic("as asked") }
}
