#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a person found out about an effect.
public enum EffectResolution: Sendable {
  /// It happened: the value that the handler would have got, as JSON; `null` only where that is a value to it.
  case succeeded(Data)
  /// It did not happen and is not to be tried again.
  case failed(reason: String)
  /// It did not happen: the next attempt may call again, with the same key.
  case didNotHappen

  /// - Throws: ``TaskQueueError`` with `invalidOption` for a success without a value, and for NUL bytes, which neither JSON nor a text can have.
  func validate() throws(TaskQueueError) {
    if case .failed(let reason) = self, reason.utf8.contains(0) {
      throw .invalidOption("The reason must not contain NUL.")
    }
    guard case .succeeded(let json) = self else { return }
    guard !json.contains(0) else { throw .invalidOption("JSON must not contain NUL.") }
    guard json.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) else { return }
    throw .invalidOption(
      "What succeeded has a value: what the call would have returned, as JSON. That of a call that returns nothing is null."
    )
  }
}

/// What became of a resolution.
public struct EffectResolutionResult: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  public static let resolved = EffectResolutionResult(rawValue: "resolved")
  /// It had succeeded or failed already; nothing was changed.
  public static let settled = EffectResolutionResult(rawValue: "settled")
  /// A worker holds the task, or the call may still reach the provider; nothing was changed.
  public static let running = EffectResolutionResult(rawValue: "running")
  /// The task has no such effect.
  public static let unknown = EffectResolutionResult(rawValue: "unknown")
}
