package import Foundation
package import Libpq

/// The name of one record in our books: a UUID of version 7 (RFC 9562), made by the database when it stores the record.
///
/// 74 of its bits are random, so no other database, none that was restored and none that lost commits in a failover gives it again.
/// Later ones sort after earlier ones, by the database's clock in milliseconds. Everybody sees its text form: 36 characters, in
/// small letters.
package struct RecordID<Record>: Hashable, Sendable {
  package let uuid: UUID

  package init(_ uuid: UUID) {
    self.uuid = uuid
  }

  /// The last digits, all of them random: for people who have the others before them.
  package var short: String { String(description.suffix(8)) }
}

package typealias PaymentID = RecordID<Payment>
package typealias RefundID = RecordID<Refund>

extension RecordID: LosslessStringConvertible {
  /// nil: no UUID.
  package init?(_ text: String) {
    guard let uuid = UUID(uuidString: text) else { return nil }
    self.init(uuid)
  }

  package var description: String { uuid.uuidString.lowercased() }
}

extension RecordID: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let id = Self(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a UUID")
    }
    self = id
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension LibpqValue {
  package static func id<Record>(_ id: RecordID<Record>) -> LibpqValue { .uuid(id.uuid) }

  package static func ids<Record>(_ ids: [RecordID<Record>]) -> LibpqValue { .uuidArray(ids.map(\.uuid)) }
}

extension LibpqRow {
  package func id<Record>(_ column: Int) throws -> RecordID<Record> { RecordID(try uuid(column)) }

  package func optionalID<Record>(_ column: Int) throws -> RecordID<Record>? {
    try optionalUUID(column).map { RecordID($0) }
  }
}
