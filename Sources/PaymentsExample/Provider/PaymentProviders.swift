package import Logging
import Synchronization
import TaskQueue

/// The providers that a process can pay with, by the names that payments keep: a payment stays with the one it was accepted for.
package struct PaymentProviders: Sendable {
  /// The name of a provider that nobody gave one.
  package static let defaultName = "provider"
  static let maxNameLength = 63

  /// Whom new payments go to, unless they name another.
  package let primary: String
  private var byName: [String: any PaymentProvider]
  private let unknown: UnknownProviders

  /// - Throws: ``CommandError`` if a name isn't 1 to 63 of a-z, 0-9, `.`, `_` and `-`, beginning with a letter or a digit, or there is
  ///   none of the primary's name.
  package init(
    _ providers: [String: any PaymentProvider],
    primary: String,
    logger: Logger = Log.make("payments")
  ) throws {
    for name in providers.keys where !Self.isName(name) {
      throw CommandError("A provider's name has 1 to 63 of a-z, 0-9, ., _ and -, and begins with a letter or a digit.")
    }
    guard providers[primary] != nil else { throw CommandError("There is no provider \(primary).") }
    self.primary = primary
    byName = providers
    unknown = UnknownProviders(logger: logger)
  }

  /// Only one.
  package init(_ provider: any PaymentProvider) {
    primary = Self.defaultName
    byName = [primary: provider]
    unknown = UnknownProviders(logger: Log.make("payments"))
  }

  /// Whose callbacks come to the path without a name: the one of the default name, so that a switch doesn't move them, else the primary.
  var unnamed: String { byName[Self.defaultName] == nil ? primary : Self.defaultName }

  /// Sorted.
  package var names: [String] { byName.keys.sorted() }

  /// By their names, sorted.
  package var all: [(name: String, provider: any PaymentProvider)] {
    byName.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The same names with other providers.
  func mapped(_ transform: (String, any PaymentProvider) -> any PaymentProvider) -> PaymentProviders {
    var mapped = self
    for (name, provider) in byName { mapped.byName[name] = transform(name, provider) }
    return mapped
  }

  package subscript(name: String) -> (any PaymentProvider)? { byName[name] }

  /// - Throws: ``UnknownProvider`` if this process doesn't have it.
  func provider(of payment: Payment) throws -> any PaymentProvider {
    try provider(payment.provider)
  }

  /// - Throws: ``UnknownProvider`` if this process doesn't have it.
  func provider(_ name: String) throws -> any PaymentProvider {
    if let provider = byName[name] { return provider }
    let error = UnknownProvider(name: name)
    unknown.tell(error)
    throw error
  }

  package static func isName(_ name: String) -> Bool {
    let letters = name.utf8.allSatisfy {
      (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || ".-_".utf8.contains($0)
    }
    return letters && (1...maxNameLength).contains(name.utf8.count) && !".-_".utf8.contains(name.utf8.first ?? 0x2E)
  }
}

/// A payment is with a provider that this process wasn't told how to reach. Its task comes back, until a process has it that was.
struct UnknownProvider: TaskOutcomeError, CustomStringConvertible {
  var name: String

  /// Costs no attempt. The others' turn comes at any time in it.
  var taskOutcome: TaskOutcome? { .snooze(.milliseconds(Int64.random(in: 2000...6000))) }
  var description: String {
    "A payment is with provider \(name), which this process doesn't know: start it with that provider, too."
  }
}

/// Says so in the log, once a minute for each name.
private final class UnknownProviders: Sendable {
  private static let period = Duration.seconds(60)

  private let logger: Logger
  private let told = Mutex<[String: ContinuousClock.Instant]>([:])

  init(logger: Logger) {
    self.logger = logger
  }

  func tell(_ error: UnknownProvider) {
    let now = ContinuousClock.now
    let isDue = told.withLock { told in
      if let last = told[error.name], now - last < Self.period { return false }
      told[error.name] = now
      return true
    }
    if isDue {
      logger.warning("a payment waits for a process that knows its provider", metadata: ["provider": "\(error.name)"])
    }
  }
}
