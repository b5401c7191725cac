// swift-tools-version: 6.2

import PackageDescription

// The command line's executable. macOS's file system takes TaskQueue and taskqueue for one name, and both would be built in one directory.
#if os(macOS)
  let taskqueue = "taskqueue-cli"
#else
  let taskqueue = "taskqueue"
#endif

// Whether an app depends on this package by its URL: then what only some products need is not even resolved, unless the app names their traits. In a clone
// all traits are on, so that plain `swift build` and `swift test` do all there is. SwiftPM looks at a version in the repository first, where the directory
// is `/`, then at its checkout. Taken for the wrong one nothing breaks in silence: docs/internals.md says what then happens, and why there is no trait by
// default everywhere instead.
let isDependency = Context.packageDirectory == "/" || Context.packageDirectory.contains("/checkouts/")

let package = Package(
  name: "TaskQueue",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "TaskQueue", targets: ["TaskQueue"]),
    .library(name: "TaskQueueInMemory", targets: ["TaskQueueInMemory"]),
    .library(name: "TaskQueuePostgres", targets: ["TaskQueuePostgres", "TaskQueue", "Libpq"]),
    .library(name: "Outbox", targets: ["Outbox"]),
    .library(name: "TaskQueueTestKit", targets: ["TaskQueueTestKit"]),
    .library(name: "TaskQueueConformance", targets: ["TaskQueueConformance"]),
    .library(name: "EmbeddedPostgres", targets: ["EmbeddedPostgres"]),
    .library(name: "TaskQueueHTTP", targets: ["TaskQueueHTTP", "Libpq"]),
    .library(name: "TaskQueueTracing", targets: ["TaskQueueTracing"]),
    .library(name: "TaskQueuePrometheus", targets: ["TaskQueuePrometheus"]),
    .library(name: "TaskQueueConfiguration", targets: ["TaskQueueConfiguration"]),
    .library(name: "TaskQueueCommands", targets: ["TaskQueueCommands"]),
    .library(name: "TaskQueueDashboard", targets: ["TaskQueueDashboard"]),
  ],
  traits: [
    .trait(name: "Commands", description: "TaskQueueCommands; resolves swift-argument-parser."),
    .trait(
      name: "Configuration",
      description: "TaskQueueConfiguration; resolves swift-configuration and swift-system."
    ),
    .trait(name: "Dashboard", description: "TaskQueueDashboard; resolves Hummingbird and what that brings."),
    .trait(name: "Tracing", description: "TaskQueueTracing; resolves swift-distributed-tracing."),
    .default(enabledTraits: isDependency ? [] : ["Commands", "Configuration", "Dashboard", "Tracing"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: []),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // libpq, PostgreSQL's C client library.
    .systemLibrary(
      name: "CLibpq",
      pkgConfig: "libpq",
      providers: [.apt(["libpq-dev"]), .brew(["libpq"])]
    ),

    // Async Swift client over libpq. Knows nothing of tasks.
    .target(
      name: "Libpq",
      dependencies: ["CLibpq", "DetachedThread", .product(name: "DequeModule", package: "swift-collections")]
    ),

    // API, worker engine, store contract. Knows nothing of PostgreSQL.
    .target(
      name: "TaskQueue",
      dependencies: [
        "DetachedThread", "SeededRandom",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]
    ),

    // A store in the process's memory, for unit tests.
    .target(
      name: "TaskQueueInMemory",
      dependencies: ["TaskQueue", .product(name: "HeapModule", package: "swift-collections")]
    ),

    // The .sql files, embedded in the binary.
    .target(
      name: "TaskQueueMigrations",
      path: "migrations",
      exclude: ["install.sql"],
      resources: [
        .embedInCode("V0001_task_queue.sql"), .embedInCode("V0002_effects.sql"), .embedInCode("V0003_schedules.sql"),
        .embedInCode("V0004_limits.sql"), .embedInCode("V0005_workers.sql"),
        .embedInCode("V0006_flows.sql"), .embedInCode("V0007_results.sql"), .embedInCode("V0008_operations.sql"),
        .embedInCode("V0009_reports.sql"),
        .embedInCode("functions"),
      ]
    ),

    // The durable store and the migrator.
    .target(
      name: "TaskQueuePostgres",
      dependencies: [
        "Libpq", "TaskQueue", "TaskQueueMigrations",
        .product(name: "Logging", package: "swift-log"),
      ]
    ),

    // Events written in the app's own transactions and delivered afterwards, for apps on the durable store.
    .target(
      name: "Outbox",
      dependencies: [
        "Libpq", "TaskQueue", "TaskQueuePostgres",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      resources: [.embedInCode("Migrations/O0001_outbox.sql")]
    ),

    // The one way to start, watch and end a child process.
    .target(name: "ChildProcesses"),

    // A private PostgreSQL cluster in a temporary directory, for tests and demos.
    .target(name: "EmbeddedPostgres", dependencies: ["ChildProcesses"]),

    // For users' own tests: a database per test, a clock moved by hand.
    .target(
      name: "TaskQueueTestKit",
      dependencies: [
        "EmbeddedPostgres", "Libpq", "SeededRandom", "TaskQueue", "TaskQueueConformance", "TaskQueueInMemory",
        "TaskQueuePostgres", .product(name: "Logging", package: "swift-log"),
      ]
    ),

    // For authors of stores: the checks and models that every store passes.
    .target(name: "TaskQueueConformance", dependencies: ["SeededRandom", "TaskQueue"]),

    // Threads outside of Swift's own.
    .target(name: "DetachedThread"),

    // Text in HTML and SVG.
    .target(name: "HTMLText"),

    // Random numbers that a seed repeats.
    .target(name: "SeededRandom"),

    // The engine on a virtual store, in virtual time.
    .target(
      name: "TaskQueueSimulation",
      dependencies: [
        "SeededRandom", "TaskQueue", "TaskQueueInMemory", .product(name: "HeapModule", package: "swift-collections"),
      ]
    ),

    // Its command line.
    .executableTarget(
      name: "simulate",
      dependencies: [
        "TaskQueue", "TaskQueueSimulation", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/SimulateCommand"
    ),

    // What an HTTP API in front of a queue needs: idempotency keys, signatures, strict JSON, limits, problem details. Knows no web framework.
    .target(
      name: "TaskQueueHTTP",
      dependencies: [
        "Libpq", "TaskQueue", .product(name: "HTTPTypes", package: "swift-http-types"),
      ],
      resources: [.embedInCode("Migrations/H0001_idempotency.sql")]
    ),

    // Spans of enqueues, attempts, steps and effects, by middleware.
    .target(
      name: "TaskQueueTracing",
      dependencies: [
        "TaskQueue",
        .product(name: "Tracing", package: "swift-distributed-tracing", condition: .when(traits: ["Tracing"])),
      ]
    ),

    // A backend for swift-metrics that writes Prometheus' text.
    .target(
      name: "TaskQueuePrometheus",
      dependencies: ["TaskQueue", .product(name: "CoreMetrics", package: "swift-metrics")]
    ),

    // Readers of configuration for workers, stores and monitors.
    .target(
      name: "TaskQueueConfiguration",
      dependencies: [
        "Libpq", "TaskQueue", "TaskQueuePostgres",
        .product(name: "Configuration", package: "swift-configuration", condition: .when(traits: ["Configuration"])),
      ]
    ),

    // What people do with tasks from a terminal; an app may mount the commands as its own.
    .target(
      name: "TaskQueueCommands",
      dependencies: [
        "EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres",
        .product(name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["Commands"])),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]
    ),

    // The commands as a program.
    .executableTarget(
      name: taskqueue,
      dependencies: [
        "TaskQueueCommands", "TaskQueueDashboard", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Hummingbird", package: "hummingbird"), .product(name: "Logging", package: "swift-log"),
      ],
      path: "Sources/TaskQueueTool"
    ),

    // Pages and an API for the people who run a queue, in the app's own router. Knows no PostgreSQL.
    .target(
      name: "TaskQueueDashboard",
      dependencies: [
        "DetachedThread", "HTMLText", "TaskQueue",
        .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["Dashboard"])),
        .product(name: "CryptoExtras", package: "swift-crypto", condition: .when(traits: ["Dashboard"])),
        .product(name: "HTTPTypes", package: "swift-http-types", condition: .when(traits: ["Dashboard"])),
        .product(name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Dashboard"])),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Mustache", package: "swift-mustache", condition: .when(traits: ["Dashboard"])),
        .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Dashboard"])),
      ],
      resources: [.embedInCode("Templates"), .embedInCode("Assets")]
    ),

    // The reference workload, outgoing payments: domain, handlers, API.
    .target(
      name: "PaymentsExample",
      dependencies: [
        "HTMLText", "Libpq", "Outbox", "TaskQueue", "TaskQueueHTTP", "TaskQueuePostgres", "TaskQueuePrometheus",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
      ],
      resources: [
        .embedInCode("Migrations/P0001_payments.sql"), .embedInCode("Migrations/P0002_api.sql"),
        .embedInCode("Migrations/P0003_effects.sql"), .embedInCode("Migrations/P0004_saga.sql"),
        .embedInCode("Migrations/P0005_ledger.sql"), .embedInCode("Migrations/P0006_callers.sql"),
        .embedInCode("Migrations/P0007_after_done.sql"),
        .embedInCode("Migrations/P0008_last_error.sql"),
      ]
    ),

    // What the payments are tried with: simulated services, demo, chaos, throughput.
    .target(
      name: "PaymentsLab",
      dependencies: [
        "ChildProcesses", "EmbeddedPostgres", "Libpq", "PaymentsExample", "SeededRandom", "TaskQueue",
        "TaskQueueHTTP", "TaskQueuePostgres",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]
    ),

    // The command line of both.
    .executableTarget(
      name: "payments",
      dependencies: [
        "EmbeddedPostgres", "Libpq", "Outbox", "PaymentsExample", "PaymentsLab", "TaskQueue", "TaskQueueHTTP",
        "TaskQueuePostgres", "TaskQueuePrometheus",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      path: "Sources/PaymentsCommand"
    ),

    // Measures the engine beside raw SQL of the same shape.
    .executableTarget(
      name: "TaskQueueBench",
      dependencies: [
        "CLibpq", "ChildProcesses", "EmbeddedPostgres", "HTMLText", "Libpq", "TaskQueue", "TaskQueuePostgres",
        "TaskQueuePrometheus", "TaskQueueTracing",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
      ]
    ),

    // The README's program.
    .executableTarget(
      name: "GettingStarted",
      dependencies: [
        "Libpq", "TaskQueue", "TaskQueuePostgres",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      path: "Examples/GettingStarted"
    ),

    // machamp's guide: init payment, check payment, callback.
    .executableTarget(
      name: "OutgoingPayments",
      dependencies: [
        "EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres", .product(name: "Logging", package: "swift-log"),
      ],
      path: "Examples/OutgoingPayments",
      exclude: ["README.md"]
    ),

    // An HTTP API that takes orders once, and believes signed webhooks only.
    .executableTarget(
      name: "HTTPIntake",
      dependencies: [
        "EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueueHTTP", "TaskQueuePostgres",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      path: "Examples/HTTPIntake",
      exclude: ["README.md"]
    ),

    // An outbox: events in order although their receiver fails.
    .executableTarget(
      name: "OrderEvents",
      dependencies: [
        "EmbeddedPostgres", "Libpq", "Outbox", "TaskQueue", "TaskQueuePostgres",
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Examples/OrderEvents",
      exclude: ["README.md"]
    ),

    // Every night at 3, on any number of servers.
    .executableTarget(
      name: "NightlyReport",
      dependencies: ["EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres"],
      path: "Examples/NightlyReport",
      exclude: ["README.md"]
    ),

    // Two at a time per customer, one after the other per account.
    .executableTarget(
      name: "LimitsExample",
      dependencies: ["EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres"],
      path: "Examples/Limits",
      exclude: ["README.md"]
    ),

    // "Why isn't it running?", answered for one task after another.
    .executableTarget(
      name: "WhyNotRunning",
      dependencies: ["EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres"],
      path: "Examples/WhyNotRunning",
      exclude: ["README.md"]
    ),

    // A trial of 14 days, then a card or the end.
    .executableTarget(
      name: "SignUp",
      dependencies: ["EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres"],
      path: "Examples/SignUp",
      exclude: ["README.md"]
    ),

    // Stock, payment, shipping, and all of it backwards.
    .executableTarget(
      name: "Order",
      dependencies: ["EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres"],
      path: "Examples/Order",
      exclude: ["README.md"]
    ),

    // A person decides, or another one.
    .executableTarget(
      name: "Approval",
      dependencies: ["EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres"],
      path: "Examples/Approval",
      exclude: ["README.md"]
    ),

    // Many tasks, one call of the handler, one transaction.
    .executableTarget(
      name: "BulkImport",
      dependencies: ["EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres"],
      path: "Examples/BulkImport",
      exclude: ["README.md"]
    ),

    // A flow with a thousand children, and its progress.
    .executableTarget(
      name: "FanOut",
      dependencies: ["EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres"],
      path: "Examples/FanOut",
      exclude: ["README.md"]
    ),

    // The dashboard on a queue where something of everything happens.
    .executableTarget(
      name: "DashboardExample",
      dependencies: [
        "EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueueDashboard", "TaskQueuePostgres",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      path: "Examples/Dashboard",
      exclude: ["README.md"]
    ),

    // A worker process for the kill tests.
    .executableTarget(
      name: "CrashTestWorker",
      dependencies: [
        "Libpq", "Outbox", "TaskQueue", "TaskQueuePostgres", .product(name: "Logging", package: "swift-log"),
      ],
      path: "Tests/CrashTestWorker"
    ),

    // A worker beside the body of a test, and what it runs.
    .target(
      name: "WorkerTestSupport",
      dependencies: ["TaskQueue", .product(name: "Logging", package: "swift-log")],
      path: "Tests/WorkerTestSupport"
    ),
    // Whether JSON is as a schema of ours says.
    .target(name: "JSONSchemas", dependencies: ["TaskQueueHTTP"], path: "Tests/JSONSchemas"),

    .testTarget(name: "ChildProcessesTests", dependencies: ["ChildProcesses", "TaskQueueTestKit"]),
    .testTarget(
      name: "LibpqTests",
      dependencies: ["CLibpq", "EmbeddedPostgres", "Libpq", "SeededRandom", "TaskQueueTestKit"]
    ),
    .testTarget(
      name: "TaskQueueTests",
      dependencies: [
        "ChildProcesses", "EmbeddedPostgres", "Libpq", "SeededRandom", "TaskQueue", "TaskQueueConformance",
        "TaskQueueInMemory", "TaskQueuePostgres", "TaskQueueTestKit", "WorkerTestSupport",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "MetricsTestKit", package: "swift-metrics"),
      ]
    ),
    .testTarget(
      name: "TaskQueueSimulationTests",
      dependencies: ["simulate", "TaskQueue", "TaskQueueSimulation"]
    ),
    .testTarget(
      name: "ExamplesTests",
      dependencies: [
        "Approval", "BulkImport", "FanOut", "HTTPIntake", "Libpq", "LimitsExample", "NightlyReport", "Order",
        "OrderEvents", "Outbox", "OutgoingPayments", "SignUp",
        "TaskQueue", "TaskQueueHTTP", "TaskQueueInMemory", "TaskQueuePostgres", "TaskQueueTestKit", "WhyNotRunning",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"),
      ]
    ),
    .testTarget(
      name: "TaskQueuePostgresTests",
      dependencies: [
        "ChildProcesses", "CLibpq", "CrashTestWorker", "EmbeddedPostgres", "Libpq", "SeededRandom", "TaskQueue",
        "TaskQueueConformance", "TaskQueueInMemory", "TaskQueueMigrations", "TaskQueuePostgres", "TaskQueueTestKit",
        .product(name: "Logging", package: "swift-log"),
      ]
    ),
    .testTarget(
      name: "TaskQueueHTTPTests",
      dependencies: [
        "Libpq", "SeededRandom", "TaskQueueHTTP", "TaskQueueTestKit",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ]
    ),
    // What a queue shows of itself, and how it is configured: names, spans, texts, alerts.
    .testTarget(
      name: "ObservabilityTests",
      dependencies: [
        "ChildProcesses", "EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueueConfiguration", "TaskQueueConformance",
        "TaskQueueInMemory", "TaskQueuePostgres", "TaskQueuePrometheus", "TaskQueueTestKit", "TaskQueueTracing",
        "WorkerTestSupport",
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "MetricsTestKit", package: "swift-metrics"),
        .product(name: "Tracing", package: "swift-distributed-tracing"),
      ]
    ),
    // The real program, piped and on terminals; each finding of the doctor, made for real.
    .testTarget(
      name: "TaskQueueCommandsTests",
      dependencies: [
        "ChildProcesses", "JSONSchemas", "Libpq", "TaskQueue", "TaskQueueCommands", "TaskQueuePostgres",
        "TaskQueueTestKit",
        .byName(name: taskqueue), .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]
    ),
    .testTarget(
      name: "TaskQueueDashboardTests",
      dependencies: [
        "EmbeddedPostgres", "JSONSchemas", "Libpq", "TaskQueue", "TaskQueueDashboard", "TaskQueueHTTP",
        "TaskQueueInMemory", "TaskQueuePostgres", "TaskQueueTestKit",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ]
    ),
    // Receivers that fail, hang and lose answers, killed workers, lost tasks, late commits.
    .testTarget(
      name: "OutboxTests",
      dependencies: [
        "ChildProcesses", "CrashTestWorker", "Libpq", "Outbox", "TaskQueue", "TaskQueuePostgres", "TaskQueueTestKit",
        .product(name: "Logging", package: "swift-log"),
      ]
    ),
    // A primary, a standby, and what becomes of the tasks when one takes over.
    .testTarget(
      name: "FailoverTests",
      dependencies: [
        "ChildProcesses", "EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres",
        .product(name: "Logging", package: "swift-log"),
      ]
    ),
    // Each kind of fault beside a worker, an enqueuer, an effect, a listener and a shutdown.
    .testTarget(
      name: "FaultTests",
      dependencies: [
        "ChildProcesses", "CrashTestWorker", "EmbeddedPostgres", "Libpq", "TaskQueue", "TaskQueuePostgres",
        "TaskQueueTestKit", .product(name: "Logging", package: "swift-log"),
      ]
    ),
    .testTarget(
      name: "TaskQueueBenchTests",
      dependencies: [
        "ChildProcesses", "TaskQueueBench", "TaskQueueTestKit",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]
    ),
    .testTarget(
      name: "PaymentsExampleTests",
      dependencies: [
        "ChildProcesses", "Outbox", "payments", "PaymentsExample", "PaymentsLab", "SeededRandom", "TaskQueueHTTP",
        "TaskQueuePrometheus", "TaskQueueTestKit",
      ]
    ),
  ],
  swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system {
  target.swiftSettings =
    (target.swiftSettings ?? []) + [
      // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
      .enableUpcomingFeature("ExistentialAny"),
      // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
      .enableUpcomingFeature("InternalImportsByDefault"),
      // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
      .enableUpcomingFeature("MemberImportVisibility"),
      // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0470-isolated-conformances.md
      .enableUpcomingFeature("InferIsolatedConformances"),
      // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0461-async-function-isolation.md
      .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
}
