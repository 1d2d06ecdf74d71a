package whatsapp

import (
	"log/slog"

	signal "go.mau.fi/libsignal/logger"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// quietLog logs the constant part of the library's lines and drops the rest:
// their arguments hold JIDs, XML and message texts, which belong in no log.
type quietLog struct {
	log    *slog.Logger
	module string
}

func (q quietLog) Warnf(format string, _ ...any) {
	q.log.Debug("whatsmeow warned", "module", q.module, "format", format)
}

func (q quietLog) Errorf(format string, _ ...any) {
	q.log.Debug("whatsmeow failed", "module", q.module, "format", format)
}

// Infof and Debugf say nothing: the instance logs every transition itself.
func (q quietLog) Infof(string, ...any)  {}
func (q quietLog) Debugf(string, ...any) {}

func (q quietLog) Sub(module string) waLog.Logger {
	return quietLog{q.log, q.module + "/" + module}
}

// libsignal prints to standard output and makes its logger at the first
// signature, without a lock: two first signatures race (v0.2.1). A silent one is
// set before any goroutine runs, unless somebody has set one.
func init() { //nolint:gochecknoinits // it must precede every goroutine of the library
	if signal.Logger == nil {
		var quiet signal.Loggable = silent{}
		signal.Setup(&quiet)
	}
}

// silent is a libsignal logger that says nothing.
type silent struct{}

func (silent) Debug(string, string)   {}
func (silent) Info(string, string)    {}
func (silent) Warning(string, string) {}
func (silent) Error(string, string)   {}
func (silent) Configure(string)       {}
