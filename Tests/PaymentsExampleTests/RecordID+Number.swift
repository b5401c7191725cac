import Foundation

@testable import PaymentsExample

/// Ids for tests of what is made without a database: numbered, and in their order.
extension RecordID: ExpressibleByIntegerLiteral {
  package init(integerLiteral number: Int64) { self.init(number: number) }

  init(number: Int64) {
    var digits = String(number)
    digits = String(repeating: "0", count: 12 - digits.count) + digits
    // swift-format-ignore: NeverForceUnwrap
    self.init(UUID(uuidString: "00000000-0000-7000-8000-\(digits)")!)
  }
}
