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
  /// Up to so many bytes are read where one stands, which takes about a millisecond.
  static let inlineBytes = 64 * 1024
  /// Reads what is longer, one after the other, so that it takes one core at most and no thread that serves others.
  private static let queue = DispatchQueue(label: "payments.json")

  /// Reads bytes that we didn't write; see ``StrictJSON``. Of what is longer than ``inlineBytes``, rather use
  /// ``readLong(_:from:)``.
  /// - Throws: `DecodingError`.
  package static func read<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
    let tree: JSONTree
    do { tree = try StrictJSON.tree(data) } catch {
      throw DecodingError.dataCorrupted(
        .init(codingPath: [], debugDescription: "\(error.reason), at byte \(error.offset)")
      )
    }
    if let tree = tree as? Value { return tree }
    return try decoder().decode(type, from: data)
  }

  /// As ``read(_:from:)``, for any length.
  package static func readLong<Value: Decodable & Sendable>(_ type: Value.Type, from data: Data) async throws -> Value {
    if data.count <= inlineBytes { return try read(type, from: data) }
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result { try read(type, from: data) }) }
    }
  }
}
