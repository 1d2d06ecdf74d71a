// Package configs is the daemon's configuration: one [Config] value, filled
// from its defaults, then a YAML file, then the environment.
//
// Every key can be written in the file (nats.url is the key url in the section
// nats) and in the environment (SWITCHHOOK_NATS_URL); the environment wins.
// The `yaml` tags of Config are the only list of keys there is: the decoder,
// the variables' names and the suggestions for misspelt ones are derived from
// them.
//
// [Load] is strict. An unknown key or variable, a second value for the same
// key, a value of the wrong type or outside its bounds is refused, and all that
// is wrong is reported together, each with the file's line or the variable's
// name and what to write instead: see [Error]. What a value costs or means is
// said at the field here and, in the operator's words, in the sample file
// switchhook.yaml ([Sample]).
//
// Secrets have the type [Secret] and print as "[redacted]" wherever a Config is
// logged or marshalled.
package configs

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config is everything an operator can set. Make one with [Default] or [Load];
// the zero value is not usable. Whoever changes a field afterwards, such as a
// command line flag, calls [Config.Validate] again.
type Config struct {
	// DataDir holds the database, the embedded broker's files and the admin
	// socket; it is made with mode 0700. Written empty, Load makes it
	// [DefaultDataDir].
	DataDir string `yaml:"data_dir"`

	// Listen is the host:port of the one HTTP listener. Port 0 takes a free one.
	Listen string `yaml:"listen"`

	// PublicURL is what others reach the daemon by, for links and pictures:
	// absolute, without a trailing slash. Empty: the host that a request came by.
	PublicURL string `yaml:"public_url"`

	// Network is the WhatsApp network all instances connect to. A database
	// belongs to one network for ever.
	Network Network `yaml:"network"`

	Sandbox    Sandbox    `yaml:"sandbox"`
	Log        Log        `yaml:"log"`
	Admin      Admin      `yaml:"admin"`
	NATS       NATS       `yaml:"nats"`
	Webhook    Webhook    `yaml:"webhook"`
	Store      Store      `yaml:"store"`
	Files      Files      `yaml:"files"`
	Connection Connection `yaml:"connection"`
	WhatsApp   WhatsApp   `yaml:"whatsapp"`
}

// Network names a WhatsApp network.
type Network string

// The networks.
const (
	NetworkWhatsApp Network = "whatsapp" // the real one
	NetworkSandbox  Network = "sandbox"  // an imitation on loopback, see package sandbox
)

func (Network) choices() []string { return []string{"whatsapp", "sandbox"} }

// Sandbox says where the sandbox network is; it is read only while
// Config.Network is [NetworkSandbox].
type Sandbox struct {
	// Listen is the loopback address of the sandbox inside the daemon.
	Listen string `yaml:"listen"`

	// URL is a sandbox running as a process of its own, on loopback. Set, no
	// sandbox is started inside the daemon.
	URL string `yaml:"url"`
}

// Log is how the daemon logs, to standard error.
type Log struct {
	Level  slog.Level `yaml:"level"`  // debug, info, warn, error
	Format LogFormat  `yaml:"format"` // text, json
}

// LogFormat is the shape of a log line.
type LogFormat string

// The log formats.
const (
	LogText LogFormat = "text" // key=value, for people and the journal
	LogJSON LogFormat = "json" // one object a line, for collectors
)

func (LogFormat) choices() []string { return []string{"text", "json"} }

// Admin guards the admin API.
type Admin struct {
	// Token is the bearer token of the admin API over HTTP, at least 16
	// characters. Empty: the API is reached over the unix socket only.
	Token Secret `yaml:"token"`

	// TokenFile is a file that holds the token, such as a systemd credential.
	// Load reads it into Token; only one of the two may be set.
	TokenFile string `yaml:"token_file"`
}

// NATS is the broker that events are published to.
type NATS struct {
	// URL is an external server, or several of one cluster separated by commas:
	// nats://, tls://, ws:// or wss://. Empty: a server inside the daemon.
	URL string `yaml:"url"`

	// Listen is the embedded server's address. Port 0 takes the port it had
	// last, or any free one, so that a second daemon on the machine never fails
	// for it.
	Listen string `yaml:"listen"`

	// How to log in to an external server: at most one of user and password,
	// token, credentials file. The embedded server makes its own credentials.
	User            string `yaml:"user"`
	Password        Secret `yaml:"password"`
	Token           Secret `yaml:"token"`
	CredentialsFile string `yaml:"credentials_file"` // NATS .creds: user JWT and seed

	// CAFile is a PEM bundle to verify the external server with, instead of the
	// system's roots.
	CAFile string `yaml:"ca_file"`

	// The stream SWITCHHOOK keeps events for MaxAge and within MaxBytes,
	// whichever drops them first. It is rebuilt from the store's log when lost.
	MaxAge   time.Duration `yaml:"max_age"`
	MaxBytes Size          `yaml:"max_bytes"`

	// MessageTexts publishes what was written in messages, the names of who wrote
	// and of files. Without it subscribers hear that a message came, from whom,
	// and of what kind.
	MessageTexts bool `yaml:"message_texts"`
}

// Webhook is how PostBacks are delivered.
type Webhook struct {
	// Timeout bounds one try, from dialling to the end of the answer.
	Timeout time.Duration `yaml:"timeout"`

	// AllowNetworks are the private, loopback, link-local or otherwise special
	// networks that a webhook may lead to. Public addresses need no entry.
	AllowNetworks []netip.Prefix `yaml:"allow_networks"`

	// DenyNetworks are networks, public ones too, that no webhook may lead to,
	// whatever allows them.
	DenyNetworks []netip.Prefix `yaml:"deny_networks"`

	// Proxy is an http://, https:// or socks5:// URL that all webhooks go through.
	// It is a secret because it may hold a password. It is told the addresses
	// that were checked here, not names. Empty: none.
	Proxy Secret `yaml:"proxy"`

	// CAFile is a PEM bundle to verify receivers with, beside the system's roots.
	CAFile string `yaml:"ca_file"`

	// ClientCertFile and ClientKeyFile (PEM) are shown to every receiver that asks
	// for a certificate; both are set or neither.
	ClientCertFile string `yaml:"client_cert_file"`
	ClientKeyFile  string `yaml:"client_key_file"`

	// How many tries run at once; the smallest of the three counts.
	MaxInFlight int `yaml:"max_in_flight"` // in all
	PerOrigin   int `yaml:"per_origin"`    // to one scheme, host and port
	PerEndpoint int `yaml:"per_endpoint"`  // to one endpoint, unless it says otherwise

	// Schedule is the wait before each further try; its last entry repeats until
	// Horizon has passed since the first try. Then the event is a dead letter.
	Schedule []time.Duration `yaml:"schedule"`
	Horizon  time.Duration   `yaml:"horizon"`
}

// Store is how what is stored is sealed, and how long the event log is kept.
type Store struct {
	// Key, KeyFile and KeyCredential say where the key comes from that the
	// database is sealed with: itself, in base64 or hex (meant for the
	// environment), a file of mode 0600, or the name of a systemd credential. At
	// most one is set; with none it is the file store.key in DataDir, which is
	// made at the first start.
	Key           Secret `yaml:"key"`
	KeyFile       string `yaml:"key_file"`
	KeyCredential string `yaml:"key_credential"`

	// Retention is how long a delivered event stays in the log, for history and
	// replay.
	Retention time.Duration `yaml:"retention"`

	// MaxSize bounds what the log's events take. Beyond it the oldest go, even
	// those that an endpoint still waits for: they become dead letters.
	MaxSize Size `yaml:"max_size"`
}

// Files bounds what instances store: media of messages and the like.
type Files struct {
	PerInstance Size `yaml:"per_instance"`
	Total       Size `yaml:"total"`
}

// Connection is the timing of every WhatsApp connection.
type Connection struct {
	DialTimeout  time.Duration `yaml:"dial_timeout"`  // dialling and the Noise handshake
	LoginTimeout time.Duration `yaml:"login_timeout"` // from login sent to usable

	QRShow time.Duration `yaml:"qr_show"` // how long one pairing code is on show
	QRIdle time.Duration `yaml:"qr_idle"` // without anyone asking for a code, back to state 0

	// A lost connection is dialled again after a random wait that grows from
	// RetryMin to RetryMax.
	RetryMin time.Duration `yaml:"retry_min"`
	RetryMax time.Duration `yaml:"retry_max"`

	// DialsPerSecond is the budget of all instances together, so that thousands
	// do not come back in lockstep.
	DialsPerSecond int `yaml:"dials_per_second"`

	// DeafAfter is how long keep-alives may go unanswered before a connection
	// that looks open is closed and dialled again. The library sends one every
	// 20 to 30 s and waits 10 s for the answer.
	DeafAfter time.Duration `yaml:"deaf_after"`

	// CommandWait bounds a command that waits for its outcome (a first code, a
	// restore, a logout); it then answers with the state as it is.
	CommandWait time.Duration `yaml:"command_wait"`

	// StopTimeout bounds a graceful stop of the daemon. Everything committed is
	// on disk anyway.
	StopTimeout time.Duration `yaml:"stop_timeout"`
}

// WhatsApp is what the client tells WhatsApp and how it gets there.
type WhatsApp struct {
	// Version pins the announced client version, as in 2.3000.1027868167.
	// Empty: the library's.
	Version string `yaml:"version"`

	// Proxy is an http:// or socks5:// URL that all WhatsApp connections go
	// through. It is a secret because it may hold a password. Empty: none.
	Proxy Secret `yaml:"proxy"`
}

// Default is the configuration of a daemon that was told nothing.
func Default() Config {
	return Config{
		DataDir: DefaultDataDir(),
		Listen:  "127.0.0.1:8080",
		Network: NetworkWhatsApp,
		Sandbox: Sandbox{Listen: "127.0.0.1:0"},
		Log:     Log{Level: slog.LevelInfo, Format: LogText},
		NATS: NATS{
			Listen:   "127.0.0.1:0",
			MaxAge:   7 * 24 * time.Hour,
			MaxBytes: GiB,
		},
		Webhook: Webhook{
			Timeout:     15 * time.Second,
			MaxInFlight: 256,
			PerOrigin:   128,
			PerEndpoint: 32,
			Schedule: []time.Duration{
				5 * time.Second, 30 * time.Second, 2 * time.Minute,
				10 * time.Minute, 30 * time.Minute, time.Hour,
			},
			Horizon: 72 * time.Hour,
		},
		Store: Store{Retention: 7 * 24 * time.Hour, MaxSize: 10 * GiB},
		Files: Files{PerInstance: GiB, Total: 10 * GiB},
		Connection: Connection{
			DialTimeout:    20 * time.Second,
			LoginTimeout:   30 * time.Second,
			QRShow:         20 * time.Second,
			QRIdle:         3 * time.Minute,
			RetryMin:       time.Second,
			RetryMax:       5 * time.Minute,
			DialsPerSecond: 20,
			DeafAfter:      90 * time.Second,
			CommandWait:    15 * time.Second,
			StopTimeout:    10 * time.Second,
		},
	}
}
