import ChildProcesses
import Foundation
import Libpq
import TaskQueueTestKit
import Testing

@Suite("Commands that set up")
struct SetUpTests {
  @Test("migrate tells what it would do, does it, and finds nothing more to do")
  func migrate() async throws {
    try await withTestDatabase(migrated: false) { database in
      let tool = Tool(database)
      let dry = try await tool("migrate", "--dry-run")
      #expect(dry.status == 1 && dry.text.contains("Versions to apply: 1"))
      _ = try await tool.json("migrate", "--dry-run", status: 1)
      let done = try await tool.json("migrate")
      #expect((done["applied"] as? [Int])?.first == 1 && done["isUpToDate"] as? Bool == true)
      #expect(try await tool("migrate").text.contains("was up to date"))
      #expect(try await tool("migrate", "--dry-run").status == 0)
      #expect(try await tool("migrate", "--schema", "other").status == 0)
      #expect(try await tool("status", "--schema", "other").status == 0)
    }
  }

  @Test("bench measures in a schema of its own, and leaves nothing")
  func bench() async throws {
    try await withTestDatabase(migrated: false) { database in
      let tool = Tool(database)
      let json = try await tool.json("bench", "--tasks", "500")
      #expect(json["tasks"] as? Int == 500)
      #expect(try await tool("bench", "--tasks", "100").text.contains("drain by one worker"))
      #expect(try await tool("bench", "--tasks", "5").status == 64)
      #expect(try await database.query("SELECT FROM pg_namespace WHERE nspname LIKE 'taskqueue%'").rowCount == 0)
    }
  }

  @Test("bench leaves nothing either when it is interrupted")
  func interruptedBench() async throws {
    try await withTestDatabase(migrated: false) { database in
      let process = try ChildProcess(
        ChildCommand(
          ChildCommand.built(Tool.name),
          ["bench", "--tasks", "1000000"],
          addedEnvironment: Tool(database).variables()
        )
      )
      try await eventually("it has begun") {
        try await database.query("SELECT FROM pg_tables WHERE tablename = 'task'").rowCount == 1
      }
      process.send(SIGINT)
      await process.waitForExit()
      #expect(process.exit == .exited(130))
      #expect(try await database.query("SELECT FROM pg_namespace WHERE nspname LIKE 'taskqueue%'").rowCount == 0)
    }
  }

  @Test("dev brings a database and a worker that echoes, and takes them away again")
  func dev() async throws {
    let process = try ChildProcess(ChildCommand(ChildCommand.built(Tool.name), ["dev", "--json"]))
    var text = ""
    while let line = process.readLine() {
      text += line + "\n"
      if line == "}" { break }
    }
    #expect(try CommandLineSchema.problems(of: text, verb: "dev").isEmpty, "\(text)")
    let said = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: String])
    let url = try #require(said["url"])
    #expect(try await status(of: #require(said["dashboard"])) == 200)
    let tool = Tool(url: url)
    let enqueued = try await tool("enqueue", "echo", #"{"hello": "world"}"#)
    #expect(enqueued.status == 0, "\(enqueued.errors)")
    try await eventually("it was echoed") { try await tool("list").status == 1 }
    process.send(SIGTERM)
    await process.waitForExit()
    #expect(process.exit == .exited(0))
    #expect(try await tool("status").status == 69)
  }

  @Test("dashboard serves the pages to whoever has the password")
  func dashboard() async throws {
    try await withTool { tool, database in
      let process = try ChildProcess(
        ChildCommand(
          ChildCommand.built(Tool.name),
          ["dashboard", "--port", "0", "--json"],
          addedEnvironment: Tool(database).variables()
        )
      )
      var text = ""
      while let line = process.readLine() {
        text += line + "\n"
        if line == "}" { break }
      }
      #expect(try CommandLineSchema.problems(of: text, verb: "dashboard").isEmpty, "\(text)")
      let said = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: String])
      let (url, user, password) = try (#require(said["url"]), #require(said["user"]), #require(said["password"]))
      #expect(try await status(of: url) == 401)
      #expect(try await status(of: url, authorization: "\(user):\(password)x") == 401)
      #expect(try await status(of: url, authorization: "\(user):\(password)") == 200)
      process.send(SIGTERM)
      await process.waitForExit()
      #expect(process.exit == .exited(0))
    }
  }

  /// By curl, as a person would.
  private func status(of url: String, authorization: String? = nil) async throws -> Int? {
    let arguments =
      ["-s", "-o", "/dev/null", "-w", "%{http_code}\\n"] + (authorization.map { ["-u", $0] } ?? []) + [url]
    let process = try ChildProcess(ChildCommand("/usr/bin/curl", arguments))
    let line = process.readLine()
    await process.waitForExit()
    return line.flatMap { Int($0) }
  }

  @Test("doctor ends with 2 when it finds something, and has the cure")
  func doctor() async throws {
    try await withTool { tool, database in
      let before = try await tool.json("doctor", status: 2)
      // The tests' servers do without fsync.
      let kinds = (before["findings"] as? [[String: Any]])?.compactMap { $0["kind"] as? String }
      #expect(kinds?.allSatisfy { $0 == "commit_setting" } == true, "\(before)")
      try await database.query("DROP INDEX taskqueue.task_due")
      let output = try await tool("doctor", columns: 80)
      #expect(output.status == 2)
      #expect(output.text.contains("CREATE INDEX CONCURRENTLY task_due ON"), "\(output.text)")
      #expect(output.errors.isEmpty)
      #expect(try await tool("doctor", "--verbose").text.contains("drift of the schema"))
      #expect(try await tool("doctor", "--worker-role", "nobody at all").text.contains("There is no role"))
    }
  }
}
