import Foundation
import HTTPTypes
import HummingbirdTesting
import Libpq
import NIOCore
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import TaskQueueDashboard

@Suite("The dashboard's pages")
struct PagesTests {
  private static let hostile = [
    "<script>alert(1)</script>", "\" autofocus onfocus=alert(1) x=\"", "'><img src=x onerror=alert(1)>",
    "{{>head}}{{&type}}{{{type}}}",
    // To Swift a quote with an accent is one character, and no quote.
    "\"\u{301} autofocus onfocus=alert(1) x=\"\u{301}", "\u{202E}evil\u{2066}", "</pre></td></main>", "a&b;`",
  ]

  @Test("Every page shows itself on an empty queue, and its title")
  func emptyPages() async throws {
    try await DashboardFixture.with { dashboard in
      for (path, title) in [
        ("/", "Overview"), ("/tasks", "Tasks"), ("/dead", "Dead letters"), ("/effects", "Effects without an outcome"),
        ("/schedules", "Schedules"), ("/limits", "Limits"), ("/workers", "Workers"), ("/throughput", "Throughput"),
        ("/journal", "Journal"), ("/queue?name=mail", "Queue"), ("/tasks?state=done", "Tasks"),
        ("/tasks?state=dead", "Dead letters"),
      ] {
        let answer = try await dashboard.get(path)
        #expect(answer.status == .ok, "\(path): \(String(buffer: answer.body))")
        let text = String(buffer: answer.body)
        #expect(text.contains("\(title)"))
        #expect(text.contains("<main id=\"main\"") && text.hasSuffix("</html>\n"))
        #expect(!text.contains("{{") && !text.contains("Optional("), "\(path)")
      }
      for path in ["/tasks/77", "/schedule?name=none", "/limit?name=none", "/nothing"] {
        #expect(try await dashboard.get(path).status == .notFound, "\(path)")
      }
      let head = try await dashboard.get("/", method: .head)
      #expect(head.status == .ok && head.body.readableBytes == 0)
    }
  }

  @Test(
    "What an address asks for wrongly is refused, with what is allowed and a way on; never answered as if it were not there"
  )
  func refusals() async throws {
    try await DashboardFixture.with { dashboard in
      let id = try await dashboard.client.enqueue(Mail()).id
      for (path, words, way) in [
        (
          "/tasks?state=flying&queue=a", "state can only be waiting, due, limited, running, finished, dead or done.",
          "/tasks?queue=a"
        ),
        ("/tasks?queue=%ff", "the bytes of UTF-8", "/tasks"),
        ("/tasks?queue=a%00b", "queue must not contain NUL", "/tasks"),
        ("/tasks?after=%3Cb%3E", "after is no place in a list", "/tasks"),
        (
          "/tasks?stat=due", "What can be asked for here: state, queue, type, error, limit, key, reason and after.",
          "/tasks"
        ),
        ("/tasks?state=due&state=done", "state is there more than once", "/tasks"),
        ("/tasks?key=k", "key is one of a limit", "/tasks"),
        ("/tasks?state=done&error=x", "keep neither errors", "/tasks"),
        ("/dead?reason=bored", "reason can only be failed,", "/dead"),
        ("/dead?state=due", "state can only be dead.", "/dead"),
        ("/journal?before=abc", "before must be a whole number of 0 or more.", "/journal"),
        ("/journal?before=-1", "before must be a whole number", "/journal"),
        ("/throughput?minutes=-1", "minutes can only be 60, 360 or 1440.", "/throughput"),
        ("/tasks/\(id)?payload=yes", "payload can only be show.", "/tasks/\(id)"),
        ("/workers?queue=mail", "Nothing can be asked for here.", "/workers"),
        ("/schedule?name=a&from=x&to=y", "from must be an instant in UTC", "/schedule?name=a&amp;to=y"),
        ("/dead/confirm?verb=fly&all=true", "verb can only be redrive or purge.", "/dead/confirm?all=true"),
        ("/dead/confirm?verb=purge&all=yes", "all can only be true.", "/dead/confirm?verb=purge"),
        ("/queue", "name is missing.", "/"), ("/schedule", "name is missing.", "/schedules"),
        ("/limit", "name is missing.", "/limits"),
      ] {
        let answer = try await dashboard.get(path)
        #expect(answer.status == .badRequest, "\(path)")
        let page = String(buffer: answer.body)
        #expect(page.contains(words), "\(path): \(page)")
        #expect(page.contains("<li><a href=\"/ops/queue\(way)\">"), "\(path): \(page)")
        #expect(!page.contains("flying") && !page.contains("stat=") && !page.contains("bored"), "\(path)")
      }
      // As a browser sends the empty fields of a form.
      #expect(try await dashboard.get("/tasks?queue=&type=mail.send&error=&limit=&key=").status == .ok)
      let form: KeyValuePairs = ["verb": "cancel", "task": "x", "back": "/tasks/\(id)"]
      let page = String(buffer: try await dashboard.act(form).body)
      #expect(
        page.contains("task must be a number.") && page.contains("href=\"/ops/queue/tasks/\(id)\">Back to the page")
      )
    }
  }

  @Test("A list shows what its address asks for: state, queue, type, error, limit, and page by page")
  func filters() async throws {
    try await DashboardFixture.with { dashboard in
      let client = dashboard.client
      try await client.limits.declare([LimitRule("bank")])
      let mail = try await client.enqueue(Mail()).id
      let later = try await client.enqueue(Mail(), options: .with { $0.schedule = .after(.seconds(600)) }).id
      let other = try await client.enqueue(["a": 1], as: "other.type", options: .with { $0.queue = "side" }).id
      let bank = try await client.enqueue(Mail(), options: .with { $0.limit = TaskLimit("bank", key: "k") }).id
      let dead = try await dashboard.bury(try await client.enqueue(Mail()).id, error: "Timed out at 7")
      func ids(_ path: String) async throws -> Set<Int64> {
        Set(try await dashboard.page(path).matches(of: /data-key="(\d+)"/).compactMap { Int64($0.1) })
      }
      #expect(try await ids("/tasks") == [mail.rawValue, later.rawValue, other.rawValue, bank.rawValue])
      #expect(try await ids("/tasks?state=waiting").contains(later.rawValue))
      #expect(try await ids("/tasks?queue=side") == [other.rawValue])
      #expect(try await ids("/tasks?type=other.type&queue=default").isEmpty)
      #expect(try await ids("/tasks?limit=bank&key=k") == [bank.rawValue])
      #expect(try await ids("/dead?error=timed+OUT") == [dead.rawValue])
      #expect(try await ids("/dead?error=nothing").isEmpty)
      #expect(try await ids("/dead?reason=cancelled") == [dead.rawValue])
      #expect(try await ids("/dead?reason=failed").isEmpty)
      #expect(try await dashboard.get("/find?q=\(mail)").headers[.location] == "/ops/queue/tasks/\(mail)")
      #expect(try await dashboard.get("/find?q=a+b").headers[.location] == "/ops/queue/tasks?type=a%20b")

      try await client.enqueue(all: (1...60).map { Mail(to: "\($0)") })
      var seen: Set<Int64> = []
      var path: String? = "/tasks?type=mail.send"
      while let next = path {
        let text = try await dashboard.page(next)
        seen.formUnion(text.matches(of: /data-key="(\d+)"/).compactMap { Int64($0.1) })
        path = text.firstMatch(of: /rel="next" href="\/ops\/queue([^"]*)"/).map {
          String($0.1).replacing("&amp;", with: "&")
        }
      }
      #expect(seen.count == 63)
    }
  }

  @Test("What tasks, people and addresses say is shown as text, whatever it is", arguments: hostile)
  func hostileTexts(_ text: String) async throws {
    try await DashboardFixture.with(
      .with {
        $0.showsPayloads = true
        $0.title = text
      }
    ) { dashboard in
      let client = dashboard.client
      let name = String(text.unicodeScalars.prefix(60).map { Character($0) })
      let id = try await client.enqueue(
        [text: text],
        as: TaskType(name),
        options: .with {
          $0.queue = QueueName(name)
          $0.unique = UniqueKey(text)
          $0.headers = [text: text]
        }
      ).id
      try await dashboard.bury(id, error: text)
      try await client.operating(as: "mallory \(name)", because: text).retry(id)
      try await client.operating(as: name, because: text).pause(QueueName(name))
      let query = name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
      for path in [
        "/", "/tasks", "/tasks/\(id)", "/tasks/\(id)?payload=show", "/journal", "/queue?name=\(query)",
        "/tasks?type=\(query)&error=\(query)",
        "/journal?about=\(query)", "/dead?queue=\(query)",
        "/dead/confirm?verb=redrive&all=true&type=\(query)&back=\(query)",
        "/find?q=\(query)", "/throughput?minutes=\(query)", "/\(query)",
      ] {
        let page = try await dashboard.page(path)
        for harm in [
          "<script>a", "onfocus=alert(1) x=\"", "<img", "\" autofocus", "\"\u{301}", "\u{202E}", "</td></main>",
        ] {
          #expect(page.range(of: harm, options: .literal) == nil, "\(path): \(harm)")
        }
        // Every attribute of every tag is one of ours.
        for tag in page.matches(of: /<[a-zA-Z][^>]*>/) {
          let names = tag.output.replacing(/"[^"]*"/, with: "")
          #expect(names.firstMatch(of: /\son[a-z]+=|["']|\sautofocus/) == nil, "\(tag.output)")
        }
      }
    }
  }

  @Test(
    "A task's page says why it waits, what happened to it, and shows its payload only when asked, where that is allowed"
  )
  func taskPage() async throws {
    try await DashboardFixture.with { dashboard in
      let id = try await dashboard.client.enqueue(
        Mail(to: "a-secret-address"),
        options: .with { $0.headers = ["trace": "hidden-header"] }
      ).id
      let page = try await dashboard.page("/tasks/\(id)?payload=show")
      #expect(page.contains("Why it waits"))
      #expect(page.contains("No worker serves its queue default."))
      #expect(page.contains("Enqueued"))
      #expect(!page.contains("a-secret-address") && !page.contains("hidden-header"))
      try await dashboard.bury(id, error: "the first\nand second line")
      let dead = try await dashboard.page("/tasks/\(id)")
      #expect(
        dead.contains("Attempt 1 failed") && dead.contains("and second line") && dead.contains("Put aside: cancelled")
      )
      #expect(dead.contains("value=\"retry\""))
      try await dashboard.client.purge(.all)
      #expect(try await dashboard.page("/tasks/\(id)").contains("is not there any more"))
    }
    try await DashboardFixture.with(.with { $0.showsPayloads = true }) { dashboard in
      let id = try await dashboard.client.enqueue(Mail(to: "a-secret-address")).id
      #expect(try await !dashboard.page("/tasks/\(id)").contains("a-secret-address"))
      #expect(try await dashboard.page("/tasks/\(id)?payload=show").contains("a-secret-address"))
    }
  }

  @Test("Effects without an outcome stand first, and are settled by a form")
  func money() async throws {
    try await DashboardFixture.with { dashboard in
      let client = dashboard.client
      #expect(try await dashboard.page("/").contains("Every effect has a known outcome."))
      var handlers = TaskHandlers()
      try handlers.register(Mail.self) { mail, context in
        _ = try await context.effects.perform("charge", request: mail) { _ -> String in throw BankIsSilent() }
        return .completed
      }
      let worker = try TaskWorker(store: client.store, handlers: handlers)
      let id = try await client.enqueue(Mail()).id
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        try await eventually("the task is put aside") { try await client.task(id) == nil }
        group.cancelAll()
      }
      let page = try await dashboard.page("/")
      #expect(page.contains("1 effect has no known outcome"))
      let money = try #require(page.range(of: "no known outcome"))
      let queues = try #require(page.range(of: "id=\"queues\""))
      #expect(money.lowerBound < queues.lowerBound)
      #expect(try await dashboard.page("/effects").contains("value=\"resolve_effect\""))
      let empty = try await dashboard.act([
        "verb": "resolve_effect", "task": "\(id)", "effect": "charge", "resolution": "succeeded", "value": "",
      ])
      #expect(empty.status == .badRequest && String(buffer: empty.body).contains("value is missing"))
      let form: KeyValuePairs = [
        "verb": "resolve_effect", "task": "\(id)", "effect": "charge", "resolution": "succeeded", "value": "\"r-1\"",
        "why": "the bank's book",
      ]
      let answer = try await dashboard.act(form)
      #expect(answer.headers[.location] == "/ops/queue/?said=resolve_effect.resolved")
      #expect(try await client.unsettledEffects().isEmpty)
      #expect(try await dashboard.page("/journal").contains("the bank&#39;s book"))
    }
  }

  private struct BankIsSilent: Error {}

  @Test("Workers are shown with what they have in flight and held for long, and a task with who holds it")
  func workers() async throws {
    try await DashboardFixture.with { dashboard in
      let id = try await dashboard.client.enqueue(Mail()).id
      try await dashboard.client.pool.query(
        "UPDATE taskqueue.task SET lease_until = now() + interval '1 min', lease_token = 1, attempt = 1, ready = true"
      )
      try await dashboard.client.pool.query(
        """
        SELECT taskqueue._note_worker_2(gen_random_uuid(), 'web-1:7', '{default}', '{mail.send}', 10, '<1.4>', 3, jsonb_build_array(
          jsonb_build_object('task', \(id), 'type', 'mail.send', 'attempt', 1, 'since', extract(epoch FROM now() - interval '5 min'))))
        """
      )
      let workers = try await dashboard.page("/workers")
      for part in ["3 of 10", "version &lt;1.4&gt;", "href=\"/ops/queue/tasks/\(id)\"", "attempt 1"] {
        #expect(workers.contains(part), "\(part)")
      }
      let task = try await dashboard.page("/tasks/\(id)")
      #expect(task.contains("Held by") && task.contains("web-1:7") && task.contains("As reported"))
      let worker = try #require(
        ((try await dashboard.json("/workers") as? [String: Any])?["workers"] as? [[String: Any]])?.first
      )
      #expect(worker["inFlight"] as? Int == 3 && (worker["held"] as? [Any])?.count == 1)
      let detail = try await dashboard.json("/tasks/\(id)") as? [String: Any]
      #expect((detail?["holder"] as? [String: Any])?["worker"] as? String == "web-1:7")
    }
  }

  @Test("A task whose call nobody knows the outcome of is not to be retried first")
  func doubt() async throws {
    try await DashboardFixture.with { dashboard in
      let client = dashboard.client
      let id = try await dashboard.bury(try await client.enqueue(Mail()).id)
      let retry = "<details class=\"act first\"><summary>Retry"
      let settle = "<details class=\"act first\"><summary>Say what happened"
      #expect(try await dashboard.page("/tasks/\(id)").contains(retry))
      try await client.pool.query(
        """
        INSERT INTO taskqueue.effect (task_id, name, task_type, key, request_digest, state, token, call_limit, key_used_at, intended_at, changed_at)
        VALUES ($1, 'charge', 'mail.send', gen_random_uuid(), sha256('x'), 'unknown', 1, '1 s', now() - interval '2 h', now() - interval '2 h', now())
        """,
        [.int8(id.rawValue)]
      )
      let page = try await dashboard.page("/tasks/\(id)")
      #expect(page.contains(settle) && !page.contains(retry))
      #expect(page.contains("Say that first, below") && page.contains("href=\"#effects\">what became of its call"))
      let form: KeyValuePairs = [
        "verb": "resolve_effect", "task": "\(id)", "effect": "charge", "resolution": "did_not_happen",
      ]
      #expect(try await dashboard.act(form).status == .seeOther)
      #expect(try await dashboard.page("/tasks/\(id)").contains(retry))
    }
  }

  @Test("Schedules, limits, workers and the queue's switch are shown and changed by name")
  func rules() async throws {
    try await DashboardFixture.with { dashboard in
      let client = dashboard.client
      try await client.limits.declare([
        LimitRule("bank", concurrency: 2, rate: LimitRate(5)), LimitRule("line", order: .ordered()),
      ])
      try await client.schedules.set("night/ly ?&", .cron("0 3 * * *", timeZone: "Europe/Berlin"), Mail())
      let schedules = try await dashboard.page("/schedules")
      #expect(schedules.contains("every day at 03:00 (Europe/Berlin)"))
      let one = "/schedule?name=night%2Fly%20%3F%26"
      #expect(schedules.contains("href=\"/ops/queue\(one)\""))
      let plan = try await dashboard.page("\(one)&from=2026-01-01T00:00&to=2026-01-04T00:00")
      #expect(plan.contains("3 slots") && plan.contains("2026-01-01 02:00:00"))
      #expect(try await dashboard.get("\(one)&from=x&to=y").status == .badRequest)
      _ = try await dashboard.act(["verb": "schedule_pause", "schedule": "night/ly ?&"])
      #expect(try await client.schedules.get("night/ly ?&")?.isPaused == true)
      _ = try await dashboard.act([
        "verb": "schedule_backfill", "schedule": "night/ly ?&", "from": "2026-01-01T00:00", "to": "2026-01-04T00:00",
      ])
      #expect(try await client.tasks().count == 3)

      #expect(try await dashboard.page("/limits").contains("5 per 1 s"))
      _ = try await dashboard.act(["verb": "set_limit", "limit": "bank", "concurrency": "7"])
      _ = try await dashboard.act([
        "verb": "set_limit", "limit": "bank", "rate": "9", "periodSeconds": "2", "burst": "3",
      ])
      let bank = try #require(try await client.limits.list().first { $0.rule.name == "bank" })
      #expect(bank.operatorConcurrency == 7)
      #expect(bank.operatorRate == LimitRate(9, per: .seconds(2), burst: 3))
      #expect(try await dashboard.page("/limit?name=bank").contains("declared: 2"))
      #expect(try await dashboard.act(["verb": "set_limit", "limit": "none", "concurrency": "7"]).status == .notFound)
      #expect(
        try await dashboard.act(["verb": "set_limit", "limit": "bank", "concurrency": "0"]).status == .badRequest
      )

      _ = try await dashboard.act(["verb": "pause_queue", "queue": "mail", "why": "too many"])
      #expect(try await dashboard.page("/queue?name=mail").contains("value=\"resume_queue\""))
      #expect(try await dashboard.page("/").contains("paused"))
    }
  }

  @Test("Dead letters are retried and deleted in bulk, after a page that says which")
  func bulk() async throws {
    try await DashboardFixture.with { dashboard in
      let client = dashboard.client
      var dead: [TaskID] = []
      for number in 1...5 {
        let id = try await client.enqueue(Mail(), options: .with { $0.queue = number < 4 ? "a" : "b" }).id
        dead.append(try await dashboard.bury(id, error: "error \(number)"))
      }
      let question = try await dashboard.page("/dead/confirm?verb=redrive&all=true&queue=a&back=/dead%3Fqueue%3Da")
      #expect(question.contains("Make live again: 3 dead letters"))
      #expect(try await client.tasks().isEmpty)
      #expect(try await dashboard.get("/dead/confirm?verb=redrive").status == .badRequest)
      let answer = try await dashboard.act([
        "verb": "redrive", "all": "true", "queue": "a", "why": "fixed", "back": "/dead?queue=a",
      ])
      #expect(answer.headers[.location] == "/ops/queue/dead?queue=a&said=redrive.done&n=3")
      #expect(try await client.tasks().map(\.id) == Array(dead[..<3]))
      _ = try await dashboard.act(["verb": "purge", "task": "\(dead[3])"])
      #expect(try await client.deadLetters().map(\.id) == [dead[4]])
      let journal = try await client.operatorActions()
      #expect(journal.map(\.verb) == [.purge, .redrive])
      #expect(journal.allSatisfy { $0.actor == "ann" })
      #expect(journal.last?.reason == "fixed")
      #expect(journal.last?.taskCount == 3)
      _ = try await dashboard.act(["verb": "purge", "all": "true", "type": "mail.send"])
      let page = try await dashboard.page("/journal")
      #expect(
        page.contains(
          "Deleted dead letters <a href=\"/ops/queue/dead\"><code>dead_letters</code></a> of type mail.send"
        )
      )
    }
  }
}
