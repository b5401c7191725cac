import Libpq

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Queues and types that no worker serves, and workers whose programs differ.
struct WorkerExamination: Examination {
  static let name = "queues, types and workers"
  static let needsSchema = true

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let unserved = try await unserved(patient)
    let versions = try await versions(patient)
    let differing = try await differing(patient, versions)
    let told = Set(differing.map(\.subject))
    return unserved + differing + versions.filter { !told.contains($0.queue) }.compactMap { $0.finding(patient) }
  }

  /// From queue to queue by index; of each the 1,000 tasks that come first.
  private func unserved(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      WITH RECURSIVE q (name) AS (
        (SELECT queue FROM {schema}.task WHERE ready ORDER BY queue LIMIT 1)
        UNION ALL
        SELECT (SELECT t.queue FROM {schema}.task t WHERE t.ready AND t.queue > q.name ORDER BY t.queue LIMIT 1)
        FROM q WHERE q.name IS NOT NULL),
      w AS MATERIALIZED (SELECT queues, types FROM {schema}.workers)
      SELECT f.queue, f.type, f.count, f.seconds, f.is_served FROM (
        SELECT q.name::text AS queue, t.type::text AS type, count(*) AS count,
          extract(epoch FROM now() - greatest(min(t.due_at), '2000-01-01'))::float8 AS seconds,
          EXISTS (SELECT FROM w WHERE q.name = ANY (w.queues)) AS is_served
        FROM (SELECT name FROM q WHERE name IS NOT NULL LIMIT 1000) AS q CROSS JOIN LATERAL (
          SELECT t.type, t.due_at, t.lease_until FROM {schema}.task t WHERE t.ready AND t.queue = q.name
          ORDER BY t.priority, t.due_at, t.id LIMIT 1000) AS t
        WHERE t.lease_until <= now() AND t.due_at <= now() - make_interval(secs => $1)
          AND NOT EXISTS (SELECT FROM {schema}.paused_queue p WHERE p.queue = q.name)
          AND NOT EXISTS (SELECT FROM w WHERE q.name = ANY (w.queues) AND t.type = ANY (w.types))
        GROUP BY q.name, t.type) AS f
      ORDER BY f.is_served, f.queue COLLATE "C", f.type COLLATE "C" LIMIT 100
      """,
      [.float8(patient.thresholds.unservedAfter.seconds)]
    )
    var findings: [DoctorFinding] = []
    for row in result.rows {
      let (queue, type) = (try row.text(0), try row.text(1))
      let (count, waited) = (try row.int8(2), DoctorText.span(try row.float8(3)))
      let words = count == 1 ? "a task" : "\(DoctorText.count(count))\(count == 1_000 ? " or more" : "") tasks"
      if try row.bool(4) {
        findings.append(
          DoctorFinding(
            .typeUnserved,
            .error,
            type,
            what:
              "No worker of the queue \(queue) has a handler of the type \(type): \(words) due, the first for \(waited).",
            advice: "Deploy the program that registers it, or cancel what nobody wants any more.",
            cure: [
              "taskqueue list --queue \(QuotedText.shellWord(queue)) --type \(QuotedText.shellWord(type))",
              "taskqueue workers",
            ]
          )
        )
      } else if findings.last?.kind != .queueUnserved || findings.last?.subject != queue {
        findings.append(
          DoctorFinding(
            .queueUnserved,
            .error,
            queue,
            what:
              "No worker serves the queue \(queue): \(words) due, such as of the type \(type), the first for \(waited).",
            advice: "Start a worker whose configuration names the queue, or cancel what nobody wants any more.",
            cure: ["taskqueue workers", "taskqueue list --queue \(QuotedText.shellWord(queue))"]
          )
        )
      }
    }
    return findings
  }

  private func differing(_ patient: Patient, _ versions: [VersionMix]) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      WITH w AS MATERIALIZED (SELECT id, name, queues, types, started_at FROM {schema}.workers LIMIT 1000),
      q AS (SELECT w.id, w.name, w.types, w.started_at, u.queue FROM w, unnest(w.queues) AS u(queue)),
      t AS (SELECT DISTINCT q.queue, u.type FROM q, unnest(q.types) AS u(type))
      SELECT t.queue, t.type, min(q.name COLLATE "C"), count(*), extract(epoch FROM now() - max(q.started_at))::float8
      FROM t JOIN q ON q.queue = t.queue AND t.type <> ALL (q.types)
      GROUP BY t.queue, t.type ORDER BY t.queue COLLATE "C", t.type COLLATE "C" LIMIT 100
      """
    )
    var byQueue: [(queue: String, types: [String], name: String, count: Int64, age: Double)] = []
    for row in result.rows {
      let (queue, type, age) = (try row.text(0), try row.text(1), try row.float8(4))
      if let last = byQueue.indices.last, byQueue[last].queue == queue {
        byQueue[last].types.append(type)
        byQueue[last].age = min(byQueue[last].age, age)
      } else {
        byQueue.append((queue, [type], try row.text(2), try row.int8(3), age))
      }
    }
    return byQueue.map { found in
      let isOld = found.age >= patient.thresholds.deployTime.seconds
      return DoctorFinding(
        .workersDiffer,
        isOld ? .warning : .note,
        found.queue,
        what: """
          Workers of the queue \(found.queue) know different types: \(found.name)\(found.count > 1 ? " and others have" : " has") no handler of \
          \(DoctorText.list(found.types)). Their programs are of different versions\
          \(versions.first { $0.queue == found.queue }.map { ": \($0.words)" } ?? "").
          """,
        advice: isOld
          ? "Bring all of them to one version, or give the types a queue of their own; until then these tasks wait for the others."
          : "That passes with a deploy under way; if it does not, bring all of them to one version.",
        cure: ["taskqueue workers"]
      )
    }
  }

  /// Queues that programs of several versions serve; of workers that say theirs.
  private func versions(_ patient: Patient) async throws -> [VersionMix] {
    let result = try await patient.query(
      """
      WITH w AS MATERIALIZED (
        SELECT queues, to_json(w) ->> 'version' AS version, started_at FROM {schema}.workers AS w LIMIT 1000),
      v AS (SELECT u.queue, w.version, count(*) AS count, min(w.started_at) AS since
        FROM w, unnest(w.queues) AS u(queue) WHERE w.version IS NOT NULL GROUP BY u.queue, w.version)
      SELECT queue, json_agg(json_build_object('version', version, 'count', count) ORDER BY since DESC, version COLLATE "C"),
        extract(epoch FROM now() - (array_agg(since ORDER BY since))[2])::float8
      FROM v GROUP BY queue HAVING count(*) > 1 ORDER BY queue COLLATE "C" LIMIT 100
      """
    )
    let decoder = JSONDecoder()
    return try result.rows.map { row in
      VersionMix(
        queue: try row.text(0),
        versions: try decoder.decode([VersionMix.Version].self, from: row.data(1)),
        age: try row.float8(2)
      )
    }
  }
}

/// The versions of the programs that serve a queue.
private struct VersionMix {
  struct Version: Decodable {
    var version: String
    var count: Int
  }

  var queue: String
  /// That of the latest program first.
  var versions: [Version]
  /// Seconds for which there have been two or more.
  var age: Double

  var words: String {
    DoctorText.list(versions.map { "\($0.version) (\($0.count) \($0.count == 1 ? "worker" : "workers"))" })
  }

  /// nil: no more than a deploy under way.
  func finding(_ patient: Patient) -> DoctorFinding? {
    guard age >= patient.thresholds.deployTime.seconds else { return nil }
    return DoctorFinding(
      .workersDiffer,
      .note,
      queue,
      what: "Programs of different versions have served the queue \(queue) for \(DoctorText.span(age)): \(words).",
      advice: "It passes with a deploy; if none is under way, the last one left some behind: bring all to one version.",
      cure: ["taskqueue workers"]
    )
  }
}
