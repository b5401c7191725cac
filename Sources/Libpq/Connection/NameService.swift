import DetachedThread
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Finds the addresses of host names without blocking those who ask: the system's call can hang, so it has a thread of its own.
///
/// Callers that ask for the same name share one call. So a name service that hangs costs one thread per name, however often it is tried.
final class NameService: Sendable {
  enum Outcome: Sendable {
    case addresses([String])
    case failed(String)
  }

  static let system = NameService(NameService.systemAddresses)

  private let resolve: @Sendable (String) -> Outcome
  private let underWay = Mutex<[String: NameLookup]>([:])

  init(_ resolve: @escaping @Sendable (String) -> Outcome) { self.resolve = resolve }

  /// Starts a look-up or joins the one under way; `wakeUp` is signalled at its end. Nil if no thread could be started.
  func lookUp(_ name: String, _ wakeUp: WakeUp) -> NameLookup? {
    let (lookup, isNew) = underWay.withLock { underWay in
      if let lookup = underWay[name] { return (lookup, false) }
      let lookup = NameLookup()
      underWay[name] = lookup
      return (lookup, true)
    }
    lookup.join(wakeUp)
    guard isNew else { return lookup }
    let isStarted = DetachedThread.spawn { self.finish(lookup, of: name, self.resolve(name)) }
    if !isStarted { finish(lookup, of: name, .failed("no thread could be started")) }
    return lookup
  }

  private func finish(_ lookup: NameLookup, of name: String, _ outcome: Outcome) {
    underWay.withLock { $0[name] = nil }
    lookup.finish(outcome)
  }

  /// Whether it is an address already.
  static func isAddress(_ name: String) -> Bool {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(name, nil, &hints, &list)
    if status == 0 { freeaddrinfo(list) }
    return status == 0
  }

  private static func systemAddresses(_ name: String) -> Outcome {
    var hints = addrinfo()
    #if canImport(Glibc)
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(name, nil, &hints, &list)
    guard status == 0 else { return .failed(String(cString: gai_strerror(status))) }
    defer { freeaddrinfo(list) }
    var addresses: [String] = []
    var next = list
    while let entry = next?.pointee {
      if let address = numeric(entry), !addresses.contains(address) { addresses.append(address) }
      next = entry.ai_next
    }
    return .addresses(addresses)
  }

  private static func numeric(_ entry: addrinfo) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
      let status = getnameinfo(
        entry.ai_addr,
        entry.ai_addrlen,
        buffer.baseAddress,
        socklen_t(buffer.count),
        nil,
        0,
        NI_NUMERICHOST
      )
      guard status == 0, let start = buffer.baseAddress else { return nil }
      return String(cString: start)
    }
  }
}

/// One look-up under way.
final class NameLookup: Sendable {
  private struct State {
    var outcome: NameService.Outcome?
    var waiting: [ObjectIdentifier: WakeUp] = [:]
  }

  private let state = Mutex(State())

  /// Nil while it is under way.
  var outcome: NameService.Outcome? { state.withLock { $0.outcome } }

  func join(_ wakeUp: WakeUp) {
    state.withLock { state in
      if state.outcome == nil { state.waiting[ObjectIdentifier(wakeUp)] = wakeUp }
    }
  }

  func leave(_ wakeUp: WakeUp) {
    _ = state.withLock { $0.waiting.removeValue(forKey: ObjectIdentifier(wakeUp)) }
  }

  func finish(_ outcome: NameService.Outcome) {
    let waiting = state.withLock { state in
      state.outcome = outcome
      defer { state.waiting = [:] }
      return state.waiting.values.map { $0 }
    }
    for wakeUp in waiting { wakeUp.signal() }
  }
}
