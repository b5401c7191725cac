import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Commands that look")
struct LookTests {
  @Test("status tells of each queue what there is, and who serves it")
  func status() async throws {
    try await withTool { tool, database in
      let nothing = try await tool("status")
      #expect(nothing.status == 0 && nothing.text.contains("There are no tasks"))
      _ = try await tool.json("status")
      try await database.fill(mail: 3)
      try await database.query("INSERT INTO taskqueue.paused_queue (queue) VALUES ('reports')")
      let json = try await tool.json("status")
      let queues = try #require(json["queues"] as? [[String: Any]])
      let mail = try #require(queues.first { $0["queue"] as? String == "mail" })
      #expect((mail["due"] as? [String: Any])?["value"] as? Int == 3)
      for columns in [80, 200] {
        let output = try await tool("status", columns: columns)
        #expect(output.lines.allSatisfy { $0.count <= columns }, "\(output.text)")
        #expect(output.text.contains("no worker") && output.text.contains("paused"))
      }
      try await database.query(
        """
        INSERT INTO taskqueue.throughput_minute (minute, queue, type, outcome, attempts)
        SELECT date_trunc('minute', now()), 'mail', 'mail.send', o, 50 FROM unnest(ARRAY['completed', 'failed']) AS o
        """
      )
      let narrow = try await tool("status", columns: 80)
      #expect(narrow.text.contains("DONE/MIN") && narrow.text.contains("FAIL/MIN"), "\(narrow.text)")
    }
  }

  @Test("list pages by key, filters, and hands ids on")
  func list() async throws {
    try await withTool { tool, database in
      let none = try await tool("list")
      #expect(none.status == 1 && none.text.isEmpty && none.errors.contains("No such task"))
      try await database.fill(mail: 7)
      try await database.query("SELECT taskqueue.enqueue('report', '{}')")
      let first = try await tool.json("list", "--queue", "mail", "--limit", "5")
      let tasks = try #require(first["tasks"] as? [[String: Any]])
      #expect(tasks.count == 5)
      let next = try #require(first["next"] as? String)
      let second = try await tool.json("list", "--queue", "mail", "--limit", "5", "--after", next)
      #expect((second["tasks"] as? [[String: Any]])?.count == 2)
      let ids = try await tool("list", "--type", "mail.send", "--ids")
      #expect(ids.status == 0)
      #expect(ids.text.split(separator: "\n").compactMap { Int($0) }.count == 7)
      #expect(try await tool("list", "--all", "--ids").text.split(separator: "\n").count == 8)
      #expect(try await tool("list", "--type", "report").text.contains("report"))
      #expect(try await tool("list", "--state", "done").status == 1)
      let more = try await tool("list", "--limit", "2", columns: 80)
      #expect(more.errors.contains("--after"))
      #expect(more.lines.allSatisfy { $0.count <= 80 })
    }
  }

  @Test("A type that ends with * stands for those that begin so, of live tasks and dead letters")
  func prefixes() async throws {
    try await withTool { tool, database in
      for type in ["mail.send", "mail.open", "mailing", "report"] {
        _ = try await database.enqueue(type)
        try await database.bury(type: type, error: "boom")
      }
      func types(_ arguments: String...) async throws -> [String?] {
        let tasks =
          try await tool.json("list", arguments[0], arguments.dropFirst().joined())["tasks"] as? [[String: Any]]
        return (tasks ?? []).map { $0["type"] as? String }
      }
      #expect(try await types("--type", "mail.*") == ["mail.open", "mail.send"])
      #expect(try await types("--type", "mail*").count == 3)
      let dead = try await tool.json("dead-list", "--type", "mail.*", "--limit", "1")
      #expect((dead["tasks"] as? [[String: Any]])?.first?["type"] as? String == "mail.open")
      let rest = try await tool.json("dead-list", "--type", "mail.*", "--after", #require(dead["next"] as? String))
      #expect((rest["tasks"] as? [[String: Any]])?.map { $0["type"] as? String } == ["mail.send"])
    }
  }

  @Test("A dead letter without an error is listed with the reason that show tells")
  func reasons() async throws {
    try await withTool { tool, database in
      let id = try await database.enqueue("mail.send")
      try await database.query(
        """
        SELECT taskqueue._bury(ARRAY[\(id)], ARRAY[t.lease_token], ARRAY[NULL]::json[], ARRAY['discarded'], ARRAY['no such person.'])
        FROM taskqueue.task t
        """
      )
      let list = try await tool("dead", "list")
      #expect(list.text.contains("no such person."), "\(list.text)")
      #expect(try await tool("dead", "list", "--error", "such PERSON", "--ids").text == "\(id)\n")
      let show = try await tool("show", "\(id)")
      #expect(
        show.text.contains(
          "no such person. It stays until it is retried or purged."
        ),
        "\(show.text)"
      )
      #expect(show.text.contains("taskqueue retry \(id)") && !show.text.contains(".."))
    }
  }

  @Test("A type or an error with escape sequences reaches no terminal, in any form")
  func hostile() async throws {
    try await withTool { tool, database in
      let id = try await database.bury(type: "evil", error: "boom \u{1B}]0;owned\u{7}\u{9B}2J\nsecond line \u{202E}")
      for form in [
        ["list", "--state", "dead"], ["dead", "list"], ["show", "\(id)"], ["why", "\(id)"],
        ["show", "\(id)", "--json"], ["list", "--state", "dead", "--json"],
      ] {
        let output = try await tool.run(form, columns: 200)
        #expect(output.status == 0, "\(output.errors)")
        #expect(output.text.contains("boom"))
        #expect(
          !output.text.unicodeScalars.contains {
            $0 != "\n" && ($0.properties.generalCategory == .control || $0 == "\u{202E}")
          },
          "\(form)"
        )
      }
    }
  }

  @Test("show tells everything of a task, and its payload only if that is asked for")
  func show() async throws {
    try await withTool { tool, database in
      let id = try await database.bury(type: "mail.send", error: "no route to host", payload: #"{"secret": "s3cr3t"}"#)
      let plain = try await tool("show", "\(id)", columns: 80)
      #expect(plain.status == 0)
      for part in ["Task \(id)", "dead", "no route to host", "attempt 1", "enqueued"] {
        #expect(plain.text.contains(part), "\(plain.text)")
      }
      #expect(plain.lines.allSatisfy { $0.count <= 80 })
      #expect(!plain.text.contains("s3cr3t"))
      #expect(try await tool("show", "\(id)", "--payload").text.contains("s3cr3t"))
      let json = try await tool.json("show", "\(id)")
      #expect(json["payload"] == nil)
      let full = try await tool.json("show", "\(id)", "--payload")
      #expect((full["payload"] as? [String: Any])?["secret"] as? String == "s3cr3t")
      let unknown = try await tool("show", "999999")
      #expect(unknown.status == 1 && unknown.errors.contains("There never was a task"))
    }
  }

  @Test("why has a sentence for every id, and what may be done about it")
  func why() async throws {
    try await withTool { tool, database in
      let id = try await database.enqueue("mail.send", queue: "mail")
      let noWorker = try await tool.json("why", "\(id)")
      #expect((noWorker["causes"] as? [[String: Any]])?.first?["cause"] as? String == "no_worker")
      try await database.query("INSERT INTO taskqueue.paused_queue (queue) VALUES ('mail')")
      let paused = try await tool("why", "\(id)")
      #expect(paused.text.contains("is paused") && paused.text.contains("taskqueue resume mail"))
      let unknown = try await tool("why", "424242")
      #expect(unknown.status == 1 && unknown.text.contains("There never was"))
    }
  }

  @Test("workers lists those that run")
  func workers() async throws {
    try await withTool { tool, database in
      #expect(try await tool("workers").status == 1)
      _ = try await tool.json("workers", status: 1)
      try await database.query(
        "SELECT taskqueue._note_worker(gen_random_uuid(), 'web-1:7', '{mail,default}', '{mail.send,report}', 10)"
      )
      let json = try await tool.json("workers")
      #expect((json["workers"] as? [[String: Any]])?.first?["name"] as? String == "web-1:7")
      #expect(try await tool("workers", columns: 80).text.contains("mail default"))
    }
  }

  @Test("workers tells what is in flight and held for long, as of the last report, and show who holds a task")
  func holders() async throws {
    try await withTool { tool, database in
      let id = try await database.enqueue("mail.send", queue: "mail")
      try await database.query(
        "UPDATE taskqueue.task SET lease_until = now() + interval '1 min', lease_token = 1, attempt = 1, ready = true"
      )
      try await database.query(
        """
        SELECT taskqueue._note_worker_2(gen_random_uuid(), 'web-1:7', '{mail}', '{mail.send}', 10, '1.4.0', 3, jsonb_build_array(
          jsonb_build_object('task', \(id), 'type', 'mail.send', 'attempt', 1, 'since', extract(epoch FROM now() - interval '5 min'))))
        """
      )
      let json = try await tool.json("workers")
      let worker = try #require((json["workers"] as? [[String: Any]])?.first)
      #expect(worker["version"] as? String == "1.4.0" && worker["inFlight"] as? Int == 3)
      #expect((worker["held"] as? [[String: Any]])?.first?["task"] as? Int64 == id)
      let table = try await tool("workers", columns: 80).text
      #expect(table.contains("IN FLIGHT") && table.contains("5 min") && table.contains("1.4.0"), "\(table)")
      for arguments in [["--tasks"], ["web-1:7"]] {
        let text = try await tool.run(["workers"] + arguments, columns: 80).text
        #expect(text.contains("last report") && text.contains("\(id)"), "\(text)")
      }
      #expect(try await tool("workers", "web-9:9").status == 1)
      let show = try await tool("show", "\(id)", columns: 80).text
      #expect(show.contains("held by") && show.contains("web-1:7"), "\(show)")
      let detail = try await tool.json("show", "\(id)")
      #expect((detail["holder"] as? [String: Any])?["worker"] as? String == "web-1:7")
      #expect(try await tool("why", "\(id)").text.contains("it is web-1:7, since"))
    }
  }

  @Test("flow show tells steps, waits and children")
  func flow() async throws {
    try await withTool { tool, database in
      let client = try database.client()
      var handlers = TaskHandlers()
      try handlers.register(Trip.self) { _, context in
        _ = try await context.step("book") { "room 7" }
        _ = try await context.event("paid/7", as: String.self, timeout: .seconds(86_400))
        return .completed
      }
      let id = try await client.enqueue(Trip(city: "Oslo")).id
      try await database.work(handlers) {
        try await eventually("it waits") { try await client.steps(of: id).contains { $0.kind == .wait } }
      }
      let text = try await tool("flow", "show", "\(id)", columns: 80)
      for part in ["book", "paid/7", "wait"] { #expect(text.text.contains(part), "\(text.text)") }
      #expect(!text.text.contains("room 7"))
      #expect(try await tool("flow", "show", "\(id)", "--payload").text.contains("room 7"))
      _ = try await tool.json("flow-show", "\(id)")
      _ = try await tool.json("flow-show", "\(id)", "--payload")
      let why = try await tool("why", "\(id)")
      #expect(why.text.contains("paid/7") && why.text.contains("taskqueue emit paid/7"))
      let plain = try await database.enqueue("mail.send")
      #expect(try await tool("flow", "show", "\(plain)").status == 1)
      await client.store.close()
    }
  }

  @Test("top shows so many samples, each on a line of its own as JSON")
  func top() async throws {
    try await withTool { tool, database in
      try await database.fill(mail: 2)
      let output = try await tool("top", "--json", "--count", "2", "--interval", "500ms")
      let lines = output.text.split(separator: "\n")
      #expect(output.status == 0 && lines.count == 2)
      for line in lines { #expect(try CommandLineSchema.problems(of: String(line), verb: "top").isEmpty) }
      let text = try await tool("top", "--count", "1", columns: 80)
      #expect(text.text.contains("mail") && !text.text.contains("\u{1B}"))
    }
  }

  @Test("Each documented form of JSON is one of a verb that is there")
  func schema() throws {
    #expect(try CommandLineSchema.verbs().count > 30)
    #expect(try !CommandLineSchema.problems(of: #"{"id": "x"}"#, verb: "enqueue").isEmpty)
    #expect(try !CommandLineSchema.problems(of: #"{"id": 1, "isNew": true, "more": 1}"#, verb: "enqueue").isEmpty)
    #expect(try CommandLineSchema.problems(of: #"{"id": 1, "isNew": true}"#, verb: "enqueue").isEmpty)
  }
}
