import ChildProcesses
import Foundation
import Logging
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory
import TaskQueuePostgres
import TaskQueueTestKit

struct Ping: TaskPayload {
  static let taskType: TaskType = "test.ping"
  var number = 0
}

struct HandlerFailure: Error, CustomStringConvertible {
  var description: String { "the provider is down" }
}

/// Remembers what happened, from any task.
final class Journal<Entry: Sendable>: Sendable {
  private let storage = Mutex<[Entry]>([])
  var entries: [Entry] { storage.withLock { $0 } }
  func append(_ entry: Entry) { storage.withLock { $0.append(entry) } }
}

/// Which store a test runs on.
enum StoreKind: CaseIterable, Sendable {
  case inMemory, postgres

  func with<Value>(_ body: (any StoreContract) async throws -> Value) async throws -> Value {
    switch self {
    case .inMemory: return try await body(InMemoryTaskStore())
    case .postgres:
      return try await withTestDatabase { database in
        let store = try PostgresTaskStore(.init(database.postgresConfiguration))
        let result: Result<Value, any Error>
        do { result = .success(try await body(store)) } catch { result = .failure(error) }
        await store.close()
        return try result.get()
      }
    }
  }
}

func quickConfiguration(_ change: (inout TaskWorkerConfiguration) -> Void = { _ in }) -> TaskWorkerConfiguration {
  var configuration = TaskWorkerConfiguration()
  configuration.maxPollInterval = .milliseconds(20)
  configuration.promotionInterval = .milliseconds(5)
  configuration.shutdownGrace = .seconds(10)
  change(&configuration)
  return configuration
}

/// Runs a worker beside the body and shuts it down gracefully after it.
func withWorker<Value: Sendable>(
  _ store: any TaskStore,
  _ configuration: TaskWorkerConfiguration = quickConfiguration(),
  schedules: TaskSchedules = .init(),
  middleware: [any TaskMiddleware] = [],
  logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
  register: (inout TaskHandlers) throws -> Void,
  _ body: (TaskWorker) async throws -> Value
) async throws -> Value {
  var handlers = TaskHandlers()
  try register(&handlers)
  let worker = try TaskWorker(
    store: store,
    handlers: handlers,
    schedules: schedules,
    configuration: configuration,
    middleware: middleware,
    logger: logger
  )
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await worker.run() }
    let result: Result<Value, any Error>
    do { result = .success(try await body(worker)) } catch { result = .failure(error) }
    worker.shutDown()
    try await group.waitForAll()
    return try result.get()
  }
}

/// The package's own files.
enum Repository {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// The library's own code: path and text of each file.
  static func sources(_ directories: [String]) throws -> [(path: String, text: String)] {
    try directories.flatMap { directory in
      let base = root.appending(path: "Sources/\(directory)")
      let files = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
      return try files.filter { $0.hasSuffix(".swift") }.map { file in
        (file, try String(contentsOf: base.appending(path: file), encoding: .utf8))
      }
    }
  }

  /// The cells of a table's rows, without ticks; the table is the first one below a heading, or below a line of text.
  static func table(in path: String, below heading: String) throws -> [[String]] {
    let lines = try text(path).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let start = lines.firstIndex(where: { $0.contains(heading) }),
      let first = lines[start...].firstIndex(where: { $0.hasPrefix("|") })
    else { return [] }
    return lines[first...].prefix { $0.hasPrefix("|") }.dropFirst(2).map { line in
      line.dropFirst().dropLast().split(separator: " | ", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: CharacterSet(charactersIn: " `|"))
      }
    }
  }
}

/// Prometheus' own tool, from Debian's package `prometheus`.
enum Promtool {
  struct Output {
    let text: String
    let status: Int32
  }

  /// - Parameter input: what it reads.
  static func run(_ arguments: [String], input: String? = nil, in directory: URL? = nil) async throws -> Output {
    let script = (directory.map { "cd '\($0.path)' && " } ?? "") + "exec promtool \"$@\""
    var command = ChildCommand("/bin/sh", ["-c", script, "promtool"] + arguments)
    if let input {
      let file = FileManager.default.temporaryDirectory.appending(path: "promtool-\(UUID().uuidString)")
      try input.write(to: file, atomically: true, encoding: .utf8)
      command.arguments[1] = "exec promtool \"$@\" <'\(file.path)'"
      defer { try? FileManager.default.removeItem(at: file) }
      return try await output(of: command)
    }
    return try await output(of: command)
  }

  private static func output(of command: ChildCommand) async throws -> Output {
    var command = command
    command.errors = .output
    let result = try await ChildProcess.run(command)
    return Output(text: result.output, status: result.exit.status ?? -1)
  }
}
