# The four things one does here. Everything else is `cargo xtask`.

TARGET := $(or $(CARGO_TARGET_DIR),target)
# As `console/package.json` has it.
NODE_MIN := 20.19

.PHONY: up console test fmt lint

# Builds the console where it can, and Entente, and starts it on ./entente-data.
# Flags: make up ARGS="--s3-listen 127.0.0.1:9999"
up: console
	cargo build --release -p server --locked
	exec $(TARGET)/release/entente up $(ARGS)

# The console's page goes into the binary. Without Node everything else works, and its port says what is missing.
console:
	@if [ ! -f console/package.json ]; then :; \
	elif ! command -v node >/dev/null || ! command -v npm >/dev/null || \
		! { echo v$(NODE_MIN); node --version; } | sort -V -C; then \
		echo "The console is left out: it is built with Node $(NODE_MIN) or newer and npm. Install both and run this again."; \
	elif [ -f console/dist/index.html ] && [ -z "$$(find console -path console/node_modules -prune -o -path console/dist -prune -o -type f -newer console/dist/index.html -print -quit)" ]; then :; \
	elif (cd console && npm ci --no-audit --no-fund && npm run build); then \
		touch crates/server/src/console.rs; \
	else \
		echo "The console could not be built (see above): Entente is built without it."; \
	fi

# Installs what is missing and runs every test.
test:
	cargo xtask test

fmt:
	cargo fmt --all

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
