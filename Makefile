# make demo    watch payments leave through the queue      make test    all checks, as CI runs them
# make cli     see and steer tasks from a terminal: make cli ARGS="doctor"
# make example    the same idea in 150 lines: Examples/OutgoingPayments
# make http-intake    an HTTP API that takes orders once, and believes signed webhooks only: Examples/HTTPIntake
# make order-events    an outbox: events in order although their receiver fails
# make nightly-report    "every night at 3" on any number of servers: Examples/NightlyReport
# make schedules    one task per slot over SLOTS=10000 while processes are killed; how late 100,000 schedules are
# make build   build everything      make lint / format    check / fix the formatting
# make bulk-import      rows of 500 tasks in one transaction: Examples/BulkImport
# make fan-out         a flow with a thousand children, and its progress: Examples/FanOut
# make limits-example    two at a time per customer, one after the other per account, ten per second to the bank: Examples/Limits
# make dashboard    pages for the people who run a queue, on a queue with something of everything: Examples/Dashboard
# make dashboard-pictures    each of its pages in headless Chromium: widths, colours, contrast, keyboard; pictures for the docs
# make why-not-running    what the queue says of tasks that do not run: Examples/WhyNotRunning
# make sign-up    a trial of 14 days in one handler: Examples/SignUp (ARGS="60" for one of a minute)
# make order    stock, payment, shipping, and undone in reverse: Examples/Order
# make approval    a person decides, or another one: Examples/Approval
# make bench   speed, latency and cost beside raw SQL, in a release build; ARGS="--quick" for less than a minute
# make bench-flat    throughput under a held snapshot, 10 million pending tasks and the like; takes 20 minutes
# make harness    our adapter for an outside benchmark of PostgreSQL queues, by its protocol: benchmarks/README.md
# make bench-flow-peers    steps per second of flows beside Absurd and DBOS (from PyPI), in the same run; ARGS="--rounds 5"
# make bench-scale   1, 2 and 4 processes, ARGS="--pgbouncer"      make bench-soak    memory, over 20 minutes
# make docs    build the documentation, and compile its samples      make consumer    what an app that uses the package resolves, and that it builds
#
# make failover   20,000 tasks while a standby takes over from a killed and from a frozen primary; TASKS=100000
#
# make faults   a frozen server, half-open sockets, a full disk and 15 more: what each does, and for how long
#               TABLE=faults.md for the table as a file, FAULTS="cut off" for one of them
#
# make chaos   5,000 payments while servers and the database are killed; ARGS="--payments 500 --seed 7"
#
# make flows    flows of eight steps while processes are killed: TASKS=100000
# make operate-scale   what people's looks cost the database and a worker, with ROWS=1000000 live, as many dead, and ten times as many done;
#                      ARGS="--only first,pages" for parts of it
# make limits   limits while processes are killed: TASKS=1000000      make rates   10, 100 and 1,000 per second: SECONDS_EACH=30
#
# make simulate   the engine in virtual trouble; ARGS="--seeds 100000", ARGS="--seed 7" for one with its history
#
# ARGS are handed to the demo, the chaos, the simulation and the benchmarks: make demo ARGS="--help"

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Our warnings are errors; SwiftPM leaves the dependencies' ones alone.
STRICT := -Xswiftc -warnings-as-errors
# Empty by default, so that the demo also builds with a newer compiler that knows more warnings.
DEMO_BUILD_FLAGS ?=
ARGS ?=
TASKS ?= 20000
FAULTS ?= all
SLOTS ?= 10000
SECONDS_EACH ?= 30
ROWS ?= 1000000
TABLE ?=

HARNESS := benchmarks/taskqueue-bench
FORMATTED := Package.swift Sources Tests Examples migrations scripts/samples \
  $(addprefix $(HARNESS)/, Package.swift Sources Tests)

# See Package.swift.
COMMAND := $(if $(filter Darwin,$(shell uname)),taskqueue-cli,taskqueue)

.PHONY: help demo cli example bulk-import fan-out http-intake order-events nightly-report schedules chaos failover faults limits flows rates operate-scale limits-example dashboard dashboard-pictures why-not-running sign-up order approval simulate test bench bench-flat bench-scale bench-soak bench-flow-peers harness lint docs consumer format build bootstrap

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

bootstrap:
	@scripts/bootstrap

cli: bootstrap
	@swift build $(DEMO_BUILD_FLAGS) --product $(COMMAND) 1>&2
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/$(COMMAND)" $(ARGS)

demo: bootstrap
	@echo "Building the demo (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product payments
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/payments" demo $(ARGS)

example: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product OutgoingPayments
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/OutgoingPayments" $(ARGS)

http-intake: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product HTTPIntake
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/HTTPIntake"

order-events: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product OrderEvents
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/OrderEvents" $(ARGS)

nightly-report: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product NightlyReport
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/NightlyReport" $(ARGS)

schedules: bootstrap build
	@TASKQUEUE_SCHEDULE_SLOTS=$(SLOTS) TASKQUEUE_SCHEDULES=100000 TASKQUEUE_SCHEDULES_SECONDS=60 \
	  swift test --skip-build --no-parallel $(STRICT) --filter ScheduleKillTests

limits-example: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product LimitsExample
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/LimitsExample" $(ARGS)

why-not-running: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product WhyNotRunning
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/WhyNotRunning" $(ARGS)

dashboard: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product DashboardExample
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/DashboardExample" $(ARGS)

dashboard-pictures: bootstrap
	@scripts/dashboard-pictures $(ARGS)

sign-up: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product SignUp
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/SignUp" $(or $(ARGS),2)

order: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product Order
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/Order" $(ARGS)

approval: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product Approval
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/Approval" $(ARGS)

bulk-import: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product BulkImport
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/BulkImport" $(ARGS)

fan-out: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product FanOut
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/FanOut" $(ARGS)

chaos: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build $(DEMO_BUILD_FLAGS) --product payments
	@exec "$$(swift build $(DEMO_BUILD_FLAGS) --show-bin-path)/payments" chaos $(ARGS)

simulate: bootstrap
	@echo "Building for release (the first time takes some minutes) …"
	@swift build -c release --product simulate
	@exec "$$(swift build -c release --show-bin-path)/simulate" $(ARGS)

build: bootstrap
	@echo "Building (the first time takes some minutes) …"
	@swift build --build-tests $(STRICT)

test: bootstrap lint build
	@echo "Testing …"
	@scripts/run-tests $(STRICT)

failover: bootstrap build
	@TASKQUEUE_FAILOVER_TASKS=$(TASKS) swift test --skip-build --no-parallel $(STRICT) --filter FailoverTests

limits: bootstrap build
	@TASKQUEUE_LIMIT_TASKS=$(TASKS) swift test --skip-build --no-parallel $(STRICT) --filter LimitRunTests

operate-scale: bootstrap
	@scripts/operate-scale --rows $(ROWS) $(ARGS)

flows: bootstrap build
	@TASKQUEUE_FLOWS=$(TASKS) swift test --skip-build --no-parallel $(STRICT) --filter FlowKillTests

rates: bootstrap build
	@TASKQUEUE_RATE_SECONDS=$(SECONDS_EACH) swift test --skip-build --no-parallel $(STRICT) --filter RateRunTests

faults: bootstrap build
	@TASKQUEUE_FAULTS="$(FAULTS)" TASKQUEUE_FAULTS_TABLE="$(TABLE)" \
	  swift test --skip-build --no-parallel $(STRICT) --filter '^FaultTests\.'

bench: SUBCOMMAND := suite
bench-flat: SUBCOMMAND := flat
bench-scale: SUBCOMMAND := scale
bench-soak: SUBCOMMAND := soak
bench bench-flat bench-scale bench-soak: bootstrap
	@echo "Building for release (the first time takes some minutes) …"
	@swift build -c release --product TaskQueueBench
	@exec "$$(swift build -c release --show-bin-path)/TaskQueueBench" $(SUBCOMMAND) \
	  --thresholds benchmarks/thresholds.json $(ARGS)

bench-flow-peers: bootstrap
	@echo "Building for release (the first time takes some minutes) …"
	@swift build -c release --product TaskQueueBench
	@exec benchmarks/flow-peers --taskqueue-bench "$$(swift build -c release --show-bin-path)/TaskQueueBench" $(ARGS)

# A package of its own: what it builds is not what `make build` has built.
harness: bootstrap
	@echo "Building the adapter (the first time takes some minutes) …"
	@swift build --package-path $(HARNESS) --build-tests $(STRICT)
	@swift test --package-path $(HARNESS) --skip-build --no-parallel $(STRICT)

lint:
	@echo "Checking the formatting …"
	@swift format lint --strict --parallel --recursive $(FORMATTED)
	@scripts/check-readme
	@scripts/check-layers

docs: bootstrap
	@CHECK_DOCS_BUILD_FLAGS="$(STRICT)" scripts/check-docs
	@CHECK_DOCS_BUILD_FLAGS="$(STRICT)" CHECK_SAMPLES_NO_BUILD=1 scripts/check-samples

consumer:
	@scripts/check-consumer

format:
	@swift format --in-place --parallel --recursive $(FORMATTED)
