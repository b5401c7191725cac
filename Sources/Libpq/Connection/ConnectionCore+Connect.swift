import CLibpq

extension ConnectionCore {
  /// Opens the connection within the configured deadline.
  func connect(_ interruption: Interruption?, _ call: CallDeadline? = nil) throws(LibpqError) {
    let own = ContinuousClock.Instant.after(configuration.connectTimeout)
    let deadline = min(own, call?.cancelAt ?? own)
    handle = ConnectionHandle(consuming: try start())
    var state = PGRES_POLLING_WRITING
    while state != PGRES_POLLING_OK {
      if state == PGRES_POLLING_FAILED { throw connectFailure() }
      if interruption?.isRequested == true {
        finish()
        throw LibpqError(.cancelled, "the task was cancelled while connecting")
      }
      switch poll(reading: state == PGRES_POLLING_READING, writing: state == PGRES_POLLING_WRITING, until: deadline) {
      case .ready: state = PQconnectPoll(handle.pointer)
      case .woken: continue
      case .deadlinePassed:
        finish()
        throw LibpqError(.connectFailed, "no connection within \(configuration.connectTimeout)")
      }
    }
    PQsetnonblocking(handle.pointer, 1)
    publishStatus()
  }

  private func start() throws(LibpqError) -> OpaquePointer {
    let string = configuration.connectionString
    guard !string.utf8.contains(0), configuration.applicationName?.utf8.contains(0) != true else {
      throw LibpqError(.invalidArgument, "the connection settings contain a NUL character")
    }
    var settings: [(String, String)] = []
    // libpq expands a URI or a keyword string given as the database's name; later keywords win.
    if !string.isEmpty { settings.append(("dbname", string)) }
    if let name = configuration.applicationName { settings.append(("application_name", name)) }
    settings.append(("client_encoding", "UTF8"))
    let started = Self.withCStrings(settings) { PQconnectStartParams($0, $1, 1) }
    guard let started else { throw LibpqError(.connectFailed, "out of memory") }
    PQsetNoticeProcessor(started, { _, _ in }, nil)
    guard PQstatus(started) != CONNECTION_BAD else {
      // Without a host libpq did not get past the settings, and its message can quote them, with the password.
      let hasHost = PQhost(started).map { $0.pointee != 0 } ?? false
      let error = LibpqError(.connectFailed, connection: started)
      PQfinish(started)
      throw hasHost ? error : LibpqError(.invalidArgument, "the connection string is not valid")
    }
    return started
  }

  private func connectFailure() -> LibpqError {
    let error = LibpqError(.connectFailed, connection: handle.pointer)
    finish()
    return error
  }

  private static func withCStrings<Value>(
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
