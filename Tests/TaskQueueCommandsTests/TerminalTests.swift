import ChildProcesses
import Foundation
import Libpq
import TaskQueueTestKit
import Testing

@Suite("Commands at a terminal")
struct TerminalTests {
  @Test(
    "What deletes asks with a number, and only a yes is one",
    arguments: [
      ("y\n", true), ("YES\n", true), ("n\n", false), ("\n", false), ("yesterday\n", false), ("\u{04}", false),
    ]
  )
  func question(answer: String, isYes: Bool) async throws {
    try await withTool { tool, database in
      for index in 0..<3 { try await database.bury(type: "mail.send", error: "e\(index)") }
      let terminal = try TerminalProcess(tool, "dead", "purge", "--all")
      try await terminal.waits(until: "Delete all 3 dead letters? [y/N] ")
      terminal.type(answer)
      let exit = await terminal.exit()
      #expect(exit == .exited(isYes ? 0 : 1), "\(terminal.text)")
      #expect(terminal.text.contains(isYes ? "3 dead letters deleted." : "Nothing was done."))
      #expect(!terminal.text.contains("error"))
      #expect(try await database.query("SELECT FROM taskqueue.dead_task").rowCount == (isYes ? 0 : 3))
    }
  }

  @Test("Ctrl-C at the question ends it, and nothing is done")
  func interrupted() async throws {
    try await withTool { tool, database in
      let task = try await database.bury(type: "mail.send", error: "boom")
      let terminal = try TerminalProcess(tool, "dead", "purge", "\(task)")
      try await terminal.waits(until: "Delete 1 dead letter? [y/N] ")
      terminal.type("\u{03}")
      #expect(await terminal.exit() == .killed(SIGINT))
      #expect(try await database.query("SELECT FROM taskqueue.dead_task").rowCount == 1)
    }
  }

  @Test("top draws on a screen of its own, and gives the terminal back", arguments: ["q", "Q", "\u{03}"])
  func top(key: String) async throws {
    try await withTool { tool, database in
      try await database.fill(mail: 2)
      let terminal = try TerminalProcess(tool, "top", "--interval", "500ms")
      try await terminal.waits(until: "q ends this")
      #expect(!terminal.isInLineMode)
      for part in ["\u{1B}[?1049h", "\u{1B}[?25l", "QUEUE", "mail", "no worker"] {
        #expect(terminal.text.contains(part))
      }
      terminal.type("x")
      terminal.type(key)
      #expect(await terminal.exit() == .exited(0))
      #expect(terminal.isInLineMode)
      #expect(terminal.text.hasSuffix("\u{1B}[?25h\u{1B}[?1049l"), "\(terminal.text.suffix(40))")
    }
  }

  @Test("Tables at a terminal have its width and colours")
  func width() async throws {
    try await withTool { tool, database in
      try await database.bury(type: "mail.send", error: String(repeating: "long ", count: 60))
      let terminal = try TerminalProcess(tool, "dead", "list")
      #expect(await terminal.exit() == .exited(0))
      #expect(terminal.text.contains("\u{1B}[31m") && terminal.text.contains("…"))
      let plain = terminal.text.replacing(/\u{1B}\[[0-9;]*m/, with: "")
      #expect(plain.split(separator: "\r\n").allSatisfy { $0.count <= 100 }, "\(plain)")
    }
  }
}
