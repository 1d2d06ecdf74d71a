package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api/client"
)

// Database is what a database file says of itself, without its key.
type Database struct {
	File      string   `json:"file"`
	Network   string   `json:"network"`
	Bytes     int64    `json:"bytes"`
	Instances int      `json:"instances"`
	Events    int      `json:"events"`
	Keys      []string `json:"keys"` // ids of the keys that open it
}

// RestoredDatabase is what a restore has done.
type RestoredDatabase struct {
	Database

	Streams int `json:"streams"` // whose event ids begin a new epoch
	Dropped int `json:"dropped"` // keys that must not be used twice
}

func (a *app) backup() *cobra.Command {
	var force bool
	c := a.ask("backup FILE [--force]", "take a consistent copy of the database while the daemon runs", func(ctx context.Context, cl *client.Client, args []string) error {
		out, err := newOutFile(args[0], force)
		if err != nil {
			return err
		}
		defer out.discard()
		if _, err := cl.Backup(ctx, out); err != nil {
			return err
		}
		var db Database
		err = out.keep(func(path string) (err error) {
			db, err = a.Examine(path)
			return err
		})
		if err != nil {
			return err
		}
		db.File = args[0]
		if a.json {
			return a.document(db)
		}
		return a.say("%s: %s, %s, %s, every page checked. It opens with the key %s, which is not in it.",
			db.File, counted(db.Instances, "instance"), counted(db.Events, "event"), size(db.Bytes), list(db.Keys))
	})
	c.Long = "Copies the database into a new file of mode 0600, checks every page of the copy, and only then gives it its name. The\n" +
		"copy is sealed as the database is: keep the key elsewhere. switchhook restore makes a data directory of it."
	c.Flags().BoolVar(&force, "force", false, "overwrite FILE")
	return c
}

func (a *app) restore() *cobra.Command {
	c := command("restore FILE [--data DIR]", "make a data directory of a backup", func(_ *cobra.Command, args []string) error {
		dir := a.dataDir()
		if dir == "" {
			return errors.New("no home directory is known: name the new data directory with --data")
		}
		if _, err := os.Stat(args[0]); err != nil {
			return fmt.Errorf("%w: give the file that switchhook backup has written", fileProblem(args[0], err))
		}
		if err := emptyDir(dir); err != nil {
			return err
		}
		r, err := a.Restore(args[0], dir)
		if err != nil {
			return err
		}
		if a.json {
			return a.document(r)
		}
		verb := "are"
		if r.Dropped == 1 {
			verb = "is"
		}
		return a.say("%s holds %s and %s, and opens with the key %s: put it there or name it in the configuration, then start the daemon.\n"+
			"The event ids of %s begin a new epoch; %s that must not be used twice %s forgotten, so the first message of a chat may arrive after a retry.\n"+
			"The daemon dials for every linked instance as soon as it starts.\n"+
			"The daemon it was copied from must not run again: both would fight over the sessions.",
			r.File, counted(r.Instances, "instance"), counted(r.Events, "event"), list(r.Keys), counted(r.Streams, "stream"), counted(r.Dropped, "key"), verb)
	})
	c.Long = "Makes a data directory of a backup: DIR must be empty or new, and no daemon may run there. The backup itself is not\n" +
		"changed. Its key is not needed now, but to start the daemon.\n\n" +
		"What happened after the backup is lost. Whatever of it others have seen is kept apart: events get ids of a new epoch,\n" +
		"and the keys that change with every message are agreed upon anew. An instance that was exported after the backup was\n" +
		"taken is not fenced in it, and the daemon dials for it as soon as it starts: if it runs elsewhere, start the daemon on a\n" +
		"machine without a way to the internet, and delete the instance there first."
	return c
}

// emptyDir makes a directory, or finds it empty. A key that was put there
// already does not count.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, e := range entries {
		if e.Name() != "store.key" {
			return fmt.Errorf("%s is not empty (%s): restore into a new directory, named with --data", dir, e.Name())
		}
	}
	return nil
}

func list(keys []string) string {
	switch len(keys) {
	case 0:
		return "none: it is not sealed"
	case 1:
		return keys[0]
	default:
		return keys[len(keys)-1] + " (or an older one)"
	}
}
