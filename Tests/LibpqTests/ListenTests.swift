import EmbeddedPostgres
import Foundation
import Libpq
import Testing

@Suite("LISTEN")
struct ListenTests {
  @Test("Notifications arrive until the task is cancelled, and the connection stays usable")
  func notifications() async throws {
    let connection = try await TestServer.connect()
    let channel = "Ch\"\(TestServer.uniqueName())"
    let (stream, continuation) = AsyncStream<LibpqNotification?>.makeStream()
    let task = Task {
      try await connection.listen([channel, "other"], onListening: { continuation.yield(nil) }) {
        continuation.yield($0)
      }
    }
    var iterator = stream.makeAsyncIterator()
    #expect(await iterator.next() == .some(nil))
    let sender = try await TestServer.connect()
    for number in 0..<3 {
      _ = try await sender.query("SELECT pg_notify($1, $2)", [.text(channel), .text("\(number)")])
      let notification = await iterator.next() ?? nil
      #expect(notification?.channel == channel)
      #expect(notification?.payload == "\(number)")
      #expect(notification?.backendProcessID == sender.backendProcessID)
    }
    task.cancel()
    #expect(try await postgresError { try await task.value }?.code == .cancelled)
    let channels = try await connection.query("SELECT count(*) FROM pg_listening_channels()")
    #expect(try channels[0].int8(0) == 0)
    await connection.close()
    await sender.close()
  }

  @Test("A silent connection is probed, and a terminated one is noticed")
  func loss() async throws {
    var configuration = try await TestServer.configuration()
    configuration.listenProbeInterval = .milliseconds(20)
    let connection = try await LibpqConnection.connect(configuration)
    let process = connection.backendProcessID
    let task = Task { try await connection.listen(["quiet"]) { _ in } }
    let killer = try await TestServer.connect()
    let isProbed = try await TestServer.eventually {
      let sql = "SELECT query FROM pg_stat_activity WHERE pid = $1 AND query = ''"
      return try await killer.query(sql, [.int4(process)]).rowCount == 1
    }
    #expect(isProbed)
    _ = try await killer.query("SELECT pg_terminate_backend($1)", [.int4(process)])
    #expect(try await postgresError { try await task.value }?.code == .connectionLost)
    #expect(!connection.isUsable)
    await killer.close()
  }

  @Test("A cancelled LISTEN ends while its server process hangs: at rest, at its start and during a probe")
  func frozen() async throws {
    for moment in ["rest", "start", "probe"] {
      var configuration = try await TestServer.configuration()
      configuration.cancelTimeout = .seconds(600)
      configuration.connectTimeout = .seconds(600)
      if moment == "probe" { configuration.listenProbeInterval = .milliseconds(20) }
      let connection = try await LibpqConnection.connect(configuration)
      let process = connection.backendProcessID
      let (stream, continuation) = AsyncStream<Void>.makeStream()
      if moment == "start" { kill(process, SIGSTOP) }
      let task = Task { try await connection.listen(["quiet"], onListening: { continuation.yield() }) { _ in } }
      if moment != "start" {
        for await _ in stream { break }
        kill(process, SIGSTOP)
      }
      // Long enough for the statement, or the probe, to be under way. Were it not, the end would be the same.
      try await Task.sleep(for: .milliseconds(100))
      let start = ContinuousClock.now
      task.cancel()
      #expect(try await postgresError { try await task.value }?.code == .cancelled, "\(moment)")
      #expect(ContinuousClock.now - start < .seconds(60), "\(moment)")
      kill(process, SIGCONT)
      await connection.close()
    }
  }

  @Test("A LISTEN that is never answered, and a probe, end by themselves")
  func unanswered() async throws {
    var configuration = try await TestServer.configuration()
    configuration.connectTimeout = .seconds(5)
    let connection = try await LibpqConnection.connect(configuration)
    kill(connection.backendProcessID, SIGSTOP)
    let error = try await postgresError { try await connection.listen(["quiet"]) { _ in } }
    kill(connection.backendProcessID, SIGCONT)
    #expect(error?.code == .timeout)
    #expect(!connection.isUsable)
  }

  @Test("Closing the connection ends a LISTEN")
  func close() async throws {
    let connection = try await TestServer.connect()
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    let task = Task { try await connection.listen(["quiet"], onListening: { continuation.yield() }) { _ in } }
    for await _ in stream { break }
    await connection.close()
    #expect(try await postgresError { try await task.value }?.code == .connectionLost)
  }
}
