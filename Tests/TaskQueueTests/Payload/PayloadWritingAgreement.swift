import Foundation
import Testing

@testable import TaskQueue

/// How a payload was encoded, and that it was as Foundation would.
struct PayloadWritingAgreement {
  var encoder = JSONEncoder()

  /// - Returns: how. nil: an issue is recorded.
  func check(
    _ value: some Encodable,
    seed: UInt64 = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> PayloadAgreement.Way? {
    let expected = Result { try encoder.encode(value) }
    let whole = Result { try PayloadEncoder(by: encoder).encode(value) }
    let plain = PlainEncoding(by: encoder)?.encode(value)
    switch (expected, whole, plain) {
    case (.success(let expected), .success(let whole), let plain?)
    where isSame(whole, expected) && isSame(plain, expected):
      return .plain
    case (.success(let expected), .success(let whole), nil) where isSame(whole, expected): return .left
    case (.failure(let expected), .failure(let whole), nil)
    where Swift.type(of: expected) == Swift.type(of: whole) && path(expected) == path(whole):
      return .refused
    default:
      func text(_ result: Result<Data, any Error>) -> String {
        switch result {
        case .success(let json): String(decoding: json, as: UTF8.self)
        case .failure(let error): "\(error)"
        }
      }
      let plain = plain.map { String(decoding: $0, as: UTF8.self) } ?? "nothing"
      Issue.record(
        """
        \(type(of: value)), seed \(seed): Foundation: \(text(expected)), here: \(text(whole)), without Foundation: \(plain)
        """,
        sourceLocation: sourceLocation
      )
      return nil
    }
  }

  /// Byte by byte, but for the order of members, which Foundation leaves to chance.
  private func isSame(_ json: Data, _ expected: Data) -> Bool {
    func tree(_ json: Data) -> NSObject? {
      try? JSONSerialization.jsonObject(with: json, options: .fragmentsAllowed) as? NSObject
    }
    return json == expected || (json.sorted() == expected.sorted() && tree(json) == tree(expected))
  }

  private func path(_ error: any Error) -> [String] {
    guard case .invalidValue(_, let context)? = error as? EncodingError else { return [] }
    return context.codingPath.map(\.stringValue)
  }
}
