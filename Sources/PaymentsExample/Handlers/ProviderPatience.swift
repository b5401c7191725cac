import Logging
import Synchronization
import TaskQueue

/// How long the provider wants to be left alone, if one of an effect's calls was told so.
final class ProviderPatience: Sendable {
  private let noted = Mutex<ProviderError?>(nil)

  /// The same call, noting what the provider says.
  func noting(_ call: ProviderEffects.Call) -> ProviderEffects.Call {
    var noting = call
    noting.send = { key in
      do { return try await self.noting { try await call.send(key) } } catch let error as ProviderError
        where error.code == .unsent
      {
        throw EffectFailure.temporary(error.code.rawValue, "\(error)")
      }
    }
    noting.ask = { try await self.noting { try await call.ask() } }
    return noting
  }

  private func noting<Value>(_ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch let error as ProviderError {
      if error.retryAfter != nil { noted.withLock { $0 = error } }
      throw error
    }
  }

  /// The provider's own error, if another attempt is to be made and the provider says when.
  func error(insteadOf error: any Error) -> any Error {
    let isOpen =
      switch error {
      case let failure as EffectFailure: failure.kind == .temporary
      case let effect as EffectError: effect.code == .outcomeUnknown
      default: false
      }
    return isOpen ? noted.withLock { $0 } ?? error : error
  }

  /// Has a task come back when the provider says so, if it says so.
  static func kept(_ context: TaskContext, _ body: () async throws -> TaskOutcome) async throws -> TaskOutcome {
    do { return try await body() } catch let error as ProviderError {
      guard let wait = error.retryAfter else { throw error }
      context.logger.info("the provider is left alone for a while", metadata: ["error": "\(error)"])
      // What wasn't even sent costs no attempt: the wait for the next look isn't to grow with an outage.
      return error.code == .unsent ? .snooze(wait) : .again(after: wait)
    }
  }
}
