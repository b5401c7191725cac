/// Tasks that a flow has enqueued together, and whose ends it can wait for.
///
/// They are counted in the store: a flow that waits for all of them comes back once, and one that takes them as they come when the first has ended,
/// with each further twentieth of them, and when all have, not once for each. What they returned is read when it is asked for, and is no part of the flow's journal.
public struct ChildTasks: Sendable {
  /// For ``TaskClient/progress(of:)``; nil: there are none.
  public let group: GroupID?
  public let count: Int
  let type: TaskType
  /// The step that enqueued them.
  let step: String
  let context: TaskContext

  /// Of ends that are read at a time.
  private static var page: Int { 500 }

  /// How far they are, now: not the same in every attempt. nil: there are none.
  public func progress() async throws -> GroupProgress? {
    guard let group else { return nil }
    return try await store().progress(of: group)
  }

  /// What all of them returned, in the order of the payloads, once all have ended.
  ///
  /// - Throws: the ``TaskResultError`` of the first in that order that is a dead letter; else as ``ChildTask/value(as:)``.
  public func all<Value: Decodable & Sendable>(as type: Value.Type = Value.self) async throws -> [Value] {
    try await results(as: type).map { try $0.result.get() }
  }

  /// How all of them ended, in the order of the payloads, once all have.
  public func results<Value: Decodable & Sendable>(
    as type: Value.Type = Value.self
  ) async throws -> [GroupResult<Value>] {
    try await wait(for: count)
    return try await ends(behind: 0, upTo: count).map { $0.result(as: type, type: self.type) }.sorted {
      $0.index < $1.index
    }
  }

  /// The first that completed, by the order in which they were counted; the others go on. The same in every attempt.
  ///
  /// - Throws: the ``TaskResultError`` of the last one if all of them became dead letters; else as ``ChildTask/value(as:)``.
  public func first<Value: Decodable & Sendable>(
    as type: Value.Type = Value.self
  ) async throws -> (index: Int, value: Value) {
    var seen = 0
    var last: TaskResultError?
    while seen < count {
      let mark = GroupRules.mark(after: seen, of: count)
      try await wait(for: mark)
      for end in try await ends(behind: seen, upTo: mark) {
        let result = end.result(as: type, type: self.type)
        switch result.result {
        case .success(let value): return (result.index, value)
        case .failure(let error): last = error
        }
      }
      seen = mark
    }
    throw last ?? TaskResultError.notKept(nil)
  }

  /// Hands over each of them once it has ended, in the order in which they were counted, as often as the flow comes back: when the first has ended,
  /// with each further twentieth, and when all have. What was handed over is recorded by such a part; a part in whose midst an attempt ends is
  /// handed over again. Once for each ``ChildTasks``.
  ///
  /// - Throws: what the body throws; else as ``ChildTask/value(as:)``, but for a dead letter, which the body gets.
  public func forEach<Value: Decodable & Sendable>(
    as type: Value.Type = Value.self,
    _ body: (GroupResult<Value>) async throws -> Void
  ) async throws {
    var seen = 0
    while seen < count {
      let mark = GroupRules.mark(after: seen, of: count)
      let name = FlowNames.handled(step, mark)
      try await wait(for: mark)
      let attempt = try FlowAttempt(context)
      let (recorded, place) = try await attempt.begin(name)
      if recorded == nil {
        for end in try await ends(behind: seen, upTo: mark) { try await body(end.result(as: type, type: self.type)) }
        let record = FlowStep(name, .step, place: place)
        try await attempt.flow.run { try await attempt.record(record) }
      }
      seen = mark
    }
  }

  // MARK: Waiting

  private func store() throws -> any GroupStore {
    guard let store = context.services.store as? any GroupStore else { throw TaskQueueError.noGroups }
    return store
  }

  /// Until so many have ended.
  private func wait(for mark: Int) async throws {
    guard mark > 0, let group else { return }
    let name = FlowNames.ended(step, mark)
    let attempt = try FlowAttempt(context)
    let (recorded, place) = try await attempt.begin(name, kinds: [.wait, .event], isRepeatable: true)
    if recorded?.kind == .event { return }
    guard let progress = try await store().progress(of: group) else { throw TaskResultError.notKept(nil) }
    if progress.ended >= mark { return }
    throw attempt.suspend(FlowWait(name, place: place, end: .never, event: GroupRules.key(group, mark: mark)))
  }

  private func ends(behind place: Int, upTo last: Int) async throws -> [GroupEnd] {
    guard let group else { return [] }
    var all: [GroupEnd] = []
    all.reserveCapacity(last - place)
    var seen = place
    while seen < last {
      let page = try await store().ends(of: group, after: seen, limit: min(Self.page, last - seen))
      guard let end = page.last else { throw TaskResultError.notKept(nil) }
      all += page
      seen = end.place
    }
    return all
  }
}
