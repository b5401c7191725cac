import Foundation
import Libpq
import TaskQueue

/// What one fault did to an app.
struct Observations: Sendable {
  let begun: ContinuousClock.Instant
  /// When its end was asked for.
  let ending: ContinuousClock.Instant
  /// When it was over: a server that had to start is up.
  let ended: ContinuousClock.Instant
  /// From the request until `run()` returned; nil: it did not.
  let shutdown: Duration?
  /// Tasks of the worker that left which another one could begin.
  let handedBack: Int
  let entries: Journal.Entries
  /// Tasks whose handlers returned, and ran again.
  var repeatedTasks = 0
  /// Orders that were reported as stored and are not there.
  var lostOrders = 0
  /// Orders that were reported as not stored and are there.
  var falselyRefusedOrders = 0
  /// Tasks that were begun and whose outcome is not recorded long after.
  var openTasks = 0
  var deadLetters = 0

  /// Of the table.
  var cells: [String] { [workerCell, enqueuerCell, effectCell, listenerCell, shutdownCell] }

  // MARK: - The worker

  /// The longest time without the start of a task that ended after the fault's begin.
  private var pause: (length: Duration, end: ContinuousClock.Instant) {
    var longest = (length: Duration.zero, end: begun)
    for (earlier, later) in zip(entries.starts, entries.starts.dropFirst()) where later.at > begun {
      if later.at - earlier.at > longest.length { longest = (later.at - earlier.at, later.at) }
    }
    return longest
  }

  private var nextStart: Duration? {
    entries.starts.first { $0.at > ending }.map { max(.zero, $0.at - ended) }
  }

  private var workerCell: String {
    let again = repeatedTasks == 0 ? "outcomes kept" : "**\(repeatedTasks) tasks ran again**"
    let pause = pause
    if pause.length < .seconds(1) { return "goes on, longest pause \(pause.length.seconds); \(again)" }
    if pause.end < ending { return "stands still for \(pause.length.seconds), then goes on; \(again)" }
    let next = nextStart.map { "next task \($0.seconds) after the end" } ?? "**no task more**"
    return "stands still; \(next); \(again)"
  }

  // MARK: - The enqueuer

  private var failures: [Journal.Call] { entries.calls.filter { $0.error != nil && $0.ended > begun } }
  private var longestCall: Duration { entries.calls.filter { $0.ended > begun }.map(\.time).max() ?? .zero }

  /// When the first call after the last failed one succeeded.
  private var enqueuesAgain: ContinuousClock.Instant? {
    guard let last = failures.last else { return nil }
    return entries.calls.first { $0.error == nil && $0.ended > last.ended }?.ended
  }

  private var enqueuerCell: String {
    guard let first = failures.first else { return "no error; longest call \(longestCall.seconds)" }
    let kinds = Set(failures.compactMap { $0.error?.kind }).sorted().joined(separator: ", ")
    let times = failures.count == 1 ? "1 error" : "\(failures.count) errors"
    let again = enqueuesAgain.map { "works again \(text($0))" } ?? "**does not work again**"
    return "first error after \(first.time.seconds), \(times) (\(kinds)), longest call \(longestCall.seconds); \(again)"
  }

  // MARK: - Effects

  private var effectsDone: ContinuousClock.Instant? {
    entries.chargesDone.count == FaultApp.chargeCount ? entries.chargesDone.values.max() : nil
  }

  private var effectCell: String {
    let calls = entries.charges.values.allSatisfy { $0 == 1 } ? "each called once" : "**\(entries.charges) calls**"
    let done = effectsDone.map { "all done \(text($0))" } ?? "**not done**"
    let troubles = [(entries.chargeErrors.count, "attempts failed"), (entries.lookUps, "asked for")]
    return ([calls] + troubles.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }).joined(separator: ", ") + "; \(done)"
  }

  // MARK: - The listener

  /// When a wake-up was heard again for good; nil: it was all the time, or never was again.
  private var hearsAgain: ContinuousClock.Instant? {
    guard let last = entries.probes.lastIndex(where: { !$0.wasHeard }) else { return nil }
    return entries.probes[(last + 1)...].first?.started
  }

  private var isDeaf: Bool { entries.probes.last?.wasHeard != true }

  private var listenerCell: String {
    let polled = entries.probes.filter { !$0.wasHeard && $0.enqueued < ending }.compactMap { probe in
      probe.started.flatMap { $0 < ending ? $0 - probe.enqueued : nil }
    }
    if entries.probes.allSatisfy(\.wasHeard) { return "hears throughout" }
    guard !isDeaf, let again = hearsAgain else { return "**hears no more**" }
    let polls = polled.max().map { "polls meanwhile, found after at most \($0.seconds); " } ?? ""
    return "\(polls)hears again \(text(again))"
  }

  // MARK: - The shutdown

  private var shutdownCell: String {
    guard let shutdown else { return "**`run()` does not return**" }
    let tasks =
      handedBack == FaultApp.stayCount
      ? "tasks handed back" : "\(handedBack) of \(FaultApp.stayCount) tasks handed back"
    return "`run()` returns after \(shutdown.seconds), \(tasks)"
  }

  private func text(_ instant: ContinuousClock.Instant) -> String {
    instant < ending
      ? "\((instant - begun).seconds) after the begin" : "\(max(.zero, instant - ended).seconds) after the end"
  }

  // MARK: - Promises

  /// What was promised and is not so.
  func broken(_ fault: Fault) -> [String] {
    var broken: [String] = []
    func check(_ holds: Bool, _ promise: String) { if !holds { broken.append(promise) } }
    switch fault.work {
    case .goesOn(let limit): check(pause.length <= limit, "The worker stands still for \(limit) at most.")
    case .returns(let limit): check(nextStart.map { $0 <= limit } ?? false, "The worker goes on within \(limit).")
    }
    check(repeatedTasks == 0, "No task whose handler returned runs again.")
    check(openTasks == 0, "Every outcome is recorded in the end.")
    check(deadLetters == 0, "No task becomes a dead letter.")
    check(longestCall <= fault.longestCall, "No call of the enqueuer takes longer than \(fault.longestCall).")
    check(isInTime(enqueuesAgain ?? begun, fault.enqueuerReturns), "The enqueuer works again in time.")
    check(failures.isEmpty || enqueuesAgain != nil, "The enqueuer works again.")
    check(lostOrders == 0, "Every task that was reported as stored is there.")
    check(falselyRefusedOrders == 0, "No task that was reported as not stored is there.")
    check(entries.charges.values.allSatisfy { $0 == 1 }, "Each effect's call is made once.")
    check(effectsDone.map { isInTime($0, fault.effectReturns) } ?? false, "All effects are done in time.")
    check(!isDeaf && isInTime(hearsAgain ?? begun, fault.listenerReturns), "Wake-ups are heard again in time.")
    check(shutdown.map { $0 <= fault.longestShutdown } ?? false, "run() ends within \(fault.longestShutdown).")
    return broken
  }

  private func isInTime(_ instant: ContinuousClock.Instant, _ limit: Duration) -> Bool { instant - ended <= limit }
}

extension TaskQueueError {
  /// Its code, and that of the error below.
  fileprivate var kind: String {
    guard let error = underlying as? LibpqError else { return "`\(code)`" }
    return "`\(code)`: \(error.sqlState ?? error.code.description)"
  }
}

extension Duration {
  /// In seconds, with one digit.
  var seconds: String { String(format: "%.1f s", self / .seconds(1)) }
}
