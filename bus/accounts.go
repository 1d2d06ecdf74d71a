package bus

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/crypto/bcrypt"
)

// The embedded server's two users, and the account that the stream is in.
const (
	daemonName    = "switchhook"
	readerName    = "reader"
	daemonAccount = "DAEMON"
)

// readerAPI is what a reader may ask JetStream for: information, stored
// messages, and pull consumers of the one stream. A push consumer can be
// created and would deliver into the daemon's account, where nobody listens;
// whatever is made to listen there must not trust what it is sent.
var readerAPI = []string{
	"$JS.API.INFO",
	"$JS.API.STREAM.NAMES",
	"$JS.API.STREAM.LIST",
	"$JS.API.STREAM.INFO." + StreamName,
	"$JS.API.STREAM.MSG.GET." + StreamName,
	"$JS.API.CONSUMER.CREATE." + StreamName,
	"$JS.API.CONSUMER.CREATE." + StreamName + ".>",
	"$JS.API.CONSUMER.DURABLE.CREATE." + StreamName + ".*",
	"$JS.API.CONSUMER.NAMES." + StreamName,
	"$JS.API.CONSUMER.LIST." + StreamName,
	"$JS.API.CONSUMER.INFO." + StreamName + ".*",
	"$JS.API.CONSUMER.DELETE." + StreamName + ".*",
	"$JS.API.CONSUMER.MSG.NEXT." + StreamName + ".*", // answers many times
	"$JS.ACK." + StreamName + ".>",
}

// serverOptions are the embedded server's: two accounts, a user in each, no
// anonymous one, and none for the system account.
func (e *embedded) serverOptions() (*server.Options, error) {
	var exports, imports strings.Builder
	fmt.Fprintf(&exports, "{ stream: %q, accounts: [READERS] }\n", subjects)
	fmt.Fprintf(&imports, "{ stream: { account: DAEMON, subject: %q } }\n", subjects)
	for _, subject := range readerAPI {
		answers := "singleton"
		if strings.Contains(subject, ".MSG.NEXT.") {
			answers = "stream"
		}
		fmt.Fprintf(&exports, "{ service: %q, response: %s, accounts: [READERS] }\n", subject, answers)
		fmt.Fprintf(&imports, "{ service: { account: DAEMON, subject: %q } }\n", subject)
	}
	opts := &server.Options{}
	err := opts.ProcessConfigString(fmt.Sprintf(`accounts {
		DAEMON { jetstream: enabled, exports: [ %s ] }
		READERS { imports: [ %s ] }
	}`, exports.String(), imports.String()))
	if err != nil {
		return nil, err
	}

	opts.ServerName = "switchhook"
	opts.Host, opts.Port = e.host, e.port
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	opts.NoSigs = true
	opts.MaxPayload = server.MAX_PAYLOAD_SIZE // 1 MiB
	opts.JetStream = true
	opts.StoreDir = e.dir
	opts.DisableJetStreamBanner = true
	// The stream's own bounds count. A bound of the store that is smaller than
	// what an older configuration promised the stream would keep it from loading.
	opts.JetStreamMaxStore = 1 << 60
	opts.JetStreamMaxMemory = 64 << 20

	daemon, err := e.user(daemonName, e.creds.Daemon, daemonAccount, opts)
	if err != nil {
		return nil, err
	}
	reader, err := e.user(readerName, e.creds.Reader, "READERS", opts)
	if err != nil {
		return nil, err
	}
	reader.Permissions = &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: readerAPI},
		Subscribe: &server.SubjectPermission{Allow: []string{subjects, "_INBOX.>"}},
	}
	opts.Users = []*server.User{daemon, reader}
	return opts, nil
}

func (e *embedded) user(name, password, account string, opts *server.Options) (*server.User, error) {
	// The passwords are random and long: the cost of guessing is theirs.
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		return nil, err
	}
	for _, a := range opts.Accounts {
		if a.Name == account {
			return &server.User{Username: name, Password: string(hash), Account: a}, nil
		}
	}
	return nil, fmt.Errorf("no account %s", account)
}
