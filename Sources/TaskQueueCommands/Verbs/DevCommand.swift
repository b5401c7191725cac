import ArgumentParser
import EmbeddedPostgres
import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

struct DevCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev",
    abstract:
      "A private PostgreSQL with the schema, a worker that echoes, and the dashboard: all that is needed to try things.",
    discussion: """
      Needs PostgreSQL's programs on this machine, and nothing else. It prints a URL for programs and psql, and runs until Ctrl-C; then the database is gone. The \
      worker runs the type echo: it prints its payload.

      Copy the URL into another terminal: export DATABASE_URL=…, then
        taskqueue enqueue echo '{"hello": "world"}'
      """
  )

  /// The type that the worker echoes.
  static let echo: TaskType = "echo"

  @Option(help: ArgumentHelp("Queues that the worker serves besides default; repeat for more.", valueName: "name"))
  var queue: [String] = []
  @Flag(help: "Print JSON with the URL instead of sentences.") var json = false

  func run() async throws {
    let console = Console(terminal: .current, form: json ? .json : .text)
    let queues = queue.map { QueueName($0) }
    try await CommandOptions.reporting(to: console) {
      let postgres: EmbeddedPostgres
      do { postgres = try await EmbeddedPostgres.start(listensOnLoopback: true) { console.progress($0) } } catch {
        throw Refusal("\(error)", status: ExitStatus.unavailable)
      }
      console.endProgress()
      let result: Result<Void, any Error>
      do {
        let site = DevSite(
          url: "postgresql://postgres@127.0.0.1:\(postgres.port)/postgres",
          host: CommandHost.current ?? CommandHost(),
          queues: queues,
          console: console
        )
        result = .success(try await site.run())
      } catch {
        result = .failure(error)
      }
      await postgres.stop()
      try result.get()
    }
  }
}

/// What `dev` runs beside its database.
struct DevSite: Sendable {
  let url: String
  let host: CommandHost
  let queues: [QueueName]
  let console: Console

  func run() async throws {
    let connection = LibpqConfiguration(url)
    try await Migrator(configuration: connection).migrate()
    let store = try PostgresTaskStore(.init(connection))
    let result: Result<Bool, any Error>
    do {
      let worker = try worker(store)
      result = .success(try await Interruption.watch { try await serve(worker, TaskClient(store: store)) })
    } catch {
      result = .failure(error)
    }
    await store.close()
    if try result.get(), console.form == .text { console.note("Stopped; the database is gone.") }
  }

  /// All that runs until a signal comes.
  private func serve(_ worker: TaskWorker, _ client: TaskClient<PostgresTaskStore>) async throws {
    try await withTaskCancellationHandler {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        if let serve = host.servesDashboard {
          let site = DashboardSite(
            client: client,
            port: 0,
            actor: "dev",
            password: nil,
            isReadOnly: false,
            showsPayloads: true,
            isReady: { greet(dashboard: "http://127.0.0.1:\($0)/") }
          )
          group.addTask { try await serve(site) }
        } else {
          greet()
        }
        try await group.waitForAll()
      }
    } onCancel: {
      worker.shutDown()
    }
  }

  private func worker(_ store: PostgresTaskStore) throws -> TaskWorker {
    var handlers = host.handlers ?? TaskHandlers()
    let console = console
    if !handlers.types.contains(DevCommand.echo) {
      try handlers.register(DevCommand.echo, as: EchoPayload.self) { payload, context in
        let line = "echo  task \(context.id), attempt \(context.attempt): \(payload.json.text(isPretty: false))"
        console.form == .json ? console.note(line) : console.print(PlainText.line(line))
        return .completed
      }
    }
    var configuration = TaskWorkerConfiguration()
    var seen: Set<QueueName> = []
    configuration.queues = ([.default] + host.queues + queues).filter { seen.insert($0).inserted }
    configuration.name = "dev"
    return try TaskWorker(
      store: store,
      handlers: handlers,
      configuration: configuration,
      logger: Logger(label: "taskqueue.dev") { StreamLogHandler.standardError(label: $0) }
    )
  }

  private func greet(dashboard: String? = nil) {
    if console.form == .json {
      let pages = dashboard.map { [("dashboard", JSONValue.string($0))] } ?? []
      return console.print(.object([("url", .string(url)), ("schema", "taskqueue")] + pages))
    }
    console.print(console.style(.bold, "PostgreSQL with TaskQueue is ready."))
    console.print()
    console.print("  export DATABASE_URL=" + console.style(.cyan, url))
    console.print("  taskqueue enqueue \(DevCommand.echo) '{\"hello\": \"world\"}'")
    console.print("  taskqueue status")
    console.print()
    if let dashboard {
      console.print("  " + console.style(.cyan, dashboard) + "  the dashboard")
      console.print()
    }
    console.print(
      console.style(
        .dim,
        "A worker echoes tasks of the type \(DevCommand.echo). Ctrl-C ends all of it, and the database is gone."
      )
    )
  }
}

/// Any JSON.
struct EchoPayload: Decodable, Sendable {
  var json: JSONValue

  init(from decoder: any Decoder) throws { json = try JSONValue(decoder) }
}

extension JSONValue {
  /// Any JSON; the order of fields is that of their names.
  init(_ decoder: any Decoder) throws {
    if let fields = try? decoder.container(keyedBy: AnyKey.self) {
      self = .object(
        try fields.allKeys.sorted { $0.stringValue < $1.stringValue }.map {
          ($0.stringValue, try JSONValue(fields.superDecoder(forKey: $0)))
        }
      )
    } else if var items = try? decoder.unkeyedContainer() {
      var values: [JSONValue] = []
      while !items.isAtEnd { values.append(try JSONValue(items.superDecoder())) }
      self = .array(values)
    } else {
      let value = try decoder.singleValueContainer()
      if value.decodeNil() {
        self = .null
      } else if let bool = try? value.decode(Bool.self) {
        self = .bool(bool)
      } else if let int = try? value.decode(Int.self) {
        self = .int(int)
      } else if let double = try? value.decode(Double.self) {
        self = .double(double)
      } else {
        self = .string(try value.decode(String.self))
      }
    }
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
