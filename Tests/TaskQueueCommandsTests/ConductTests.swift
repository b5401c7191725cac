import ArgumentParser
import ChildProcesses
import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import TaskQueueCommands

private struct Shop: AsyncParsableCommand {
  static let configuration = CommandConfiguration(subcommands: [TaskQueueCommand.self])
}

@Suite("How commands behave")
struct ConductTests {
  @Test("Exit statuses say what kind of trouble it was")
  func statuses() async throws {
    try await withTestDatabase(migrated: false) { database in
      let tool = Tool(database)
      let missing = try await tool("status")
      #expect(missing.status == 78 && missing.errors.contains("schema is missing"), "\(missing.errors)")
      #expect(try await tool("nonsense").status == 64)
      #expect(try await tool("list", "--state", "asleep").status == 64)
      #expect(try await tool("list", "--limit", "0").status == 64)
      #expect(try await tool("show", "x").status == 64)
      #expect(try await tool("status", "--schema", "").status == 64)
      #expect(try await tool("list", "--queue", "").status == 64)
      let away = try await Tool(url: "postgresql://127.0.0.1:1/nowhere?connect_timeout=2")("status")
      #expect(away.status == 69 && away.errors.contains("cannot be reached"), "\(away.errors)")
      #expect(away.text.isEmpty)
    }
  }

  @Test(
    "A connection string that cannot be meant is wrong use, and what one looks like is told",
    arguments: ["postgresql://db:5432x/shop", "mysql://db/shop", "user='", "connect_timeout=soon"]
  )
  func malformedAddress(url: String) async throws {
    for verb in ["status", "migrate", "doctor"] {
      let output = try await Tool(url: url)(verb)
      #expect(output.status == 64 && output.errors.contains("postgresql://user@host"), "\(verb): \(output.errors)")
    }
  }

  @Test("What the server's library says in two lines are two sentences")
  func sentences() {
    #expect(
      ErrorText.sentences("connection failed: Connection refused\n\tIs the server running?\n")
        == "connection failed: Connection refused. Is the server running?"
    )
  }

  @Test(
    "Output that cannot be written ends it with 74 and a sentence",
    arguments: [["list"], ["list", "--all", "--ids"]]
  )
  func fullDisk(arguments: [String]) async throws {
    guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
    try await withTool { tool, database in
      try await database.fill(mail: 3)
      var command = ChildCommand(
        "/bin/sh",
        ["-c", "\"$0\" \"$@\" > /dev/full", ChildCommand.built(Tool.name)] + arguments,
        addedEnvironment: tool.variables()
      )
      command.errors = .pipe
      let result = try await ChildProcess.run(command)
      #expect(result.exit == .exited(74), "\(result.exit)")
      #expect(result.errors == "error: The output cannot be written: No space left on device.\n")
    }
  }

  @Test(
    "A mistyped verb is answered with the one that may be meant",
    arguments: [
      (["statu"], "status"), (["shedule"], "schedule"), (["dead", "lst", "--ids"], "list"),
      (["limit", "pausee"], "pause"),
      (["flow", "sho", "7"], "show"), (["effect", "reslove"], "resolve"), (["nonsense"], nil),
    ] as [([String], String?)]
  )
  func mistyped(words: [String], meant: String?) async throws {
    let output = try await Tool(url: nil).run(words)
    #expect(output.status == 64 && output.text.isEmpty)
    #expect(output.errors.contains("has no command"))
    #expect(output.errors.contains("Did you mean") == (meant != nil))
    if let meant { #expect(output.errors.contains("Did you mean \(meant)?"), "\(output.errors)") }
  }

  @Test(
    "A verb with verbs of its own shows them without one",
    arguments: ["dead", "schedule", "limit", "flow", "effect"]
  )
  func parents(verb: String) async throws {
    let output = try await Tool(url: nil)(verb)
    #expect(output.status == 0 && output.text.contains("SUBCOMMANDS") && !output.text.contains("unknown"))
  }

  @Test("Errors say what is wanted")
  func teaching() async throws {
    try await withTool { tool, database in
      for (arguments, status, part) in [
        (["list", "--after", "garbage"], 64, "page before"),
        (["list", "--before", "yesterday"], 64, "2026-11-28T14:00:00Z"),
        (["show", "abc"], 64, "is a number"), (["retry", "7", "abc"], 64, "'abc' is no task's id"),
        (["enqueue", "x", "--in", "soon"], 64, "5m"), (["schedule", "pause", "nope"], 1, "taskqueue schedule list"),
        (["limit", "set", "nope", "--concurrency", "3"], 1, "taskqueue limit list"),
        (["list", "--json", "--ids"], 64, "Either --json or --ids"),
        (["dead", "list", "--json", "--ids"], 64, "Either --json or --ids"),
        (["enqueue", "x", "--json", "--ids"], 64, "Either --json or --ids"),
        (["dead", "purge", "--type", "mail.*", "--yes"], 64, "one type"),
      ] as [([String], Int32, String)] {
        let output = try await tool.run(arguments)
        #expect(output.status == status && output.errors.contains(part), "\(arguments): \(output.errors)")
        #expect(output.text.isEmpty)
      }
      #expect(try await database.query("SELECT FROM taskqueue.task").rowCount == 0)
    }
  }

  @Test("A role that may not is told so, with 77")
  func permission() async throws {
    try await withTool { tool, database in
      let role = "nobody_\(database.name)"
      try await database.query("CREATE ROLE \(role) LOGIN")
      let separator = database.connectionString.contains("?") ? "&" : "?"
      let output = try await Tool(url: database.connectionString + "\(separator)user=\(role)")("status")
      #expect(output.status == 77, "\(output.errors)")
      try await database.query("DROP ROLE \(role)")
    }
  }

  @Test("Colours are for terminals: pipes get none, whatever TERM says")
  func colours() async throws {
    try await withTool { tool, database in
      try await database.fill(mail: 1)
      var tool = tool
      tool.environment = ["TERM": "xterm-256color"]
      for verb in ["status", "list", "doctor"] {
        let output = try await tool(verb)
        #expect(!output.text.contains("\u{1B}") && !output.errors.contains("\u{1B}"))
      }
    }
  }

  @Test("A reader who goes away ends it in silence")
  func brokenPipe() async throws {
    try await withTool { tool, database in
      try await database.fill(mail: 5_000)
      var command = ChildCommand(
        "/bin/bash",
        [
          "-c", "set -o pipefail; \"$0\" list --all --ids | head -n 1; exit ${PIPESTATUS[0]}",
          ChildCommand.built(Tool.name),
        ],
        addedEnvironment: tool.variables()
      )
      command.errors = .pipe
      let result = try await ChildProcess.run(command)
      #expect(result.errors.isEmpty)
      #expect(result.output.split(separator: "\n").count == 1)
      #expect(result.exit == .exited(141), "\(result.exit)")
    }
  }

  @Test("Every verb has a help text, and completion scripts are made", arguments: ["bash", "zsh", "fish"])
  func help(shell: String) async throws {
    let tool = Tool(url: nil)
    let script = try await tool("--generate-completion-script", shell)
    #expect(script.status == 0 && script.text.contains("taskqueue"))
    let root = try await tool("--help")
    #expect(root.status == 0)
    for verb in TaskQueueCommand.all.map({ $0._commandName }) {
      #expect(root.text.contains("\n  \(verb)"), "\(verb)")
      let help = try await tool(verb, "--help")
      #expect(help.status == 0 && help.text.contains("OVERVIEW"))
    }
  }

  @Test("An app mounts the commands as its own, and they ask the app's database")
  func mounted() async throws {
    try await withTool { _, database in
      let host = CommandHost(configuration: .init(database.postgresConfiguration, maxConnections: 2))
      var command = try #require(try Shop.parseAsRoot(["taskqueue", "pause", "mail"]) as? any AsyncParsableCommand)
      try await CommandHost.$current.withValue(host) { try await command.run() }
      #expect(try await database.query("SELECT FROM taskqueue.paused_queue").rowCount == 1)
    }
  }

  @Test("The address may come by option, by DATABASE_URL or by PG variables; the option counts most")
  func addresses() async throws {
    try await withTool { tool, database in
      var other = Tool(url: "postgresql://127.0.0.1:1/nowhere")
      #expect(try await other("status", "--database-url", database.connectionString).status == 0)
      let place = try await database.query(
        "SELECT current_setting('unix_socket_directories'), current_setting('port'), current_user::text"
      )[0]
      other = Tool(url: "")
      other.environment = [
        "PGHOST": String(try place.text(0).prefix { $0 != "," }), "PGPORT": try place.text(1),
        "PGUSER": try place.text(2), "PGDATABASE": database.name,
      ]
      #expect(try await other("status").status == 0)
      other.environment["TASKQUEUE_SCHEMA"] = "elsewhere"
      #expect(try await other("status").status == 78)
      #expect(try await other("status", "--schema", "taskqueue").status == 0)
    }
  }
}
