/// The providers that a process can pay with, by the names that payments keep: a payment stays with the one it was accepted for.
package struct PaymentProviders: Sendable {
  /// The name of a provider that nobody gave one.
  package static let defaultName = "provider"

  /// Whom new payments go to, unless they name another.
  package let primary: String
  /// The provider of that name.
  package let main: any PaymentProvider
  private let byName: [String: any PaymentProvider]

  /// - Throws: ``CommandError`` if a name isn't 1 to 63 of a-z, 0-9, `.`, `_` and `-`, beginning with a letter or a digit, or there is
  ///   none of the primary's name.
  package init(_ providers: [String: any PaymentProvider], primary: String) throws {
    for name in providers.keys where !Self.isName(name) {
      throw CommandError("A provider's name has 1 to 63 of a-z, 0-9, ., _ and -, and begins with a letter or a digit.")
    }
    guard let main = providers[primary] else { throw CommandError("There is no provider \(primary).") }
    self.primary = primary
    self.main = main
    byName = providers
  }

  /// Only one.
  package init(_ provider: any PaymentProvider) {
    primary = Self.defaultName
    main = provider
    byName = [primary: provider]
  }

  /// Sorted.
  package var names: [String] { byName.keys.sorted() }

  package subscript(name: String) -> (any PaymentProvider)? { byName[name] }

  /// - Throws: ``UnknownProvider`` if this process doesn't have it.
  func provider(of payment: Payment) throws -> any PaymentProvider {
    guard let provider = byName[payment.provider] else { throw UnknownProvider(name: payment.provider) }
    return provider
  }

  private static func isName(_ name: String) -> Bool {
    let letters = name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || ".-_".utf8.contains($0) }
    return letters && (1...63).contains(name.utf8.count) && !".-_".utf8.contains(name.utf8.first ?? 0x2E)
  }
}

/// A payment is with a provider that this process wasn't told how to reach. Its task waits for a process that was.
struct UnknownProvider: Error, CustomStringConvertible {
  var name: String

  var description: String { "The payment is with provider \(name), which this process doesn't know: start it with that provider, too." }
}
