// The example needs nothing but the standard library, and nothing of the daemon.
module github.com/switchhook/switchhook/docs/tencent-clients/go

go 1.26.0
