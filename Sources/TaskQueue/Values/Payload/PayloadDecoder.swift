import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Decodes the payloads of a type as an app's `JSONDecoder` does, most of them in less time.
///
/// Values and errors are always those of the decoder. Where the plain way does not lead to a value, whatever the cause, the decoder does it all
/// again: an `init(from:)` of the app's may then run twice.
final class PayloadDecoder<Payload: Decodable>: Sendable {
  /// Attempts in a row that were in vain before a type is left to the decoder for good.
  private var maxMisses: Int { 16 }

  private let decoder: JSONDecoder
  private let plain: PlainDecoding?
  private let misses = Atomic(0)

  init(by decoder: JSONDecoder) {
    self.decoder = decoder
    plain = PlainDecoding(by: decoder)
  }

  func decode(_ json: Data) throws -> Payload {
    guard let plain, misses.load(ordering: .relaxed) < maxMisses else {
      return try decoder.decode(Payload.self, from: json)
    }
    var isCheap = true
    do {
      let payload = try plain.decode(Payload.self, from: json, isCheap: &isCheap)
      note(isMiss: !isCheap)
      return payload
    } catch {
      // A payload that does not fit at all says nothing of those that do.
      let payload = try decoder.decode(Payload.self, from: json)
      note(isMiss: true)
      return payload
    }
  }

  private func note(isMiss: Bool) {
    if isMiss {
      misses.add(1, ordering: .relaxed)
    } else if misses.load(ordering: .relaxed) != 0 {
      misses.store(0, ordering: .relaxed)
    }
  }
}
