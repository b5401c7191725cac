#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Encodes by an app's `JSONEncoder`'s rules, without its overhead. What is not plain it leaves to the encoder.
final class PlainEncoding: Sendable {
  let encoder: JSONEncoder
  let dates: JSONEncoder.DateEncodingStrategy
  let data: JSONEncoder.DataEncodingStrategy
  let escapesSlashes: Bool
  let sortsKeys: Bool
  let userInfo: [CodingUserInfoKey: any Sendable]

  /// - Parameter encoder: not to be changed afterwards. nil: it is told to do what this one does not, or it is an app's subclass.
  init?(by encoder: JSONEncoder) {
    let formatting = encoder.outputFormatting
    guard type(of: encoder) == JSONEncoder.self, formatting.isSubset(of: [.withoutEscapingSlashes, .sortedKeys]),
      case .useDefaultKeys = encoder.keyEncodingStrategy
    else { return nil }
    self.encoder = encoder
    dates = encoder.dateEncodingStrategy
    data = encoder.dataEncodingStrategy
    escapesSlashes = !formatting.contains(.withoutEscapingSlashes)
    sortsKeys = formatting.contains(.sortedKeys)
    userInfo = encoder.userInfo
  }

  /// - Returns: what the encoder would, with the members of an object in the order in which they were encoded. nil: only the encoder can tell.
  func encode(_ value: some Encodable) -> Data? {
    let writing = JSONWriting(self)
    return (try? writing.value(value)).flatMap { writing.finish() }
  }
}
