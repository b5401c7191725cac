import EmbeddedPostgres
import Foundation
import Libpq

/// The server that these tests use: the one named by `TASKQUEUE_TEST_DATABASE_URL`, else a private one.
enum TestServer {
  private static let embedded = Task { try await EmbeddedPostgres.start() }

  static func configuration() async throws -> LibpqConfiguration {
    if let url = ProcessInfo.processInfo.environment["TASKQUEUE_TEST_DATABASE_URL"] {
      return LibpqConfiguration(url)
    }
    return LibpqConfiguration(try await embedded.value.connectionString)
  }

  static func connect() async throws -> LibpqConnection {
    try await .connect(configuration())
  }

  /// A table name that no other test has.
  static func uniqueName() -> String {
    "t_" + UUID().uuidString.replacing("-", with: "").lowercased()
  }

  /// Looks again and again until `condition` holds, for at most 20 seconds.
  static func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      if try await condition() { return true }
      try await Task.sleep(for: .milliseconds(5))
    }
    return false
  }

  /// Waits until that server process is in that wait event.
  static func awaitWaitEvent(_ event: String, of processID: Int32) async throws -> Bool {
    let observer = try await connect()
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = $2"
    let isWaiting = try await eventually {
      try await observer.query(sql, [.int4(processID), .text(event)])[0].int8(0) == 1
    }
    await observer.close()
    return isWaiting
  }
}

/// The LibpqError that `body` throws; nil if it throws none.
func postgresError(_ body: () async throws -> Void) async throws -> LibpqError? {
  do {
    try await body()
    return nil
  } catch let error as LibpqError {
    return error
  }
}
