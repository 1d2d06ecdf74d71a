package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	nick      = "Tag_Profile_IM_Nick"
	signature = "Tag_Profile_IM_SelfSignature"
	level     = "Tag_Profile_IM_Level"
)

// walk makes an account and gives it a profile, and shows what it sees.
func walk(ctx context.Context, out io.Writer, c client, account, name string) error {
	w := &walker{out: out}
	user := map[string]any{"UserID": account}

	a, err := c.call(ctx, "im_open_login_svc/account_import", user)
	w.show("import", a, err)
	a, err = c.call(ctx, "im_open_login_svc/account_check", map[string]any{"CheckItem": []any{user}})
	w.show("check", a, err)
	a, err = c.setProfile(ctx, account, item{nick, name}, item{signature, name + "!"}, item{level, 7})
	w.show("set", a, err)
	a, err = c.profile(ctx, account, nick, signature, level)
	w.show("get", a, err)

	_, err = c.setProfile(ctx, account, item{level, 8}, item{nick, strings.Repeat("x", 501)})
	w.refused("tooLong", err)
	a, err = c.profile(ctx, account, level)
	w.show("unchanged", a, err)
	_, err = c.setProfile(ctx, account+"-nobody", item{level, 8})
	w.refused("nobody", err)

	wrong := c
	wrong.key += "x"
	_, err = wrong.profile(ctx, account, nick)
	w.refused("wrongKey", err)
	stranger := c
	stranger.identifier = account
	_, err = stranger.profile(ctx, account, nick)
	w.refused("noAdmin", err)
	return w.err
}

// walker goes on until something fails; err is the first that did.
type walker struct {
	out io.Writer
	err error
}

// show prints what a step was answered.
func (w *walker) show(step string, what any, err error) {
	if w.err != nil {
		return
	}
	if err != nil {
		w.err = fmt.Errorf("%s: %w", step, err)
		return
	}
	line, err := json.Marshal(map[string]any{"step": "go." + step, "what": what})
	if err == nil {
		_, err = fmt.Fprintf(w.out, "show %s\n", line)
	}
	w.err = err
}

// refused prints how a step was refused, which it should be.
func (w *walker) refused(step string, err error) {
	if why, ok := errors.AsType[*refusal](err); ok {
		w.show(step, map[string]any{"code": why.Code}, nil)
		return
	}
	if err == nil {
		err = errors.New("was not refused")
	}
	w.show(step, nil, err)
}
