/// Why a signature does not hold. For logs and counters: whoever sent it learns only that it does not.
public struct SignatureError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of failure this is. More may come.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private let name: String

    /// There is no signature.
    public static let missing = Code(name: "missing")
    /// It is not of the form that its format has, or is longer than is looked at.
    public static let malformed = Code(name: "malformed")
    /// It was made too long ago, which a replay is, or in the future.
    public static let expired = Code(name: "expired")
    /// No secret made it for this body.
    public static let mismatch = Code(name: "mismatch")
    /// A secret that cannot be used.
    public static let invalidSecret = Code(name: "invalidSecret")

    public var description: String { name }
  }

  public var code: Code

  public init(_ code: Code) {
    self.code = code
  }

  public var description: String { "SignatureError(\(code))" }
}
