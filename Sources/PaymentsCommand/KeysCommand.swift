import ArgumentParser
import Foundation
import Libpq
import PaymentsExample
import PaymentsLab
import TaskQueuePostgres

/// `payments keys`: the keys of the API's callers.
struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "Add, list and revoke the keys of the API's callers.",
    discussion: """
      As soon as there is a key, every request for payments needs one: `Authorization: Bearer pay_…`. A caller sees its own \
      payments only, unless it has the scope operate.
      """,
    subcommands: [Add.self, List.self, Revoke.self]
  )

  struct Database: ParsableArguments {
    @Option(help: "URI or keyword string for libpq. Empty: the PG* environment variables and libpq's defaults.")
    var databaseURL = ""

    /// Brings the schema up to date first: keys are made before anything is served.
    func with<Result>(_ body: (LibpqPool) async throws -> Result) async throws -> Result {
      let store = try PostgresTaskStore(.init(LibpqConfiguration(databaseURL)))
      let result: Result
      do {
        try await Migrator(configuration: store.configuration.connection, schema: store.configuration.schema).migrate()
        try await PaymentMigrations.apply(to: store.pool)
        result = try await body(store.pool)
      } catch {
        await store.close()
        throw error
      }
      await store.close()
      return result
    }
  }

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add",
      abstract: "Make a key and print it. It is shown this once: only its hash is kept."
    )

    @Argument(help: "The caller: lower case letters, digits, dots, hyphens. It may have several keys.")
    var caller: String

    @Option(help: "create (and cancel), read, refund or operate (everybody's payments). Repeat it.")
    var scope: [CallerScope]

    @Option(help: "Time after which it expires. (default: never)", transform: DurationText.parse)
    var lifetime: Duration?

    @OptionGroup
    var database: Database

    func validate() throws {
      guard Caller.isName(caller) else {
        throw ValidationError("A caller's name has lower case letters, digits, dots and hyphens; some words are taken.")
      }
      guard !scope.isEmpty else { throw ValidationError("A key without a --scope is of no use.") }
      guard lifetime.map({ $0 > .zero }) ?? true else { throw ValidationError("--lifetime must be above zero.") }
    }

    func run() async throws {
      let key = APIKey()
      let caller = Caller(name: caller, scopes: Set(scope))
      let isAdded = try await database.with { try await APIKeyStore.add(key, of: caller, lifetime: lifetime, in: $0) }
      guard isAdded else { throw CommandError("There are \(APIKeyStore.maxKeys) keys already; revoke some.") }
      print(key.text)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Print all keys, without their secrets, newest first."
    )

    @OptionGroup
    var database: Database

    func run() async throws {
      for key in try await database.with({ try await APIKeyStore.list(in: $0) }) {
        let state =
          key.revokedAt.map { "revoked \($0.formatted(.iso8601))" }
          ?? key.expiresAt.map { "\(key.isLive ? "expires" : "expired") \($0.formatted(.iso8601))" } ?? "live"
        let created = key.createdAt.formatted(.iso8601)
        print("\(key.id)  \(key.caller)  \(key.scopes.joined(separator: ","))  created \(created)  \(state)")
      }
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "revoke",
      abstract:
        "Revoke a key by its id. Running servers refuse it within \(CallerDirectory.freshness.components.seconds) seconds."
    )

    @Argument(help: "The key's id, as `list` prints it.")
    var id: String

    @OptionGroup
    var database: Database

    func run() async throws {
      guard try await database.with({ try await APIKeyStore.revoke(id, in: $0) }) else {
        throw CommandError("There is no such key, or it is revoked already.")
      }
    }
  }
}

extension CallerScope: ExpressibleByArgument {}
