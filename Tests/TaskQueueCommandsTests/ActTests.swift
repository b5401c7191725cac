import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Commands that change something")
struct ActTests {
  @Test("enqueue stores a task as it was asked to")
  func enqueue() async throws {
    try await withTool { tool, database in
      let json = try await tool.json(
        "enqueue",
        "mail.send",
        #"{"to": "ann"}"#,
        "--queue",
        "mail",
        "--priority",
        "7",
        "--in",
        "1h",
        "--unique-key",
        "ann",
        "--header",
        "trace=1=2",
        "--max-attempts",
        "3",
        "--reason",
        "a test"
      )
      let id = try #require(json["id"] as? Int)
      let row = try await database.query(
        "SELECT queue, priority, unique_key, headers ->> 'trace', due_at > now() + interval '50 min', payload ->> 'to' FROM taskqueue.live_task"
      )[0]
      #expect(try row.text(0) == "mail")
      #expect(try row.int4(1) == 7)
      #expect(try row.text(3) == "1=2")
      #expect(try row.bool(4))
      #expect(try row.text(5) == "ann")
      let again = try await tool("enqueue", "mail.send", "--queue", "mail", "--unique-key", "ann")
      #expect(again.status == 0 && again.text.contains("Task \(id) has this unique key already"))
      let piped = try await tool("enqueue", "note", "-", "--ids", input: "[1,\n2]")
      #expect(piped.status == 0 && Int(piped.text.dropLast()) != nil)
      for (arguments, part) in [
        (["note", "not json"], "not JSON"), (["note", "{}", "--queue", ""], "must not be empty"),
        (["note", "@/nowhere"], "cannot be read"),
        (["note", "{}", "--in", "soon"], "--in"), (["note", "{}", "--in", "1h", "--at", "2030-01-01"], "Only one of"),
      ] {
        let refused = try await tool.run(["enqueue"] + arguments)
        #expect(refused.status == 64 && refused.errors.contains(part), "\(refused.errors)")
      }
      let limited = try await tool("enqueue", "note", "{}", "--limited", "nobody")
      #expect(limited.status == 1, "\(limited.errors)")
      let journal = try await tool.json("journal")
      let actions = try #require(journal["actions"] as? [[String: Any]])
      #expect(
        actions.contains {
          $0["actor"] as? String == "tester" && $0["reason"] as? String == "a test"
            && $0["verb"] as? String == "enqueue"
        }
      )
    }
  }

  @Test("retry, run-now and cancel say what became of each task, and ask about more than one")
  func actions() async throws {
    try await withTool { tool, database in
      let dead = try await database.bury(type: "mail.send", error: "boom")
      let live = try await database.enqueue("mail.send")
      let retried = try await tool("retry", "\(dead)", "--reason", "the bank is back")
      #expect(retried.status == 0 && retried.text.contains("live again"))
      let later = try #require(try await tool.json("enqueue", "note", "--in", "1d")["id"] as? Int)
      #expect(try await tool("run-now", "\(later)").text.contains("due now"))
      let left = try await tool("run-now", "999999")
      #expect(left.status == 1 && left.text.contains("left alone"))
      let unasked = try await tool("cancel", "\(dead)", "\(live)")
      #expect(unasked.status == 1 && unasked.errors.contains("add --yes"))
      #expect(try await database.query("SELECT FROM taskqueue.task").rowCount == 3)
      let json = try await tool.json("cancel", "\(dead)", "\(live)", "77777", "--yes", status: 1)
      let results = try #require(json["results"] as? [[String: Any]])
      #expect(results.map { $0["result"] as? String } == ["cancelled", "cancelled", "unknown"])
      let ids = try await tool("dead", "list", "--ids").text
      let all = try await tool("retry", "-", "--yes", input: ids)
      #expect(all.status == 0, "\(all.errors)")
      #expect(try await database.query("SELECT FROM taskqueue.task").rowCount == 3)
      _ = try await tool.json("retry", "\(dead)")
      _ = try await tool.json("run-now", "\(dead)")
    }
  }

  @Test("dead retry and purge walk over what was meant, and purge always asks")
  func deadLetters() async throws {
    try await withTool { tool, database in
      for index in 0..<5 { try await database.bury(type: index < 3 ? "mail.send" : "report", error: "e\(index)") }
      #expect(try await tool("dead", "retry").status == 64)
      #expect(try await tool("dead", "purge", "--all").status == 1)
      let first = try #require(Int64(try await tool("dead", "list", "--ids", "--limit", "1").text.dropLast()))
      #expect(try await tool("dead", "purge", "\(first)").errors.contains("Delete 1 dead letter? There is nobody"))
      #expect(try await tool("dead", "purge", "--all").errors.contains("Delete all 5 dead letters?"))
      #expect(
        try await tool("dead", "retry", "--type", "mail.send").errors.contains("Retry 3 dead letters of the type")
      )
      #expect(try await tool("dead", "purge", "--older-than", "2h").errors.contains("No dead letter"))
      #expect(try await tool.json("dead-list", "--type", "mail.send")["tasks"].map { ($0 as? [Any])?.count } == 3)
      #expect(try await tool.json("dead-list", "--error", "E4")["tasks"].map { ($0 as? [Any])?.count } == 1)
      let json = try await tool.json("dead-retry", "--type", "mail.send", "--older-than", "30m", "--yes")
      #expect(json["count"] as? Int == 3)
      #expect(try await tool("dead", "purge", "--all", "--yes").text.contains("2 dead letters deleted"))
      _ = try await tool.json("dead-purge", "--all", "--yes", status: 1)
      _ = try await tool.json("dead-list", status: 1)
      let lines = try await tool("journal", columns: 80)
      #expect(
        lines.text.contains("redrive") && lines.text.contains("purge") && lines.lines.allSatisfy { $0.count <= 80 }
      )
    }
  }

  @Test("Queues are paused and opened, events emitted")
  func queues() async throws {
    try await withTool { tool, database in
      _ = try await tool.json("pause", "mail", "default")
      #expect(try await database.query("SELECT FROM taskqueue.paused_queue").rowCount == 2)
      #expect(try await tool("resume", "mail").text.contains("is open"))
      _ = try await tool.json("resume", "default")
      #expect(try await tool("pause", "").status == 64)
      let ahead = try await tool("pause", "tomorrow")
      #expect(ahead.status == 0 && ahead.errors.contains("queue tomorrow has been seen"), "\(ahead.errors)")
      _ = try await database.enqueue("note", queue: "today")
      for verb in ["pause", "resume"] { #expect(try await tool(verb, "today").errors.isEmpty) }
      _ = try await tool.json("emit", "paid/7", "--payload", #"{"sum": 3}"#)
      let again = try await tool("emit", "paid/7")
      #expect(again.status == 1 && again.text.contains("already"))
      #expect(try await tool("emit", "x", "--payload", "{").status == 64)
      let about = try await tool.json("journal", "--queue", "mail")
      #expect((about["actions"] as? [Any])?.count == 2)
      _ = try await tool.json("journal", "--task", "5", status: 1)
    }
  }

  @Test("Schedules are listed, paused, resumed, run, and filled up for a time of the past")
  func schedules() async throws {
    try await withTool { tool, database in
      _ = try await tool.json("schedule-list", status: 1)
      let client = try database.client()
      try await client.schedules.set("nightly", .cron("0 3 * * *", timeZone: "Europe/Berlin"), Trip(city: "Oslo"))
      await client.store.close()
      let json = try await tool.json("schedule-list")
      #expect(
        (json["schedules"] as? [[String: Any]])?.first?["words"] as? String == "every day at 03:00 (Europe/Berlin)"
      )
      #expect(try await tool("schedule", "list", columns: 80).text.contains("03:00"))
      _ = try await tool.json("schedule-pause", "nightly", "--reason", "closed")
      #expect(try await tool("schedule", "list").text.contains("paused"))
      _ = try await tool.json("schedule-resume", "nightly")
      _ = try await tool.json("schedule-run", "nightly")
      let missing = try await tool("schedule", "pause", "weekly")
      #expect(missing.status == 1 && missing.errors.contains("no schedule weekly"))
      let unasked = try await tool("schedule", "backfill", "nightly", "--from", "2026-01-01", "--to", "2026-01-08")
      #expect(unasked.status == 1 && unasked.errors.contains("Make 7 tasks"), "\(unasked.errors)")
      let filled = try await tool.json(
        "schedule-backfill",
        "nightly",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-08",
        "--yes"
      )
      #expect((filled["tasks"] as? [Any])?.count == 7)
      #expect(try await tool("schedule", "reset", "nightly").status == 1)
      #expect(try await tool("schedule", "backfill", "nightly", "--from", "1h", "--to", "2h").status == 64)
    }
  }

  @Test("Limits are listed with their keys, set, paused, and given back")
  func limits() async throws {
    try await withTool { tool, database in
      _ = try await tool.json("limit-list", status: 1)
      let client = try database.client()
      try await client.limits.declare([
        LimitRule("bank", concurrency: 2), LimitRule("mail", rate: LimitRate(10, per: .seconds(1))),
      ])
      for _ in 0..<3 {
        try await client.enqueue(Trip(city: "Oslo"), options: .with { $0.limit = TaskLimit("bank", key: "ann") })
      }
      await client.store.close()
      _ = try await tool.json("limit-list")
      let lines = try await tool.json("limit-list", "bank")
      #expect((lines["lines"] as? [[String: Any]])?.first?["key"] as? String == "ann")
      _ = try await tool.json("limit-set", "bank", "--concurrency", "5")
      #expect(try await tool("limit", "list", columns: 80).text.contains("by people"))
      #expect(try await tool("limit", "set", "mail", "--rate", "600/m", "--burst", "3").status == 0)
      _ = try await tool.json("limit-pause", "bank")
      _ = try await tool.json("limit-resume", "bank")
      #expect(try await tool("limit", "pause", "bank", "--key", "ann", "--for", "10m").status == 0)
      let idle = try await tool("limit", "list", "mail")
      #expect(idle.status == 0 && idle.text.contains("LIMIT") && idle.text.contains("mail"), "\(idle.text)")
      #expect(try await tool.json("limit-list", "mail")["lines"].map { ($0 as? [Any])?.count } == 0)
      #expect(try await tool("limit", "list", "nobody").status == 1)
      _ = try await tool.json("limit-reset", "bank")
      #expect(try await tool("limit", "set", "nobody", "--concurrency", "5").status == 1)
      #expect(try await tool("limit", "set", "bank", "--concurrency", "0").status == 64)
      #expect(try await tool("limit", "set", "bank").status == 64)
    }
  }

  @Test("Effects without an outcome are listed, and settled by a person's word")
  func effects() async throws {
    try await withTool { tool, database in
      _ = try await tool.json("effect-list", status: 1)
      let task = try await database.doubt("charge")
      let json = try await tool.json("effect-list", "--older-than", "1h")
      #expect((json["effects"] as? [[String: Any]])?.first?["name"] as? String == "charge")
      #expect(try await tool("effect", "list", columns: 80).text.contains("charge"))
      #expect(try await tool("status").text.contains("without a known outcome"))
      let why = try await tool("why", "\(task)").text
      #expect(why.contains("effect resolve \(task) charge") && !why.contains("taskqueue retry"), "\(why)")
      #expect(try await tool("effect", "resolve", "\(task)", "charge").status == 64)
      #expect(try await tool("effect", "resolve", "\(task)", "charge", "--succeeded", "", "--yes").status == 64)
      #expect(try await tool("effect", "resolve", "\(task)", "charge", "--did-not-happen").errors.contains("add --yes"))
      let done = try await tool.json("effect-resolve", "\(task)", "charge", "--succeeded", #"{"id": 1}"#, "--yes")
      #expect(done["result"] as? String == "resolved")
      _ = try await tool.json("effect-resolve", "\(task)", "other", "--did-not-happen", "--yes", status: 1)
    }
  }
}
