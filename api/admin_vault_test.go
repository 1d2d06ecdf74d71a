package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/api/apitest"
	"github.com/switchhook/switchhook/instance"
)

const vaultToken = "a token of the vault's tests"

// vault keeps what it is given and writes what it is told.
type vault struct {
	image  []byte
	then   error // after the image
	phrase string
	got    []byte
	err    error
}

func (*vault) Keys() api.Keys { return api.Keys{InUse: "k1"} }

func (v *vault) RotateKey(context.Context, string) (api.Keys, error) { return v.Keys(), v.err }

func (v *vault) RotateDataKey(context.Context) (api.Keys, error) { return v.Keys(), v.err }

func (v *vault) Backup(_ context.Context, w io.Writer) error {
	if v.err != nil {
		return v.err
	}
	_, err := w.Write(v.image)
	return errors.Join(err, v.then)
}

func (v *vault) Export(ctx context.Context, _, phrase string, w io.Writer) error {
	v.phrase = phrase
	return v.Backup(ctx, w)
}

func (v *vault) Import(_ context.Context, r io.Reader, phrase, name string) (api.Entry, error) {
	var err error
	v.phrase = phrase
	v.got, err = io.ReadAll(r)
	return api.Entry{Name: name}, errors.Join(err, v.err)
}

func (v *vault) Unfence(context.Context, string) (api.Entry, error) { return api.Entry{}, v.err }

func serveVault(t *testing.T, v *vault) (ask func(method, path, body string, header ...string) (int, string, error)) {
	t.Helper()
	fake := apitest.New("sandbox")
	if _, err := fake.Add(t.Context(), api.AddSpec{Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	cfg := api.Config{Instances: fake, System: fake, Token: vaultToken}
	if v != nil {
		cfg.Vault, cfg.Mover = v, v
	}
	var busy sync.Mutex // held by a request until its handler is done with v, which may be after its answer
	handler := api.New(cfg)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		busy.Lock()
		defer busy.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return func(method, path, body string, header ...string) (int, string, error) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+vaultToken)
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := srv.Client().Do(req)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		busy.Lock()
		defer busy.Unlock()
		return res.StatusCode, string(text), err
	}
}

var vaultPaths = map[string]string{
	"/api/v1/keys": http.MethodGet, "/api/v1/keys/rotate": http.MethodPost, "/api/v1/keys/rotate-data": http.MethodPost,
	"/api/v1/backup": http.MethodPost, "/api/v1/import": http.MethodPost,
	"/api/v1/instances/shop/export": http.MethodPost, "/api/v1/instances/shop/unfence": http.MethodPost,
}

func TestVaultGuard(t *testing.T) {
	with, without := serveVault(t, &vault{}), serveVault(t, nil)
	for path, method := range vaultPaths {
		if code, _, err := with(method, path, "", "Authorization", "Bearer wrong"); code != http.StatusUnauthorized || err != nil {
			t.Errorf("%s with a wrong token: %d, %v", path, code, err)
		}
		if code, _, err := without(method, path, ""); code != http.StatusNotFound || err != nil {
			t.Errorf("%s without a vault: %d, %v", path, code, err)
		}
		if code, text, err := with(method, path, ""); code >= 300 || err != nil {
			t.Errorf("%s: %d %s, %v", path, code, text, err)
		}
	}
}

func TestVaultStreams(t *testing.T) {
	v := &vault{image: bytes.Repeat([]byte("image "), 100_000)}
	ask := serveVault(t, v)
	for path, body := range map[string]string{"/api/v1/backup": "{}", "/api/v1/instances/shop/export": `{"passphrase":"p"}`} {
		v.then, v.err = nil, nil
		if code, text, err := ask(http.MethodPost, path, body); code != http.StatusOK || text != string(v.image) || err != nil {
			t.Errorf("%s: %d, %d bytes, %v", path, code, len(text), err)
		}
		v.then = errors.New("the disk is gone")
		for _, image := range [][]byte{v.image, []byte("short")} {
			was := v.image
			v.image = image
			if code, _, err := ask(http.MethodPost, path, body); code != http.StatusOK || err == nil {
				t.Errorf("%s, cut off: %d, %v: it looks whole", path, code, err)
			}
			v.image = was
		}
		v.err = instance.ErrUnavailable
		if code, _, err := ask(http.MethodPost, path, body); code != http.StatusServiceUnavailable || err != nil {
			t.Errorf("%s, unavailable: %d, %v", path, code, err)
		}
		v.err = &instance.FencedError{}
		if code, text, err := ask(http.MethodPost, path, body); code != http.StatusConflict || !strings.Contains(text, `"fenced"`) || err != nil {
			t.Errorf("%s, fenced: %d %s, %v", path, code, text, err)
		}
	}
	if v.phrase != "p" {
		t.Errorf("the passphrase is %q", v.phrase)
	}
}

func TestVaultImport(t *testing.T) {
	v := &vault{}
	ask := serveVault(t, v)
	body := strings.Repeat("x", 3<<20) // more than other requests may have
	phrase := base64.StdEncoding.EncodeToString([]byte("pass\nphrase ü"))
	code, text, err := ask(http.MethodPost, "/api/v1/import?name=desk", body, api.PassphraseHeader, phrase)
	if code != http.StatusCreated || len(v.got) != len(body) || v.phrase != "pass\nphrase ü" || !strings.Contains(text, `"desk"`) || err != nil {
		t.Errorf("%d %s, %d bytes, %q, %v", code, text, len(v.got), v.phrase, err)
	}
	if code, _, err := ask(http.MethodPost, "/api/v1/import", "", api.PassphraseHeader, "!"); code != http.StatusBadRequest || err != nil {
		t.Errorf("no base64: %d, %v", code, err)
	}
	v.err = &api.RefusedError{Problem: "not here"}
	if code, text, err := ask(http.MethodPost, "/api/v1/import", ""); code != http.StatusConflict || !strings.Contains(text, "not here") || err != nil {
		t.Errorf("refused: %d %s, %v", code, text, err)
	}
}
