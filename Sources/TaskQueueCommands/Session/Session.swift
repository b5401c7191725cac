import ArgumentParser
import TaskQueue
import TaskQueuePostgres

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A command that runs: the tasks, and where it writes.
struct Session: Sendable {
  let client: TaskClient<PostgresTaskStore>
  let console: Console
  /// When it began, by this machine's clock: ages are reckoned from it.
  let now = Date()

  var isJSON: Bool { console.form == .json }

  /// Says that nothing was found, on standard error, and ends with 1; JSON is printed as it is.
  func nothing(_ message: String) -> ExitCode {
    console.note(message)
    return ExitCode(ExitStatus.nothing)
  }
}

extension CommandOptions {
  /// Opens the store, runs the body, closes it; what the body throws is told on standard error and becomes the exit status.
  func run(form: OutputForm? = nil, _ body: (Session) async throws -> Void) async throws {
    let console = console(form)
    try await Self.reporting(to: console) {
      if json, form == .ids { throw Refusal.usage("Either --json or --ids: JSON has the ids, too.") }
      let store = try PostgresTaskStore(try connection.configuration())
      do {
        try await body(Session(client: TaskClient(store: store), console: console))
      } catch {
        await store.close()
        throw error
      }
      await store.close()
    }
  }

  /// As ``run(form:_:)`` for what does not need the store.
  func runWithoutStore(_ body: (Console, PostgresStoreConfiguration) async throws -> Void) async throws {
    let console = console(nil)
    try await Self.reporting(to: console) { try await body(console, try connection.configuration()) }
  }

  private func console(_ form: OutputForm?) -> Console {
    Console(terminal: .current, form: form ?? (json ? .json : .text))
  }

  static func reporting(to console: Console, _ body: () async throws -> Void) async throws {
    do { try await body() } catch let code as ExitCode { throw code } catch let error as ValidationError {
      throw error
    } catch {
      console.endProgress()
      let isWish = (error as? Refusal)?.isWish ?? false
      if isWish { console.note(ErrorText.of(error)) } else { console.fail(ErrorText.of(error)) }
      throw ExitCode(ExitStatus.of(error))
    }
  }
}
