import Logging
@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Says which live flows would break under new code, before it is deployed.
///
/// ```swift
/// let flows = try JSONDecoder().decode([FlowRecording].self, from: exported)   // client.exportFlows(of: SignUp.taskType)
/// let findings = try await FlowLint(try makeHandlers(bank, client)).check(flows)
/// #expect(findings.isEmpty)
/// ```
///
/// Each flow's handler is run with its journal until the first call that is not recorded; no body of a step is run, nothing is stored. Code between steps
/// does run: give the handlers fakes, and a client of an `InMemoryTaskStore`. `TaskContext.version(_:)` answers as it would: false for flows
/// that have passed it.
public struct FlowLint: Sendable {
  private let handlers: TaskHandlers

  /// - Parameter handlers: the new code's.
  public init(_ handlers: TaskHandlers) { self.handlers = handlers }

  /// One flow after the other.
  ///
  /// - Returns: what was found, in the order of the flows; at most one finding of a kind and step per flow.
  /// - Throws: `CancellationError`.
  public func check(_ flows: [FlowRecording]) async throws -> [FlowLintFinding] {
    var findings: [FlowLintFinding] = []
    for flow in flows {
      try Task.checkCancellation()
      findings += try await self.findings(of: flow)
    }
    return findings
  }

  private func findings(of flow: FlowRecording) async throws -> [FlowLintFinding] {
    guard handlers.types.contains(TaskType(rawValue: flow.type)) else {
      return [finding(.payloadUnreadable, flow, nil, "There is no handler for \(flow.type) any more.")]
    }
    guard !flow.isCutOff else {
      let count = flow.steps.count
      return [finding(.notChecked, flow, nil, "It has more than the \(count) steps that were exported.")]
    }
    let replay = FlowLintReplay(flow)
    let store = FlowLintStore(flow, replay)
    let attempts = SingleAttempt(
      store: store,
      handlers: handlers,
      middleware: [],
      effects: .init(),
      maxCrashes: .max,
      flowObserver: { try replay.observe($0) },
      logger: Logger(label: "TaskQueue") { _ in SwiftLogNoOpLogHandler() }
    )
    let result = try await attempts.run(ClaimedTask(flow))
    return describe(replay.contents, result.error, flow)
  }

  private func finding(
    _ kind: FlowLintFinding.Kind,
    _ flow: FlowRecording,
    _ step: String?,
    _ message: String
  ) -> FlowLintFinding {
    FlowLintFinding(kind: kind, task: flow.task, step: step, message: message)
  }

  private func describe(
    _ seen: FlowLintReplay.Contents,
    _ error: (any Error)?,
    _ flow: FlowRecording
  ) -> [FlowLintFinding] {
    if let error = error as? UndecodablePayload { return [finding(.payloadUnreadable, flow, nil, error.description)] }
    var findings: [FlowLintFinding] = []
    for (name, code) in seen.refused.sorted(by: { $0.key < $1.key }) {
      let kind: FlowLintFinding.Kind = code == .inputChanged ? .inputChanged : .handlerFailed
      findings.append(finding(kind, flow, name, "\(FlowStep.title(of: name)) is refused: \(code)."))
    }
    if let error = error as? FlowError, error.code == .unreadableValue {
      findings.append(finding(.valueUnreadable, flow, error.step, error.description))
    } else if let error, !(error is FlowSuspension), findings.isEmpty, seen.firstNew == nil {
      findings.append(finding(.handlerFailed, flow, nil, "The handler threw before it came to anything new: \(error)"))
    }
    if let out = seen.outOfOrder {
      let recorded = FlowStep.title(of: out.recorded)
      let message = "\(out.new.title) would run now, although \(recorded) after it is recorded. Ask version(_:)."
      findings.append(finding(.runsBeforeRecorded, flow, out.new.name, message))
    }
    guard findings.isEmpty, let missed = seen.missed(of: flow) else { return findings }
    let title = FlowStep.title(of: missed.name)
    if let new = seen.firstNew {
      let message =
        "\(new.title) would run now, before the flow comes to \(title), which is recorded. "
        + "If it is that one renamed, keep the old name; if it is new, ask version(_:)."
      return [finding(.runsBeforeRecorded, flow, new.name, message)]
    }
    return [finding(.stepNotReached, flow, missed.name, "\(title) is recorded, and the handler does not come to it.")]
  }
}

extension ClaimedTask {
  /// A recorded flow, claimed by nobody. Of one that is being undone all counts as undone: no compensation is run.
  fileprivate init(_ flow: FlowRecording) {
    var steps = flow.steps.map(FlowStep.init)
    if steps.contains(where: { $0.kind == .unwind }) {
      for step in steps where step.kind == .undo {
        let name = "~undo/\(step.name.dropFirst("~on/".count))"
        if !steps.contains(where: { $0.name == name }) {
          steps.append(FlowStep(name, .step, place: step.place, value: Data("true".utf8)))
        }
      }
    }
    self.init(
      claim: Claim(id: flow.task, token: 0),
      queue: QueueName(rawValue: flow.queue),
      type: TaskType(rawValue: flow.type),
      priority: 100,
      payload: Data(flow.payload.utf8),
      headers: flow.headers,
      attempt: 1,
      failures: 0,
      crashes: 0,
      maxAttempts: nil,
      retry: nil,
      deadline: nil,
      createdAt: flow.createdAt,
      dueAt: flow.createdAt,
      // Sleeps that had not ended when it was exported have ended now.
      claimedAt: .distantFuture,
      isCancelRequested: false,
      steps: steps
    )
  }
}

extension FlowStep {
  fileprivate init(_ step: FlowRecording.Step) {
    self.init(
      step.name,
      Kind(rawValue: step.kind),
      place: step.place,
      value: step.value.map { Data($0.utf8) },
      digest: step.digest,
      until: step.until
    )
  }
}
