import Foundation
import HTTPTypes
import Hummingbird
import TaskQueueHTTP
import TaskQueuePostgres

extension PaymentAPI {
  /// The longest wait for a result, in seconds, whatever is preferred.
  static let longestWait = 30

  static let prefer = APIOperation.Parameter(
    name: "Prefer",
    location: .header,
    description: """
      `wait=10` (RFC 7240) has the answer wait until the payment is final, or stopped for a person, for so many seconds at most, and for \
      \(longestWait) whatever is preferred. Then it shows the payment as it is. Any other preference is ignored.
      """,
    schema: ["type": "string", "examples": ["wait=10"]]
  )
  static let preferenceApplied = [
    "Preference-Applied": "`wait=` and the seconds, if the answer may have waited for the result."
  ]

  /// Waits for the payment, if the caller prefers that and there is room.
  /// - Returns: the payment as it is then, and what the answer's header says of the wait; nil: nobody waited.
  func waited(_ request: APIRequest, for id: PaymentID) async throws -> (payment: Payment, fields: HTTPFields)? {
    guard let seconds = Self.preferredWait(request.request.headers) else { return nil }
    func find() async throws -> Payment {
      guard let payment = try await PaymentStore.find(id, of: request.caller, in: client.pool) else {
        throw Self.unknownPayment
      }
      return payment
    }
    let fields: HTTPFields = [Self.appliedName: "wait=\(seconds)"]
    let payment = try await find()
    if payment.status.isFinal || payment.stopReason != nil { return (payment, fields) }
    guard await waits.wait(for: id, atMost: .seconds(seconds), client: request.channel) else { return nil }
    return (try await find(), fields)
  }

  /// The seconds of the first `wait` among the preferences, up to ``longestWait``; nil: there is none above 0.
  static func preferredWait(_ fields: HTTPFields) -> Int? {
    for preference in fields[values: preferName].flatMap({ $0.split(separator: ",") }) {
      let pair = preference.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      guard pair.count == 2, pair[0].lowercased() == "wait" else { continue }
      let digits = pair[1].trimmingCharacters(in: ["\""])
      guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      // More digits than a number has are many seconds.
      let seconds = min(Int(digits) ?? longestWait, longestWait)
      return seconds > 0 ? seconds : nil
    }
    return nil
  }

  private static let preferName = HTTPField.Name("Prefer")!
  private static let appliedName = HTTPField.Name("Preference-Applied")!
}
