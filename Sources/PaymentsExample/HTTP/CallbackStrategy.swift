import ArgumentParser

/// What a callback does about a check task that exists already.
enum CallbackStrategy: String, CaseIterable, ExpressibleByArgument, Sendable {
  /// Pulls the existing task forward; one that runs runs once more. The better one: a payment never has two checks.
  case coalesce
  /// machamp's way: enqueues a new check and deletes the older ones that nobody holds. What a deleted one knew of a call
  /// without an answer stays in the ledger of effects as unknown, for a person.
  case deleteDuplicates = "delete-duplicates"
}
