#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What is known of an effect.
public enum EffectOutcome: Hashable, Sendable {
  /// It happened; the value as JSON. Empty: it could not be encoded.
  case succeeded(Data)
  /// It did not happen: for good, or not yet.
  case failed(EffectFailure)
  /// Nobody knows.
  case unknown(reason: String)
  /// Nobody knows, and a person has to say.
  case parked(reason: String)
}

extension Limits {
  /// Encoded JSON bytes of an effect's value. A success with a bigger one is recorded without it.
  public static let effectValueBytes = 256 * 1024
}

extension EffectOutcome {
  /// Without the value if that cannot be stored: that it happened must be recorded all the same.
  static func succeeded(encoding value: some Encodable) -> EffectOutcome {
    guard let json = try? PayloadEncoder.canonical.encode(value), json.count <= Limits.effectValueBytes else {
      return .succeeded(Data())
    }
    return .succeeded(json)
  }

  /// State, code and reason as a ledger stores them.
  package var columns: (state: EffectState, code: String?, reason: String?) {
    switch self {
    case .succeeded: (.succeeded, nil, nil)
    case .failed(let failure): (failure.kind == .permanent ? .failed : .open, failure.code, failure.message)
    case .unknown(let reason): (.unknown, nil, reason)
    case .parked(let reason): (.parked, nil, reason)
    }
  }
}
