import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One step to be recorded for a claim.
struct StepRecord: Sendable {
  let step: FlowStep
  let claim: Claim
  /// It may be there already: the answer to an earlier call was lost.
  var repeats: Bool

  var weight: Int { (step.value?.count ?? 0) + step.name.utf8.count }
}

extension [StepRecord] {
  /// The arrays of the function `_record_steps`.
  var parameters: [LibpqValue] {
    [
      .int8Array(map(\.claim.id.rawValue)), .int8Array(map(\.claim.token)), .textArray(map(\.step.name)),
      .textArray(map(\.step.kind.rawValue)), .jsonArray(map(\.step.value)), .textArray(map(\.step.digest?.hexadecimal)),
      .timestamptzArray(map(\.step.until)), .int4Array(map { Int32(clamping: $0.step.place) }),
    ]
  }
}
