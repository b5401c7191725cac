/// A secret API key. Nothing but ``authorization`` gives it away: no description, no mirror, no error.
package struct StripeKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Longer than any that Stripe gives out.
  static let maxLength = 255
  /// The environment's name for it.
  package static let variable = "STRIPE_API_KEY"

  private let value: String

  /// - Throws: ``CommandError``, without the text, if it can't be a secret key: `sk_…`, or `rk_…` for a restricted one.
  package init(_ text: String) throws {
    let isWord = text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    guard isWord, text.utf8.count <= Self.maxLength, text.hasPrefix("sk_") || text.hasPrefix("rk_") else {
      throw CommandError("That is no secret key of Stripe's: those begin with sk_ or rk_.")
    }
    value = text
  }

  /// The value of the header `Authorization`.
  var authorization: String { "Bearer \(value)" }

  /// Whether it moves real money.
  var isLive: Bool { value.hasPrefix("sk_live_") || value.hasPrefix("rk_live_") }

  /// The text without this key, should somebody have put it there.
  func redact(_ text: String) -> String {
    text.replacing(value, with: description)
  }

  package var description: String { isLive ? "StripeKey(live)" : "StripeKey(test)" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: [:]) }
}
