import Foundation

/// Parameters as Stripe reads them in bodies and queries: `name=value&outer[inner]=value`, percent-encoded.
package struct StripeForm: Sendable, ExpressibleByDictionaryLiteral {
  private var pairs: [(name: String, value: String)] = []

  /// In this order. A nested name is written as Stripe's documentation does: `metadata[reference]`.
  package init(dictionaryLiteral elements: (String, String)...) {
    pairs = elements.map { (name: $0.0, value: $0.1) }
  }

  mutating func add(_ name: String, _ value: String) {
    pairs.append((name, value))
  }

  var isEmpty: Bool { pairs.isEmpty }

  var text: String {
    pairs.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }.joined(separator: "&")
  }

  /// Percent-encodes all but letters, digits and `-._~`. Brackets too: encoded, they mean the same to Stripe, and every
  /// proxy lets them pass.
  static func escaped(_ text: String) -> String {
    let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
  }
}
