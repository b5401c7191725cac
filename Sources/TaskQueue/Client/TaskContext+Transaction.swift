extension TaskContext {
  /// ``transaction(_:_:on:input:_:)-(_,_,Store,_,_)`` of the store of a client.
  @discardableResult
  public func transaction<Store: TransactionalTaskStore, Value: Codable & Sendable>(
    _ name: String,
    _ number: Int? = nil,
    on client: TaskClient<Store>,
    input: (any Encodable)? = nil,
    _ body: @escaping (Store.Transaction) async throws -> Value
  ) async throws -> Value {
    try await transaction(name, number, on: client.store, input: input, body)
  }
}
