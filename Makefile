# make demo    watch payments leave through the queue      make test    all checks, as CI runs them
# make build   build everything      make lint / format    check / fix the formatting
# make bench   a drain beside raw SQL, in a release build
#
# ARGS are handed to the demo and the benchmark: make demo ARGS="--help"

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Our warnings are errors; SwiftPM leaves the dependencies' ones alone.
STRICT := -Xswiftc -warnings-as-errors
# Empty by default, so that the demo also builds with a newer compiler that knows more warnings.
DEMO_BUILD_FLAGS ?=
ARGS ?=

FORMATTED := Package.swift Sources Tests Examples migrations

.PHONY: help demo test bench lint format build bootstrap

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

bootstrap:
	@scripts/bootstrap

demo: bootstrap
	@echo "Building the demo (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product payments
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/payments" demo $(ARGS)

build: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build --build-tests $(STRICT)

# One test at a time: the fault tests need the machine for themselves.
test: bootstrap lint build
	@echo "Testing …"
	@swift test --skip-build --no-parallel $(STRICT)

bench: bootstrap
	@echo "Building for release (the first time takes some minutes) …"
	@swift build -c release --product taskqueue-bench
	@exec "$$(swift build -c release --show-bin-path)/taskqueue-bench" $(ARGS)

lint:
	@echo "Checking the formatting …"
	@swift format lint --strict --parallel --recursive $(FORMATTED)
	@scripts/check-readme

format:
	@swift format --in-place --parallel --recursive $(FORMATTED)
