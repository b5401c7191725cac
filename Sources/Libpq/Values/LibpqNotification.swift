/// A NOTIFY that arrived on a listening connection.
public struct LibpqNotification: Sendable, Hashable {
  /// The channel.
  public let channel: String
  /// The payload; empty if none was given. Untrusted: anybody connected to the database can send one.
  public let payload: String
  /// The notifying server process.
  public let backendProcessID: Int32
}
