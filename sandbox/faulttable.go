package sandbox

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/coder/websocket"
	"go.mau.fi/whatsmeow/binary"
)

// The faults there are. [FaultKinds] says what each one does.
const (
	FaultDrop            FaultKind = "drop"
	FaultWSClose         FaultKind = "ws-close"
	FaultWSGoingAway     FaultKind = "ws-going-away"
	FaultWSInternalError FaultKind = "ws-internal-error"
	FaultStreamEnd       FaultKind = "stream-end"
	FaultReplaced        FaultKind = "replaced"
	FaultLoggedOut       FaultKind = "logged-out"
	FaultStream401       FaultKind = "stream-401"
	FaultStream500       FaultKind = "stream-500"
	FaultStream503       FaultKind = "stream-503"
	FaultStream503Open   FaultKind = "stream-503-open"
	FaultStream515       FaultKind = "stream-515"
	FaultStream516       FaultKind = "stream-516"
	FaultStream599       FaultKind = "stream-599"
	FaultUndecryptable   FaultKind = "undecryptable"
	FaultDeaf            FaultKind = "deaf"
	FaultHear            FaultKind = "hear"

	FaultRefuse400     FaultKind = "refuse-400"
	FaultRefuse401     FaultKind = "refuse-401"
	FaultRefuse402     FaultKind = "refuse-402"
	FaultRefuse403     FaultKind = "refuse-403"
	FaultRefuse405     FaultKind = "refuse-405"
	FaultRefuse406     FaultKind = "refuse-406"
	FaultRefuse409     FaultKind = "refuse-409"
	FaultRefuse413     FaultKind = "refuse-413"
	FaultRefuse414     FaultKind = "refuse-414"
	FaultRefuse415     FaultKind = "refuse-415"
	FaultRefuse418     FaultKind = "refuse-418"
	FaultRefuse500     FaultKind = "refuse-500"
	FaultRefuse501     FaultKind = "refuse-501"
	FaultRefuse503     FaultKind = "refuse-503"
	FaultRefuse503Open FaultKind = "refuse-503-open"
	FaultRefuse599     FaultKind = "refuse-599"
	FaultNoAnswerLogin FaultKind = "no-answer-login"

	FaultRefuseConnection FaultKind = "refuse-connection"
	FaultNoUpgrade        FaultKind = "no-upgrade"
	FaultHangUpgrade      FaultKind = "hang-upgrade"
	FaultNoHello          FaultKind = "no-hello"
	FaultWrongRoot        FaultKind = "wrong-root"

	FaultBadHMAC            FaultKind = "bad-hmac"
	FaultBadSignature       FaultKind = "bad-signature"
	FaultNoRestart          FaultKind = "no-restart"
	FaultCodesRunOut        FaultKind = "codes-run-out"
	FaultDowngradeWebclient FaultKind = "downgrade-webclient"

	FaultHeal FaultKind = "heal"
)

// faultKind is a row of the table of faults. The strikes say what is done at once,
// by target; one that is nil cannot befall that target. What comes after them is
// done to an attempt that the fault has lain in wait for.
type faultKind struct {
	FaultInfo
	strikePhone   func(ctx context.Context, n *Network, digits string, opts FaultOptions) error
	strikeCode    func(ctx context.Context, c *conn, opts FaultOptions) error
	strikeNetwork func(n *Network, opts FaultOptions) error

	atUpgrade func(n *Network, w http.ResponseWriter, r *http.Request) // in place of a websocket
	atHello   func(c *conn) error                                      // before the handshake
	atLogin   func(c *conn, opts FaultOptions)                         // in place of a success or a code
}

// info is the row for callers, with the targets that the strikes imply.
func (f *faultKind) info() FaultInfo {
	info := f.FaultInfo
	info.Options = slices.Clone(info.Options)
	for target, known := range map[string]bool{
		TargetPhone: f.strikePhone != nil, TargetCode: f.strikeCode != nil, TargetNetwork: f.strikeNetwork != nil,
	} {
		if known {
			info.Targets = append(info.Targets, target)
		}
	}
	slices.Sort(info.Targets)
	return info
}

var faultKinds = buildFaultKinds()

func buildFaultKinds() []faultKind {
	return slices.Concat(socketFaults(), loginFaults(), dialFaults(), pairingFaults(), []faultKind{healing()})
}

func socketFaults() []faultKind {
	closing := func(code websocket.StatusCode) ending { return ending{code: code} }
	return []faultKind{
		endingFault(FaultDrop, "the connection is cut, with no goodbye", ending{drop: true}),
		endingFault(FaultWSClose, "the websocket is closed with status 1000", closing(websocket.StatusNormalClosure)),
		endingFault(FaultWSGoingAway, "the websocket is closed with status 1001", closing(websocket.StatusGoingAway)),
		endingFault(FaultWSInternalError, "the websocket is closed with status 1011", closing(websocket.StatusInternalError)),
		endingFault(FaultStreamEnd, "the server ends the stream and closes", ending{last: streamEnd()}),
		pairedOnly(endingFault(FaultReplaced, "another login has taken the companion's place", ending{last: replaced()})),
		loggedOutFault(),
		streamFault(FaultStream401, "stream error 401 without a conflict, then closed", "401"),
		streamFault(FaultStream500, "stream error 500, then closed", "500"),
		streamFault(FaultStream503, "stream error 503, then closed", "503"),
		openFault(FaultStream503Open, "stream error 503, and the socket stays open", streamError("503")),
		restartFault(),
		streamFault(FaultStream516, "stream error 516, then closed", "516"),
		streamFault(FaultStream599, "stream error 599, which nobody knows, then closed", "599"),
		undecryptableFault(),
		hearingFault(FaultDeaf, "nothing is answered any more, pings included, until hear", true),
		hearingFault(FaultHear, "everything is answered again, from now on", false),
	}
}

func loginFaults() []faultKind {
	faults := []faultKind{
		refusalFault(FaultRefuse400, "login refused: generic failure", 400),
		refusalFault(FaultRefuse401, "login refused: logged out", 401),
		banFault(),
		refusalFault(FaultRefuse403, "login refused: the account is locked", 403),
		refusalFault(FaultRefuse405, "login refused: the client is outdated", 405),
		refusalFault(FaultRefuse406, "login refused: the account is banned for good", 406),
		refusalFault(FaultRefuse409, "login refused: bad user agent", 409),
		refusalFault(FaultRefuse413, "login refused: access token expired (a client of whatsmeow without RefreshCAT panics; the daemon has one)", 413),
		refusalFault(FaultRefuse414, "login refused: access token invalid (a client of whatsmeow without RefreshCAT panics; the daemon has one)", 414),
		refusalFault(FaultRefuse415, "login refused: not found", 415),
		refusalFault(FaultRefuse418, "login refused: client unknown", 418),
		refusalFault(FaultRefuse500, "login refused: internal server error", 500),
		refusalFault(FaultRefuse501, "login refused: experimental", 501),
		refusalFault(FaultRefuse503, "login refused: service unavailable", 503),
		openRefusal(),
		refusalFault(FaultRefuse599, "login refused with 599, which nobody knows", 599),
		unansweredLogin(),
	}
	return faults
}

func dialFaults() []faultKind {
	return []faultKind{
		dialFault(faultKind{
			FaultInfo: FaultInfo{Kind: FaultRefuseConnection, About: "the next dials of anybody are closed at once, as if nobody listened"},
			atUpgrade: refuseConnection,
		}),
		dialFault(faultKind{
			FaultInfo: FaultInfo{Kind: FaultNoUpgrade, About: "the next dials of anybody are answered 503 instead of a websocket"},
			atUpgrade: refuseUpgrade,
		}),
		dialFault(faultKind{
			FaultInfo: FaultInfo{Kind: FaultHangUpgrade, About: "the next dials of anybody are accepted and never answered"},
			atUpgrade: hangUpgrade,
		}),
		dialFault(faultKind{
			FaultInfo: FaultInfo{Kind: FaultNoHello, About: "the next dials of anybody get a websocket and no handshake"},
			atHello: func(c *conn) error {
				c.silentHello = true
				return nil
			},
		}),
		dialFault(faultKind{
			FaultInfo: FaultInfo{Kind: FaultWrongRoot, About: "the next dials of anybody are shown a certificate of another root"},
			atHello: func(c *conn) (err error) {
				c.certificates, err = c.network.ledger.keys.certificates(newKeyPair())
				return err
			},
		}),
	}
}

func pairingFaults() []faultKind {
	return []faultKind{
		flawFault(FaultBadHMAC, "the next phone that takes the code sends a seal that is wrong", flaws{hmac: true}),
		flawFault(FaultBadSignature, "the next phone that takes the code sends a signature that is wrong", flaws{signature: true}),
		flawFault(FaultNoRestart, "after the next pairing the client is not asked to connect again", flaws{noRestart: true}),
		codesRunOut(),
		downgradeFault(),
	}
}

// streamError is what the server says when a stream cannot go on.
func streamError(code string) *binary.Node {
	return &binary.Node{Tag: "stream:error", Attrs: binary.Attrs{"code": code}}
}

// failure refuses a login. The reason 401 makes the client forget its session.
func failure(reason int) *binary.Node {
	return &binary.Node{Tag: "failure", Attrs: binary.Attrs{"reason": strconv.Itoa(reason)}}
}
