import ChildProcesses
import Foundation
import JSONSchemas
import TaskQueueTestKit
import Testing

/// The program `taskqueue` upon a database.
struct Tool: Sendable {
  struct Output {
    var status: Int32?
    var text: String
    var errors: String

    var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }

    func json() throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }
  }

  #if os(macOS)
    static let name = "taskqueue-cli"
  #else
    static let name = "taskqueue"
  #endif

  /// nil: none is named.
  var url: String?
  var environment: [String: String] = [:]

  init(_ database: TestDatabase) { url = database.connectionString }
  init(url: String?) { self.url = url }

  /// Runs it to its end, with its output and errors piped.
  ///
  /// - Parameters:
  ///   - input: what standard input has.
  ///   - columns: the width to fit; nil: none.
  func callAsFunction(_ arguments: String..., input: String = "", columns: Int? = nil) async throws -> Output {
    try await run(arguments, input: input, columns: columns)
  }

  func run(_ arguments: [String], input: String = "", columns: Int? = nil) async throws -> Output {
    // The shell gives it an input that ends.
    let shell = ["-c", "printf %s \"$TOOL_INPUT\" | \"$0\" \"$@\"", ChildCommand.built(Self.name)]
    var command = ChildCommand("/bin/sh", shell + arguments, addedEnvironment: variables(input, columns))
    command.errors = .pipe
    let result = try await ChildProcess.run(command)
    return Output(status: result.exit.status, text: result.output, errors: result.errors)
  }

  func variables(_ input: String = "", _ columns: Int? = nil) -> [String: String] {
    var variables = ["TOOL_INPUT": input, "COLUMNS": columns.map(String.init) ?? "", "TASKQUEUE_ACTOR": "tester"]
    variables["DATABASE_URL"] = url ?? ""
    return variables.merging(environment) { $1 }
  }

  /// Runs it with `--json`, and checks that what it prints is as the schema says.
  ///
  /// - Parameter verb: as the schema's definitions name it: `dead-list`.
  func json(
    _ verb: String,
    _ arguments: String...,
    status: Int32 = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> [String: Any] {
    let words =
      ["dead", "schedule", "limit", "flow", "effect"].contains { verb.hasPrefix($0 + "-") }
      ? verb.split(separator: "-", maxSplits: 1).map(String.init) : [verb]
    let output = try await run(words + arguments + ["--json"])
    #expect(output.status == status, "\(output.errors)", sourceLocation: sourceLocation)
    let problems = try CommandLineSchema.problems(of: output.text, verb: verb)
    #expect(problems.isEmpty, "\(verb): \(output.text)", sourceLocation: sourceLocation)
    return try output.json()
  }
}

/// What `--json` prints, as it is documented.
enum CommandLineSchema {
  private static let schema = Result { try JSONSchema(file: "docs/command-line.schema.json") }

  static func verbs() throws -> [String] { Array(try schema.get().node(["$defs"])?.members?.keys ?? [:].keys) }

  static func problems(of text: String, verb: String) throws -> [String] {
    try schema.get().problems(of: text, ["$defs", verb])
  }
}

/// Runs the body with a database and the tool upon it.
func withTool(migrated: Bool = true, _ body: (Tool, TestDatabase) async throws -> Void) async throws {
  try await withTestDatabase(migrated: migrated) { database in try await body(Tool(database), database) }
}
