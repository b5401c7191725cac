import Foundation

@_spi(Store) @testable import TaskQueue

/// Drives a machine by hand: answers its calls when the test says so, at times that the test chooses.
final class MachineDriver {
  private(set) var machine: WorkerStateMachine
  private(set) var now: WorkerClock.Instant = .zero
  /// Ordered and not answered.
  private(set) var orders: [CallOrder] = []
  private(set) var runners: [RunnerID] = []
  private(set) var cancelled: [RunnerID] = []
  private(set) var judged: [CancelReason] = []
  private(set) var events: [EngineEvent] = []
  private(set) var wakeAt: WorkerClock.Instant = .zero

  init(
    timeout: Duration? = nil,
    maxConcurrent: [TaskType: Int] = [:],
    _ change: (inout TaskWorkerConfiguration) -> Void = { _ in }
  ) {
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = 10
    configuration.maxPrefetch = 100
    configuration.listensForWakeUps = false
    change(&configuration)
    var timeouts: [TaskType: Duration?] = ["t": timeout]
    for type in maxConcurrent.keys { timeouts[type] = .some(nil) }
    let settings = WorkerStateMachine.Settings(
      configuration: configuration,
      timeouts: timeouts,
      maxConcurrent: maxConcurrent
    )
    machine = WorkerStateMachine(settings, seed: 1, at: .zero)
    turn()
    answer(.prepared) { if case .prepare = $0 { true } else { false } }
  }

  /// Asks what is to be done, and writes it down.
  func turn() {
    let turn = machine.advance(at: now)
    wakeAt = turn.wakeAt
    events += turn.events
    for action in turn.actions {
      switch action {
      case .call(let order): orders.append(order)
      case .run(let runner): runners.append(runner)
      case .cancel(let runner): cancelled.append(runner)
      case .judge(let task, let reason):
        judged.append(reason)
        machine.judged(task.claim, Judgement(settlement: Settlement(task.claim, .release)))
      case .listen, .pingPool: break
      }
    }
  }

  func wait(_ duration: Duration) {
    now = now.advanced(by: duration)
    turn()
  }

  func change(_ input: (inout WorkerStateMachine, WorkerClock.Instant) -> Void) {
    input(&machine, now)
    turn()
  }

  // MARK: Calls

  /// Answers the first such call; false: there is none.
  @discardableResult
  func answer(_ answer: CallAnswer, to isWanted: (EngineCall) -> Bool) -> Bool {
    guard let index = orders.firstIndex(where: { isWanted($0.call) }) else { return false }
    let order = orders.remove(at: index)
    guard let ticket = machine.begin(order.id, at: now) else { return false }
    machine.end(ticket, answer, at: now)
    turn()
    return true
  }

  /// The exchange under way, of whatever kind, that came first.
  var exchange: (settlements: [Settlement], claim: ClaimRequest?)? {
    for order in orders {
      if case .exchange(let settlements, let claim) = order.call { return (settlements, claim) }
    }
    return nil
  }

  func answerExchange(_ results: [SettlementResult]? = nil, claimed: [ClaimedTask] = [], mayHaveMore: Bool = false) {
    let settled = results ?? (exchange?.settlements ?? []).map { _ in .applied }
    answer(.exchanged(Exchange(settled: settled, claimed: claimed, mayHaveMore: mayHaveMore))) { $0.isExchange }
  }

  func failExchange(_ error: TaskQueueError) { answer(.failed(error)) { $0.isExchange } }

  func claimed(_ ids: ClosedRange<Int64>, token: Int64 = 1) {
    answerExchange(claimed: ids.map { Self.task($0, token: token) })
  }

  // MARK: Attempts

  /// A runner starts its next task. nil: it ends.
  func start(_ runner: RunnerID) -> Attempt? { machine.start(runner, at: now) }

  /// Whether a runner gets a task, which is then forgotten.
  func starts(_ runner: RunnerID) -> Bool {
    guard let attempt = start(runner) else { return false }
    attempt.takeTicket().redeem()
    return true
  }

  /// - Returns: whether its runner goes on.
  @discardableResult
  func complete(_ attempt: consuming Attempt) -> Bool {
    let claim = attempt.task.claim
    let goesOn = machine.end(attempt.takeTicket(), Judgement(settlement: Settlement(claim, .complete)), at: now)
    turn()
    return goesOn
  }

  // MARK: Late answers

  func takeUpExchange() -> CallTicket? {
    guard let order = orders.first(where: { $0.call.isExchange }) else { return nil }
    return machine.begin(order.id, at: now)
  }

  func end(_ ticket: inout CallTicket?, _ answer: CallAnswer) {
    if let ticket = ticket.take() { machine.end(ticket, answer, at: now) }
    turn()
  }

  static func task(_ id: Int64, token: Int64 = 1) -> ClaimedTask {
    .sample(Claim(id: TaskID(id), token: token), at: Date(timeIntervalSince1970: 1e9))
  }
}

extension ClaimedTask {
  /// - Parameters:
  ///   - date: when it was created and claimed.
  ///   - age: for how many seconds it has been due then.
  static func sample(
    _ claim: Claim,
    queue: QueueName = .default,
    type: TaskType = "t",
    priority: Int = 100,
    at date: Date,
    age: Double = 0,
    attempt: Int = 1,
    failures: Int = 0
  ) -> ClaimedTask {
    ClaimedTask(
      claim: claim,
      queue: queue,
      type: type,
      priority: priority,
      payload: Data("{}".utf8),
      headers: [:],
      attempt: attempt,
      failures: failures,
      crashes: 0,
      maxAttempts: nil,
      retry: nil,
      deadline: nil,
      createdAt: date,
      dueAt: date - age,
      claimedAt: date,
      isCancelRequested: false
    )
  }
}

extension EngineCall {
  var isExchange: Bool { if case .exchange = self { true } else { false } }
  var isRenewal: Bool { if case .renew = self { true } else { false } }
}
