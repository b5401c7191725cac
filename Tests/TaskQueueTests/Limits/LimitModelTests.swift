import Testing

@Suite("Every order of what can happen to one key of a limit")
struct LimitModelTests {
  /// How many states there are; or the steps to the first violation.
  private func explore(_ start: LimitModel, maxStates: Int = 2_000_000) -> (states: Int, violation: String?) {
    var seen: Set<LimitModel> = [start]
    var next = [start]
    while let model = next.popLast() {
      if let violation = model.violation { return (seen.count, violation) }
      for successor in model.successors() where seen.insert(successor).inserted { next.append(successor) }
      if seen.count > maxStates { return (seen.count, "more than \(maxStates) states") }
    }
    return (seen.count, nil)
  }

  @Test("No two have one slot, nobody is stranded, and an ordered line keeps its order, also behind a dead letter")
  func keepsInvariants() {
    let cases = [
      LimitModel(rules: .init(), limit: 1, tasks: 3, budget: 1),
      LimitModel(rules: .init(), limit: 2, tasks: 3, budget: 0),
      LimitModel(rules: .init(), limit: 2, tasks: 2, budget: 2),
      LimitModel(rules: .init(hasRate: true), limit: 1, tasks: 3, budget: 1),
      LimitModel(rules: .init(hasRate: true), limit: 2, tasks: 2, budget: 2),
      LimitModel(rules: .init(isOrdered: true), limit: 1, tasks: 2, budget: 2),
      LimitModel(rules: .init(isOrdered: true, holds: true), limit: 1, tasks: 3, budget: 1),
    ]
    for start in cases {
      let (states, violation) = explore(start)
      #expect(violation == nil)
      #expect(states > 1_000)
    }
  }

  @Test("Without a look that stays, a task that commits late is stranded")
  func forgetting() {
    let (_, violation) = explore(LimitModel(rules: .init(forgets: true), limit: 1, tasks: 2, budget: 0))
    #expect(violation == "stranded")
  }

  @Test("Two that look at one key at once give a slot twice")
  func lookingAtOnce() {
    let (_, violation) = explore(LimitModel(rules: .init(looksAtOnce: true), limit: 1, tasks: 3, budget: 0))
    #expect(violation == "slot 1 is given twice")
  }
}
