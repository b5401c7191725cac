import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing

@testable import TaskQueuePostgres

@Suite("The doctor on queues, effects and schedules")
struct DoctorWorkTests {
  private func enqueue(_ type: String, _ queue: String, on database: TestDatabase) async throws {
    try await database.query(
      "SELECT taskqueue.enqueue('\(type)', '{}', queue => '\(queue)') FROM generate_series(1, 3)"
    )
    try await database.query(
      "UPDATE taskqueue.task SET due_at = now() - interval '5 min', created_at = now() - interval '6 min'"
    )
  }

  private func worker(_ name: String, _ queues: String, _ types: String, on database: TestDatabase) async throws {
    try await database.query(
      "SELECT taskqueue._note_worker(gen_random_uuid(), '\(name)', '{\(queues)}', '{\(types)}', 10)"
    )
  }

  @Test("A queue without a worker and a type without a handler are found")
  func unserved() async throws {
    try await withTestDatabase { database in
      try await enqueue("note", "mail", on: database)
      let alone = try await database.doctor().findings(.queueUnserved, .typeUnserved)
      #expect(alone.map(\.subject) == ["mail"])
      #expect(alone.first?.what.contains("3 tasks due") == true)
      try await worker("a:1", "mail,default", "other", on: database)
      let type = try await database.doctor().findings(.queueUnserved, .typeUnserved)
      #expect(type.map(\.kind) == [.typeUnserved])
      #expect(type.first?.subject == "note")
      try await worker("b:1", "mail", "note", on: database)
      #expect(try await database.doctor().findings(.queueUnserved, .typeUnserved).isEmpty)
      // Paused on purpose.
      try await database.query("DELETE FROM taskqueue.worker")
      try await database.query("SELECT taskqueue.pause_queue('mail')")
      #expect(try await database.doctor().findings(.queueUnserved).isEmpty)
    }
  }

  @Test("A type of which every attempt fails is found, and one that completes now and then is not")
  func failing() async throws {
    try await withTestDatabase { database in
      func end(_ type: String, _ outcome: String, _ count: Int, _ age: String = "1 min") async throws {
        try await database.query(
          """
          INSERT INTO taskqueue.throughput_minute (minute, queue, type, outcome, attempts)
          VALUES (date_trunc('minute', now() - interval '\(age)'), 'mail', \(QuotedText.literal(type)), '\(outcome)', \(count))
          """
        )
      }
      try await end("it's broken", "failed", 7)
      #expect(try await database.doctor().findings(.typeFailing).isEmpty)
      try await end("it's broken", "timed_out", 3)
      try await end("it's broken", "completed", 3, "1 h")
      try await end("shaky", "failed", 700)
      try await end("shaky", "completed", 1)
      try await end("patient", "failed", 700)
      try await end("patient", "snoozed", 1)
      let findings = try await database.doctor().findings(.typeFailing)
      #expect(findings.map(\.subject) == ["it's broken"] && findings.first?.severity == .warning)
      #expect(findings.first?.what.contains("in the last 15 min: 10") == true, "\(findings)")
      #expect(findings.first?.cure.last == "taskqueue dead list --type 'it'\\''s broken'")
    }
  }

  @Test("Workers of one queue that know different types are a note during a deploy, and a warning later")
  func differing() async throws {
    try await withTestDatabase { database in
      try await worker("a:1", "mail", "note,letter", on: database)
      try await worker("b:1", "mail", "note", on: database)
      let fresh = try await database.doctor().findings(.workersDiffer)
      #expect(fresh.map(\.severity) == [.note])
      #expect(fresh.first?.what.contains("b:1 has no handler of letter") == true)
      try await database.query("UPDATE taskqueue.worker SET started_at = now() - interval '1 h'")
      #expect(try await database.doctor().findings(.workersDiffer).map(\.severity) == [.warning])
      try await worker("c:1", "reports", "report", on: database)
      #expect(try await database.doctor().findings(.workersDiffer).count == 1)
    }
  }

  @Test("A queue that programs of several versions have served for longer than a deploy is a note that names them")
  func versions() async throws {
    try await withTestDatabase { database in
      func worker(_ name: String, _ queues: String, _ version: String?) async throws {
        let value = version.map { "'\($0)'" } ?? "NULL"
        try await database.query(
          "SELECT taskqueue._note_worker_2(gen_random_uuid(), '\(name)', '{\(queues)}', '{note}', 10, \(value), 0, NULL)"
        )
      }
      func age(_ name: String, _ age: String) async throws {
        try await database.query(
          "UPDATE taskqueue.worker SET started_at = now() - interval '\(age)' WHERE name = '\(name)'"
        )
      }
      try await worker("a:1", "mail,default", "1.4.0")
      try await worker("b:1", "mail", "1.4.0")
      try await worker("c:1", "mail", nil)
      try await worker("d:1", "mail", "1.5.0")
      for name in ["a:1", "b:1", "c:1"] { try await age(name, "3 d") }
      #expect(try await database.doctor().findings(.workersDiffer).isEmpty)
      try await age("d:1", "2 h")
      let finding = try #require(try await database.doctor().findings(.workersDiffer).first)
      #expect(finding.severity == .note && finding.subject == "mail")
      #expect(finding.what.contains("for 2 h: 1.5.0 (1 worker), 1.4.0 (2 workers)"), "\(finding)")
      // Types that differ say it, too.
      try await self.worker("e:1", "mail", "note,letter", on: database)
      let types = try await database.doctor().findings(.workersDiffer)
      #expect(types.count == 1 && types.first?.what.contains("versions: 1.5.0 (1 worker), 1.4.0") == true, "\(types)")
    }
  }

  @Test("Effects without an outcome are found after their time, parked and contradicted ones at once")
  func effects() async throws {
    try await withTestDatabase { database in
      func add(_ name: String, _ state: String, _ age: String, contradicted: Bool = false) async throws {
        try await database.query(
          """
          INSERT INTO taskqueue.effect
            (task_id, name, task_type, key, request_digest, state, token, call_limit, key_used_at, intended_at, changed_at, contradicted)
          VALUES (7, '\(name)', 'pay', gen_random_uuid(), sha256('x'), '\(state)', 1, '1 s', now(), now() - interval '\(age)', now(), \(contradicted))
          """
        )
      }
      try await add("fresh", "unknown", "1 min")
      try await add("known", "succeeded", "3 h")
      #expect(try await database.doctor().findings(.effectUnsettled).isEmpty)
      try await add("old", "unknown", "2 h")
      try await add("asked", "parked", "1 s")
      try await add("twice", "succeeded", "1 s", contradicted: true)
      let finding = try #require(try await database.doctor().findings(.effectUnsettled).first)
      #expect(
        finding.what.contains("3 calls") && finding.what.contains("1 parked")
          && finding.what.contains("1 contradicted"),
        "\(finding)"
      )
      #expect(finding.subject == "7/old")
      #expect(finding.cure.contains { $0.contains("effect resolve 7 old") })
    }
  }

  @Test("Schedules that nobody makes tasks of, and those whose rule cannot be read, are found")
  func schedules() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      try await client.schedules.set("nightly", .cron("0 3 * * *"), Note(text: "x"))
      try await client.schedules.set("hourly", .cron("0 * * * *"), Note(text: "x"))
      let doctor = try Doctor(store.configuration)
      #expect(try await doctor.findings(.scheduleLate, .scheduleBroken).isEmpty)
      _ = try await store.pool.query(
        "UPDATE taskqueue.schedule SET created_at = now() - interval '1 d', next_at = now() - interval '2 h', slot = now() - interval '2 h' WHERE name = 'nightly'"
      )
      let late = try await doctor.findings(.scheduleLate)
      #expect(late.first?.what.contains("nightly") == true, "\(late)")
      _ = try await store.pool.query(
        "UPDATE taskqueue.schedule SET problem = 'no such day.', next_at = 'infinity' WHERE name = 'hourly'"
      )
      #expect(try await doctor.findings(.scheduleBroken).map(\.subject) == ["hourly"])
      try await client.schedules.pause("nightly")
      #expect(try await doctor.findings(.scheduleLate).isEmpty)
    }
  }
}
