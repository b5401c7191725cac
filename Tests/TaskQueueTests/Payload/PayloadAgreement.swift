import Foundation
import Testing

@testable import TaskQueue

/// How a payload was decoded, and that it was as Foundation would.
struct PayloadAgreement {
  enum Way: Equatable {
    /// Without Foundation: a value, which is Foundation's.
    case plain
    /// Left to Foundation, which had a value.
    case left
    /// Left to Foundation, which refuses it.
    case refused
  }

  var decoder = JSONDecoder()

  /// - Returns: how. nil: an issue is recorded.
  func check<Value: Decodable & Equatable>(
    _ type: Value.Type,
    _ json: Data,
    seed: UInt64 = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> Way? {
    let expected = Result { try decoder.decode(Value.self, from: json) }
    var isCheap = true
    let plain = PlainDecoding(by: decoder).flatMap { try? $0.decode(Value.self, from: json, isCheap: &isCheap) }
    let whole = Result { try PayloadDecoder<Value>(by: decoder).decode(json) }
    let comment: Comment = "\(Value.self), seed \(seed): \(String(decoding: json, as: UTF8.self))"
    // Where two names are one key to a type, such as 0 and -0, Foundation's own answer is chance.
    func isAnswer(_ value: Value, _ expected: Value) -> Bool {
      value == expected || (0..<64).contains { _ in (try? decoder.decode(Value.self, from: json)) == value }
    }
    switch (expected, whole, plain) {
    case (.success(let expected), .success(let whole), let plain?)
    where isAnswer(whole, expected) && isAnswer(plain, expected):
      return .plain
    case (.success(let expected), .success(let whole), nil) where isAnswer(whole, expected): return .left
    // Which of several errors a dictionary finds first is chance, in Foundation itself.
    case (.failure(let expected), .failure(let whole), nil) where Swift.type(of: expected) == Swift.type(of: whole):
      return .refused
    default:
      Issue.record(
        "Foundation: \(expected), here: \(whole), without Foundation: \(plain as Any). \(comment)",
        sourceLocation: sourceLocation
      )
      return nil
    }
  }

  func check<Value: Decodable & Equatable>(
    _ type: Value.Type,
    _ json: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> Way? {
    check(type, Data(json.utf8), sourceLocation: sourceLocation)
  }
}
