import ArgumentParser
import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct FlowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flow",
    abstract: "Flows: what one has done, and what it waits for.",
    subcommands: [Show.self, UnknownVerb<FlowCommand>.self],
    defaultSubcommand: UnknownVerb<FlowCommand>.self
  )

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show",
      abstract: "A flow's steps, waits and children, in its order.",
      discussion: "Names that begin with ~ are the library's own. A completed flow has no steps any more."
    )

    @OptionGroup var options: CommandOptions
    @OptionGroup var argument: TaskIDArgument

    @Flag(help: "Also what steps returned, and events brought.")
    var payload = false

    func run() async throws {
      try await options.run { session in
        guard let detail = try await session.client.detail(of: argument.task, withPayload: payload) else {
          throw session.nothing(try await session.client.explain(argument.task).description)
        }
        if session.isJSON { return session.console.print(.flow(detail, withPayload: payload)) }
        guard !detail.steps.isEmpty || !detail.groups.isEmpty || !detail.children.isEmpty else {
          throw session.nothing(
            "Task \(argument.task) has no steps and no children: it is no flow, has not begun, or is over."
          )
        }
        let state = detail.summary.state.rawValue
        session.console.print(
          session.console.style(.bold, "Flow \(argument.task)") + "  "
            + session.console.style(Style.of(state: state), state) + "  "
            + PlainText.line(detail.summary.type.rawValue)
        )
        for sentence in detail.explanation.sentences { session.console.paragraph(sentence, indent: 2) }
        FlowView(detail: detail, withPayload: payload, session: session).print()
      }
    }
  }
}

extension JSONValue {
  static func flow(_ detail: TaskDetail, withPayload: Bool) -> JSONValue {
    [
      "task": .task(detail.summary), "explanation": .explanation(detail.explanation),
      "steps": .array(detail.steps.map { .step($0, withValue: withPayload) }), "parent": .id(detail.parent?.rawValue),
      "groups": .array(detail.groups.map { .group($0) }), "children": .array(detail.children.map { .child($0) }),
    ]
  }
}

/// Steps and children as text.
struct FlowView {
  let detail: TaskDetail
  let withPayload: Bool
  let session: Session

  func print() {
    let console = session.console
    if !detail.steps.isEmpty {
      console.section("Steps")
      var columns: [Table.Column] = [
        .init("", right: true), .init("kind"), .init("step", min: 12), .init("until", rank: 1),
      ]
      if withPayload { columns.append(.init("value", min: 12)) }
      var table = Table(columns)
      for step in detail.steps {
        var cells: [Table.Cell] = [
          .init("\(step.place)", .dim), .init(step.kind.rawValue, colour(step.kind)), .init(step.name),
          .init(step.until.map { "\(Words.instant($0)) (\(Words.age($0, at: session.now)))" } ?? ""),
        ]
        if withPayload { cells.append(.init(step.value.map { String(decoding: $0, as: UTF8.self) } ?? "", .dim)) }
        table.add(cells)
      }
      console.print(table.withoutEmptyColumns(["until"]))
      if detail.steps.count >= Limits.page {
        console.note("Only the first \(Words.count(Limits.page)) steps are shown.")
      }
    }
    for group in detail.groups { print(group) }
    children()
  }

  private func print(_ group: TaskGroupSummary) {
    let progress = group.progress
    session.console.section("Group \(group.id)")
    var words = "\(Words.count(progress.ended)) of \(Words.count(progress.total)) ended"
    if progress.failed > 0 { words += ", \(Words.count(progress.failed)) of them failed" }
    if let most = group.atMost { words += "; \(most) at a time" }
    session.console.print("  " + ProgressBar.text(progress.ended, of: progress.total) + "  " + words)
  }

  private func children() {
    guard !detail.children.isEmpty else { return }
    session.console.section("Children")
    var table = Table([
      .init("#", right: true), .init("task", right: true), .init("state"), .init("type", min: 12),
      .init("ended", right: true),
    ])
    for child in detail.children {
      let state = child.outcome ?? child.summary?.state.rawValue ?? "gone"
      table.add([
        .init("\(child.member)", .dim), .init(child.task.map { "\($0)" } ?? ""),
        .init(state, child.outcome == nil ? Style.of(state: state) : child.outcome == "completed" ? .green : .red),
        .init(child.summary?.type.rawValue ?? ""),
        .init(child.endedAt.map { Words.age($0, at: session.now) + " ago" } ?? ""),
      ])
    }
    session.console.print(table)
    if detail.children.count >= TaskDetail.maxChildren {
      session.console.note("Only the first \(TaskDetail.maxChildren) children are shown.")
    }
  }

  private func colour(_ kind: FlowStep.Kind) -> Style.Colour {
    switch kind {
    case .wait: .yellow
    case .timeout, .unwind, .undo: .red
    case .event: .cyan
    default: .green
    }
  }
}

/// `■■■■······`.
enum ProgressBar {
  static func text(_ done: Int, of total: Int, width: Int = 24) -> String {
    let filled = total > 0 ? min(width, done * width / total) : 0
    return String(repeating: "■", count: filled) + String(repeating: "·", count: width - filled)
  }
}
