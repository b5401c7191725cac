import EmbeddedPostgres
import Foundation
import Libpq
import TaskQueuePostgres
import TaskQueueTestKit

/// A server of one fault's own, the ways to it, and what a fault does there.
final class FaultSite: Sendable {
  /// How the app reaches the server.
  enum Route: Sendable {
    /// At its port.
    case direct
    /// Through the proxy alone.
    case proxy
    /// The proxy first, and the server itself second.
    case proxyThenServer
  }

  let server: EmbeddedPostgres
  let proxy: LoopbackProxy
  private let route: Route

  /// Has the tables, and a role `app` with a worker's rights.
  init(_ route: Route, settings: [String: String] = [:]) async throws {
    // Only processes die here, never the machine.
    let settings = settings.merging(["fsync": "off", "full_page_writes": "off"]) { own, _ in own }
    server = try await EmbeddedPostgres.start(settings: settings, listensOnLoopback: true)
    self.route = route
    do {
      proxy = try LoopbackProxy(to: server.port)
      _ = try await Migrator(configuration: LibpqConfiguration(server.connectionString)).migrate()
      try await execute("CREATE ROLE app LOGIN; SELECT taskqueue.grant_worker('app')")
    } catch {
      await server.stop()
      throw error
    }
  }

  func close() async {
    await proxy.close()
    await server.stop()
  }

  // MARK: - The app's connections

  static let statementTimeout = Duration.seconds(3)
  static let cancelTimeout = Duration.seconds(1)
  static let connectTimeout = Duration.seconds(4)
  static let listenProbeInterval = Duration.seconds(5)

  /// - Parameter name: the application's, by which the fault finds its sessions.
  func connection(_ name: String) -> LibpqConfiguration {
    let ports =
      switch route {
      case .direct: [server.port]
      case .proxy: [proxy.port]
      case .proxyThenServer: [proxy.port, server.port]
      }
    let hosts = ports.map { "127.0.0.1:\($0)" }.joined(separator: ",")
    var configuration = LibpqConfiguration("postgresql://app@\(hosts)/postgres")
    configuration.statementTimeout = Self.statementTimeout
    configuration.cancelTimeout = Self.cancelTimeout
    configuration.connectTimeout = Self.connectTimeout
    configuration.listenProbeInterval = Self.listenProbeInterval
    configuration.applicationName = name
    return configuration
  }

  // MARK: - The administrator's

  /// Never through the proxy, as superuser, whatever the server's default says about writing.
  func administrator() async throws -> LibpqConnection {
    let string = server.connectionString + "?options=-c%20default_transaction_read_only%3Doff"
    return try await LibpqConnection.connect(LibpqConfiguration(string))
  }

  func execute(_ script: String) async throws {
    let connection = try await administrator()
    do { try await connection.executeScript(script) } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }

  /// One statement; ends within `limit` whatever the server does.
  @discardableResult
  func query(
    _ sql: String,
    _ parameters: [LibpqValue] = [],
    within limit: Duration = .seconds(20)
  ) async throws -> LibpqResult {
    let connection = try await administrator()
    do {
      let result = try await connection.query(LibpqStatement(sql, parameters), within: limit)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }

  func number(_ sql: String, _ parameters: [LibpqValue] = []) async throws -> Int {
    Int(try await query(sql, parameters)[0].int8(0))
  }

  // MARK: - Sessions

  /// Stops one server process of an application with SIGSTOP while its session is idle: a stopped one that holds a lock of the server's own
  /// would stop all the others.
  ///
  /// - Parameter pattern: a regular expression for its last statement. Of several sessions the one used last is taken.
  /// - Returns: its id.
  func freeze(_ name: String, _ pattern: String) async throws -> Int32 {
    let sessions = """
      SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND query ~ $2 AND usename = 'app' ORDER BY state_change DESC
      """
    let isIdle = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'idle' AND wait_event = 'ClientRead'"
    var frozen: Int32?
    try await eventually("a session of \(name) with \(pattern) is idle", within: .seconds(20)) {
      guard let row = try await query(sessions, [.text(name), .text(pattern)]).rows.first else { return false }
      let process = try row.int4(0)
      kill(process, SIGSTOP)
      if let count = try? await query(isIdle, [.int4(process)], within: .seconds(1))[0].int8(0), count == 1 {
        frozen = process
        return true
      }
      kill(process, SIGCONT)
      return false
    }
    return frozen ?? 0
  }
}
