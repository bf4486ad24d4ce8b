# The two commands that matter. `cargo xtask help` lists what developers use.

.PHONY: run test check prepare

# Backs up a real directory of this machine through SSH into ./demo, restores it and compares.
run: prepare
	cargo xtask demo

# Everything: layers and habits, then all tests. What cannot run on this machine is listed at the end.
test: prepare
	cargo xtask tidy
	cargo xtask test

# What must pass before a merge: the same, and formatting, lints and documentation.
check: prepare
	cargo xtask check

prepare:
	@scripts/prepare
