import ArgumentParser
import TaskQueue

struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Tasks, newest first.",
    discussion: """
      Without --state all live tasks; dead and done ones are in places of their own: --state dead, --state done. All conditions hold together. Payloads are \
      never shown here: taskqueue show ID --payload.

      A page looks at 10,000 rows at most, and this goes on for 4 pages to fill --limit; then it says where to go on (--after). --all goes to the end.
      """
  )

  @OptionGroup var options: CommandOptions
  @OptionGroup(title: "Which tasks") var filter: FilterOptions
  @OptionGroup(title: "How many") var paging: PagingOptions

  @Flag(help: "Print ids alone, one a line.")
  var ids = false

  func run() async throws {
    try await options.run(form: ids ? .ids : nil) { session in
      try await TaskLister(session: session, filter: try filter.filter(), paging: paging).run()
    }
  }
}

struct FilterOptions: ParsableArguments {
  @Option(help: "Of this queue.") var queue: String?
  @Option(help: "Of this type; mail.* for all types that begin so.") var type: String?
  @Option(help: "In this state.") var state: StateArgument?
  @Option(help: ArgumentHelp("With this text in the last error's message, whatever its case.", valueName: "text"))
  var error: String?
  @Option(help: ArgumentHelp("Of this limit: its name, or name/key.", valueName: "name/key")) var limited: String?
  @Option(
    help: ArgumentHelp(
      "Dead letters put aside for this: failed, discarded, crashed, undecodable, expired, cancelled.",
      valueName: "word"
    )
  ) var reason: String?
  @Option(
    help: ArgumentHelp("Enqueued so long ago or longer, or before an instant.", valueName: "age|instant"),
    transform: InstantArgument.read
  )
  var before: InstantArgument?
  @Option(
    help: ArgumentHelp("Enqueued within so long, or since an instant.", valueName: "age|instant"),
    transform: InstantArgument.read
  )
  var since: InstantArgument?

  func filter(isDead: Bool = false) throws -> TaskFilter {
    var filter = TaskFilter()
    filter.queue = queue.map { QueueName($0) }
    filter.type = type.map { TaskType($0) }
    filter.state = state?.state ?? (isDead ? .dead : nil)
    filter.error = error
    filter.limit = limited.map { LimitArgument.limit($0) }
    filter.reason = reason.map { DeadLetterReason(rawValue: $0) }
    filter.createdBefore = before?.date
    filter.createdAfter = since?.date
    try filter.validate()
    return filter
  }
}

struct PagingOptions: ParsableArguments {
  static let maxLimit = 100_000

  @Option(help: ArgumentHelp("Tasks at most.", valueName: "count")) var limit = 50
  @Option(
    help: ArgumentHelp(
      "Go on behind this place, as a list before told it, with the same conditions.",
      valueName: "place"
    )
  ) var after: String?
  @Flag(help: "All of them, page by page.") var all = false

  func validate() throws {
    guard 1...Self.maxLimit ~= limit else {
      throw ValidationError("--limit is 1 to \(Self.maxLimit); for more use --all.")
    }
    if let after, TaskCursor(after) == nil {
      throw ValidationError(
        "'\(after)' is no place in a list. The list before told it, such as --after i.2856."
      )
    }
  }
}

/// Walks the pages of a list and prints them.
struct TaskLister {
  /// Looks at most for one list, unless all is asked for.
  static let maxLooks = 4
  /// Rows whose columns are laid out together where all are printed.
  private static let chunk = 1_000

  let session: Session
  let filter: TaskFilter
  let paging: PagingOptions

  func run() async throws {
    var cursor = paging.after.flatMap { TaskCursor($0) }
    var tasks: [TaskSummary] = []
    var (count, looks, lookedAt) = (0, 0, 0)
    repeat {
      let wanted = paging.all ? Limits.page : min(Limits.page, paging.limit - tasks.count)
      let page = try await session.client.list(filter, after: cursor, limit: wanted)
      (cursor, looks, lookedAt) = (page.next, looks + 1, lookedAt + page.lookedAt)
      count += page.tasks.count
      tasks += page.tasks
      if paging.all, session.console.form != .json, tasks.count >= Self.chunk || cursor == nil {
        show(tasks)
        tasks = []
      }
      if paging.all { session.console.progress("\(Words.count(lookedAt)) rows looked at …") }
    } while cursor != nil && (paging.all || tasks.count < paging.limit && looks < Self.maxLooks)
    session.console.endProgress()
    if session.isJSON {
      session.console.print([
        "tasks": .array(tasks.map { .task($0) }), "next": .text(cursor?.description), "lookedAt": .int(lookedAt),
      ])
    } else if !paging.all, !tasks.isEmpty {
      show(tasks)
    }
    if let cursor, session.console.form == .text {
      let reason =
        count < paging.limit ? "\(Words.count(lookedAt)) rows were looked at; more may follow" : "There are more"
      session.console.note("\(reason): --after \(cursor)")
    }
    guard count > 0 || session.isJSON && cursor != nil else { throw session.nothing("No such task.") }
  }

  private func show(_ tasks: [TaskSummary]) {
    guard !tasks.isEmpty else { return }
    if session.console.form == .ids {
      for task in tasks { session.console.print("\(task.id)") }
    } else {
      session.console.print(TaskTable.of(tasks, at: session))
    }
  }
}

/// Tasks as a table.
enum TaskTable {
  static func of(_ tasks: [TaskSummary], at session: Session) -> Table {
    var table = Table([
      .init("id", right: true), .init("state"), .init("type", min: 12), .init("queue", min: 7, rank: 1),
      .init("prio", right: true, rank: 5),
      .init("tries", right: true), .init("crashes", right: true, rank: 2), .init("age", right: true),
      .init("when", right: true),
      .init("limit", min: 8, rank: 4),
      .init("key", min: 8, rank: 3), .init("last error", min: 16),
    ])
    for task in tasks { table.add(cells(task, session)) }
    return table.withoutEmptyColumns(["prio", "tries", "crashes", "limit", "key", "last error"])
  }

  private static func cells(_ task: TaskSummary, _ session: Session) -> [Table.Cell] {
    let state = task.reason.map { "dead: \($0)" } ?? task.state.rawValue + (task.isFlow ? " flow" : "")
    return [
      .init("\(task.id)", .bold), .init(state, Style.of(state: task.state.rawValue)), .init(task.type.rawValue),
      .init(task.queue.rawValue),
      .init(task.priority == 100 ? "" : "\(task.priority)"), .init(task.attempt == 0 ? "" : "\(task.attempt)"),
      .init(task.crashes == 0 ? "" : "\(task.crashes)", .red),
      .init(Words.age(task.createdAt, at: session.now)), .init(when(task, session)),
      .init(task.limit.map { "\($0)" } ?? ""),
      .init(task.uniqueKey ?? ""), .init(task.lastError ?? "", .red),
    ]
  }

  /// The instant that matters in its state, as a span.
  private static func when(_ task: TaskSummary, _ session: Session) -> String {
    switch task.state {
    case .running: "lease " + Words.age(task.leaseUntil, at: session.now)
    case .dead, .done, .finished: Words.age(task.endedAt, at: session.now) + " ago"
    case .waiting: Words.age(task.dueAt, at: session.now)
    default: "due " + Words.age(task.dueAt, at: session.now)
    }
  }
}

extension Table {
  /// Without those of the named columns in which no row has anything.
  func withoutEmptyColumns(_ titles: Set<String>) -> Table {
    let kept = columns.indices.filter { index in
      !titles.contains(columns[index].title) || rows.contains { !$0[index].text.isEmpty }
    }
    var table = Table(kept.map { columns[$0] })
    table.rows = rows.map { row in kept.map { row[$0] } }
    return table
  }
}
