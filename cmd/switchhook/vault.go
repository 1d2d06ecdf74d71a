package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/switchhook/switchhook/cmd/switchhook/internal/cli"
	"github.com/switchhook/switchhook/seal"
	"github.com/switchhook/switchhook/store"
	"github.com/switchhook/switchhook/whatsapp/devicestore"
)

func newKey(file string) (id string, err error) {
	key := seal.NewKey()
	return key.ID(), seal.WriteFile(file, key)
}

func readKey(file string) (text string, err error) {
	key, err := seal.ReadFile(file)
	return key.Text(), err
}

// checkExport opens all of an exported file.
func checkExport(file, passphrase string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	r, err := seal.NewReader(f, passphrase)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	if err != nil {
		return fmt.Errorf("the file that was written does not open: %w", err)
	}
	return nil
}

func examine(file string) (cli.Database, error) {
	sum, err := store.Examine(file)
	if err != nil {
		return cli.Database{}, err
	}
	return database(file, sum)
}

func database(file string, sum store.Summary) (d cli.Database, err error) {
	d = cli.Database{File: file, Network: sum.Network, Bytes: sum.Bytes, Instances: sum.Instances, Events: sum.Events}
	if len(sum.Keys) > 0 {
		if d.Keys, err = seal.KeyIDs(sum.Keys); err != nil {
			return d, fmt.Errorf("%s: %w", file, err)
		}
	}
	return d, nil
}

func restore(backup, dataDir string) (cli.RestoredDatabase, error) {
	path := filepath.Join(dataDir, "switchhook.db")
	r, err := store.Restore(backup, path, devicestore.Ratchet)
	if err != nil {
		return cli.RestoredDatabase{}, err
	}
	d, err := database(path, r.Summary)
	return cli.RestoredDatabase{Database: d, Streams: r.Streams, Dropped: r.Dropped}, err
}
