import Synchronization
@_spi(Store) import TaskQueue

/// What a flow under new code comes to, until its first call that is not recorded.
final class FlowLintReplay: Sendable {
  /// A call that is not recorded.
  struct New: Sendable {
    var name: String
    var title: String
  }

  struct Contents: Sendable {
    /// Recorded steps that it came to.
    var reached: Set<String> = []
    /// The first call that is not recorded; nil: there was none.
    var firstNew: New?
    /// By the Swift task that made it.
    var newBySwiftTask: [Int?: New] = [:]
    /// One Swift task went on from something new to something recorded.
    var outOfOrder: (new: New, recorded: String)?
    var refused: [String: FlowError.Code] = [:]

    /// The first recorded step that it did not come to.
    func missed(of flow: FlowRecording) -> FlowRecording.Step? {
      flow.steps.filter { step in
        step.kind != FlowStep.Kind.unwind.rawValue && !step.name.hasPrefix("~undo/") && !reached.contains(step.name)
      }
      .min { $0.place < $1.place }
    }
  }

  private let state: Mutex<Contents>
  private let recorded: Set<String>

  init(_ flow: FlowRecording) {
    state = Mutex(Contents())
    recorded = Set(flow.steps.map(\.name))
  }

  var contents: Contents { state.withLock { $0 } }

  /// - Throws: `FlowSuspension`: the call is not recorded.
  func observe(_ call: FlowCall) throws {
    let caller = FlowRunner.currentTask
    let stops = state.withLock { state -> Bool in
      switch call.decision {
      case .recorded:
        state.reached.insert(call.name)
        if let new = state.newBySwiftTask[caller], state.outOfOrder == nil { state.outOfOrder = (new, call.name) }
        return false
      case .refused(let code):
        state.refused[call.name] = code
        // It is there, whatever it has become.
        state.reached.insert(call.name)
        return false
      case .leaves: return false
      case .runs:
        // A version answers at once, and is recorded without a body.
        if call.name.hasPrefix("~version/") { return false }
        state.note(New(name: call.name, title: FlowStep.title(of: call.name)), by: caller)
        return true
      }
    }
    if stops { throw FlowSuspension() }
  }

  /// An effect that is not recorded.
  func noteNewEffect(_ name: EffectName) {
    let caller = FlowRunner.currentTask
    state.withLock { $0.note(New(name: name.rawValue, title: "effect \"\(name)\""), by: caller) }
  }
}

extension FlowLintReplay.Contents {
  mutating func note(_ new: FlowLintReplay.New, by caller: Int?) {
    if firstNew == nil { firstNew = new }
    if newBySwiftTask[caller] == nil { newBySwiftTask[caller] = new }
  }
}
