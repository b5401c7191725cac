import Dispatch
package import Foundation

/// How JSON is written and read here: sorted keys, instants in RFC 3339 with milliseconds.
package enum JSONFormat {
  package static func encoder() -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(RFC3339.text(date))
    }
    return encoder
  }

  package static func decoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      let text = try container.decode(String.self)
      guard let date = RFC3339.date(text) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an instant of RFC 3339")
      }
      return date
    }
    return decoder
  }
}

// MARK: - What strangers wrote

extension JSONFormat {
  /// Up to so many bytes are read where one stands, which takes less than a millisecond.
  static let inlineBytes = 4 * 1024
  /// Reads what is longer, one after the other, so that it takes one core at most and no thread that serves others.
  private static let queue = DispatchQueue(label: "payments.json")

  /// Reads bytes that we didn't write; see ``StrictJSON``. What is longer than ``inlineBytes`` is read elsewhere.
  /// - Throws: `DecodingError`.
  package static func read<Value: Decodable & Sendable>(_ type: Value.Type, from data: Data) async throws -> Value {
    try await apart(data) { try readHere(type, from: data) }
  }

  /// As ``StrictJSON/tree(_:)``, and as ``read(_:from:)`` elsewhere.
  /// - Throws: ``JSONRefusal``.
  static func tree(_ data: Data) async throws -> JSONTree {
    try await apart(data) { try StrictJSON.tree(data) }
  }

  private static func apart<Value: Sendable>(
    _ data: Data,
    _ read: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    if data.count <= inlineBytes { return try read() }
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try read() }) }
    }
  }

  private static func readHere<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
    let tree: JSONTree
    do { tree = try StrictJSON.tree(data) } catch {
      throw DecodingError.dataCorrupted(
        .init(codingPath: [], debugDescription: "\(error.reason), at byte \(error.offset)")
      )
    }
    if let tree = tree as? Value { return tree }
    return try decoder().decode(type, from: data)
  }
}
