import Foundation
import HTTPTypes
import TaskQueueHTTP

/// The body of `POST /payments/batch`.
struct PaymentBatch: Sendable {
  static let sizes = 1...500
  /// Largest body: some 500 bytes for each payment.
  static let maxBodyBytes = 256 * 1024

  /// One payment and the key that names it.
  struct Item: Sendable {
    var payment: NewPayment
    var key: RequestKey
  }

  /// What breaks a rule fails by itself.
  struct Entry: Sendable {
    /// As it was sent; nil: it can't be one.
    var key: String?
    var item: Result<Item, ProblemError>
  }

  /// In the order of the body.
  var items: [Entry]

  /// - Throws: ``ProblemError`` if it is no batch.
  init(_ fields: BodyFields, caller: Caller) throws {
    var fields = fields
    let payments = fields.array("payments", count: Self.sizes, isRequired: true)
    try fields.finish()
    items = try (payments ?? []).map { payment in
      var key: RequestKey?
      do {
        let item = try Self.item(payment, caller, &key)
        return Entry(key: key?.key, item: .success(item))
      } catch let error as ProblemError { return Entry(key: key?.key, item: .failure(error)) }
    }
  }

  private static func item(_ payment: JSONTree, _ caller: Caller, _ key: inout RequestKey?) throws -> Item {
    var fields = try BodyFields(of: payment)
    let name = "idempotencyKey"
    let header = fields.text(name, length: 1...RequestKey.maxLength, isRequired: true)
    if let header {
      key = try? RequestKey(caller: caller.name, operation: PaymentAPI.creating, header: header)
      if key == nil { fields.report(name, "must be printable ASCII without spaces, quotes and backslashes") }
    }
    let new = try NewPayment(fields)
    guard let key else { throw ProblemError(.invalidFields) }
    return Item(payment: new, key: key)
  }
}

/// The answer to one payment of a batch, as bytes of JSON: a payment's are those that are kept for its key.
struct BatchAnswer: Sendable {
  let json: Data

  /// - Parameter key: of the payment that it is the answer to.
  init(_ answer: IdempotentAnswer, _ key: String) {
    json = Self.object(
      answer.status.code,
      key,
      location: answer.fields[.location],
      isReplayed: answer.isReplayed,
      "payment",
      answer.body
    )
  }

  /// - Parameter key: nil: there was none.
  init(_ error: ProblemError, _ key: String?) {
    let body = error.response(base: ProblemKind.typeBase).body
    let location = error.fields[.location]
    json = Self.object(error.kind.status.code, key, location: location, isReplayed: false, "problem", body)
  }

  static func body(_ answers: [BatchAnswer]) -> Data {
    var body = Data(#"{"answers":"#.utf8)
    for (index, answer) in answers.enumerated() {
      body.append(UInt8(ascii: index == 0 ? "[" : ","))
      body.append(answer.json)
    }
    return body + Data("]}".utf8)
  }

  /// - Parameters:
  ///   - key: printable and without quotes and backslashes, as keys are.
  ///   - location: a path of ours. Nothing is to be escaped in either.
  private static func object(
    _ status: Int,
    _ key: String?,
    location: String?,
    isReplayed: Bool,
    _ name: String,
    _ value: Data
  ) -> Data {
    let key = key.map { #""idempotencyKey":"\#($0)","# } ?? ""
    let place = location.map { #""location":"\#($0)","# } ?? ""
    let replayed = isReplayed ? #""replayed":true,"# : ""
    return Data(#"{\#(key)\#(place)\#(replayed)"status":\#(status),"\#(name)":"#.utf8) + value + Data("}".utf8)
  }
}
