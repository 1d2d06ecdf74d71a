package instance

// File is a file to send to one person; its content comes beside it.
type File struct {
	ID      string // the message's id; empty makes one up
	To      string // digits, or a JID
	Name    string // what the recipient sees it called, without a path
	MIME    string // image/jpeg and image/png are shown as pictures, others as documents
	Caption string // what is written with it; may be empty
}
