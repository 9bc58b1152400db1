# Nova's commands; `make` alone lists them. CONTRIBUTING.md says more.
.DEFAULT_GOAL := help
.PHONY: help build run test bench faults lint fmt migrate menu-lint fuzz check

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LINT     = go tool -modfile=.ci/tools/go.mod golangci-lint
# What to test, and what else to tell go test: make test PKG=./core/ledger ARGS='-run Hold -v'
PKG     ?= ./...
ARGS    ?=
FUZZTIME ?= 30s
SEEDS   ?= 6
# The race detector needs a C compiler. In CI every test's line is shown, and a skip is a failure.
RACE     = $(shell command -v $$(go env CC | cut -d' ' -f1) >/dev/null 2>&1 && echo -race)
VERBOSE  = $(if $(CI),-v)

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/nova
	CGO_ENABLED=0 go build -v -buildvcs=false -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/nova ./cmd/nova

run: build ## Install what is missing, and run Nova here with demo data
	@bin/nova dev install && exec bin/nova dev

test: build ## Run every test with a PostgreSQL and Redis of its own
	@$(if $(RACE),,echo 'no C compiler is installed: the race detector stays off' >&2;$(if $(CI),exit 1;)) bin/nova dev install postgres redis chromium
	$(if $(RACE),CGO_ENABLED=1 )bin/nova dev exec -- go test $(RACE) -shuffle=on -count=1 -timeout=10m $(VERBOSE) $(ARGS) $(PKG)

bench: build ## Measure against bare ceilings, into .nova/bench.json
	@bin/nova dev install postgres redis && bin/nova bench $(ARGS)

faults: build ## Break things under load, SEEDS times (6), and prove the books
	@bin/nova dev install postgres redis && bin/nova faults --seeds $(SEEDS) $(ARGS)

lint: ## Check the code's form and the house rules
	$(LINT) run $(PKG)

fmt: ## Put the code's form right
	$(LINT) fmt $(PKG)

migrate: build ## Bring the database that DATABASE_URL names up to date
	@bin/nova migrate

menu-lint: build ## Prove the menus: sizes, ways out, languages, money's steps
	@bin/nova menu lint

fuzz: ## Run each fuzz target for FUZZTIME (30s)
	@.ci/fuzz $(FUZZTIME)

check: lint test menu-lint ## Do all that CI does
