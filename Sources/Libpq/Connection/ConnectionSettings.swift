import CLibpq

/// What libpq makes of the connection string, the `PG*` environment and service files, and what this client makes of that.
struct ConnectionSettings {
  /// One entry of the lists of hosts.
  struct Host: Hashable, Sendable {
    /// A name, an address or a socket's directory; empty: libpq's default.
    var name: String
    /// Where to connect instead of looking the name up; empty: none given.
    var address: String
    var port: String
  }

  /// One host to be tried with one demand on its session.
  struct Turn: Hashable, Sendable {
    var host: Host
    /// Replaces `target_session_attrs`; nil: as set.
    var sessionAttributes: String?
  }

  private let values: [String: String]

  /// For tests: settings as libpq would report them.
  init(values: [String: String]) { self.values = values }

  /// - Throws: ``LibpqError/Code/invalidArgument``.
  init(_ configuration: LibpqConfiguration) throws(LibpqError) {
    let string = configuration.connectionString
    guard !string.utf8.contains(0), configuration.applicationName?.utf8.contains(0) != true else {
      throw LibpqError(.invalidArgument, "the connection settings contain a NUL character")
    }
    // libpq tells its merged settings of a connection object only. A value that it refuses before it connects gives one without
    // a network; that value's own setting is not needed here.
    let refused = "none of the values"
    var settings: [(String, String)] = []
    if !string.isEmpty { settings.append(("dbname", string)) }
    settings.append(("channel_binding", refused))
    guard let probe = CStringPairs.with(settings, { PQconnectStartParams($0, $1, 1) }) else {
      throw LibpqError(.connectFailed, "out of memory")
    }
    defer { PQfinish(probe) }
    // Its message can quote the settings, with the password.
    let message = PQerrorMessage(probe).map { String(cString: $0) } ?? ""
    guard message.contains(refused), let options = PQconninfo(probe) else {
      throw LibpqError(
        .invalidArgument,
        "the connection string is not valid, or its lists of hosts and ports do not match"
      )
    }
    defer { PQconninfoFree(options) }
    var values: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val, value.pointee != 0 {
        values[String(cString: keyword)] = String(cString: value)
      }
      option += 1
    }
    self.values = values
    // What libpq does not know as a URI it takes for a database's name.
    guard values["dbname"]?.contains("://") != true else {
      throw LibpqError(.invalidArgument, "the connection string is a URI of something else than PostgreSQL")
    }
    guard list("port").allSatisfy({ $0.isEmpty || Int($0.filter { !$0.isWhitespace }) != nil }) else {
      throw LibpqError(.invalidArgument, "a port of the connection string is not a number")
    }
    if let text = values["connect_timeout"], Int(text.filter { !$0.isWhitespace }) == nil {
      throw LibpqError(.invalidArgument, "connect_timeout is not a number of seconds")
    }
  }

  /// `connect_timeout`, the longest time for one address; nil: not set, or endless.
  var addressTimeout: Duration? {
    guard let seconds = values["connect_timeout"].flatMap({ Int($0.filter { !$0.isWhitespace }) }), seconds > 0 else {
      return nil
    }
    return .seconds(seconds)
  }

  /// The hosts in the order of the settings.
  var hosts: [Host] {
    let names = list("host")
    let addresses = list("hostaddr")
    let ports = list("port")
    return (0..<max(names.count, addresses.count, 1)).map { index in
      let port = ports.count == 1 ? ports[0] : index < ports.count ? ports[index] : ""
      return Host(
        name: index < names.count ? names[index] : "",
        address: index < addresses.count ? addresses[index] : "",
        // libpq's own default; an empty value would leave the list of ports in force.
        port: port.isEmpty ? "5432" : port
      )
    }
  }

  /// What is tried one after the other until a session is found, as libpq would do it with its lists.
  var turns: [Turn] {
    var hosts = hosts
    if isBalanced { hosts.shuffle() }
    guard values["target_session_attrs"] == "prefer-standby", hosts.count > 1 else {
      return hosts.map { Turn(host: $0, sessionAttributes: nil) }
    }
    return hosts.map { Turn(host: $0, sessionAttributes: "standby") }
      + hosts.map { Turn(host: $0, sessionAttributes: "any") }
  }

  /// Whether hosts and addresses are taken in random order.
  var isBalanced: Bool { values["load_balance_hosts"] == "random" }

  /// Settings that make an address give up by itself when its peer has vanished, where nothing else is said: after about a minute, and not
  /// after hours.
  var keepaliveDefaults: [(String, String)] {
    let defaults = [
      ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
      ("tcp_user_timeout", "30000"),
    ]
    return defaults.filter { values[$0.0] == nil }
  }

  /// The settings that replace the lists by one host.
  ///
  /// - Parameter address: Where its name led to; nil: there is nothing to look up.
  func overrides(_ turn: Turn, address: String?) -> [(String, String)] {
    var overrides = [("port", turn.host.port)]
    let name = turn.host.name
    let address = address ?? turn.host.address
    // An empty value would leave the list in force. A lone comma is a list of two empty entries, the same host twice.
    switch (name.isEmpty, address.isEmpty) {
    case (_, false): overrides += [("host", name.isEmpty ? address : name), ("hostaddr", address)]
    case (false, true) where values["hostaddr"] == nil: overrides.append(("host", name))
    case (true, true) where values["hostaddr"] == nil: if values["host"] != nil { overrides.append(("host", ",")) }
    case (_, true): overrides += [("host", "\(name),\(name)"), ("hostaddr", ",")]
    }
    if let attributes = turn.sessionAttributes { overrides.append(("target_session_attrs", attributes)) }
    return overrides
  }

  private func list(_ keyword: String) -> [String] {
    values[keyword].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
  }
}

/// Two arrays of C strings, as libpq wants its settings.
enum CStringPairs {
  static func with<Value>(
    _ settings: [(String, String)],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) -> Value
  ) -> Value {
    var bytes: [CChar] = []
    var offsets: [Int] = []
    for text in settings.flatMap({ [$0.0, $0.1] }) {
      offsets.append(bytes.count)
      bytes.append(contentsOf: text.utf8CString)
    }
    return bytes.withUnsafeBufferPointer { block in
      let pointers = offsets.map { offset in block.baseAddress.map { $0 + offset } }
      let keys: [UnsafePointer<CChar>?] = stride(from: 0, to: pointers.count, by: 2).map { pointers[$0] } + [nil]
      let values: [UnsafePointer<CChar>?] = stride(from: 1, to: pointers.count, by: 2).map { pointers[$0] } + [nil]
      return body(keys, values)
    }
  }
}
