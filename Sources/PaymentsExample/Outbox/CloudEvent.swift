import Foundation
import Outbox
import TaskQueueHTTP

/// An event as others get it: CloudEvents 1.0, with the extension `sequence`.
///
/// `source` and `id` are the same in every delivery of one event, so that a consumer can tell a repetition. `sequence`
/// counts the events of one `subject` from 1 without gaps. The form is that of our webhooks; the outbox knows nothing of it.
package struct CloudEvent: Codable, Equatable, Sendable {
  /// Of the structured mode.
  static let mediaType = "application/cloudevents+json"

  var specversion = "1.0"
  var id: String
  /// A URI reference.
  var source: String
  var type: String
  var subject: String
  var time: Date
  var datacontenttype = "application/json"
  /// As text that sorts as the number does.
  var sequence: String
  var data: JSONTree

  /// - Throws: `DecodingError` if the payload is no JSON.
  init(_ event: OutboxEvent, source: String) throws {
    id = event.id
    self.source = source
    type = "payment.\(event.type.lowercased())"
    subject = "payments/\(event.aggregateID)"
    time = event.at
    let digits = String(event.sequence)
    sequence = String(repeating: "0", count: max(0, 10 - digits.count)) + digits
    data = try JSONFormat.decoder().decode(JSONTree.self, from: event.payload)
  }
}
