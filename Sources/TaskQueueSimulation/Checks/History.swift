@_spi(Store) import TaskQueue

/// What happened, in words. Kept only if asked for: the words cost more than the run.
struct History {
  let isKept: Bool
  private(set) var lines: [String] = []
  /// The same for the same run.
  private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func note(_ now: Instant, _ text: @autoclosure () -> String) {
    guard isKept else { return }
    let line = "\(Instant.zero.duration(to: now).milliseconds) ms  \(text())"
    for byte in line.utf8 { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
    lines.append(line)
  }
}

extension Duration {
  fileprivate var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}

extension StoreCall {
  var text: String {
    switch order.call {
    case .prepare: "prepare"
    case .exchange(let settlements, let claim):
      "settle \(settlements.map(\.claim.id).sorted()), claim \(claim.map { "\($0.limit) \($0.scope.text)" } ?? "nothing"); \(fate)"
    case .openWriters: "open writers; \(fate)"
    case .renew(let claims, _): "renew \(claims.map(\.id).sorted()); \(fate)"
    case .maintain: "maintain; \(fate)"
    }
  }
}

extension CallAnswer {
  var text: String {
    switch self {
    case .prepared: "prepared"
    case .exchanged(let exchange):
      "settled \(exchange.settled), claimed \(exchange.claimed.map(\.claim.id))\(exchange.mayHaveMore ? ", more" : "")\(exchange.lookedAtEverything ? ", looked at everything" : "")"
    case .writers(let writers): "writers \(writers.map { $0.ids.sorted() } ?? [])"
    case .renewed(let renewals): "\(renewals.count) renewed"
    case .maintained: "maintained"
    case .failed(let error): "failed: \(error.message)"
    }
  }
}

extension ClaimRequest.Scope {
  var text: String {
    switch self {
    case .everything: "of everything"
    case .after: "behind the position"
    case .rescan: "of everything, unless another one looks"
    }
  }
}
