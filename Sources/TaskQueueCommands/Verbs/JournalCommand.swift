import ArgumentParser
import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct JournalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "journal",
    abstract: "Who did what, when and why; latest first.",
    discussion: """
      Every change by this command, the dashboard, and psql with SET taskqueue.actor. The actor is what the person's program says; ROLE is the database's own \
      word. With --json also what was asked for, and what was before and after.
      """
  )

  @OptionGroup var options: CommandOptions
  @Option(help: "About this task.") var task: Int64?
  @Option(help: "About this queue.") var queue: String?
  @Option(help: "About this schedule.") var schedule: String?
  @Option(help: "About this limit.") var limited: String?
  @OptionGroup var page: PageOptions
  @Option(help: ArgumentHelp("Older than this line.", valueName: "id")) var before: Int64?

  func validate() throws {
    guard [task != nil, queue != nil, schedule != nil, limited != nil].count(where: \.self) < 2 else {
      throw ValidationError("Only one of --task, --queue, --schedule and --limited.")
    }
  }

  private var target: OperatorTarget? {
    task.map { .task(TaskID($0)) } ?? queue.map { .queue(QueueName($0)) } ?? schedule.map { .schedule($0) }
      ?? limited.map { .limit($0) }
  }

  func run() async throws {
    try await options.run { session in
      let actions = try await session.client.operatorActions(before: before, about: target, limit: page.limit)
      let next = actions.count == page.limit ? actions.last?.id : nil
      if session.isJSON { session.console.print(["actions": .array(actions.map { .action($0) }), "next": .id(next)]) }
      guard !actions.isEmpty else { throw session.nothing("Nobody did anything.") }
      if session.isJSON { return }
      session.console.print(JournalTable.of(actions, session, withTarget: true))
      if let next { session.console.note("There may be more: --before \(next)") }
    }
  }
}

/// Lines of the journal as a table.
enum JournalTable {
  static func of(_ actions: [OperatorAction], _ session: Session, withTarget: Bool) -> Table {
    var columns: [Table.Column] = [
      .init("line", right: true, rank: 3), .init("when", right: true), .init("who", min: 8),
      .init("role", min: 6, rank: 4), .init("what"),
    ]
    if withTarget { columns.append(.init("to", min: 10)) }
    columns += [.init("tasks", right: true, rank: 2), .init("result", min: 8, rank: 1), .init("why", min: 10)]
    var table = Table(columns)
    for action in actions {
      var cells: [Table.Cell] = [
        .init("\(action.id)", .dim), .init(Words.age(action.at, at: session.now) + " ago"), .init(action.actor, .bold),
        .init(action.role, .dim),
        .init(action.verb.rawValue),
      ]
      if withTarget { cells.append(.init(action.target.description)) }
      cells += [
        .init(action.taskCount == 0 ? "" : Words.count(action.taskCount)), .init(result(action)),
        .init(action.reason ?? ""),
      ]
      table.add(cells)
    }
    return table.withoutEmptyColumns(["tasks", "result", "why", "role"])
  }

  /// The word of `{"result": "cancelled"}`.
  private static func result(_ action: OperatorAction) -> String {
    struct After: Decodable { var result: String? }
    return action.after.flatMap { try? JSONDecoder().decode(After.self, from: $0).result } ?? ""
  }
}
