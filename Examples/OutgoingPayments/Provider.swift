/// Stands for the payment provider, and misbehaves once: of one payment it loses its answer.
actor Provider {
  static let losesAnswerFor: Int64 = 2_000
  static let staysPendingFor: Int64 = 3_000

  struct NoAnswer: Error {}

  private var idsByKey: [String: String] = [:]
  private var amounts: [String: Int64] = [:]
  private var lookCounts: [String: Int] = [:]
  private var finished: Set<String> = []

  /// How many payments it made.
  var executions: Int { amounts.count }

  /// Knows its keys: the same key is the same payment.
  func create(amount: Int64, key: String) throws -> String {
    if let id = idsByKey[key] { return id }
    let id = "pay_\(idsByKey.count + 1)"
    idsByKey[key] = id
    amounts[id] = amount
    if amount == Self.losesAnswerFor { throw NoAnswer() }
    return id
  }

  func find(key: String) -> String? { idsByKey[key] }

  /// Final at the fourth look, if nothing else happens.
  func status(of id: String) throws -> String {
    lookCounts[id, default: 0] += 1
    let isDone = finished.contains(id) || looks(at: id) >= 4 && amounts[id] != Self.staysPendingFor
    return isDone ? "DONE" : "PENDING"
  }

  func looks(at id: String) -> Int { lookCounts[id] ?? 0 }

  func finish(_ id: String) { finished.insert(id) }
}
