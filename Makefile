# Regate's house: run it, test it, measure it, lint it, read its docs.

CARGO ?= cargo

.PHONY: run test bench lint docs needs

# Builds the release and starts everything in one process on embedded defaults.
run:
	$(CARGO) run --release --quiet -p regate -- run

# What the tests need beside Rust and a C compiler: installed if that is permitted, named if it is not.
needs:
	tests/install-needs haproxy socat curl python3 dnsmasq tmux nc hatop

# Builds what scenarios start, then runs every test.
test: needs
	$(CARGO) build --workspace --bins
	$(CARGO) test --workspace

# Regate, Debian's HAProxy and nginx under one load. ARGS="--quick" for a look, ARGS="--help" for the rest.
bench:
	tests/install-needs haproxy
	-tests/install-needs nginx
	$(CARGO) build --release --workspace --bins
	$(CARGO) run --release --quiet -p regate-tests --bin bench -- $(ARGS)

lint:
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings -D missing_docs" $(CARGO) doc --workspace --no-deps --document-private-items --quiet

docs:
	$(CARGO) doc --workspace --no-deps
	@echo "target/doc/regate/index.html"
