import CLibpq

/// Owns one PGconn.
struct ConnectionHandle: ~Copyable {
  /// Nil after ``finish()``. libpq takes nil for a broken connection everywhere.
  private(set) var pointer: OpaquePointer?

  init(consuming pointer: OpaquePointer?) { self.pointer = pointer }

  /// Closes the connection and frees it; idempotent.
  mutating func finish() {
    if let pointer { PQfinish(pointer) }
    pointer = nil
  }

  deinit {
    if let pointer { PQfinish(pointer) }
  }
}
