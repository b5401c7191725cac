import Foundation
import Libpq
import Testing

@Suite("Connecting")
struct ConnectTests {
  @Test("A server that accepts and never answers costs the connect deadline and no more")
  func blackHole() async throws {
    let hole = try BlackHole()
    var configuration = LibpqConfiguration("postgresql://nobody@127.0.0.1:\(hole.port)/none")
    configuration.connectTimeout = .milliseconds(100)
    let start = ContinuousClock.now
    let error = try await postgresError { _ = try await LibpqConnection.connect(configuration) }
    #expect(error?.code == .connectFailed)
    #expect(error?.isRetrySafe == true)
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  @Test("Cancelling the task ends a connect")
  func cancellation() async throws {
    let hole = try BlackHole()
    let configuration = LibpqConfiguration("host=127.0.0.1 port=\(hole.port)")
    let task = Task { try await LibpqConnection.connect(configuration) }
    task.cancel()
    #expect(try await postgresError { _ = try await task.value }?.code == .cancelled)
  }

  @Test("A refused connection and a malformed string say so, without the password")
  func failures() async throws {
    let refused = try await postgresError {
      _ = try await LibpqConnection.connect(LibpqConfiguration("postgresql://u:hunter2@127.0.0.1:1/x"))
    }
    #expect(refused?.code == .connectFailed)
    #expect(refused.map { "\($0)".contains("hunter2") } == false)
    let malformed = try await postgresError {
      _ = try await LibpqConnection.connect(LibpqConfiguration("user=u password=a hunter2 dbname=x"))
    }
    #expect(malformed?.code == .invalidArgument)
    #expect(malformed.map { "\($0)\($0.message)".contains("hunter2") } == false)
  }

  @Test("A database that does not exist is a failed connect that names it")
  func missingDatabase() async throws {
    let base = try await TestServer.configuration().connectionString
    let error = try await postgresError {
      _ = try await LibpqConnection.connect(LibpqConfiguration(base.replacing("/postgres", with: "/no_such_db")))
    }
    #expect(error?.code == .connectFailed)
    #expect(error?.message.contains("no_such_db") == true)
  }

  @Test("Application name and encoding are set")
  func settings() async throws {
    var configuration = try await TestServer.configuration()
    configuration.applicationName = "libpq tests"
    let connection = try await LibpqConnection.connect(configuration)
    let row = try await connection.query(
      "SELECT current_setting('application_name'), current_setting('client_encoding')"
    )[0]
    #expect(try row.text(0) == "libpq tests")
    #expect(try row.text(1) == "UTF8")
    await connection.close()
    #expect(!connection.isUsable)
  }

  @Test("Of several hosts the one that answers is taken")
  func severalHosts() async throws {
    let base = try await TestServer.connect()
    let socket = try await base.query("SELECT current_setting('unix_socket_directories'), current_setting('port')")[0]
    let hosts = "127.0.0.1,\(try socket.text(0))"
    let connection = try await LibpqConnection.connect(
      LibpqConfiguration("host=\(hosts) port=1,\(try socket.text(1)) user=postgres dbname=postgres")
    )
    #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
    await connection.close()
    await base.close()
  }

  @Test("The backoff doubles, stays in its bounds and starts again")
  func backoff() {
    struct Highest: RandomNumberGenerator {
      mutating func next() -> UInt64 { .max }
    }
    var generator = Highest()
    var backoff = LibpqBackoff(initial: .seconds(1), maximum: .seconds(5))
    let delays = (0..<5).map { _ in backoff.next(using: &generator).components.seconds }
    #expect(delays == [1, 2, 4, 5, 5])
    backoff.reset()
    #expect(backoff.next(using: &generator) <= .seconds(1))
    for _ in 0..<1000 {
      let delay = backoff.next()
      #expect(delay >= .zero && delay <= .seconds(5))
    }
  }
}

/// A listening socket that nobody ever reads from.
struct BlackHole: ~Copyable {
  let descriptor: Int32
  let port: UInt16
  /// Connections that fill the backlog.
  private let fillers: [Int32]

  /// - Parameter isFull: Whether the backlog has no place left, so that a connect hangs already.
  init(isFull: Bool = false) throws {
    let descriptor = Self.makeSocket()
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        bind(descriptor, raw, size) == 0 && listen(descriptor, isFull ? 0 : 8) == 0
          && getsockname(descriptor, raw, &size) == 0
      }
    }
    try #require(status)
    self.descriptor = descriptor
    port = UInt16(bigEndian: address.sin_port)
    var fillers: [Int32] = []
    for _ in 0..<(isFull ? 4 : 0) {
      let filler = Self.makeSocket()
      _ = fcntl(filler, F_SETFL, O_NONBLOCK)
      withUnsafePointer(to: &address) { pointer in
        _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(filler, $0, size) }
      }
      fillers.append(filler)
    }
    self.fillers = fillers
  }

  private static func makeSocket() -> Int32 {
    #if canImport(Darwin)
      socket(AF_INET, SOCK_STREAM, 0)
    #else
      socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
  }

  deinit {
    for filler in fillers { close(filler) }
    close(descriptor)
  }
}
