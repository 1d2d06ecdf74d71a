package daemon_test

import "testing"

// TestFaultsThatCannotBe are refused with the command that would do.
func TestFaultsThatCannotBe(t *testing.T) {
	d := runDaemon(t, shortDir(t), nil)
	d.add("new", "")
	d.pair("shop", "")
	fails(t, `unknown fault kind "replced": there are drop, `, "sandbox", "fault", "new", "replced", "--data", d.dir)
	fails(t, "switchhook sandbox fault --network no-upgrade, and then link", "sandbox", "fault", "new", "no-upgrade", "--data", d.dir)
	fails(t, "let it show one with switchhook link new", "sandbox", "fault", "new", "drop", "--data", d.dir)
	fails(t, "give its NAME in place of --network", "sandbox", "fault", "--network", "drop", "--data", d.dir)
	must(t, "instance", "close", "shop", "--data", d.dir)
	fails(t, "lay a fault of the dial or the login", "sandbox", "fault", "shop", "drop", "--data", d.dir)
	fails(t, "--code must be the number", "sandbox", "fault", "shop", "refuse-402", "--code", "0", "--data", d.dir)
	must(t, "sandbox", "fault", "shop", "refuse-402", "--code", "104", "--expire", "90s", "--data", d.dir)
	fails(t, "(temporary_ban): ", "instance", "restore", "shop", "--data", d.dir)
	must(t, "sandbox", "fault", "shop", "no-upgrade", "--times", "-1", "--data", d.dir)
	fails(t, "(network); it is tried again by itself at ", "instance", "restore", "shop", "--data", d.dir)
	must(t, "sandbox", "fault", "shop", "heal", "--data", d.dir)
	must(t, "instance", "restore", "shop", "--data", d.dir)
}
