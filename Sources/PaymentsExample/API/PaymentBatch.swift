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
  typealias Entry = Result<Item, ProblemError>

  /// In the order of the body.
  var items: [Entry]

  /// - Throws: ``ProblemError`` if it is no batch.
  init(_ fields: BodyFields, caller: Caller) throws {
    var fields = fields
    let payments = fields.array("payments", count: Self.sizes)
    try fields.finish()
    items = try payments.map { payment in
      do { return .success(try Self.item(payment, caller)) } catch let error as ProblemError { return .failure(error) }
    }
  }

  private static func item(_ payment: JSONTree, _ caller: Caller) throws -> Item {
    guard case .object(let members) = payment else {
      throw ProblemError(.invalidFields, errors: [.init(pointer: "", detail: "must be an object")])
    }
    var fields = BodyFields(members)
    let name = "idempotencyKey"
    let header = fields.text(name, length: 1...RequestKey.maxLength, isRequired: true)
    var key: RequestKey?
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

  init(_ answer: IdempotentAnswer) throws {
    json = Self.object(
      answer.status.code,
      location: answer.fields[.location],
      isReplayed: answer.isReplayed,
      "payment",
      answer.body
    )
  }

  init(_ error: ProblemError) {
    let body = error.response(base: ProblemKind.typeBase).body
    json = Self.object(error.kind.status.code, location: error.fields[.location], isReplayed: false, "problem", body)
  }

  static func body(_ answers: [BatchAnswer]) -> Data {
    var body = Data(#"{"answers":"#.utf8)
    for (index, answer) in answers.enumerated() {
      body.append(UInt8(ascii: index == 0 ? "[" : ","))
      body.append(answer.json)
    }
    return body + Data("]}".utf8)
  }

  /// - Parameter location: a path of ours, without anything to be escaped.
  private static func object(_ status: Int, location: String?, isReplayed: Bool, _ name: String, _ value: Data) -> Data
  {
    let place = location.map { #""location":"\#($0)","# } ?? ""
    let replayed = isReplayed ? #""replayed":true,"# : ""
    return Data(#"{\#(place)\#(replayed)"status":\#(status),"\#(name)":"#.utf8) + value + Data("}".utf8)
  }
}
