# `make` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GOLANGCI_LINT_VERSION := v2.15.0
GOFUMPT_VERSION := v0.12.0
GOVULNCHECK_VERSION := v1.8.0

BIN := $(CURDIR)/.bin
GOLANGCI_LINT ?= $(BIN)/golangci-lint
GOFUMPT ?= $(BIN)/gofumpt
GOVULNCHECK ?= $(BIN)/govulncheck

PACKAGES ?= ./...
# A number of runs, not a time: when the time is up in the middle of a run, the
# fuzzing engine sometimes reports its own deadline as a failure.
FUZZTIME ?= 10000x

# The race detector needs a C compiler. It does not watch the client library's socket,
# which races with itself where a connection is cut: it is closed while its reader, or
# a ping, still looks at it.
RACE := $(shell command -v "$$(go env CC)" >/dev/null && echo -race -gcflags=go.mau.fi/whatsmeow/socket=-race=false)

##@ Try

.PHONY: demo
demo: ## watch a connection live, in the sandbox
	go run ./cmd/switchhook demo

.PHONY: build
build: ## build the binary, ./switchhook
	CGO_ENABLED=0 go build -trimpath -o switchhook ./cmd/switchhook

# The long tests of faults: they cut hundreds of connections, and run without the
# detector, which would take five times as long over them.
UNRACED := '^(TestFaults|TestCommandsDuringFaults|TestSoak)$$'

# Modules of their own: CAMS's clients for Go, with what they depend on, and an example of
# a client of Tencent Chat's, which depends on nothing.
CAMS_CLIENTS := docs/cams-clients/go
CHAT_CLIENT := docs/tencent-clients/go

##@ Test

.PHONY: test
test: ## run every test, with the race detector if there is a C compiler
	$(if $(RACE),,@echo "no C compiler ($$(go env CC)): testing without the race detector")
	go test $(RACE) -timeout 20m $(PACKAGES)
	$(if $(RACE),go test -timeout 10m -run $(UNRACED) ./whatsapp)
	go -C $(CAMS_CLIENTS) test ./...
	go -C $(CHAT_CLIENT) test ./...

.PHONY: check
check: fmt-check vet lint fuzz vuln $(if $(filter Linux,$(shell uname)),bench-connections-short bench-postback-short) ## everything else that CI runs, after test

.PHONY: lint
lint: $(GOLANGCI_LINT) ## run golangci-lint
	$(GOLANGCI_LINT) run $(PACKAGES)

.PHONY: vet
vet: ## run go vet
	go vet $(PACKAGES)
	go -C $(CAMS_CLIENTS) vet ./...
	go -C $(CHAT_CLIENT) vet ./...

.PHONY: fuzz
fuzz: ## run every fuzz target FUZZTIME (10000x) times
	@go test -list '^Fuzz' $(PACKAGES) \
	| awk '/^Fuzz/ { name[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, name[i]; n = 0 }' \
	| while read -r package name; do \
		echo "fuzz $$package $$name"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$package" </dev/null; \
	done

.PHONY: vuln
vuln: $(GOVULNCHECK) ## look for known vulnerabilities, if their database can be reached
	@status=0; out=$$($(GOVULNCHECK) $(PACKAGES) 2>&1) || status=$$?; echo "$$out"; \
	if [[ $$status -ne 0 && $$out == *"fetching vulnerabilities: Get "* ]]; then \
		echo; \
		echo "NOTICE: the vulnerability database cannot be reached; nothing was checked."; \
		exit 0; \
	fi; \
	exit $$status

.PHONY: bench
bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem $(PACKAGES)

N ?= 5000
BUDGET ?= 500

.PHONY: bench-connections
bench-connections: ## measure N (5000) connections that may make BUDGET (500) dials a second
	go run ./internal/bench connections -n $(N) -budget $(BUDGET)

# It asserts that all connections come up and come back, and no time.
.PHONY: bench-connections-short
bench-connections-short: ## the same with 100, for CI: that it works, not how fast
	go run ./internal/bench connections -n 100 -budget 50 -idle 2s -outage 2s

RATE ?= 1000
INSTANCES ?= 200

.PHONY: bench-messages
bench-messages: ## measure RATE (1000) texts a second to INSTANCES (200), for a minute
	go run ./internal/bench messages -n $(INSTANCES) -rate $(RATE) -for 60s

# It asserts that each text is acknowledged and once in the log, and no time.
.PHONY: bench-messages-short
bench-messages-short: ## the same with 20 and 100 a second: that it works, not how fast
	go run ./internal/bench messages -n 20 -rate 100 -for 3s

.PHONY: bench-postback
bench-postback: ## measure the way from a transition to its receiver, about 25 minutes
	go run ./internal/bench postback

# It asserts that every event arrives, in order and once, and no time.
.PHONY: bench-postback-short
bench-postback-short: ## the same with small numbers, for CI: that it works, not how fast
	go run ./internal/bench postback -short

KILLS ?= 200
MESSAGE_KILLS ?= 100
QRDL_KILLS ?= 50
PROFILE_KILLS ?= 50
STEPS ?= 10000

.PHONY: soak
soak: ## the long proofs: kill the daemon, play every command in every fault, roll the dice
	SWITCHHOOK_TEST_KILLS=$(KILLS) SWITCHHOOK_TEST_MESSAGE_KILLS=$(MESSAGE_KILLS) \
	SWITCHHOOK_TEST_QRDL_KILLS=$(QRDL_KILLS) SWITCHHOOK_TEST_PROFILE_KILLS=$(PROFILE_KILLS) \
		go test -count=1 -timeout 60m -v -run '^TestKill' ./daemon
	SWITCHHOOK_TEST_MATRIX=full SWITCHHOOK_TEST_SOAK=$(STEPS) \
		go test -count=1 -timeout 60m -v -run $(UNRACED) ./whatsapp | grep -Ev '^ *(=== |--- PASS: .*/)'

##@ Write

.PHONY: fmt
fmt: $(GOFUMPT) ## format the code
	$(GOFUMPT) -w .

.PHONY: fmt-check
fmt-check: $(GOFUMPT) ## list files that are not formatted
	@files=$$($(GOFUMPT) -l .); [[ -z $$files ]] || { echo "run make fmt; not formatted:"; echo "$$files"; exit 1; }

.PHONY: generate
generate: ## write the generated files anew, such as the state diagrams
	go generate $(PACKAGES)

.PHONY: install-tools
install-tools: $(BIN)/golangci-lint $(BIN)/gofumpt $(BIN)/govulncheck ## install the pinned tools into .bin

# A tool is installed when it is first needed, and again when its version here
# changes: the mark's name holds the version.
$(BIN)/golangci-lint: $(BIN)/.golangci-lint-$(GOLANGCI_LINT_VERSION)
$(BIN)/gofumpt: $(BIN)/.gofumpt-$(GOFUMPT_VERSION)
$(BIN)/govulncheck: $(BIN)/.govulncheck-$(GOVULNCHECK_VERSION)

$(BIN)/.golangci-lint-%:
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$*
	@touch $@

$(BIN)/.gofumpt-%:
	GOBIN=$(BIN) go install mvdan.cc/gofumpt@$*
	@touch $@

$(BIN)/.govulncheck-%:
	GOBIN=$(BIN) go install golang.org/x/vuln/cmd/govulncheck@$*
	@touch $@

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-23s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
