/// Problem details (RFC 9457): the body of an error.
///
/// Reading one is lenient, as the RFC says: a member that is missing or of another type counts for nothing, members that aren't known are
/// passed over.
public struct Problem: Codable, Hashable, Sendable {
  public static let mediaType = "application/problem+json"
  /// The type of a problem that says no more than its status does.
  public static let blankType = "about:blank"

  /// One part of a request that breaks a rule.
  public struct Field: Codable, Hashable, Sendable {
    /// JSON Pointer (RFC 6901) into the body; empty: the body as a whole.
    public var pointer: String
    public var detail: String

    public init(pointer: String, detail: String) {
      self.pointer = pointer
      self.detail = detail
    }
  }

  /// URI reference; what programs tell problems apart by.
  public var type: String
  /// The same for every occurrence of the type.
  public var title: String?
  public var status: Int?
  /// What is wrong with this request, for people.
  public var detail: String?
  /// Every part that breaks a rule; an extension of the RFC's members.
  public var errors: [Field]?

  public init(
    type: String = blankType,
    title: String?,
    status: Int?,
    detail: String? = nil,
    errors: [Field]? = nil
  ) {
    self.type = type
    self.title = title
    self.status = status
    self.detail = detail
    self.errors = errors
  }

  public init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    type = (try? members.decode(String.self, forKey: .type)) ?? Self.blankType
    title = try? members.decode(String.self, forKey: .title)
    status = try? members.decode(Int.self, forKey: .status)
    detail = try? members.decode(String.self, forKey: .detail)
    errors = try? members.decode([Field].self, forKey: .errors)
  }
}
