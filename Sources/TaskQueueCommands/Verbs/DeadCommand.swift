import ArgumentParser
import TaskQueue
import TaskQueuePostgres

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct DeadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead",
    abstract: "Dead letters: tasks that were put aside.",
    subcommands: [List.self, Retry.self, Purge.self, UnknownVerb<DeadCommand>.self],
    defaultSubcommand: UnknownVerb<DeadCommand>.self
  )

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Dead letters, latest first.",
      discussion: "As taskqueue list --state dead, with all its conditions."
    )

    @OptionGroup var options: CommandOptions
    @OptionGroup(title: "Which tasks") var filter: FilterOptions
    @OptionGroup(title: "How many") var paging: PagingOptions
    @Flag(help: "Print ids alone, one a line.") var ids = false

    func validate() throws {
      guard filter.state == nil || filter.state == .dead else { throw ValidationError("All of these are dead.") }
    }

    func run() async throws {
      try await options.run(form: ids ? .ids : nil) { session in
        try await TaskLister(session: session, filter: try filter.filter(isDead: true), paging: paging).run()
      }
    }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "retry",
      abstract: "Make dead letters live again, under their ids.",
      discussion: """
        Those that are there now, each once, oldest first, a thousand a transaction. One whose unique key a live task has stays dead. Interrupted, it has done \
        whole pages: call it again.
        """
    )

    @OptionGroup var walk: DeadLetterWalkOptions

    func run() async throws {
      try await walk.run("Retry", done: "live again") { try await $0.redrive($1, from: $2) }
    }
  }

  struct Purge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "purge",
      abstract: "Delete dead letters for good.",
      discussion:
        "Asks also for a single one: nothing brings it back. Those that are there now, oldest first, a thousand a transaction."
    )

    @OptionGroup var walk: DeadLetterWalkOptions

    func run() async throws {
      try await walk.run("Delete", done: "deleted", asksForOne: true) { try await $0.purge($1, from: $2) }
    }
  }
}

/// Which dead letters: ids, or a type and an age; all only if that is said.
struct DeadLetterOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Ids of dead letters; - reads them from standard input.", valueName: "id")) var tasks:
    [String] = []
  @Option(help: "Of this type.") var type: String?
  @Option(
    help: ArgumentHelp("That died so long ago or longer.", valueName: "age"),
    transform: SpanArgument.read
  )
  var olderThan: SpanArgument?
  @Flag(help: "All of them.") var all = false
  @Flag(help: "Print the ids of those that were changed, one a line.") var ids = false

  func validate() throws {
    try TaskIDArgument.check(tasks)
    if let type, type.hasSuffix("*") {
      throw ValidationError(
        "This takes one type. For several hand over ids: taskqueue dead list --type '\(type)' --all --ids | taskqueue dead … -"
      )
    }
    guard !tasks.isEmpty || type != nil || olderThan != nil || all else {
      throw ValidationError("Say which: ids, --type, --older-than, or --all.")
    }
  }

  func filter() throws -> DeadLetterFilter {
    var filter = DeadLetterFilter(type: type.map { TaskType($0) }, olderThan: olderThan?.duration)
    guard !tasks.isEmpty else { return filter }
    var argument = TaskIDsArgument()
    argument.ids = tasks
    filter.ids = try argument.read()
    return filter
  }

  /// `7 dead letters of the type mail.send that died 2 h ago or longer`.
  ///
  func words(_ filter: DeadLetterFilter, _ count: BoundedCount) -> String {
    var words =
      count.isMore ? "\(Words.count(count.value)) or more dead letters" : Words.count(count.value, "dead letter")
    if filter.ids == nil, filter.type == nil, filter.olderThan == nil { words = "all " + words }
    if let type = filter.type { words += " of the type \(type)" }
    if let age = filter.olderThan { words += " that died \(Words.span(age / .seconds(1))) ago or longer" }
    return words
  }

  /// Counted to ``Limits/page``, in as many looks as a list takes.
  func count(_ filter: DeadLetterFilter, _ session: Session) async throws -> BoundedCount {
    if let ids = filter.ids { return BoundedCount(ids.count, isMore: false) }
    let diedBy = filter.olderThan.map { session.now.addingTimeInterval(-($0 / .seconds(1))) } ?? .distantFuture
    var list = TaskFilter()
    (list.state, list.type) = (.dead, filter.type)
    var (count, looks) = (0, 0)
    var cursor: TaskCursor?
    repeat {
      let page = try await session.client.list(list, after: cursor, limit: Limits.page)
      count += page.tasks.count { $0.endedAt ?? .distantPast <= diedBy }
      (cursor, looks) = (page.next, looks + 1)
    } while cursor != nil && count < Limits.page && looks < TaskLister.maxLooks
    return BoundedCount(min(count, Limits.page), isMore: cursor != nil || count > Limits.page)
  }
}

/// Walks over dead letters, page by page, with progress.
struct DeadLetterWalkOptions: ParsableArguments {
  typealias Step = (TaskOperator<PostgresTaskStore>, DeadLetterFilter, DeadLetterCursor?) async throws -> DeadLetterPage

  @OptionGroup var options: CommandOptions
  @OptionGroup var letters: DeadLetterOptions
  @OptionGroup var acting: ActingOptions
  @OptionGroup var confirmation: ConfirmationOptions

  func run(_ verb: String, done: String, asksForOne: Bool = false, _ step: Step) async throws {
    try await options.run(form: letters.ids ? .ids : nil) { session in
      let filter = try letters.filter()
      if filter.ids?.isEmpty == true { throw session.nothing("No task.") }
      if asksForOne || filter.ids?.count != 1 {
        try await confirmation.ask(
          {
            let count = try await letters.count(filter, session)
            guard count.value > 0 || count.isMore else { throw session.nothing("No dead letter.") }
            return "\(verb) \(letters.words(filter, count))?"
          },
          session.console
        )
      }
      try await walk(filter, done, session, step)
    }
  }

  private func walk(_ filter: DeadLetterFilter, _ done: String, _ session: Session, _ step: Step) async throws {
    let actor = acting(session)
    var ids: [TaskID] = []
    var count = 0
    var cursor: DeadLetterCursor?
    repeat {
      let page = try await step(actor, filter, cursor)
      cursor = page.next
      count += page.ids.count
      // A million ids are no answer for people; programs get them all.
      if session.console.form == .json { ids += page.ids }
      if session.console.form == .ids { for id in page.ids { session.console.print("\(id)") } }
      session.console.progress("\(Words.count(count)) \(done) …")
    } while cursor != nil
    session.console.endProgress()
    switch session.console.form {
    case .json: session.console.print(["count": .int(count), "ids": .array(ids.map { .id($0.rawValue) })])
    case .ids: break
    case .text: session.console.print("\(Words.count(count, "dead letter")) \(done).")
    }
    guard count > 0 else { throw ExitCode(ExitStatus.nothing) }
  }
}
