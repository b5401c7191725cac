#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Who looks at a page, from where, and with which question.
struct Visit: Sendable {
  var identity: DashboardIdentity
  /// What comes before each path of the dashboard: `/admin/tasks`, or nothing.
  var base: String
  /// Below the base, decoded.
  var path: [String]
  var query: FormFields
  /// The role allows it, and the dashboard.
  var mayAct: Bool
  /// The configuration allows it.
  var mayShowPayloads: Bool
  var now: Date
  /// For forms of this page.
  var token: String
  /// The page with the form that was sent, below the base.
  var sentFrom: String?

  /// The address of this page, below the base.
  var address: String {
    "/" + path.map(FormFields.encoded).joined(separator: "/") + query.with("said", nil).with("n", nil).query
  }

  var showsPayload: Bool { mayShowPayloads && query["payload"] == "show" }

  func link(_ path: String, _ fields: KeyValuePairs<String, String?> = [:]) -> String {
    let given = fields.compactMap { name, value in value.map { FormFields.Field(name: name, value: $0) } }
    return base + path + FormFields(given).query
  }
}
