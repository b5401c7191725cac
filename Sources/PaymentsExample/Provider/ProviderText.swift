/// Texts of a provider's, as our books and people can have them.
enum ProviderText {
  /// Of an id, in characters. Longer ones fit no index.
  static let maxIdLength = 255
  /// Of what is shown to people.
  static let maxShownLength = 100

  /// Whether it can name a payment or a refund: 1 to ``maxIdLength`` characters, and none of U+0000.
  static func isId(_ text: String) -> Bool {
    (1...maxIdLength).contains(text.unicodeScalars.count) && !text.utf8.contains(0)
  }

  /// What is wrong with an id; nil: nothing.
  static func fault(inId text: String) -> String? {
    isId(text) ? nil : "an id has 1 to \(maxIdLength) characters, not \(text.unicodeScalars.count)"
  }

  /// For people: without control characters, and not too long.
  static func plain(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.lazy.filter { $0.value >= 0x20 }.prefix(maxShownLength)))
  }
}
