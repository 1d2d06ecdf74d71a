package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/cmd/switchhook/internal/cli"
	"github.com/switchhook/switchhook/configs"
	"github.com/switchhook/switchhook/daemon"
	"github.com/switchhook/switchhook/demo"
	"github.com/switchhook/switchhook/sandbox"
)

// commands ties the command line to the rooms.
func commands() cli.Commands {
	var faults []api.FaultKind
	for _, k := range sandbox.FaultKinds() {
		faults = append(faults, api.FaultKind{Name: string(k.Kind), What: k.About, Targets: k.Targets, Options: k.Options})
	}
	return cli.Commands{
		Serve: serve,
		Demo: func(ctx context.Context, o cli.DemoOptions) error {
			return demo.Run(ctx, demo.Options{Out: o.Out, Colour: o.Colour, Stay: o.Stay, Version: version()})
		},
		SandboxServe: serveSandbox,
		ConfigSample: configs.Sample,
		ConfigCheck: func(file string) error {
			_, err := configs.Load(file, os.Environ())
			return err
		},
		NewKey: newKey, ReadKey: readKey, CheckExport: checkExport, Examine: examine, Restore: restore,
		DefaultDataDir: configs.DefaultDataDir,
		Faults:         faults,
		Version:        version(),
	}
}

// version is the module's version as the toolchain stamped it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func serve(ctx context.Context, o cli.ServeOptions) error {
	cfg, err := configs.Load(o.ConfigFile, os.Environ())
	if err != nil {
		return err
	}
	if o.DataDir != "" {
		if cfg.DataDir, err = filepath.Abs(o.DataDir); err != nil {
			return fmt.Errorf("--data: %w", err)
		}
	}
	if o.Listen != "" {
		cfg.Listen = o.Listen
	}
	if o.Sandbox {
		cfg.Network = configs.NetworkSandbox
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	d, err := daemon.New(daemon.Options{Config: cfg, Version: version(), Log: logger(o.Log, cfg.Log)})
	if err != nil {
		return err
	}
	go daemon.KeepSmall(ctx)
	return d.Run(ctx)
}

func logger(w io.Writer, c configs.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == configs.LogJSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func serveSandbox(ctx context.Context, o cli.SandboxOptions) (err error) {
	if at, err := netip.ParseAddrPort(o.Listen); err != nil || !at.Addr().IsLoopback() {
		return errors.New("a sandbox trusts whoever reaches it: --listen must be a loopback address such as 127.0.0.1:8090")
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w: choose another with --data", err)
	}
	n, err := sandbox.Open(sandbox.Config{
		StateFile: filepath.Join(o.DataDir, "sandbox.db"), Log: logger(o.Log, configs.Default().Log),
	})
	if err != nil {
		return fmt.Errorf("%s: %w: stop what uses it, or move it away to begin with new phones", filepath.Join(o.DataDir, "sandbox.db"), err)
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("%w: choose another address with --listen", err)
	}
	if _, err := fmt.Fprintf(o.Out, "The sandbox listens. For daemons: network: sandbox, sandbox.url: http://%s\n", l.Addr()); err != nil {
		return errors.Join(err, l.Close())
	}
	return n.Serve(ctx, l)
}
