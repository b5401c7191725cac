import Dispatch

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Reads JSON (RFC 8259) that strangers wrote: one pass over the bytes, in time and memory linear in them.
///
/// Refuses what two readers may take for different things: members of one name in an object, numbers that can't be represented, lone
/// surrogates, bytes that aren't UTF-8, comments, trailing commas, anything after the value. A number that is whole and fits `Int64` is read
/// exactly, never by way of a `Double`, also if it is written `1.0` or `12e2`.
///
/// What is longer than ``inlineBytes`` is read on a queue that all callers of the process share, one after the other: it takes one core at most,
/// and none of the threads that serve others. How long the bytes may be is the app's to say, before it has them all.
///
/// ```swift
/// var fields = try BodyFields(of: try await StrictJSON.tree(body))
/// ```
public enum StrictJSON {
  /// Of arrays and objects in one another.
  public static let maxDepth = 32
  /// Of a number's text. Reading one takes more than linear time.
  public static let maxNumberBytes = 100
  /// Of a member's name, in UTF-8. Comparing names takes more than linear time in the combining marks of one character.
  public static let maxNameBytes = 512
  /// Up to so many bytes are read where one stands, which takes less than a millisecond.
  public static let inlineBytes = 4 * 1024

  private static let queue = DispatchQueue(label: "taskqueue.http.json")

  /// The one value that the bytes are.
  ///
  /// Isn't cancelled: the wait ends when what came before is read. ``JSONTree/init(reading:)`` is the same without `await`.
  ///
  /// - Throws: ``JSONRefusal``.
  public static func tree(_ data: Data) async throws(JSONRefusal) -> JSONTree {
    try await apart(data) { Result { () throws(JSONRefusal) in try JSONTree(reading: data) } }.get()
  }

  /// The value that the bytes are, decoded: for answers and callbacks that have a type.
  ///
  /// The bytes are read twice, strictly and by `decoder`, which so sees only what is within the limits. Isn't cancelled, as ``tree(_:)``.
  ///
  /// - Parameter decoder: Its strategies for dates, keys and the like.
  /// - Throws: `DecodingError`, also for what isn't read strictly; what the value's `init(from:)` throws.
  public static func read<Value: Decodable & Sendable>(
    _ type: Value.Type = Value.self,
    from data: Data,
    decoder: JSONDecoder = JSONDecoder()
  ) async throws -> Value {
    try await apart(data) { Result { try decoded(type, data, decoder) } }.get()
  }

  private static func apart<Value: Sendable>(_ data: Data, _ read: @escaping @Sendable () -> Value) async -> Value {
    if data.count <= inlineBytes { return read() }
    return await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: read()) }
    }
  }

  private static func decoded<Value: Decodable>(
    _ type: Value.Type,
    _ data: Data,
    _ decoder: JSONDecoder
  ) throws -> Value {
    let tree: JSONTree
    do { tree = try JSONTree(reading: data) } catch {
      throw DecodingError.dataCorrupted(
        .init(codingPath: [], debugDescription: "\(error.reason), at byte \(error.offset)")
      )
    }
    if let tree = tree as? Value { return tree }
    return try decoder.decode(type, from: data)
  }
}
