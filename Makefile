# The four things one does here. Everything else is `cargo xtask`.

TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: up test fmt lint

# Builds Entente and starts it on ./entente-data. Flags: make up ARGS="--s3-listen 127.0.0.1:9999"
up:
	cargo build --release -p server --locked
	exec $(TARGET)/release/entente up $(ARGS)

# Installs what is missing and runs every test.
test:
	cargo xtask test

fmt:
	cargo fmt --all

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
