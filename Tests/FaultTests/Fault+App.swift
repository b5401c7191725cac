import Foundation
import TaskQueueTestKit

extension Fault {
  /// Of the app's own doing.
  static let ofApp = [blockedPool, blockedThreads]

  private static let blockedPool = Fault(
    name: "blocked pool",
    length: .seconds(14),
    meaning: "handlers hold all connections of the app's pool in transactions",
    work: .goesOn(within: .seconds(2)),
    // The wait for a connection has a limit of its own.
    longestCall: .seconds(12)
  ) { app, length in
    try await app.startHolders(FaultApp.maxConnections, for: length, blockingThreads: false)
    try await eventually("all connections are held") {
      app.journal.now.holdersStarted == FaultApp.maxConnections
    }
    return { try await awaitHolders(app) }
  }

  private static let threads = ProcessInfo.processInfo.activeProcessorCount

  private static let blockedThreads = Fault(
    name: "blocked threads",
    length: .seconds(8),
    meaning: "as many handlers as there are cores block their threads: no other task of the app can run",
    // The app itself stands still until they return.
    longestCall: .seconds(10),
    longestShutdown: .seconds(10)
  ) { app, length in
    try await app.startHolders(threads, for: length, blockingThreads: true)
    return { try await awaitHolders(app) }
  }

  private static func awaitHolders(_ app: FaultApp) async throws {
    try await eventually("the handlers return") { app.journal.now.holdersEnded == app.journal.now.holdersStarted }
  }
}
