import DequeModule
import Metrics
import Synchronization

/// Puts attempts of one type together into batches. Each attempt waits in it for its outcome.
///
/// At most so many calls of the handler are under way; what comes meanwhile is the next batch, so batches grow with the load.
final class BatchCollector<Payload: Sendable>: Sendable {
  typealias Handle = @Sendable ([BatchTask<Payload>], TaskBatch) async throws -> Void

  private struct Member: Sendable {
    let id: UInt64
    let payload: Payload
    let context: TaskContext
    let continuation: CheckedContinuation<TaskOutcome, any Error>
  }

  private struct State {
    var lastID: UInt64 = 0
    var waiting: Deque<Member> = []
    /// Attempts that are not put to the others yet, and were not cancelled.
    var joining: Set<UInt64> = []
    /// The batches of the attempts under way.
    var batches: [UInt64: (batch: TaskBatch, index: Int)] = [:]
    /// Calls of the handler, and batches that are about to be made.
    var callCount = 0
    /// Batches whose calls count.
    var running: Set<ObjectIdentifier> = []
    /// Calls that were given up, and go on.
    var strayCount = 0
  }

  /// How long a call may ignore that it was cancelled; then the next one takes its place.
  private static var cancellationGrace: Duration { .seconds(5) }

  private let maxCount: Int
  private let maxCalls: Int
  private let gathering: Duration
  private let handle: Handle
  private let sizes: Recorder
  private let state = Mutex(State())

  init(of type: TaskType, upTo maxCount: Int, atATime maxCalls: Int, gathering: Duration, _ handle: @escaping Handle) {
    sizes = MetricName.batchSize.recorder(type.rawValue)
    self.maxCount = maxCount
    self.maxCalls = maxCalls
    self.gathering = gathering
    self.handle = handle
  }

  /// Waits until a batch with this attempt has been handled.
  ///
  /// - Throws: the attempt's own error or the handler's; `CancellationError` if it was cancelled before its batch began. Once that has begun
  ///   the attempt ends with it, as a handler of its own would.
  func join(_ payload: Payload, _ context: TaskContext) async throws -> TaskOutcome {
    let id = state.withLock { state in
      state.lastID += 1
      state.joining.insert(state.lastID)
      return state.lastID
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        add(Member(id: id, payload: payload, context: context, continuation: continuation))
      }
    } onCancel: {
      cancel(id)
    }
  }

  private func add(_ member: Member) {
    let (isCancelled, begins) = state.withLock { state -> (Bool, Bool) in
      guard state.joining.remove(member.id) != nil else { return (true, false) }
      state.waiting.append(member)
      guard state.callCount < maxCalls else { return (false, false) }
      state.callCount += 1
      return (false, true)
    }
    if isCancelled { member.continuation.resume(throwing: CancellationError()) }
    // Not of this attempt's Swift task: neither its cancellation nor its task-local values are those of the others.
    if begins { Task.detached { await self.call() } }
  }

  private func cancel(_ id: UInt64) {
    let (waiting, running) = state.withLock { state -> (Member?, (batch: TaskBatch, index: Int)?) in
      if let running = state.batches[id] { return (nil, running) }
      guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
        state.joining.remove(id)
        return (nil, nil)
      }
      return (state.waiting.remove(at: index), nil)
    }
    if let running, running.batch.cancel(running.index) {
      Task.detached {
        try? await Task.sleep(for: Self.cancellationGrace)
        if self.giveUp(running.batch) { await self.call() }
      }
    }
    waiting?.continuation.resume(throwing: CancellationError())
  }

  // MARK: Calls of the handler

  private func call() async {
    while true {
      await gather()
      guard let (members, batch) = take() else { return }
      sizes.record(members.count)
      let tasks = members.enumerated().map { index, member in
        BatchTask(payload: member.payload, context: member.context, batch: batch, index: index)
      }
      let failure = Mutex<(any Error)?>(nil)
      let handler = Task.detached { [handle] in
        do { try await handle(tasks, batch) } catch { failure.withLock { $0 = error } }
      }
      batch.begin(handler)
      await handler.value
      let counts = state.withLock { state in
        for member in members { state.batches[member.id] = nil }
        let counts = state.running.remove(ObjectIdentifier(batch)) != nil
        if !counts { state.strayCount -= 1 }
        return counts
      }
      let error = failure.withLock { $0 }
      for (index, member) in members.enumerated() { member.continuation.resume(with: batch.result(of: index, error)) }
      guard counts else { return }
    }
  }

  /// At most as many as there may be calls: a handler that never ends is not to take over the process.
  ///
  /// - Returns: whether another call is to begin.
  private func giveUp(_ batch: TaskBatch) -> Bool {
    state.withLock { state in
      guard state.strayCount < maxCalls, state.running.remove(ObjectIdentifier(batch)) != nil else { return false }
      state.strayCount += 1
      guard !state.waiting.isEmpty else {
        state.callCount -= 1
        return false
      }
      return true
    }
  }

  /// Waits until a batch is full, but no longer than it may.
  private func gather() async {
    let steps = 10
    for _ in 0..<steps where gathering > .zero && state.withLock({ $0.waiting.count < maxCount }) {
      try? await Task.sleep(for: gathering / steps)
    }
  }

  /// nil: nobody waits any more, and the call is over.
  private func take() -> (members: [Member], batch: TaskBatch)? {
    state.withLock { state in
      let count = min(maxCount, state.waiting.count)
      guard count > 0 else {
        state.callCount -= 1
        return nil
      }
      let members = Array(state.waiting.prefix(count))
      state.waiting.removeFirst(count)
      let batch = TaskBatch(count: count)
      state.running.insert(ObjectIdentifier(batch))
      for (index, member) in members.enumerated() { state.batches[member.id] = (batch, index) }
      return (members, batch)
    }
  }
}
