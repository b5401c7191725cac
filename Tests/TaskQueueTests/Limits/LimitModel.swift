/// One key of a limit, as several sessions of a database change it: rows, locks, and transactions whose statements see what was committed
/// before each of them. Every step of every transaction is one transition, so that all orders can be tried.
///
/// It is the design in small: a task goes in line when it is stored, with a look that is committed with it; slots are given by those who
/// leave them, and by looks; a look stays while somebody waits.
struct LimitModel: Hashable {
  enum Row: Hashable {
    case absent
    case delayed
    case line
    case ready(Int)
    case held(Int)
    /// Waits for another attempt, with its slot.
    case retrying(Int)
    case dead
    case gone

    var slot: Int? {
      switch self {
      case .ready(let slot), .held(let slot), .retrying(let slot): slot
      case .absent, .delayed, .line, .dead, .gone: nil
      }
    }
  }

  /// The next statement of an open transaction.
  enum Step: Hashable {
    case fill([Int])
    case findFree
    case endLook
    case commit
  }

  struct Transaction: Hashable {
    /// Rows that it has written, and locked.
    var writes: [Int: Row] = [:]
    var addsLook = false
    /// Looks that it has locked, to be replaced.
    var looks = 0
    var holdsKey = false
    var next: Step
  }

  struct Rules: Hashable {
    var isOrdered = false
    var holds = false
    /// Only looks admit, and only when the time has come.
    var hasRate = false
    /// The fault of a look that does not stay while somebody waits.
    var forgets = false
    /// The fault of looks that do not lock their key.
    var looksAtOnce = false
  }

  static let maxOpen = 2

  let rules: Rules
  var limit: Int
  var rows: [Int: Row]
  var looks = 0
  var open: [Transaction] = []
  /// What may still happen that could happen for ever.
  var budget: Int
  var violation: String?

  init(rules: Rules, limit: Int, tasks: Int, budget: Int) {
    self.rules = rules
    self.limit = limit
    self.budget = budget
    rows = Dictionary(uniqueKeysWithValues: (0..<tasks).map { ($0, .absent) })
  }

  // MARK: What a statement sees

  private func seen(by transaction: Transaction) -> [Int: Row] {
    rows.merging(transaction.writes) { $1 }
  }

  private func isLocked(_ id: Int, besides index: Int? = nil) -> Bool {
    open.indices.contains { $0 != index && open[$0].writes[id] != nil }
  }

  private func isHeldUp(_ rows: [Int: Row]) -> Bool { rules.holds && rows.values.contains(.dead) }

  // MARK: Transitions

  /// Every state that can be next.
  func successors() -> [LimitModel] {
    var all: [LimitModel] = []
    for index in open.indices {
      all.append(running(index))
      if rules.hasRate, open[index].next == .findFree { all.append(running(index, isTooEarly: true)) }
      all.append(
        with {
          $0.open.remove(at: index)
          $0.looks += open[index].looks
        }
      )
    }
    for (id, row) in rows where !isLocked(id) { all += changes(of: id, row) }
    guard open.count < Self.maxOpen else { return all }
    if looks > 0, rules.looksAtOnce || !open.contains(where: \.holdsKey) {
      all.append(
        with {
          $0.open.append(Transaction(looks: $0.looks, holdsKey: true, next: .findFree))
          $0.looks = 0
        }
      )
    }
    if budget > 0 { all.append(with { $0.setLimit(limit == 1 && !rules.isOrdered ? 2 : limit == 0 ? 1 : 0) }) }
    return all
  }

  private func with(_ change: (inout LimitModel) -> Void) -> LimitModel {
    var next = self
    change(&next)
    next.check()
    return next
  }

  private func begin(_ id: Int, _ row: Row, freeing slot: Int? = nil, addsLook: Bool = false) -> LimitModel {
    with {
      $0.open.append(Transaction(writes: [id: row], addsLook: addsLook, next: slot.map { .fill([$0]) } ?? .commit))
    }
  }

  private func changes(of id: Int, _ row: Row) -> [LimitModel] {
    let canBegin = open.count < Self.maxOpen
    switch row {
    case .absent: return canBegin ? [begin(id, .line, addsLook: true)] : []
    case .delayed: return canBegin ? [begin(id, .line, addsLook: true)] : []
    case .line: return canBegin && budget > 0 ? [spent(begin(id, .gone))] : []
    case .ready(let slot):
      var all = [with { $0.rows[id] = .held(slot) }]
      if canBegin, budget > 0 {
        all.append(spent(begin(id, .gone, freeing: slot)))
        // Replaced: it leaves its slot and goes in line again.
        all.append(spent(begin(id, .line, freeing: slot, addsLook: true)))
      }
      return all
    case .held(let slot):
      guard canBegin else { return [] }
      var all = [begin(id, .gone, freeing: slot)]
      if budget > 0 {
        all.append(spent(rules.isOrdered ? begin(id, .retrying(slot)) : begin(id, .delayed, freeing: slot)))
        all.append(spent(begin(id, .dead, freeing: slot)))
        // Handed back, or retried at once: above a lowered limit it goes in line.
        all.append(spent(slot > limit ? begin(id, .line, addsLook: true) : begin(id, .ready(slot))))
      }
      return all
    case .retrying(let slot): return [with { $0.rows[id] = .ready(slot) }]
    case .dead:
      return canBegin && budget > 0
        ? [spent(begin(id, .line, addsLook: true)), spent(begin(id, .gone, addsLook: true))] : []
    case .gone: return []
    }
  }

  private func spent(_ model: LimitModel) -> LimitModel {
    var model = model
    model.budget -= 1
    return model
  }

  private mutating func setLimit(_ new: Int) {
    budget -= 1
    limit = new
    for (id, row) in rows where !isLocked(id) {
      if case .ready(let slot) = row, slot > new { rows[id] = .line }
    }
    if rows.values.contains(.line) { looks += 1 }
  }

  private func running(_ index: Int, isTooEarly: Bool = false) -> LimitModel {
    var next = self
    var transaction = open[index]
    let seen = seen(by: transaction)
    switch transaction.next {
    case .findFree:
      let taken = Set(seen.values.compactMap(\.slot))
      transaction.next = .fill(isTooEarly ? [] : (1...2).filter { $0 <= limit && !taken.contains($0) })
    case .fill(let slots):
      next.fill(slots, seen, index, &transaction)
      transaction.next = transaction.holdsKey ? .endLook : .commit
    case .endLook:
      transaction.addsLook = !rules.forgets && seen.values.contains(.line)
      transaction.next = .commit
    case .commit:
      next.rows.merge(transaction.writes) { $1 }
      if transaction.addsLook { next.looks = min(next.looks + 1, 2) }
      next.open.remove(at: index)
      next.check()
      return next
    }
    next.open[index] = transaction
    next.check()
    return next
  }

  private mutating func fill(_ slots: [Int], _ seen: [Int: Row], _ index: Int, _ transaction: inout Transaction) {
    var free = rules.hasRate && !transaction.holdsKey ? [] : slots.filter { $0 <= limit }
    let waiting = seen.keys.filter { seen[$0] == .line }.sorted()
    if !isHeldUp(seen) {
      for id in waiting where !free.isEmpty {
        // Never waits for a lock; in order it does not pass one either.
        guard !isLocked(id, besides: index) else {
          if rules.isOrdered { break } else { continue }
        }
        if rules.isOrdered, waiting.first != id { violation = "\(id) passed \(waiting)" }
        transaction.writes[id] = .ready(free.removeFirst())
      }
    }
    let isGivenAll =
      transaction.writes.values.count { if case .ready(let slot) = $0 { slots.contains(slot) } else { false } }
      == slots.count
    if !isGivenAll, !rules.forgets, self.seen(by: transaction).values.contains(.line) { transaction.addsLook = true }
  }

  // MARK: Invariants

  private mutating func check() {
    guard violation == nil else { return }
    // As the unique index sees it: committed, or written by whoever is not over yet.
    var owners: [Int: Int] = [:]
    for (id, row) in rows {
      guard let slot = row.slot, !open.contains(where: { $0.writes[id] != nil && $0.writes[id]?.slot != slot }) else {
        continue
      }
      if owners.updateValue(id, forKey: slot) != nil { violation = "two have slot \(slot)" }
    }
    for transaction in open {
      for (id, row) in transaction.writes {
        guard let slot = row.slot, owners[slot] != id else { continue }
        if owners.updateValue(id, forKey: slot) != nil { violation = "slot \(slot) is given twice" }
      }
    }
    if rules.isOrdered, rows.values.count(where: { $0.slot != nil }) > 1 { violation = "two at a time" }
    // Whoever waits has a look. Without looks that stay somebody may still come who leaves a slot.
    guard open.isEmpty, looks == 0, rows.values.contains(.line) else { return }
    if !rules.forgets || rows.values.allSatisfy({ $0.slot == nil }) { violation = "stranded" }
  }
}
