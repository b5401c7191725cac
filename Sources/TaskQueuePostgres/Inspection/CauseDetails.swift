@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The column `details` of the function `explain`.
struct CauseDetails: Decodable {
  struct Holder: Decodable {
    var task: Int64
    var until: Double?
  }

  struct Worker: Decodable {
    var name: String
    var since: Double
    var seen: Double

    var holder: TaskHolder {
      TaskHolder(
        worker: name,
        since: Date(timeIntervalSince1970: since),
        seenAt: Date(timeIntervalSince1970: seen)
      )
    }
  }

  var at: Double?
  var attempt: Int?
  var count: Int?
  var detail: String?
  var error: String?
  var event: String?
  var group: Int64?
  var holders: [Holder]?
  var isMore: Bool?
  var isRunning: Bool?
  var line: String?
  var names: [String]?
  var queue: String?
  var reason: String?
  var slots: Int?
  var step: String?
  var taken: Int?
  var task: Int64?
  var total: Int?
  var type: String?
  var worker: Worker?

  /// nil: not known to this program, or not as it knows it.
  func cause(_ name: String, until: Date?) -> TaskExplanation.Cause? {
    let limit = line.map { TaskLimit(stored: $0) }
    let instant = at.map { Date(timeIntervalSince1970: $0) }
    return switch (name, limit, until) {
    case ("unknown", _, _): .unknown
    case ("gone", _, _): .gone
    case ("finished", _, let until?): .finished(keyUntil: until)
    case ("done", _, let until?): instant.map { .done(at: $0, keptUntil: until) }
    case ("dead", _, _):
      if let reason, let instant {
        .dead(DeadLetterReason(rawValue: reason), detail: detail, lastError: error, at: instant)
      } else {
        nil
      }
    case ("running", _, let until?):
      .running(attempt: attempt ?? 1, leaseUntil: until, workers: names ?? [], holder: worker?.holder)
    case ("lease_ended", _, let until?): .leaseEnded(attempt: attempt ?? 1, at: until)
    case ("delayed", _, let until?): .delayed(until: until)
    case ("sleeping", _, let until?): step.map { .sleeping(step: $0, until: until) }
    case ("event", _, _): event.map { .event($0, until: until) }
    case ("children", _, _):
      if let group, let count, let total {
        .children(GroupID(group), ended: count, of: total, until: until)
      } else {
        nil
      }
    case ("turn", _, _): group.map { .turn(GroupID($0), isCallback: isMore ?? false) }
    case ("retrying", _, let until?): .retrying(afterAttempt: attempt ?? 1, until: until, lastError: error)
    case ("queue_paused", _, _):
      if let queue, let instant { .queuePaused(QueueName(queue), since: instant) } else { nil }
    case ("no_worker", _, _): queue.map { .noWorker(QueueName($0)) }
    case ("no_worker_for_type", _, _):
      if let queue, let type { .noWorkerForType(TaskType(type), QueueName(queue), workers: count ?? 0) } else { nil }
    case ("behind", _, _): count.map { .behind(count: $0, isMore: isMore ?? false) }
    case ("next", _, _): .next
    case ("limit_paused", let limit?, _): .limitPaused(limit)
    case ("limit_closed", let limit?, let until?): .limitClosed(limit, until: until)
    case ("limit_rate", let limit?, let until?): .limitRate(limit, at: until, isAdmitted: isMore ?? false)
    case ("limit_held", let limit?, _): task.map { .limitHeld(limit, deadLetter: TaskID($0)) }
    case ("limit_waits", let limit?, let until?): task.map { .limitWaits(limit, task: TaskID($0), until: until) }
    case ("limited", let limit?, _):
      count.map {
        .limited(
          limit,
          place: $0,
          isMore: isMore ?? false,
          taken: taken ?? 0,
          slots: slots ?? 0,
          holders: (holders ?? []).map {
            .init(task: TaskID($0.task), until: $0.until.map { Date(timeIntervalSince1970: $0) })
          }
        )
      }
    case ("deadline_passed", _, let until?): .deadlinePassed(at: until)
    case ("cancel_requested", _, _): .cancelRequested(isRunning: isRunning ?? false)
    case ("runs_again", _, _): .runsAgain
    default: nil
    }
  }
}
