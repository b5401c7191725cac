import ArgumentParser
import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct ShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Everything about one task: attempts, errors, lease, steps, effects, children, who did what to it.",
    discussion:
      "Works for live tasks, dead letters and completed ones that are kept. Payload, result and the values of steps and effects only with --payload: they may be secret."
  )

  @OptionGroup var options: CommandOptions
  @OptionGroup var argument: TaskIDArgument

  @Flag(help: "Also payload, result, headers, and values of steps and effects.")
  var payload = false

  func run() async throws {
    try await options.run { session in
      guard let detail = try await session.client.detail(of: argument.task, withPayload: payload) else {
        throw session.nothing(try await session.client.explain(argument.task).description)
      }
      if session.isJSON { return session.console.print(.detail(detail, withPayload: payload)) }
      TaskView(detail: detail, withPayload: payload, session: session).print()
    }
  }
}

/// One task as text.
struct TaskView {
  let detail: TaskDetail
  let withPayload: Bool
  let session: Session

  private var console: Console { session.console }

  func print() {
    let task = detail.summary
    console.print(
      console.style(.bold, "Task \(task.id)") + "  "
        + console.style(Style.of(state: task.state.rawValue), task.state.rawValue) + "  "
        + PlainText.line(task.type.rawValue)
    )
    for sentence in detail.explanation.sentences { console.paragraph(sentence, indent: 2) }
    for command in detail.explanation.commands(detail.effects) where command != "taskqueue show \(task.id)" {
      console.print("    " + console.style(.cyan, PlainText.line(command)))
    }
    console.print()
    console.fields(fields(task))
    errors()
    if withPayload { values() }
    FlowView(detail: detail, withPayload: withPayload, session: session).print()
    effects()
    if !detail.actions.isEmpty {
      console.section("What people did")
      console.print(JournalTable.of(detail.actions, session, withTarget: false))
    }
  }

  private func fields(_ task: TaskSummary) -> [(name: String, value: Table.Cell)] {
    var fields: [(name: String, value: Table.Cell)] = [
      ("queue", .init(task.queue.rawValue)), ("priority", "\(task.priority)"),
    ]
    func add(_ name: String, _ value: String?) { if let value { fields.append((name, Table.Cell(value))) } }
    func instant(_ name: String, _ date: Date?) {
      guard let date, date > .distantPast, date < .distantFuture else { return }
      let age = Words.age(date, at: session.now)
      add(name, "\(Words.instant(date)) (\(age.hasPrefix("in ") ? age : age + " ago"))")
    }
    instant("enqueued", task.createdAt)
    instant("due", task.dueAt)
    instant("lease until", task.leaseUntil)
    add("held by", detail.holder?.worker)
    instant("held since", detail.holder?.since)
    instant("as reported", detail.holder?.seenAt)
    instant("ended", task.endedAt)
    instant("kept until", detail.keptUntil)
    instant("deadline", detail.deadline)
    let most = detail.maxAttempts.map { " of \(Words.count($0)) that may fail" } ?? ""
    add(
      "attempts",
      "\(task.attempt), \(task.failures) failed\(most)" + (task.crashes > 0 ? ", \(task.crashes) crashed" : "")
    )
    add("unique key", task.uniqueKey)
    add("limit", task.limit.map { "\($0)" + ($0.weight == 1 ? "" : ", weight \($0.weight)") })
    add("parent", detail.parent.map { "task \($0)" })
    add("group", detail.group.map { "\($0)" })
    add("reason", detail.deathDetail)
    if withPayload {
      for (name, value) in detail.headers.sorted(by: { $0.key < $1.key }) { add("header", "\(name): \(value)") }
    }
    if detail.isCancelRequested { add("cancellation", "asked for") }
    if detail.runsAgain { add("runs again", "once more after this attempt") }
    if !detail.workers.isEmpty, task.endedAt == nil {
      add(
        "workers",
        detail.workers.prefix(5).map(\.name).joined(separator: ", ") + (detail.workers.count > 5 ? ", …" : "")
      )
    }
    return fields
  }

  private func errors() {
    guard !detail.errors.isEmpty else { return }
    console.section("Errors, latest first")
    for failure in detail.errors.reversed() {
      let at = Words.age(Date(timeIntervalSince1970: failure.at), at: session.now)
      console.print(
        "  " + console.style(.dim, "attempt \(failure.attempt), \(at) ago, ") + PlainText.line(failure.errorType)
      )
      console.paragraph(failure.message, indent: 4, .red)
    }
  }

  private func values() {
    for (title, data) in [("Payload", detail.payload), ("Result", detail.result)] {
      guard let data else { continue }
      console.section(title)
      console.print("  " + JSONValue.json(data).text(isPretty: false))
    }
  }

  private func effects() {
    guard !detail.effects.isEmpty else { return }
    console.section("Effects")
    console.print(EffectTable.of(detail.effects, withTask: false))
    guard withPayload else { return }
    for effect in detail.effects {
      guard let value = effect.value else { continue }
      console.print("  \(PlainText.line(effect.name.rawValue)): " + JSONValue.json(value).text(isPretty: false))
    }
  }
}
