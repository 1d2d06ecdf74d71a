package bus

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// serverLog carries the embedded server's log over to ours: what it calls
// warnings and errors as warnings, the rest for debugging. The server reports
// a start that failed only here, and goes on to exit the process unless its
// logger does not.
type serverLog struct {
	log *slog.Logger

	mu    sync.Mutex
	first error // of the fatal ones
}

func (l *serverLog) debug() bool {
	return l.log.Enabled(context.Background(), slog.LevelDebug)
}

// fatal returns the first fatal error.
func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

func (l *serverLog) writef(level slog.Level, format string, v ...any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "nats server", "text", fmt.Sprintf(format, v...))
	}
}

func (l *serverLog) Noticef(format string, v ...any) { l.writef(slog.LevelDebug, format, v...) }
func (l *serverLog) Debugf(format string, v ...any)  { l.writef(slog.LevelDebug, format, v...) }
func (l *serverLog) Tracef(format string, v ...any)  { l.writef(slog.LevelDebug, format, v...) }
func (l *serverLog) Warnf(format string, v ...any)   { l.writef(slog.LevelWarn, format, v...) }
func (l *serverLog) Errorf(format string, v ...any)  { l.writef(slog.LevelWarn, format, v...) }

func (l *serverLog) Fatalf(format string, v ...any) {
	l.writef(slog.LevelWarn, format, v...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = fmt.Errorf(format, v...)
	}
}
