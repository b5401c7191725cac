import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension DashboardPages {
  static let hour: Duration = .seconds(3_600)
  /// Effects that the first page names.
  private static let firstEffects = 5

  func overview(_ visit: Visit) async throws -> Page {
    let overview = try await reads.overview()
    let counts = try await reads.throughput(of: Self.hour, limit: 10_000)
    let effects =
      overview.unsettledEffects.value == 0
      ? [] : try await reads.unsettledEffects(olderThan: .zero, limit: Self.firstEffects)
    let byQueue = Dictionary(grouping: counts, by: \.queue)
    let all = MinuteChart(counts, minutes: 60, until: visit.now)
    var fields: Fields = [
      "readouts": readouts(overview, all, visit),
      "queues": overview.queues.map { line($0, byQueue[$0.queue] ?? [], visit) },
      "hasQueues": !overview.queues.isEmpty, "isStandby": overview.isStandby,
      "announcement": announcement(overview),
      "throughputHref": visit.link("/throughput"),
    ]
    if overview.unsettledEffects.value > 0 {
      var money: Fields = [
        "count": Wording.count(overview.unsettledEffects), "effects": effects.map { line($0, visit) },
        "isOne": overview.unsettledEffects.value == 1 && !overview.unsettledEffects.isMore,
        "href": visit.link("/effects"), "hasMore": overview.unsettledEffects.value > effects.count,
      ]
      money.set("since", overview.oldestUnsettledAt.map { visit.time($0) })
      fields["money"] = money
    }
    return Page("overview", "Overview", in: .overview, fields)
  }

  private func announcement(_ overview: QueueOverview) -> String {
    let dead = sum(overview.queues.map(\.dead))
    return
      "\(Wording.count(overview.unsettledEffects)) effects without an outcome, \(Wording.count(dead)) dead letters."
  }

  private func readouts(_ overview: QueueOverview, _ chart: MinuteChart, _ visit: Visit) -> [Fields] {
    let queues = overview.queues
    let dead = sum(queues.map(\.dead))
    let due = sum(queues.map(\.due))
    let oldest = queues.compactMap(\.oldestDueAt).min()
    return [
      readout(
        "Due",
        due,
        visit.link("/tasks", ["state": "due"]),
        oldest.map { "oldest \(Wording.span(visit.now.timeIntervalSince($0)))" }
      ),
      readout("Running", sum(queues.map(\.running)), visit.link("/tasks", ["state": "running"]), "held by workers"),
      readout("Limited", sum(queues.map(\.limited)), visit.link("/tasks", ["state": "limited"]), "for their limits"),
      readout("Waiting", sum(queues.map(\.waiting)), visit.link("/tasks", ["state": "waiting"]), "for their time"),
      readout("Dead letters", dead, visit.link("/dead"), "put aside", isBad: dead.value > 0),
      [
        "name": "Attempts a minute", "value": chart.rate, "href": visit.link("/throughput"),
        "note": chart.total == 0
          ? "none in the last hour" : "\(Wording.count(chart.bad)) of \(Wording.count(chart.total)) failed in 1 h",
        "isZero": chart.perMinute == 0, "isBad": false,
      ],
    ]
  }

  private func readout(_ name: String, _ count: BoundedCount, _ href: String, _ note: String?, isBad: Bool = false)
    -> Fields
  {
    [
      "name": name, "value": Wording.count(count), "href": href, "note": note ?? "none waits for a worker",
      "isZero": count.value == 0, "isBad": isBad,
    ]
  }

  private func sum(_ counts: [BoundedCount]) -> BoundedCount {
    BoundedCount(counts.reduce(0) { $0 + $1.value }, isMore: counts.contains(where: \.isMore))
  }

  private func line(_ queue: QueueSummary, _ counts: [ThroughputCount], _ visit: Visit) -> Fields {
    let chart = MinuteChart(counts, minutes: 60, until: visit.now)
    func cell(_ count: BoundedCount, _ path: String, _ state: String?) -> Fields {
      [
        "value": Wording.count(count), "isZero": count.value == 0,
        "href": visit.link(path, ["state": state, "queue": queue.queue.rawValue]),
      ]
    }
    var fields: Fields = [
      "name": queue.queue.rawValue, "href": visit.link(queue: queue.queue),
      "due": cell(queue.due, "/tasks", "due"), "running": cell(queue.running, "/tasks", "running"),
      "limited": cell(queue.limited, "/tasks", "limited"), "waiting": cell(queue.waiting, "/tasks", "waiting"),
      "dead": cell(queue.dead, "/dead", nil), "hasDead": queue.dead.value > 0, "workers": Wording.count(queue.workers),
      "isUnserved": queue.workers == 0 && queue.due.value > 0, "hasWorkers": queue.workers > 0, "rate": chart.rate,
      "spark": chart.fields(height: 22, label: "Last hour of \(queue.queue)"),
    ]
    fields.set("paused", queue.pausedSince.map { visit.time($0) })
    fields.set("oldest", queue.oldestDueAt.map { Wording.span(visit.now.timeIntervalSince($0)) })
    return fields
  }

  // MARK: One queue

  func queue(_ visit: Visit) async throws -> Page {
    let name = try visit.query.required("name")
    let queue = QueueName(name)
    let overview = try await reads.overview()
    let counts = try await reads.throughput(of: Self.hour, limit: 10_000).filter { $0.queue == queue }
    let workers = try await reads.workers().filter { $0.queues.contains(queue) }
    let page = try await reads.list(.with { $0.queue = queue }, after: nil, limit: 20)
    let summary = overview.queues.first { $0.queue == queue } ?? QueueSummary(queue: queue)
    var fields = line(summary, counts, visit)
    let chart = MinuteChart(counts, minutes: 60, until: visit.now)
    if chart.total > 0 { fields["chart"] = chart.fields(height: 64, label: "Last hour") }
    fields["tasks"] = page.tasks.map { visit.line($0) }
    fields["hasTasks"] = !page.tasks.isEmpty
    fields["allHref"] = visit.link("/tasks", ["queue": name])
    fields["servedBy"] = workers.map { Self.line($0, visit) }
    let switchForm =
      summary.pausedSince == nil
      ? ActionForm(
        verb: .pauseQueue,
        label: "Pause",
        hint: "No worker takes a task of it any more; what runs goes on.",
        hidden: ["queue": name]
      )
      : ActionForm(
        verb: .resumeQueue,
        label: "Resume",
        hint: "Workers take its tasks again, at once.",
        hidden: ["queue": name],
        isFirst: true
      )
    fields.set("actions", [switchForm].fields(visit))
    return Page("queue", "Queue \(name)", in: .overview, fields)
  }
}
