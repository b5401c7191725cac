#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decodes plain JSON by an app's `JSONDecoder`'s rules, without its overhead. What is not plain it leaves to the decoder.
final class PlainDecoding: Sendable {
  /// Nothing can be said: the decoder has to be asked. Not an answer with two cases: the metadata of one takes longer than reading a number.
  struct Doubt: Error {}

  /// Above it decoding is not what a task costs, and the place for the nodes would be.
  private static let maxBytes = 256 * 1024
  /// Bytes of the text for each value that the decoder is asked for.
  private static let minBytesPerDetour = 64

  let decoder: JSONDecoder
  let dates: JSONDecoder.DateDecodingStrategy
  let data: JSONDecoder.DataDecodingStrategy
  let userInfo: [CodingUserInfoKey: any Sendable]

  /// - Parameter decoder: not to be changed afterwards. nil: it is told to do what this one does not, or it is an app's subclass.
  init?(by decoder: JSONDecoder) {
    guard type(of: decoder) == JSONDecoder.self, !decoder.allowsJSON5, !decoder.assumesTopLevelDictionary,
      case .useDefaultKeys = decoder.keyDecodingStrategy
    else { return nil }
    self.decoder = decoder
    dates = decoder.dateDecodingStrategy
    data = decoder.dataDecodingStrategy
    userInfo = decoder.userInfo
  }

  /// - Parameter isCheap: false: the decoder itself had to be asked for so many single values that asking it for all costs less.
  /// - Returns: what the decoder would.
  /// - Throws: ``Doubt``.
  func decode<Value: Decodable>(_ type: Value.Type, from json: Data, isCheap: inout Bool) throws -> Value {
    guard json.count <= Self.maxBytes else { throw Doubt() }
    return try json.withUnsafeBytes { raw in
      let bytes = raw.assumingMemoryBound(to: UInt8.self)
      return try withUnsafeTemporaryAllocation(of: JSONNode.self, capacity: JSONScan.maxNodes(bytes.count)) { nodes in
        guard let count = JSONScan.nodeCount(of: bytes, into: nodes) else { throw Doubt() }
        return try read(bytes, UnsafeMutableBufferPointer(rebasing: nodes[..<count]), &isCheap)
      }
    }
  }

  private func read<Value: Decodable>(
    _ bytes: UnsafeBufferPointer<UInt8>,
    _ nodes: UnsafeMutableBufferPointer<JSONNode>,
    _ isCheap: inout Bool
  ) throws -> Value {
    var reading = JSONReading(bytes, nodes, self)
    defer {
      // Somebody kept a decoder or a container.
      if !isKnownUniquelyReferenced(&reading) { reading.keep() }
    }
    let value = try reading.value(Value.self, 0)
    guard isKnownUniquelyReferenced(&reading), !reading.isDoubtful else { throw Doubt() }
    isCheap = reading.detours * Self.minBytesPerDetour <= bytes.count + Self.minBytesPerDetour
    return value
  }
}
