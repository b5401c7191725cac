@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Journals as the function `_claim` returns them: arrays of name, kind, place, value, digest and until.
enum FlowJournalRows {
  private struct Row: Decodable {
    let step: FlowStep

    init(from decoder: any Decoder) throws {
      var columns = try decoder.unkeyedContainer()
      var step = FlowStep(
        try columns.decode(String.self),
        FlowStep.Kind(rawValue: try columns.decode(String.self)),
        place: try columns.decode(Int.self)
      )
      step.value = try columns.decodeIfPresent(String.self).map { Data($0.utf8) }
      step.digest = try columns.decodeIfPresent(String.self).flatMap(Data.init(hexadecimal:))
      step.until = try columns.decodeIfPresent(Double.self).map { Date(timeIntervalSince1970: $0) }
      self.step = step
    }
  }

  /// What does not fit was written by hand; it is read as absent.
  static func steps(_ json: Data) -> [FlowStep] {
    (try? JSONDecoder().decode([Row].self, from: json).map(\.step)) ?? []
  }
}

extension Data {
  init?(hexadecimal text: String) {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    self.init(capacity: digits.count / 2)
    for start in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[start..<start + 2], as: UTF8.self), radix: 16) else { return nil }
      append(byte)
    }
  }

  var hexadecimal: String {
    map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }
}
