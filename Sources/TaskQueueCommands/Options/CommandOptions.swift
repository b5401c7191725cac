import ArgumentParser
import Libpq
import TaskQueue
import TaskQueuePostgres

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What every command takes.
struct CommandOptions: ParsableArguments {
  @OptionGroup(title: "Database") var connection: ConnectionOptions

  @Flag(help: "Print JSON, as docs/command-line.schema.json describes it.")
  var json = false
}

/// Which database, and which schema of it.
struct ConnectionOptions: ParsableArguments {
  static let urlVariable = "DATABASE_URL"
  static let schemaVariable = "TASKQUEUE_SCHEMA"
  /// Longer than any look that is bounded needs.
  static let statementTimeout: Duration = .seconds(60)

  @Option(
    help: ArgumentHelp(
      "URI or keyword string for libpq. Without it DATABASE_URL, else PGHOST, PGDATABASE and the like.",
      discussion:
        "Others on this machine can read it: a password is better kept in DATABASE_URL, PGPASSFILE or a service file.",
      valueName: "url"
    )
  )
  var databaseURL: String?

  @Option(help: ArgumentHelp("TaskQueue's schema. Without it TASKQUEUE_SCHEMA, else taskqueue.", valueName: "name"))
  var schema: String?

  func configuration() throws -> PostgresStoreConfiguration {
    let environment = ProcessInfo.processInfo.environment
    var configuration =
      databaseURL == nil ? CommandHost.current?.configuration : nil
    if configuration == nil {
      var connection = LibpqConfiguration(databaseURL ?? environment[Self.urlVariable] ?? "")
      connection.applicationName = "taskqueue"
      connection.statementTimeout = Self.statementTimeout
      // Nothing is asked often enough to be worth preparing, and so it works behind every pooler.
      connection.preparesStatements = false
      configuration = PostgresStoreConfiguration(
        connection,
        schema: environment[Self.schemaVariable].flatMap { $0.isEmpty ? nil : $0 } ?? "taskqueue",
        maxConnections: 4
      )
    }
    guard var configuration else { return PostgresStoreConfiguration() }
    if let schema { configuration.schema = schema }
    do { try configuration.validate() } catch {
      throw Refusal.usage(ErrorText.of(error))
    }
    return configuration
  }
}

extension LibpqConfiguration {
  /// For one that asks often; not behind a pooler in transaction mode.
  var prepared: LibpqConfiguration {
    var configuration = self
    configuration.preparesStatements = true
    return configuration
  }

  /// For a change of a big table, which takes its time.
  var patient: LibpqConfiguration {
    var configuration = self
    configuration.statementTimeout = nil
    return configuration
  }
}

/// How much of a list is shown at a time.
struct PageOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Lines at most, 1 to 1,000.", valueName: "count")) var limit = 100

  func validate() throws {
    guard 1...Limits.page ~= limit else { throw ValidationError("--limit is 1 to \(Limits.page).") }
  }
}

/// Who acts, and why: for the journal.
struct ActingOptions: ParsableArguments {
  static let actorVariable = "TASKQUEUE_ACTOR"

  @Option(help: ArgumentHelp("Why, for the journal.", valueName: "text"))
  var reason: String?

  @Option(
    help: ArgumentHelp("Who, for the journal. Without it TASKQUEUE_ACTOR, else this user and host.", valueName: "name")
  )
  var actor: String?

  func callAsFunction(_ session: Session) -> TaskOperator<PostgresTaskStore> {
    session.client.operating(as: name, because: reason)
  }

  var name: String {
    let process = ProcessInfo.processInfo
    if let actor { return actor }
    if let named = process.environment[Self.actorVariable], !named.isEmpty { return named }
    let user = process.environment["SUDO_USER"] ?? process.userName
    // Within the journal's bounds.
    return String(decoding: "\(user)@\(process.hostName)".utf8.prefix(128), as: UTF8.self)
  }
}
