import TaskQueue

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What has to be the same in all requests under one key: SHA-256 of the request, or of what it means.
public struct RequestFingerprint: Hashable, Sendable {
  let digest: Data

  /// Of a body as it came: then the same values in other words are another request.
  public init(ofBytes bytes: some DataProtocol) {
    digest = Data(SHA256.hash(Array(bytes)))
  }

  /// Of what was read from it, as JSON with sorted keys: then words and order don't matter.
  ///
  /// - Throws: what encoding throws.
  public init(of value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    self.init(ofBytes: try encoder.encode(value))
  }
}
