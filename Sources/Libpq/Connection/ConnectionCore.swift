import CLibpq
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The connection proper: an actor on a thread of its own, so that it may block there.
///
/// Every method runs one whole exchange without suspending, so exchanges never interleave. Statements are sent by the caller's own thread if nothing
/// else is under way (``run(_:_:_:)``), which then pays one hop, back from this thread; everything else pays two.
actor ConnectionCore {
  nonisolated let thread: ConnectionThread
  nonisolated let wakeUp: WakeUp
  nonisolated let configuration: LibpqConfiguration
  nonisolated let farewell = Farewell()
  /// Set by close(): ends a LISTEN that is under way.
  nonisolated let isClosing = Atomic<Bool>(false)
  /// What other threads may know of the connection.
  nonisolated let status = Mutex(Status())

  var handle = ConnectionHandle(consuming: nil)
  var prepared = PreparedStatements()
  /// Whether a COPY is under way, between the exchanges that feed it.
  var isCopying = false
  /// Whether that COPY is part of a transaction block.
  var isCopyInTransaction = false
  /// What another thread has sent, until this one waits for its answer.
  var underway: Underway?
  /// A cancel request that a step of that COPY sent; its end has to wait for it.
  var copyCancelRequest: CancelRequest?

  struct Status: Sendable {
    var socket: Int32 = -1
    var backendProcessID: Int32 = 0
    var isUsable = false
    var isIdle = false
    /// Whether the server has shown that its other sessions are no good either: silent, read-only, shutting down. Stays.
    var isDoubtful = false
    /// The history of the server that the session is at: promoting a standby begins a new one. Nil: not known.
    var timeline: String?
    /// Whether the transaction was asked to be read only, so that a refused write says nothing of the server.
    var isReadOnlyAsked = false
    /// Not sent yet: BEGIN, and what a transaction sends ahead of its next statement.
    var pending: [PendingStatement] = []
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  init(_ configuration: LibpqConfiguration) throws(LibpqError) {
    try configuration.validate()
    self.configuration = configuration
    wakeUp = try WakeUp()
    thread = ConnectionThread(wakeUp)
    try thread.start()
  }

  deinit {
    thread.stop()
  }

  // MARK: - State

  /// Closes the connection; every later exchange fails.
  func finish() {
    thread.watch(-1)
    handle.finish()
    isCopying = false
    copyCancelRequest = nil
    status.withLock {
      $0 = Status(backendProcessID: $0.backendProcessID, isDoubtful: $0.isDoubtful, timeline: $0.timeline)
    }
  }

  /// Records what other threads may ask for without a hop.
  func publishStatus() {
    let isUsable = PQstatus(handle.pointer) == CONNECTION_OK
    let isIdle = PQtransactionStatus(handle.pointer) == PQTRANS_IDLE && !isCopying
    let socket = PQsocket(handle.pointer)
    let processID = PQbackendPID(handle.pointer)
    thread.watch(isUsable ? socket : -1)
    status.withLock {
      $0.isUsable = isUsable
      $0.isIdle = isIdle
      $0.socket = socket
      if processID != 0 { $0.backendProcessID = processID }
    }
  }

  /// The start of an exchange: the connection is open, the caller not cancelled.
  func begin(_ interruption: Interruption?, _ deadline: CallDeadline? = nil) throws(LibpqError) -> Exchange {
    guard PQstatus(handle.pointer) == CONNECTION_OK else {
      throw LibpqError(.connectionLost, "the connection is closed")
    }
    guard !isCopying else {
      throw LibpqError(.protocolViolation, "a COPY is under way on this connection")
    }
    if interruption?.isRequested == true {
      throw LibpqError(.cancelled, "the task was cancelled before the statement was sent")
    }
    var exchange = Exchange()
    exchange.interruption = interruption
    exchange.deadline = configuration.statementTimeout.map { .after($0) }
    if let deadline {
      guard deadline.cancelAt > .now else {
        throw LibpqError(.timeout, "the time for the call was over before the statement was sent")
      }
      exchange.deadline = min(exchange.deadline ?? deadline.cancelAt, deadline.cancelAt)
      exchange.end = deadline.end
    }
    exchange.isInTransactionBlock = hasPending || PQtransactionStatus(handle.pointer) != PQTRANS_IDLE
    return exchange
  }

  var hasPending: Bool { status.withLock { !$0.pending.isEmpty } }

  /// What to send now, once.
  @discardableResult
  func takePending() -> [PendingStatement] {
    status.withLock { status in
      defer { status.pending = [] }
      return status.pending
    }
  }

  // MARK: - Waiting

  enum Readiness {
    case ready(readable: Bool, writable: Bool)
    case woken
    case deadlinePassed
  }

  /// Blocks this thread until the socket is ready, a wake-up or the deadline.
  func poll(reading: Bool, writing: Bool, until deadline: ContinuousClock.Instant?) -> Readiness {
    let events = Int16((reading ? POLLIN : 0) | (writing ? POLLOUT : 0))
    var descriptors = (
      pollfd(fd: PQsocket(handle.pointer), events: events, revents: 0),
      pollfd(fd: wakeUp.readEnd, events: Int16(POLLIN), revents: 0)
    )
    while true {
      var timeout: Int32 = -1
      if let deadline {
        let left = ContinuousClock.now.duration(to: deadline)
        if left <= .zero { return .deadlinePassed }
        let (seconds, attoseconds) = left.components
        // Rounded up: a wait never ends before its deadline.
        timeout = Int32(clamping: min(seconds, 1_000_000) * 1_000 + attoseconds / 1_000_000_000_000_000 + 1)
      }
      let count = withUnsafeMutableBytes(of: &descriptors) { raw in
        systemPoll(raw.baseAddress?.assumingMemoryBound(to: pollfd.self), 2, timeout)
      }
      if count == 0 { continue }
      if count < 0 && errno != EINTR { return .ready(readable: true, writable: true) }
      if count > 0 {
        let revents = Int32(descriptors.0.revents)
        if revents != 0 {
          let failed = revents & ~(POLLIN | POLLOUT) != 0
          return .ready(readable: failed || revents & POLLIN != 0, writable: failed || revents & POLLOUT != 0)
        }
        wakeUp.drain()
        return .woken
      }
    }
  }

  /// Waits within an exchange. On cancellation or at the deadline asks the server to cancel and goes on waiting for its answer; without
  /// an answer gives the connection up and throws.
  func wait(_ exchange: inout Exchange, reading: Bool = true, writing: Bool) throws(LibpqError) {
    while true {
      if exchange.ending == nil, exchange.interruption?.isRequested == true {
        if exchange.isLeftAtOnce { throw leave(exchange, .cancelled) }
        if exchange.isCancellable {
          requestCancel(&exchange, .cancelled)
        } else {
          exchange.interruption = nil
          let giveUp = ContinuousClock.Instant.after(configuration.cancelTimeout)
          exchange.deadline = exchange.deadline.map { min($0, giveUp) } ?? giveUp
        }
      }
      if exchange.isLeftAtOnce, isClosing.load(ordering: .acquiring) { throw leave(exchange, .connectionLost) }
      switch poll(reading: reading, writing: writing, until: exchange.nextCancelRequest ?? exchange.deadline) {
      case .ready: return
      case .woken: continue
      case .deadlinePassed:
        guard exchange.isCancellable else { throw abandon(exchange) }
        guard exchange.ending != nil else {
          requestCancel(&exchange, .timeout)
          continue
        }
        if let deadline = exchange.deadline, deadline <= .now { throw abandon(exchange) }
        repeatCancel(&exchange)
      }
    }
  }

  /// Blocks this thread for that long, whatever happens to the calling task.
  func pause(_ duration: Duration) {
    let end = ContinuousClock.now + duration
    while true {
      if case .deadlinePassed = poll(reading: false, writing: false, until: end) { return }
    }
  }

  private func requestCancel(_ exchange: inout Exchange, _ reason: LibpqError.Code) {
    exchange.ending = reason
    let giveUp = ContinuousClock.Instant.after(configuration.cancelTimeout)
    exchange.deadline = exchange.end.map { min($0, giveUp) } ?? giveUp
    exchange.cancelRequest = CancelRequest.send(handle.pointer, wakeUp)
    scheduleRepetition(&exchange)
  }

  private func repeatCancel(_ exchange: inout Exchange) {
    if exchange.cancelRequest?.isFinished != false {
      exchange.cancelRequest = CancelRequest.send(handle.pointer, wakeUp)
    }
    scheduleRepetition(&exchange)
  }

  private func scheduleRepetition(_ exchange: inout Exchange) {
    let next = ContinuousClock.now + .milliseconds(100)
    exchange.nextCancelRequest = exchange.deadline.map { min($0, next) } ?? next
  }

  private func leave(_ exchange: Exchange, _ reason: LibpqError.Code) -> LibpqError {
    finish()
    return LibpqError(reason, "the connection was closed before the server had answered")
  }

  /// Closes a connection whose server does not answer.
  func abandon(_ exchange: Exchange) -> LibpqError {
    status.withLock { $0.isDoubtful = true }
    finish()
    return LibpqError(
      exchange.ending ?? .timeout,
      "the server did not answer in time; the connection was closed",
      isOutcomeUnknown: !exchange.isInTransactionBlock
    )
  }

  /// The end of an exchange: a cancel request that is still on its way must not hit the next statement.
  func end(_ exchange: Exchange) {
    if let request = exchange.cancelRequest {
      while !request.isFinished {
        if case .woken = poll(reading: false, writing: false, until: exchange.deadline) { continue }
        // The deadline passed, or the socket died: that is reported without being asked for.
        finish()
        break
      }
    }
    if PQstatus(handle.pointer) != CONNECTION_OK { finish() }
    publishStatus()
  }
}

/// The system's `poll`, under a name that the actor's method does not hide.
private func systemPoll(_ descriptors: UnsafeMutablePointer<pollfd>?, _ count: Int, _ timeout: Int32) -> Int32 {
  poll(descriptors, nfds_t(count), timeout)
}
