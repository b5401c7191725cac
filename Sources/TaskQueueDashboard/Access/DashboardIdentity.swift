/// Who looks at the dashboard, and what they may do there.
public struct DashboardIdentity: Hashable, Sendable {
  /// UTF-8 bytes of a name that are kept.
  public static let maxNameBytes = 128

  /// Stands in the journal as the actor of each action. Without control characters, cut to ``maxNameBytes``; an empty one reads `unknown`.
  public let name: String
  public let role: DashboardRole

  public init(_ name: String, role: DashboardRole) {
    var text = ""
    for scalar in name.unicodeScalars where scalar.value >= 0x20 && scalar.value != 0x7F {
      guard text.utf8.count + String(scalar).utf8.count <= Self.maxNameBytes else { break }
      text.unicodeScalars.append(scalar)
    }
    self.name = text.isEmpty ? "unknown" : text
    self.role = role
  }
}

/// What somebody may do on the dashboard.
public struct DashboardRole: Hashable, Sendable, CustomStringConvertible {
  public let description: String
  let mayAct: Bool

  /// Looks, and changes nothing.
  public static let read = DashboardRole(description: "read", mayAct: false)
  /// Looks and acts: retries, pauses, purges, resolves …
  public static let act = DashboardRole(description: "act", mayAct: true)
}
