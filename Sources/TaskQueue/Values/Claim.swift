/// The fence: proof of holding one task in one attempt. No two claims ever have the same token.
public struct Claim: Hashable, Sendable {
  public var id: TaskID
  public var token: Int64
  public init(id: TaskID, token: Int64) {
    self.id = id
    self.token = token
  }
}
