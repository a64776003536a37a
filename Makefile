# `make demo` and `make test` do all the set-up they need; the other targets are their parts.
.DEFAULT_GOAL := help
.PHONY: help setup store-setup store demo test bench bench-live package test-package clean

help:
	@echo 'make demo          build, read real captures, load them into a local ClickHouse and ask it something'
	@echo 'make test          format, lints and every test, with the default features and with all of them'
	@echo 'make bench         time the whole program on generated captures (5 GB under target/bench-data)'
	@echo 'make bench-live    loss against rate of a sensor, beside tcpdump and tshark (as root; after `make bench`)'
	@echo 'make package       make a Debian package (target/debian)'
	@echo 'make test-package  install, start, upgrade, remove and purge it under an overlay of this machine (as root)'
	@echo 'make store         run a local ClickHouse in the foreground'
	@echo 'make setup         install missing packages with apt (demo, test, bench do it)'
	@echo 'make store-setup   install the local ClickHouse into target/store-venv (demo, test, store do it)'
	@echo 'make clean         remove what was built, the local ClickHouse and its data'

setup:
	@scripts/setup.sh

store-setup: setup
	@scripts/store.sh setup

store: store-setup
	@scripts/store.sh run --port 8123

demo: store-setup
	@scripts/demo.sh

test: store-setup
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --all-features -- -D warnings
	cargo test
	cargo test --all-features

bench: setup
	cargo bench --bench process

bench-live: setup
	cargo build --release --locked
	benches/live/measure.py

package: setup
	@command -v cargo-deb >/dev/null || cargo install cargo-deb --locked
	cargo deb --locked

test-package: package
	packaging/test.sh "$$(ls -t target/debian/tlsight_*.deb | head -n 1)"

clean:
	cargo clean
