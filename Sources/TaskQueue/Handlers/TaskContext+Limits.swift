extension TaskContext {
  /// Waits until a limit with a rate lets the call through that follows: what a provider counts is calls, not starts of tasks. Whether
  /// the task itself has a limit does not matter. One short statement; a wait holds no connection, but this handler's place in its worker.
  ///
  /// ```swift
  /// try await context.limit("bank", key: customer)
  /// let response = try await bank.charge(payment)
  /// if response.status == .tooManyRequests { try await context.pause("bank", key: customer, for: response.retryAfter) }
  /// ```
  ///
  /// Not inside a transaction, whose end others would wait for. Cancelled while it waits, it throws `CancellationError`; what was taken is not
  /// given back. Of a rule without a rate it waits for the end of a pause. A pause that begins while it waits does not hold it back: let `longest`
  /// be short where a provider's `429` is to stop all calls at once.
  ///
  /// - Parameters:
  ///   - weight: as how many calls this one counts, 1 to 1,000.
  ///   - longest: at most ``Limits/limitWait``. For more than some seconds let the task go and come back.
  /// - Throws: ``LimitReached`` if the wait would be longer: nothing is taken, and the task is sent back until then if the handler lets the error
  ///   through. ``TaskQueueError``: `unknownLimit`, `invalidName`, `invalidOption`, `storeFailed`.
  public func limit(
    _ name: String,
    key: String = "",
    weight: Int = 1,
    upTo longest: Duration = .seconds(10)
  ) async throws {
    let limit = TaskLimit(name, key: key, weight: weight)
    try limit.validate()
    guard .zero...Limits.limitWait ~= longest else {
      throw TaskQueueError.invalidOption("A wait for a limit must be in 0 … \(Limits.limitWait); got \(longest).")
    }
    let wait = try await store().take(limit, within: longest)
    guard wait <= longest else { throw LimitReached(limit, retryAfter: wait) }
    services.metrics.waited(for: name, wait)
    if wait > .zero { try await services.environment.clock.sleep(for: wait) }
  }

  /// Closes a limit's key for all workers, at most for ``Limits/limitWait``: what a provider asks for with `429` and `Retry-After`. As
  /// ``LimitControl/pause(_:key:for:)``. This attempt goes on.
  ///
  /// - Throws: ``TaskQueueError``: `unknownLimit`, `invalidName`, `storeFailed`.
  public func pause(_ name: String, key: String = "", for duration: Duration) async throws(TaskQueueError) {
    let limit = TaskLimit(name, key: key)
    try limit.validate()
    try await store().pause(limit, for: min(duration, Limits.limitWait))
  }

  private func store() throws(TaskQueueError) -> any StoreContract {
    guard let store = services.store else {
      throw TaskQueueError(.invalidConfiguration, "This context was made without a store, so it has no limits.")
    }
    return store
  }
}
