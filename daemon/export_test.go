package daemon

import "github.com/switchhook/switchhook/instance"

// Wrap replaces the driver of a daemon that has no instance and does not run yet.
func (d *Daemon) Wrap(with func(instance.Driver) instance.Driver) {
	d.fleet.driver = with(d.fleet.driver)
}
