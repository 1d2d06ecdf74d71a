package fsm

// Cause is why a transition happened. Unlike an [Event] it does not decide
// where a connection goes; it tells people and decides whether and when the
// connection comes back by itself.
type Cause string

// The causes.
const (
	CauseOperator          Cause = "operator"           // a command
	CauseScan              Cause = "scan"               // a phone scanned the code
	CauseProgress          Cause = "progress"           // the connection went on as it should
	CauseNetwork           Cause = "network"            // dialling failed or the socket dropped
	CauseServerError       Cause = "server_error"       // WhatsApp reported an error of its own
	CauseKeepaliveTimeout  Cause = "keepalive_timeout"  // connected, but nothing answers
	CauseLoginTimeout      Cause = "login_timeout"      // connected, and then neither a login nor a code came of it
	CauseStreamReplaced    Cause = "stream_replaced"    // another client runs this session
	CauseLoggedOut         Cause = "logged_out"         // the phone or WhatsApp ended the session
	CauseTemporaryBan      Cause = "temporary_ban"      // WhatsApp locked the number for a time
	CauseClientOutdated    Cause = "client_outdated"    // WhatsApp wants a newer client version
	CauseConnectRefused    Cause = "connect_refused"    // WhatsApp refused the login for another reason
	CausePairingFailed     Cause = "pairing_failed"     // the scan did not verify
	CauseQRRefresh         Cause = "qr_refresh"         // the codes were used up and someone still asks
	CauseQRTimeout         Cause = "qr_timeout"         // nobody asked for a code for 3 minutes
	CauseRetry             Cause = "retry"              // a scheduled reconnect
	CauseShutdown          Cause = "shutdown"           // the daemon stopped
	CauseRestart           Cause = "restart"            // the daemon was not stopped, but started; or somebody asked for a reboot
	CauseStoreUnavailable  Cause = "store_unavailable"  // the store could not take what arrived
	CauseInternalError     Cause = "internal_error"     // the instance's own code failed
	CauseLogoutUnconfirmed Cause = "logout_unconfirmed" // dropped here; WhatsApp was not told
)

// Causes lists every cause.
func Causes() []Cause {
	return []Cause{
		CauseOperator, CauseScan, CauseProgress, CauseNetwork, CauseServerError,
		CauseKeepaliveTimeout, CauseLoginTimeout, CauseStreamReplaced,
		CauseLoggedOut, CauseTemporaryBan, CauseClientOutdated,
		CauseConnectRefused, CausePairingFailed, CauseQRRefresh, CauseQRTimeout,
		CauseRetry, CauseShutdown, CauseRestart, CauseStoreUnavailable,
		CauseInternalError, CauseLogoutUnconfirmed,
	}
}

// Hint is what an operator can do about the cause, empty for a cause that
// heals by itself.
func (c Cause) Hint() string {
	switch c {
	case CauseStreamReplaced:
		return "Another client took over this session. Stop the other one, then restore."
	case CauseLoggedOut:
		return "The session was ended on the phone or by WhatsApp. Generate a new code and scan it."
	case CauseTemporaryBan:
		return "WhatsApp locked this number for a time. With an end it is tried again then; without one, restore when the phone works again, or generate a new code if there is no session. Sending less avoids the next one."
	case CauseClientOutdated:
		return "WhatsApp wants a newer client version. Update Switchhook or, if whatsapp.version pins one, unpin it; then restore, or generate a new code if there is no session."
	case CauseConnectRefused:
		return "WhatsApp refused this login and trying again will not help by itself. Restore to try once more, or disconnect and generate a new code; if there is no session, generate one now."
	case CausePairingFailed:
		return "The phone scanned, but pairing did not complete. Generate a new code and scan again."
	case CauseInternalError:
		return "The instance failed inside Switchhook; the log has the details. It is tried again by itself."
	case CauseStoreUnavailable:
		return "The data directory cannot be written. Free space or mend its permissions; the instance comes back by itself."
	case CauseLogoutUnconfirmed:
		return "WhatsApp could not be told. Remove the device on the phone under Linked devices."
	default:
		return ""
	}
}

// Retries reports whether a connection that went down for this cause is dialled
// again without anybody asking. Replaced, banned, outdated and refused sessions
// are not: coming back would fight another client or deepen a lock
// (DESIGN.md "One connection").
func (c Cause) Retries() bool {
	switch c {
	case CauseStreamReplaced, CauseLoggedOut, CauseTemporaryBan, CauseClientOutdated,
		CauseConnectRefused, CausePairingFailed, CauseQRTimeout, CauseOperator,
		CauseLogoutUnconfirmed:
		return false
	default:
		return true
	}
}
