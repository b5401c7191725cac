import CLibpq
import EmbeddedPostgres
import Foundation
import Synchronization
import Testing

@testable import Libpq

@Suite("Several hosts")
struct HostListTests {
  @Test("A deaf host before the good one takes its share of the deadline only")
  func deafFirst() async throws {
    let silent = try BlackHole()
    let full = try BlackHole(isFull: true)
    let (directory, port) = try await socket()
    for holes in [[silent.port], [full.port], [silent.port, full.port, silent.port]] {
      let hosts = (holes.map { _ in "127.0.0.1" } + [directory]).joined(separator: ",")
      let ports = (holes.map(String.init) + [port]).joined(separator: ",")
      var configuration = LibpqConfiguration("host=\(hosts) port=\(ports) user=postgres dbname=postgres")
      configuration.connectTimeout = .seconds(8)
      let connection = try await LibpqConnection.connect(configuration)
      #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
      await connection.close()
    }
  }

  @Test("Lists of addresses and ports are honoured, with and without names")
  func addresses() async throws {
    try await withTCPServer { port in
      for hosts in [
        "hostaddr=127.0.0.1,127.0.0.1 port=1,\(port)",
        "host=nowhere.invalid,there.invalid hostaddr=127.0.0.1,127.0.0.1 port=1,\(port)",
        "host=127.0.0.1,127.0.0.1 port=1,\(port)", "host=127.0.0.1,127.0.0.1 hostaddr=,127.0.0.1 port=1,\(port)",
        "host=localhost port=\(port)", "host=nowhere.invalid,localhost port=\(port)",
      ] {
        let connection = try await LibpqConnection.connect(LibpqConfiguration("\(hosts) user=postgres dbname=postgres"))
        #expect(try await connection.query("SELECT 1")[0].int8(0) == 1, "\(hosts)")
        await connection.close()
      }
    }
  }

  @Test("Every address of a name is tried, and gets a share of its host's time")
  func severalAddresses() async throws {
    try await withTCPServer { port in
      var configuration = LibpqConfiguration("host=many,one port=\(port),\(port) user=postgres dbname=postgres")
      configuration.connectTimeout = .seconds(20)
      // Nothing answers on the first two: they belong to a network for documentation, or are refused at once.
      configuration.nameService = NameService {
        $0 == "many" ? .addresses(["192.0.2.1", "192.0.2.2", "127.0.0.1"]) : .failed("no")
      }
      let connection = try await LibpqConnection.connect(configuration)
      #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
      await connection.close()
    }
  }

  @Test("A name service that hangs costs one thread and its share, and the other host is reached")
  func hangingNameService() async throws {
    let (directory, port) = try await socket()
    let block = ThreadBlock()
    let service = NameService { _ in
      block.hold()
      return .addresses([])
    }
    defer { block.end() }
    var configuration = LibpqConfiguration("host=lost,\(directory) port=\(port) user=postgres dbname=postgres")
    configuration.connectTimeout = .seconds(2)
    configuration.nameService = service
    for _ in 0..<2 {
      let connection = try await LibpqConnection.connect(configuration)
      #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
      await connection.close()
    }
    configuration.connectionString = "host=lost"
    let failed = try await postgresError { _ = try await LibpqConnection.connect(configuration) }
    #expect(failed?.code == .connectFailed)
    #expect(failed?.message.contains("could not be looked up in time") == true)
    let limited = LibpqPool(configuration)
    let cut = try await postgresError { _ = try await limited.query(.init("SELECT 1"), within: .milliseconds(200)) }
    #expect(cut?.code == .timeout)
    configuration.connectTimeout = .seconds(600)
    let waiting = Task { [configuration] in try await LibpqConnection.connect(configuration) }
    waiting.cancel()
    #expect(try await postgresError { _ = try await waiting.value }?.code == .cancelled)
    #expect(block.count == 1)
  }

  @Test("connect_timeout limits each address")
  func connectTimeout() async throws {
    let hole = try BlackHole()
    var configuration = LibpqConfiguration("host=127.0.0.1 port=\(hole.port) user=nobody connect_timeout=1")
    configuration.connectTimeout = .seconds(600)
    let start = ContinuousClock.now
    #expect(try await postgresError { _ = try await LibpqConnection.connect(configuration) }?.code == .connectFailed)
    #expect(ContinuousClock.now - start < .seconds(60))
    configuration.connectionString = "host=127.0.0.1 connect_timeout=soon"
    #expect(try await postgresError { _ = try await LibpqConnection.connect(configuration) }?.code == .invalidArgument)
  }

  @Test("The demand on the session is kept for each host, and prefer-standby takes a primary in the end")
  func sessionAttributes() async throws {
    let (directory, port) = try await socket()
    let hosts = "host=\(directory),\(directory) port=\(port) user=postgres dbname=postgres"
    for demand in ["any", "read-write", "primary", "prefer-standby"] {
      let connection = try await LibpqConnection.connect(LibpqConfiguration("\(hosts) target_session_attrs=\(demand)"))
      #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
      await connection.close()
    }
    for demand in ["standby", "read-only"] {
      let error = try await postgresError {
        _ = try await LibpqConnection.connect(LibpqConfiguration("\(hosts) target_session_attrs=\(demand)"))
      }
      #expect(error?.code == .connectFailed)
    }
  }

  @Test("Keepalives and tcp_user_timeout are on unless the string says otherwise")
  func keepalives() async throws {
    try await withTCPServer { port in
      let base = "host=127.0.0.1 port=\(port) user=postgres dbname=postgres"
      #if os(Linux)
        let connection = try await LibpqConnection.connect(LibpqConfiguration(base))
        let socket = connection.core.status.withLock { $0.socket }
        #expect(option(IPPROTO_TCP, TCP_USER_TIMEOUT, of: socket) == 30_000)
        #expect(option(IPPROTO_TCP, TCP_KEEPIDLE, of: socket) == 30)
        #expect(option(IPPROTO_TCP, TCP_KEEPINTVL, of: socket) == 10)
        #expect(option(IPPROTO_TCP, TCP_KEEPCNT, of: socket) == 3)
        await connection.close()
        let other = try await LibpqConnection.connect(
          LibpqConfiguration("\(base) tcp_user_timeout=7000 keepalives_idle=77")
        )
        let otherSocket = other.core.status.withLock { $0.socket }
        #expect(option(IPPROTO_TCP, TCP_USER_TIMEOUT, of: otherSocket) == 7_000)
        #expect(option(IPPROTO_TCP, TCP_KEEPIDLE, of: otherSocket) == 77)
        await other.close()
      #endif
      let settings = try ConnectionSettings(LibpqConfiguration("\(base) tcp_user_timeout=0 keepalives_count=9"))
      #expect(settings.keepaliveDefaults.map(\.0) == ["keepalives_idle", "keepalives_interval"])
    }
  }

  @Test("The turns of a list are libpq's")
  func turns() throws {
    let settings = try ConnectionSettings(
      LibpqConfiguration("postgresql://u@a:1,b,[::1]:3/db?target_session_attrs=prefer-standby")
    )
    #expect(settings.hosts.map(\.name) == ["a", "b", "::1"])
    #expect(settings.hosts.map(\.port) == ["1", "5432", "3"])
    #expect(settings.turns.map(\.sessionAttributes) == ["standby", "standby", "standby", "any", "any", "any"])
    let mixed = ConnectionSettings(values: ["host": "a,,/tmp", "hostaddr": "10.0.0.1,,", "port": "5"])
    #expect(mixed.hosts.map(\.address) == ["10.0.0.1", "", ""])
    #expect(mixed.hosts.map(\.port) == ["5", "5", "5"])
    let overrides = mixed.turns.map { turn in
      mixed.overrides(turn, address: nil).map { "\($0.0)=\($0.1)" }
    }
    #expect(
      overrides == [
        ["port=5", "host=a", "hostaddr=10.0.0.1"], ["port=5", "host=,", "hostaddr=,"],
        ["port=5", "host=/tmp,/tmp", "hostaddr=,"],
      ]
    )
    for invalid in ["host=a,b port=1,2,3", "host=a,b hostaddr=1.1.1.1", "nonsense=1", "postgresql://[a/"] {
      #expect(throws: LibpqError.self) { _ = try ConnectionSettings(LibpqConfiguration(invalid)) }
    }
  }

  // MARK: - Servers

  private func socket() async throws -> (directory: String, port: String) {
    let connection = try await TestServer.connect()
    let row = try await connection.query("SELECT current_setting('unix_socket_directories'), current_setting('port')")[
      0
    ]
    await connection.close()
    return (try row.text(0), try row.text(1))
  }

  private func withTCPServer(_ body: (UInt16) async throws -> Void) async throws {
    // The port is free again by the time the server takes it.
    let port = try BlackHole().port
    let settings = ["listen_addresses": "127.0.0.1", "port": "\(port)"]
    try await withServer(settings) { _ in try await body(port) }
  }

  private func option(_ level: Int, _ name: Int32, of socket: Int32) -> Int32 {
    var value: Int32 = -1
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(socket, Int32(level), name, &value, &size)
    return value
  }
}
