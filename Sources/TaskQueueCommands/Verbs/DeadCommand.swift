import ArgumentParser
import TaskQueue
import TaskQueuePostgres

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

    @OptionGroup var options: CommandOptions
    @OptionGroup var letters: DeadLetterOptions
    @OptionGroup var acting: ActingOptions
    @OptionGroup var confirmation: ConfirmationOptions

    func run() async throws {
      try await options.run(form: letters.ids ? .ids : nil) { session in
        let actor = acting(session)
        try await DeadLetterWalk(
          session: session,
          letters: letters,
          confirmation: confirmation,
          verb: "Retry",
          done: "live again"
        ).run {
          filter,
          cursor in try await actor.redrive(filter, from: cursor)
        }
      }
    }
  }

  struct Purge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "purge",
      abstract: "Delete dead letters for good.",
      discussion:
        "Asks also for a single one: nothing brings it back. Those that are there now, oldest first, a thousand a transaction."
    )

    @OptionGroup var options: CommandOptions
    @OptionGroup var letters: DeadLetterOptions
    @OptionGroup var acting: ActingOptions
    @OptionGroup var confirmation: ConfirmationOptions

    func run() async throws {
      try await options.run(form: letters.ids ? .ids : nil) { session in
        let actor = acting(session)
        try await DeadLetterWalk(
          session: session,
          letters: letters,
          confirmation: confirmation,
          verb: "Delete",
          done: "deleted"
        ).run {
          filter,
          cursor in try await actor.purge(filter, from: cursor)
        }
      }
    }
  }
}

/// Which dead letters: ids, or a type and an age; all only if that is said.
struct DeadLetterOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Ids of dead letters; - reads them from standard input.", valueName: "id")) var tasks:
    [String] = []
  @Option(help: "Of this type.") var type: String?
  @Option(help: ArgumentHelp("That died so long ago or longer.", valueName: "age")) var olderThan: SpanArgument?
  @Flag(help: "All of them.") var all = false
  @Flag(help: "Print the ids of those that were changed, one a line.") var ids = false

  func validate() throws {
    for id in tasks where id != "-" && Int64(id) == nil { throw ValidationError("'\(id)' is no task's id.") }
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

  /// `dead letters of the type mail.send older than 2 h`.
  func words(_ filter: DeadLetterFilter) -> String {
    var words = filter.ids.map { Words.count($0.count, "dead letter") } ?? "dead letters"
    if filter.ids == nil, filter.type == nil, filter.olderThan == nil { words = "all dead letters" }
    if let type = filter.type { words += " of the type \(type)" }
    if let age = filter.olderThan { words += " that died \(Words.span(age / .seconds(1))) ago or longer" }
    return words
  }
}

/// Walks over dead letters, page by page, with progress.
struct DeadLetterWalk {
  let session: Session
  let letters: DeadLetterOptions
  let confirmation: ConfirmationOptions
  let verb: String
  let done: String

  func run(
    _ step: (DeadLetterFilter, DeadLetterCursor?) async throws -> DeadLetterPage
  ) async throws {
    let filter = try letters.filter()
    if filter.ids?.isEmpty == true { throw session.nothing("No task.") }
    if verb == "Delete" || filter.ids?.count != 1 {
      try confirmation.ask("\(verb) \(letters.words(filter))?", session.console)
    }
    var ids: [TaskID] = []
    var count = 0
    var cursor: DeadLetterCursor?
    repeat {
      let page = try await step(filter, cursor)
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
