import ArgumentParser
import TaskQueue
import TaskQueuePostgres

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct EnqueueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enqueue",
    abstract: "Store a task.",
    discussion: """
      The payload is what the type's handler decodes, as JSON. Defaults that the program gives a type (queue, retries, unique key) are not known here: name what \
      the task needs.

        taskqueue enqueue mail.send '{"to": "ann@example.org"}' --queue mail --in 10m
      """
  )

  @OptionGroup var options: CommandOptions

  @Argument(help: "The task's type.") var type: String
  @Argument(help: ArgumentHelp("JSON; @FILE reads a file, - standard input.", valueName: "payload")) var payload = "{}"

  @Option(help: "The queue.") var queue: String?
  @Option(help: ArgumentHelp("Lower runs first; 100.", valueName: "number")) var priority: Int?
  @Option(
    name: .customLong("in"),
    help: ArgumentHelp("Not before so long from now: 90s, 5m, 2h, 7d.", valueName: "span"),
    transform: SpanArgument.read
  ) var delay: SpanArgument?
  @Option(help: ArgumentHelp("Not before this instant: 2026-11-28T14:00:00Z.", valueName: "instant")) var at: String?
  @Option(
    help: ArgumentHelp(
      "At most one live task of the queue has this key; the one that is there stays.",
      valueName: "key"
    )
  ) var uniqueKey: String?
  @Option(help: ArgumentHelp("Its limit: a name, or name/key.", valueName: "name/key")) var limited: String?
  @Option(help: ArgumentHelp("Failures after which it is a dead letter.", valueName: "count")) var maxAttempts: Int?
  @Option(help: ArgumentHelp("Not begun any more after this instant.", valueName: "instant")) var deadline: String?
  @Option(
    help: ArgumentHelp("Kept for so long once it has completed.", valueName: "span"),
    transform: SpanArgument.read
  )
  var retain: SpanArgument?
  @Option(help: ArgumentHelp("A header; repeat for more.", valueName: "name=value")) var header: [String] = []
  @Flag(help: "Print the id alone.") var ids = false
  @OptionGroup var acting: ActingOptions

  func validate() throws {
    guard delay == nil || at == nil else { throw ValidationError("Only one of --in and --at.") }
    for text in [at, deadline].compactMap(\.self) where InstantArgument.date(text) == nil {
      throw ValidationError("'\(text)' is no instant. Write it as 2026-11-28T14:00:00Z.")
    }
    for text in header where !text.contains("=") {
      throw ValidationError("'\(text)' is no header. Write it as name=value.")
    }
  }

  func run() async throws {
    try await options.run(form: ids ? .ids : nil) { session in
      let task = try NewTask(type: TaskType(type), json: try JSONInput.read(payload), options: enqueueOptions)
      let result = try await acting(session).enqueue(task)
      switch session.console.form {
      case .json: session.console.print(.enqueued(result))
      case .ids: session.console.print("\(result.id)")
      case .text:
        session.console.print(
          result.isNew
            ? "Task \(session.console.style(.bold, "\(result.id)")) is stored."
            : "Task \(session.console.style(.bold, "\(result.id)")) has this unique key already; nothing was added."
        )
      }
    }
  }

  private var enqueueOptions: EnqueueOptions {
    var options = EnqueueOptions()
    options.queue = queue.map { QueueName($0) }
    options.priority = priority
    if let delay { options.schedule = .after(delay.duration) }
    if let at = at.flatMap({ InstantArgument.date($0) }) { options.schedule = .at(at) }
    options.unique = uniqueKey.map { UniqueKey($0) }
    options.limit = limited.map { LimitArgument.limit($0) }
    options.maxAttempts = maxAttempts
    options.deadline = deadline.flatMap { InstantArgument.date($0) }
    options.retain = retain?.duration
    for text in header {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      options.headers[String(parts[0])] = String(parts[1])
    }
    return options
  }
}

/// JSON of the command line.
enum JSONInput {
  /// - Parameter text: JSON, `@FILE`, or `-` for standard input.
  static func read(_ text: String) throws -> Data {
    let data: Data
    if text == "-" {
      var input = ""
      while let line = readLine(strippingNewline: false) {
        input += line
        guard input.utf8.count <= Limits.payloadBytes else {
          throw Refusal.usage("The input is bigger than a payload may be.")
        }
      }
      data = Data(input.utf8)
    } else if text.hasPrefix("@") {
      guard let read = try? Data(contentsOf: URL(filePath: String(text.dropFirst()))) else {
        throw Refusal.usage("The file \(text.dropFirst()) cannot be read.")
      }
      data = read
    } else {
      data = Data(text.utf8)
    }
    struct Anything: Decodable { init(from decoder: any Decoder) throws {} }
    guard (try? JSONDecoder().decode(Anything.self, from: data)) != nil else {
      throw Refusal.usage("This is not JSON. A text is JSON in double quotes: '\"text\"'.")
    }
    return data
  }
}

/// A limit of the command line.
enum LimitArgument {
  /// - Parameter text: a name, or name/key.
  static func limit(_ text: String) -> TaskLimit {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    return TaskLimit(String(parts[0]), key: parts.count > 1 ? String(parts[1]) : "")
  }
}
