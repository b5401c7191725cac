import CLibpq
import Synchronization

extension ConnectionCore {
  /// Opens a connection to one of the hosts, in their order, within the configured deadline.
  ///
  /// libpq itself would wait for a silent host as long as the whole list may take. So each host gets an equal share of the time that is
  /// left, each address of a host an equal share of that, and libpq one address at a time.
  func connect(_ interruption: Interruption?, _ call: CallDeadline? = nil) throws(LibpqError) {
    let settings = try ConnectionSettings(configuration)
    let own = ContinuousClock.Instant.after(configuration.connectTimeout)
    let deadline = min(own, call?.cancelAt ?? own)
    let turns = settings.turns
    var failures: [String] = []
    for (index, turn) in turns.enumerated() where index == 0 || deadline > .now {
      let end = Self.share(until: deadline, among: turns.count - index)
      switch try addresses(of: turn.host, settings, until: end, interruption) {
      case .failed(let reason): failures.append(reason)
      case .addresses(let addresses):
        for (index, address) in addresses.enumerated() {
          var limit = Self.share(until: end, among: addresses.count - index)
          if let timeout = settings.addressTimeout { limit = min(limit, .after(timeout)) }
          let failure = try attempt(settings, turn, address: address, until: limit, interruption)
          guard let failure else { return publishStatus() }
          failures.append(failure)
        }
      }
    }
    let isCut = deadline < own && deadline <= .now
    throw LibpqError(isCut ? .timeout : .connectFailed, failures.joined(separator: "; "))
  }

  private static func share(until deadline: ContinuousClock.Instant, among count: Int) -> ContinuousClock.Instant {
    let now = ContinuousClock.now
    return now + max(now.duration(to: deadline), .zero) / count
  }

  // MARK: - Names

  private enum Addresses {
    /// Nil: the host's own entry says where it is.
    case addresses([String?])
    case failed(String)
  }

  /// Looks a host name up; libpq would block in it for as long as the name service hangs.
  private func addresses(
    of host: ConnectionSettings.Host,
    _ settings: ConnectionSettings,
    until end: ContinuousClock.Instant,
    _ interruption: Interruption?
  ) throws(LibpqError) -> Addresses {
    let isDirectory = host.name.hasPrefix("/") || host.name.hasPrefix("@")
    if !host.address.isEmpty || host.name.isEmpty || isDirectory { return .addresses([nil]) }
    if NameService.isAddress(host.name) { return .addresses([host.name]) }
    guard let lookup = configuration.nameService.lookUp(host.name, wakeUp) else {
      return .failed("the host name \(host.name) could not be looked up: no thread could be started")
    }
    defer { lookup.leave(wakeUp) }
    while true {
      switch lookup.outcome {
      case .addresses(let addresses): return .addresses(settings.isBalanced ? addresses.shuffled() : addresses)
      case .failed(let reason): return .failed("the host name \(host.name) could not be looked up: \(reason)")
      case nil: break
      }
      try checkConnecting(interruption)
      if case .deadlinePassed = poll(reading: false, writing: false, until: end) {
        return .failed("the host name \(host.name) could not be looked up in time")
      }
    }
  }

  // MARK: - One address

  /// Nil if a session is open; else why not.
  private func attempt(
    _ settings: ConnectionSettings,
    _ turn: ConnectionSettings.Turn,
    address: String?,
    until limit: ContinuousClock.Instant,
    _ interruption: Interruption?
  ) throws(LibpqError) -> String? {
    let begin = ContinuousClock.now
    guard let started = start(settings, turn, address) else { return "out of memory" }
    handle = ConnectionHandle(consuming: started)
    var state = PQstatus(started) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
    while state != PGRES_POLLING_OK {
      if state == PGRES_POLLING_FAILED {
        let message = LibpqError(.connectFailed, connection: handle.pointer).message
        finish()
        return message
      }
      try checkConnecting(interruption)
      switch poll(reading: state == PGRES_POLLING_READING, writing: state == PGRES_POLLING_WRITING, until: limit) {
      case .ready: state = PQconnectPoll(handle.pointer)
      case .woken: continue
      case .deadlinePassed:
        finish()
        let place = turn.host.name.isEmpty ? address ?? turn.host.address : turn.host.name
        return "no connection to \"\(place)\", port \(turn.host.port), within \((limit - begin).rounded)"
      }
    }
    PQsetnonblocking(handle.pointer, 1)
    return nil
  }

  private func start(
    _ settings: ConnectionSettings,
    _ turn: ConnectionSettings.Turn,
    _ address: String?
  ) -> OpaquePointer? {
    let string = configuration.connectionString
    var pairs = settings.keepaliveDefaults
    // libpq expands a URI or a keyword string given as the database's name; later keywords win.
    if !string.isEmpty { pairs.append(("dbname", string)) }
    if let name = configuration.applicationName { pairs.append(("application_name", name)) }
    pairs.append(("client_encoding", "UTF8"))
    pairs += settings.overrides(turn, address: address)
    let started = CStringPairs.with(pairs) { PQconnectStartParams($0, $1, 1) }
    guard let started else { return nil }
    // Safety of the pointer: the actor owns the connection and the farewell, and reads the one only while it has the other.
    PQsetNoticeReceiver(
      started,
      { context, result in
        guard let context, let result else { return }
        Unmanaged<Farewell>.fromOpaque(context).takeUnretainedValue().note(result)
      },
      Unmanaged.passUnretained(farewell).toOpaque()
    )
    return started
  }

  private func checkConnecting(_ interruption: Interruption?) throws(LibpqError) {
    guard interruption?.isRequested == true else { return }
    finish()
    throw LibpqError(.cancelled, "the task was cancelled while connecting")
  }
}
