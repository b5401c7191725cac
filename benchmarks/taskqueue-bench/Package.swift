// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that nobody who builds the queue builds this.
let package = Package(
  name: "taskqueue-bench",
  platforms: [.macOS(.v15)],
  dependencies: [
    // Without the traits: what only the dashboard and the command line need is not even resolved.
    .package(name: "taskqueue", path: "../..", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .executableTarget(
      name: "TaskQueueAdapter",
      dependencies: [
        .product(name: "TaskQueuePostgres", package: "taskqueue"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]
    ),
    // The real program against a private server, by the harness's protocol.
    .testTarget(
      name: "TaskQueueAdapterTests",
      dependencies: [
        "TaskQueueAdapter",
        .product(name: "EmbeddedPostgres", package: "taskqueue"),
        .product(name: "TaskQueuePostgres", package: "taskqueue"),
      ]
    ),
  ],
  swiftLanguageModes: [.v6]
)

for target in package.targets {
  // As in the package above.
  target.swiftSettings = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  ]
}
