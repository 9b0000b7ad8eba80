# The commands of this project; `make` without a target lists them.

# Which servers the tests run against.
SERVERS ?= redis-7.0 redis-8.2 valkey-8.1 valkey-9.1
# Where `make eval` finds its sets.
DATA ?= ../shared/data
export SERVERS INPUT PORT DATA

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))

.PHONY: help run serve build cli check test test-debug soak bench bench-quick bench-growth bench-peers eval docs dist deb wheel try-commands test-packages test-docs test-containers

help: ## Lists the commands (as `make` without a target does)
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/make \1	\2/p' Makefile | expand -t 24

run: ## Finds near-duplicates in real text; INPUT=a directory or a file of JSON lines
	@scripts/run.sh

serve: ## Keeps a server with the module running until Ctrl-C; PORT=6379 chooses its port
	@scripts/serve.sh

build: ## Builds the module: target/release/libsimile.so
	@scripts/install-packages.sh build
	cargo build --release --lib

cli: ## Builds the command-line tool: target/release/simile
	@scripts/install-packages.sh build
	cargo build --release -p simile-cli

check: ## Checks formatting, lints and documentation, with warnings denied
	@scripts/install-packages.sh build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
	@scripts/python.sh types

test: ## Runs every test on every server; SERVERS=redis-7.0 narrows it
	@scripts/install-packages.sh build serve
	@scripts/install-servers.sh $(SERVERS)
	@scripts/install-clients.sh
	cargo build --release --lib
	SIMILE_MODULE='$(TARGET)/release/libsimile.so' cargo test --workspace --no-fail-fast
	python3 -m unittest discover --start-directory benches/peers
	python3 -m unittest discover --start-directory benches

test-debug: ## Runs the tests of commands, persistence and replication with a debug build, whose assertions check invariants
	@scripts/install-packages.sh build serve
	@scripts/install-servers.sh $(SERVERS)
	cargo build --lib
	SIMILE_MODULE='$(TARGET)/debug/libsimile.so' cargo test --test server --no-fail-fast -- \
		commands:: churn differential hostile persistence random_commands replication

soak: ## Runs the long tests, and a short run under valgrind; less than half an hour
	@scripts/install-packages.sh build serve valgrind
	@scripts/install-servers.sh $(SERVERS)
	cargo build --release --lib
	SIMILE_MODULE='$(TARGET)/release/libsimile.so' tests/soak/run.sh

bench: ## Compares this module with Lua on built-in types: docs/benchmarks.md; a quarter of an hour
	@scripts/install-packages.sh build serve valgrind
	cargo build --release --lib
	SIMILE_MODULE='$(TARGET)/release/libsimile.so' cargo bench --bench server
	benches/given_back.py '$(TARGET)/release/libsimile.so'
	benches/misses.py
	benches/report.py

bench-quick: ## The same with less work; fails if a row reaches less than half of its target
	@scripts/install-packages.sh build serve
	cargo build --release --lib
	SIMILE_MODULE='$(TARGET)/release/libsimile.so' cargo bench --bench server -- --quick $(BENCH)

bench-growth: ## Lets a scope grow to 20 million items: docs/scaling.md; at most 25 minutes and 18 GB
	@scripts/install-packages.sh build serve
	@scripts/install-python-packages.sh target/growth redis==8.1.0
	cargo build --release --lib
	SIMILE_MODULE='$(TARGET)/release/libsimile.so' cargo bench --bench server -- --growth $(BENCH)
	PYTHONPATH=target/growth:clients/python/src benches/fan_out.py '$(TARGET)/release/libsimile.so' $(filter --quick,$(BENCH))
	benches/scaling.py $(if $(filter --quick,$(BENCH)),target/growth-quick.json target/growth-fan-out-quick.json target/growth-quick)

bench-peers: ## Finds near-duplicates by this module and by other software: docs/benchmarks.md; a few minutes
	@scripts/install-packages.sh build serve
	@scripts/install-python-packages.sh target/peers datasketch==2.0.0 rensa==0.5.0 redis==8.1.0 zstandard==0.25.0
	cargo build --release --package simile --package simile-cli
	PYTHONPATH=target/peers benches/peers/run.py $(BENCH)
	benches/report.py

eval: ## Measures how accurate the answers are on real sets: docs/choosing.md and measurements.md; DATA=their directory
	@scripts/install-packages.sh build serve
	@scripts/eval.sh

docs: ## Builds the documentation as a site: target/book/index.html
	@scripts/docs.sh

test-docs: build ## Looks at the site in Chromium, and at its files for monitoring in Prometheus
	@MODULE='$(TARGET)/release/libsimile.so' scripts/test-docs.sh

dist: build cli ## Makes an archive of the module and the tool, to unpack anywhere: target/packages
	@scripts/package.sh dist

deb: build cli ## Makes a package of both for Debian and Ubuntu: target/packages
	@scripts/package.sh deb

wheel: ## Builds the Python package, as a wheel and its source: target/packages
	@scripts/python.sh wheel target/packages

try-commands: ## Runs every short command of README.md and CONTRIBUTING.md in a clean clone; half an hour
	@scripts/try-commands.sh

test-packages: dist deb ## Unpacks the archive and installs the package, and starts a server with each
	@scripts/install-packages.sh serve
	@tests/packages.sh target/packages/*.tar.gz target/packages/*.deb

test-containers: ## Builds the Dockerfile, and runs docker-compose.yml with podman; needs root, ten minutes
	@tests/containers/run.sh
