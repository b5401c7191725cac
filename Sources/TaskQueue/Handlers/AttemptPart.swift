/// A part of an attempt that middleware sees: ``TaskMiddleware/part(_:of:next:)``.
public struct AttemptPart: Hashable, Sendable {
  /// Kinds may be added in minor versions.
  public struct Kind: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    private init(_ description: String) { self.description = description }

    /// The body of a step of a flow (``TaskContext/step(_:_:input:retry:maxAttempts:timeout:_:)-(_,_,_,_,_,_,()->Value)``), also of one with a
    /// transaction.
    public static let step = Kind("step")
    /// What undoes a step (``TaskContext/onFailure(_:_:)``).
    public static let compensation = Kind("compensation")
    /// The call of an effect.
    public static let effect = Kind("effect")
    /// The lookup of an effect whose outcome is not known.
    public static let lookup = Kind("lookup")
  }

  public var kind: Kind
  /// The app's own name of the step or the effect, with its number: `charge#3`.
  public var name: String

  public init(_ kind: Kind, _ name: String) {
    self.kind = kind
    self.name = name
  }
}
