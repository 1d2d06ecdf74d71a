package sandbox

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

const (
	// nameCollection is the collection of settings that the account's name is in.
	nameCollection = string(appstate.WAPatchCriticalBlock)
	// maxPatches bounds how often the settings of one collection can be changed. The
	// real server makes one snapshot of many changes, this one does not.
	maxPatches = 1000
	// maxMutations bounds what one change may say, and maxMutation each of it.
	maxMutations = 100
	maxMutation  = 64 << 10
	// maxPage is how many changes are told at once.
	maxPage = 200
)

// answerSettings gives a companion the account's settings, collection by collection,
// and takes changes. They are encrypted: the server numbers the changes of a
// collection, keeps them, and refuses one that does not follow the last.
func answerSettings(c *conn, q query) ([]binary.Node, error) {
	sync, asked := child(q.node, "sync")
	collections := sync.GetChildren()
	if !asked || q.kind != "set" || len(collections) > len(appstate.AllPatchNames) {
		return nil, errBadRequest
	}
	answers := make([]binary.Node, 0, len(collections))
	for _, one := range collections {
		name := text(one, "name")
		if one.Tag != "collection" || !slices.Contains(appstate.AllPatchNames[:], appstate.WAPatchName(name)) {
			return nil, errBadRequest
		}
		version, err := strconv.Atoi(cmp.Or(text(one, "version"), "0"))
		if err != nil || version < 0 {
			return nil, errBadRequest
		}
		answer, err := c.answerCollection(name, version, one)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return []binary.Node{element("sync", nil, answers...)}, nil
}

// answerCollection tells what has changed since a version, or takes a change of it.
func (c *conn) answerCollection(name string, version int, asked binary.Node) (binary.Node, error) {
	raw := content(asked, "patch")
	if raw == nil {
		return c.network.ledger.profile(c.login.Phone).collection(name, version, maxPage), nil
	}
	switch c.network.behaviour(c.login.Phone).Profiles {
	case ProfilesSilent:
		return binary.Node{}, errNoAnswer
	case ProfilesRefused:
		return binary.Node{}, errTooMany
	case ProfilesUnacceptable:
		return refusedCollection(name, version, errBadRequest), nil
	case ProfilesWork, ProfilesUntold, ProfilesKeyless:
	}
	patch, ok := readPatch(raw)
	if !ok {
		return refusedCollection(name, version, errBadRequest), nil
	}
	err := c.network.ledger.changeProfile(c.login.Phone, func(p *profile) error { return p.push(name, version, patch) })
	if errors.Is(err, errConflict) {
		now := c.network.ledger.profile(c.login.Phone)
		refused := refusedCollection(name, len(now.Settings[name]), errConflict)
		missing := now.collection(name, version, maxPatches)
		refused.Content = append(refused.GetChildren(), missing.GetChildren()...)
		return refused, nil
	}
	if err != nil {
		return binary.Node{}, err
	}
	// Whoever is told may ask at once, so they are once this one has its answer.
	before := c.after
	c.after = func() {
		if before != nil {
			before()
		}
		c.network.tellSettings(c.login.Phone, name, c.login)
	}
	return element("collection", binary.Attrs{"name": name, "version": version + 1}), nil
}

var errConflict = queryError{409, "conflict"}

func refusedCollection(name string, version int, why queryError) binary.Node {
	return element("collection", binary.Attrs{"name": name, "type": "error", "version": version},
		element("error", binary.Attrs{"code": why.code, "text": why.text}))
}

// readPatch reads a change as far as the server can, and refuses one that would make
// a client read beyond its end.
func readPatch(raw []byte) (*waServerSync.SyncdPatch, bool) {
	patch := &waServerSync.SyncdPatch{}
	if err := proto.Unmarshal(raw, patch); err != nil || patch.GetExternalMutations() != nil {
		return nil, false
	}
	mutations := patch.GetMutations()
	for _, m := range mutations {
		const least = 16 + 16 + 32 // an initial vector, a block, a MAC
		if size := len(m.GetRecord().GetValue().GetBlob()); size < least || size > maxMutation {
			return nil, false
		}
	}
	return patch, len(mutations) > 0 && len(mutations) <= maxMutations
}

// push adds a change to a collection, if it was made from the last version.
func (p *profile) push(name string, base int, patch *waServerSync.SyncdPatch) error {
	before := p.Settings[name]
	switch {
	case base != len(before):
		return errConflict
	case base >= maxPatches:
		return errTooMany
	}
	patch.Version = &waServerSync.SyncdVersion{Version: proto.Uint64(uint64(base) + 1)}
	raw, err := proto.Marshal(patch)
	if err != nil {
		return err
	}
	settings := maps.Clone(p.Settings)
	if settings == nil {
		settings = make(map[string][][]byte)
	}
	settings[name] = append(slices.Clip(before), raw)
	p.Settings = settings
	return nil
}

// collection is what a companion gets that has a version: at most so many of the
// changes since.
func (p *profile) collection(name string, since, most int) binary.Node {
	all := p.Settings[name]
	page := all[min(since, len(all)):]
	more := len(page) > most
	page = page[:min(len(page), most)]
	attrs := binary.Attrs{"name": name, "version": min(since, len(all)) + len(page), "has_more_patches": strconv.FormatBool(more)}
	if len(page) == 0 {
		return element("collection", attrs)
	}
	patches := make([]binary.Node, len(page))
	for i, raw := range page {
		patches[i] = leaf("patch", nil, raw)
	}
	return element("collection", attrs, element("patches", nil, patches...))
}

// tellSettings tells the companions of an account, but for the one that did it, that
// a collection has changed.
func (n *Network) tellSettings(digits, name string, but deviceID) {
	if n.behaviour(digits).Profiles == ProfilesUntold {
		return
	}
	version := len(n.ledger.profile(digits).Settings[name])
	for _, d := range n.ledger.companions(digits) {
		if d.ID == but || !n.mail.room() {
			continue
		}
		id, at := newMessageID(), now()
		packed, err := binary.Marshal(element("notification",
			binary.Attrs{"from": types.ServerJID, "id": id, "t": at.Unix(), "type": "server_sync"},
			element("collection", binary.Attrs{"name": name, "version": version})))
		if err != nil {
			n.log.Warn("companion was not told of settings", "err", err)
			continue
		}
		n.mail.take(&letter{
			box: n.mail.box(d.ID), id: id, class: MailNotification, from: types.ServerJID, author: deviceID{},
			status: MailStatus{Kind: "server_sync", SentAt: at}, packed: packed,
		}, nil)
	}
}

// settings is what a phone reads in its account's.
type settings struct {
	name string
	hash appstate.HashState // of the collection that the name is in
	by   *appstate.Processor
}

// readSettings reads the settings from their beginning, as far as they are about the
// account's name.
func (p *profile) readSettings(ctx context.Context) (settings, error) {
	read := settings{by: p.Key.processor()}
	list := &appstate.PatchList{Name: appstate.WAPatchCriticalBlock}
	for _, raw := range p.Settings[nameCollection] {
		patch := &waServerSync.SyncdPatch{}
		if err := proto.Unmarshal(raw, patch); err != nil {
			return settings{}, err
		}
		list.Patches = append(list.Patches, patch)
	}
	mutations, hash, err := read.by.DecodePatches(ctx, list, appstate.HashState{}, true)
	if err != nil {
		return settings{}, err
	}
	read.hash = hash
	for _, m := range mutations {
		if m.Operation == waServerSync.SyncdMutation_SET && len(m.Index) > 0 && m.Index[0] == appstate.IndexSettingPushName {
			read.name = m.Action.GetPushNameSetting().GetName()
		}
	}
	return read, nil
}

// rename changes the name as the phone does.
func (p *profile) rename(ctx context.Context, name string) error {
	read, err := p.readSettings(ctx)
	if err != nil {
		return err
	}
	raw, err := read.by.EncodePatch(ctx, p.Key.ID, read.hash, appstate.BuildSettingPushName(name))
	if err != nil {
		return err
	}
	patch, ok := readPatch(raw)
	if !ok {
		return errors.New("the phone's own change is none")
	}
	return p.push(nameCollection, len(p.Settings[nameCollection]), patch)
}
