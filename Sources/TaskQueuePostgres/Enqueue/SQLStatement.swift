/// SQL with its parameters, for an app that sends it by a driver of its own, in a transaction of its own.
///
/// Every parameter is text, `$1` being the first, and is cast in the SQL (`$1::text::bigint`): bind plain strings, and declare them as
/// `text` or not at all.
public struct SQLStatement: Hashable, Sendable {
  /// One statement. The same options give the same text, so it may be prepared.
  public var text: String
  /// The values of `$1`, `$2`, …; nil is NULL.
  public var parameters: [String?]

  public init(text: String, parameters: [String?]) {
    self.text = text
    self.parameters = parameters
  }
}
