/// Why a streaming enqueue ended before its source did, and what of it is stored.
public struct EnqueueStreamError: Error, Sendable, CustomStringConvertible {
  /// The first tasks of the stream, so many, are stored. In a caller's transaction: if that commits, which it should not.
  public var storedCount: Int
  /// So many tasks behind those may or may not be stored, all of them or none: the connection broke during their commit. 0: nothing else
  /// is stored, and going on behind ``storedCount`` stores nothing twice.
  public var uncertainCount: Int
  /// What the source, an encoding, the store or the progress callback threw; `CancellationError` if the task was cancelled.
  public var underlying: any Error

  public init(storedCount: Int, uncertainCount: Int = 0, underlying: any Error) {
    self.storedCount = storedCount
    self.uncertainCount = uncertainCount
    self.underlying = underlying
  }

  public var description: String {
    let uncertain = uncertainCount > 0 ? ", \(uncertainCount) more perhaps" : ""
    return "The stream ended early; \(storedCount) tasks are stored\(uncertain). \(underlying)"
  }
}
