import CLibpq

/// What has been sent and not been answered yet.
struct Underway {
  var exchange: Exchange
  var statements: [LibpqStatement]
  /// Nil: one statement by itself.
  var steps: [ConnectionCore.Step]?
}

extension ConnectionCore {
  /// What one exchange is to do.
  enum Call: Sendable {
    case query(LibpqStatement)
    case pipeline([LibpqStatement])
  }

  /// One exchange.
  ///
  /// The calling thread sends it if the connection has nothing else to do, and never blocks: this actor's thread waits for the answer, and is
  /// woken by it alone. A hop to that thread, beside which sending costs next to nothing, would hold up the server for 50 µs or more.
  nonisolated func run(
    _ call: Call,
    _ interruption: Interruption?,
    _ deadline: CallDeadline? = nil
  ) async throws(LibpqError) -> [LibpqResult] {
    let result: Result<[LibpqResult], LibpqError>? = await withUnsafeContinuation { continuation in
      let isBegun = thread.borrow {
        let start = assumeIsolated { $0.startUnderway(call, interruption, deadline) }
        switch start {
        case .failure(let error):
          continuation.resume(returning: .failure(error))
          return nil
        case .success(let isPatient):
          return ConnectionThread.Rest(isPatient: isPatient) {
            let result = self.assumeIsolated { $0.finishUnderway() }
            return { continuation.resume(returning: result) }
          }
        }
      }
      if !isBegun { continuation.resume(returning: nil) }
    }
    guard let result else { return try await runHere(call, interruption, deadline) }
    return try result.get()
  }

  /// As ``run(_:_:_:)``, on this actor's thread from its beginning.
  func runHere(
    _ call: Call,
    _ interruption: Interruption?,
    _ deadline: CallDeadline?
  ) throws(LibpqError) -> [LibpqResult] {
    var underway = try start(call, interruption, deadline)
    return try answers(to: &underway)
  }

  private func start(
    _ call: Call,
    _ interruption: Interruption?,
    _ deadline: CallDeadline?
  ) throws(LibpqError) -> Underway {
    switch call {
    case .query(let statement): try start(statement, interruption, deadline)
    case .pipeline(let statements): try start(statements, interruption, deadline)
    }
  }

  /// Waits for the answers.
  func answers(to underway: inout Underway) throws(LibpqError) -> [LibpqResult] {
    if let steps = underway.steps { return try answers(to: underway.statements, steps, &underway.exchange) }
    return [try answer(to: underway.statements[0], &underway.exchange)]
  }

  /// - Returns: whether nothing but the answer needs this actor's thread for as long as it watches the socket.
  private func startUnderway(
    _ call: Call,
    _ interruption: Interruption?,
    _ deadline: CallDeadline?
  ) -> Result<Bool, LibpqError> {
    do throws(LibpqError) {
      let underway = try start(call, interruption, deadline)
      let isSent = PQflush(handle.pointer) == 0
      let isLate = underway.exchange.deadline.map { $0 > .after(ConnectionThread.maxWatch * 2) } ?? true
      self.underway = underway
      return .success(isSent && isLate)
    } catch {
      return .failure(error)
    }
  }

  private func finishUnderway() -> Result<[LibpqResult], LibpqError> {
    guard var underway = underway.take() else {
      return .failure(LibpqError(.protocolViolation, "nothing was sent"))
    }
    // Mostly the answer is what has woken this thread. What fails here shows below.
    _ = PQconsumeInput(handle.pointer)
    do throws(LibpqError) { return .success(try answers(to: &underway)) } catch { return .failure(error) }
  }
}
