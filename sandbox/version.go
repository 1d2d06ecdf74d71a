package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SetMinimumVersion makes the network refuse clients that announce an older
// version than this, at login and before pairing, with failure 405, until it is
// set to the empty string. A version is one to three numbers with dots between
// them; those that are missing count as 0. Connections that stand are left alone.
// The error is ErrBadVersion or ErrClosed.
func (n *Network) SetMinimumVersion(_ context.Context, version string) error {
	minimum, err := parseVersion(version)
	if err != nil {
		return err
	}
	if !n.enter() {
		return ErrClosed
	}
	defer n.exit()
	n.minimum.Store(&minimum)
	n.log.Info("minimum version set", "version", versionText(minimum))
	return nil
}

// minimumVersion returns the least version that is let in; the zero one lets in
// everybody.
func (n *Network) minimumVersion() [3]uint32 {
	if minimum := n.minimum.Load(); minimum != nil {
		return *minimum
	}
	return [3]uint32{}
}

// outdated says whether a client of this version is refused.
func (n *Network) outdated(announced [3]uint32) bool {
	minimum := n.minimumVersion()
	return slices.Compare(announced[:], minimum[:]) < 0
}

// parseVersion reads a version. The empty one is the least.
func parseVersion(version string) (parsed [3]uint32, err error) {
	if version == "" {
		return parsed, nil
	}
	parts := strings.Split(version, ".")
	if len(parts) > len(parsed) {
		return parsed, fmt.Errorf("%w: it has more than three numbers", ErrBadVersion)
	}
	for i, part := range parts {
		number, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return [3]uint32{}, fmt.Errorf("%w: part %d is no number", ErrBadVersion, i+1)
		}
		parsed[i] = uint32(number)
	}
	return parsed, nil
}

func versionText(v [3]uint32) string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }
