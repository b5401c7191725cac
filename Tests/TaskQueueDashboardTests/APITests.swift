import Foundation
import HTTPTypes
import HummingbirdTesting
import JSONSchemas
import NIOCore
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import TaskQueueDashboard

@Suite("The dashboard's API")
struct APITests {
  private typealias Object = [String: Any]

  private static func schema() throws -> JSONSchema { try JSONSchema(document: Data(PackageResources.openapi_json)) }

  /// Where a body is not as the document says of an answer.
  private static func problems(_ answer: TestResponse, _ path: String, _ method: String = "get") throws -> [String] {
    try schema().problems(
      of: String(buffer: answer.body),
      ["paths", path, method, "responses", "200", "content", "application/json", "schema"]
    )
  }

  @Test("Each answer is as the document says, and has nothing that it does not name")
  func answers() async throws {
    try await DashboardFixture.with(.with { $0.showsPayloads = true }) { dashboard in
      let client = dashboard.client
      try await client.limits.declare([LimitRule("bank", rate: LimitRate(5))])
      try await client.schedules.set("nightly", .cron("0 3 * * *"), Mail())
      let id = try await client.enqueue(
        Mail(),
        options: .with {
          $0.limit = TaskLimit("bank", key: "k")
          $0.headers = ["h": "v"]
        }
      ).id
      let dead = try await dashboard.bury(try await client.enqueue(Mail()).id)
      try await client.operating(as: "ann", because: "x").pause("mail")
      var seen: Set<String> = []
      for (path, template) in [
        ("/overview", "/overview"), ("/tasks", "/tasks"), ("/tasks?state=dead&limit=1", "/tasks"),
        ("/tasks/\(id)", "/tasks/{id}"),
        ("/tasks?ofLimit=bank&key=k", "/tasks"), ("/tasks/\(dead)?payload=show", "/tasks/{id}"),
        ("/tasks/\(id)/explanation", "/tasks/{id}/explanation"), ("/tasks/99/explanation", "/tasks/{id}/explanation"),
        ("/effects", "/effects"), ("/schedules", "/schedules"), ("/limits", "/limits"),
        ("/limit-lines?name=bank", "/limit-lines"),
        ("/workers", "/workers"), ("/throughput?minutes=5", "/throughput"), ("/actions?about=queue/mail", "/actions"),
      ] {
        seen.insert(template)
        let answer = try await dashboard.get("/api/v1\(path)")
        #expect(answer.status == .ok, "\(path)")
        #expect(answer.headers[.contentType] == "application/json")
        #expect(try Self.problems(answer, template) == [], "\(path)")
      }
      #expect(seen == Set(try #require(try Self.schema().node(["paths"])?.members).keys))
      let answer = try await dashboard.post(#"{"verb": "retry", "task": \#(dead), "why": "again"}"#)
      let report = try JSONSerialization.jsonObject(with: Data(answer.body.readableBytesView))
      #expect(try Self.problems(answer, "/actions", "post") == [])
      #expect((report as? Object)?["outcome"] as? String == "redriven")
      #expect(try await client.operatorActions(about: .task(dead)).first?.reason == "again")
      let served = try await dashboard.json("/openapi.json") as? Object
      #expect((served?["openapi"] as? String)?.hasPrefix("3.1") == true)
    }
  }

  @Test("What cannot be understood, found or done is a problem with its status")
  func problems() async throws {
    try await DashboardFixture.with { dashboard in
      for (path, status) in [
        ("/nothing", 404), ("/tasks/99", 404), ("/tasks/x", 404), ("/tasks?limit=0", 400), ("/tasks?state=x", 400),
        ("/limit-lines", 400), ("/throughput?minutes=-1", 400), ("/tasks?after=!", 400), ("/tasks?queue=%ff", 400),
        ("/tasks?queue=", 400), ("/tasks?stat=due", 400), ("/tasks?reason=bored", 400), ("/actions?before=abc", 400),
        ("/overview?queue=mail", 400), ("/tasks?limit=1&limit=2", 400), ("/schedules?after=a%00", 400),
      ] {
        let answer = try await dashboard.get("/api/v1\(path)")
        #expect(answer.status.code == status, "\(path)")
        #expect(answer.headers[.contentType] == "application/problem+json")
        let value = try JSONSerialization.jsonObject(with: Data(answer.body.readableBytesView))
        let problem = String(buffer: answer.body)
        #expect(try Self.schema().problems(of: problem, ["components", "schemas", "Problem"]) == [])
        let isOfAddress = status == 400 && !path.contains("%ff")
        #expect(((value as? Object)?["parameter"] != nil) == isOfAddress, "\(path)")
      }
      for body in [
        "", "[]", "{", "null", "{}", #"{"verb": "fly"}"#, #"{"verb": "cancel"}"#, #"{"verb": "cancel", "task": "x"}"#,
        #"{"verb": "purge", "all": true, "type": "none", "why": "b\u0000"}"#, #"{"verb": "cancel", "task": -1}"#,
        #"{"verb": "purge", "task": [1, -1]}"#,
        #"{"verb": "redrive"}"#, #"{"verb": "pause_queue", "queue": "a", "why": [null]}"#,
        #"{"verb": "pause_queue", "queue": ["a"]}"#, #"{"verb": "pause_queue", "queue": 7}"#,
        #"{"verb": "pause_queue", "queue": "a", "why": null}"#, #"{"verb": "purge", "all": "true"}"#,
        #"{"verb": {"a": 1}}"#, #"{"verb": "set_limit", "limit": "a"}"#,
        #"{"verb": "resolve_effect", "task": 1, "effect": "e"}"#,
        #"{"verb": "resolve_effect", "task": 1, "effect": "e\u0007", "resolution": "did_not_happen"}"#,
      ] {
        #expect(try await dashboard.post(body).status == .badRequest, "\(body)")
      }
      #expect(try await dashboard.post(#"{"verb": "cancel", "task": 99}"#).status == .notFound)
      #expect(try await dashboard.get("/api/v1/tasks", method: .post).status == .methodNotAllowed)
    }
  }

  @Test("A condition that is misspelt, empty or of another verb is refused, not taken for none")
  func conditions() async throws {
    try await DashboardFixture.with { dashboard in
      let dead = try await dashboard.bury(try await dashboard.client.enqueue(Mail()).id)
      for rest in [
        #""types": "x""#, #""type": """#, #""key": "k""#, #""state": "due""#, #""tasks": [1]"#, #""olderThan": "90d""#,
        #""queue": null"#, #""task": [1]"#, #""task": []"#,
      ] {
        let answer = try await dashboard.post("{\"verb\": \"purge\", \"all\": true, \(rest)}")
        #expect(answer.status == .badRequest, "\(rest)")
      }
      #expect(try await dashboard.get("/api/v1/tasks?state=dead&key=k").status == .badRequest)
      #expect(try await dashboard.get("/dead?key=k").status == .badRequest)
      for body in [
        #"{"verb": "pause_limit", "limit": "bank", "key": "one"}"#,
        #"{"verb": "set_limit", "limit": "bank", "concurrency": 3, "rate": 1, "periodSeconds": 1}"#,
      ] {
        #expect(try await dashboard.post(body).status == .badRequest, "\(body)")
      }
      #expect(try await dashboard.client.deadLetters().map(\.id) == [dead])
    }
  }

  @Test("An explanation has its causes by name, and what they are about")
  func causes() async throws {
    try await DashboardFixture.with { dashboard in
      let client = dashboard.client
      try await client.limits.declare([LimitRule("bank")])
      func causes(_ id: TaskID) async throws -> [Object] {
        let value = try await dashboard.json("/tasks/\(id)/explanation") as? Object
        let causes = try #require(value?["causes"] as? [Object])
        #expect(causes.compactMap { $0["sentence"] as? String } == value?["sentences"] as? [String])
        return causes
      }
      let mail = try await client.enqueue(Mail(), options: .with { $0.queue = "mail" }).id
      try await client.pause("mail")
      let paused = try #require(try await causes(mail).first)
      #expect(paused["cause"] as? String == "queue_paused" && paused["queue"] as? String == "mail")
      let later = try await client.enqueue(Mail(), options: .with { $0.schedule = .after(.seconds(600)) }).id
      let delayed = try #require(try await causes(later).first)
      #expect(delayed["cause"] as? String == "delayed" && delayed["until"] != nil && delayed["limit"] == nil)
      let limited = try await client.enqueue(Mail(), options: .with { $0.limit = TaskLimit("bank", key: "k") }).id
      try await client.limits.pause("bank")
      let bank = try #require(try await causes(limited).first { $0["limit"] != nil })
      #expect((bank["limit"] as? Object)?["name"] as? String == "bank")
      #expect(try await causes(TaskID(424_242)).first?["cause"] as? String == "unknown")
    }
  }

  @Test("A name with spaces around it is another one than that without, and one of spaces alone is one")
  func spaces() async throws {
    try await DashboardFixture.with { dashboard in
      let dead = try await dashboard.bury(try await dashboard.client.enqueue(Mail()).id)
      #expect(try await dashboard.post(#"{"verb": "pause_queue", "queue": " mail"}"#).status == .ok)
      #expect(try await dashboard.client.pausedQueues() == [" mail"])
      #expect(try await dashboard.post(#"{"verb": "purge", "all": true, "queue": " "}"#).status == .ok)
      #expect(try await dashboard.client.deadLetters().map(\.id) == [dead])
    }
  }
}
