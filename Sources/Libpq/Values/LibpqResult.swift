import CLibpq

/// What a statement returned. Immutable; reading needs no connection and may happen on any thread.
public final class LibpqResult: Sendable {
  // Safety: libpq documents that a PGresult is read-only after its creation and may be read by several threads at once. It is
  // freed once, in deinit, and every reader holds a reference to this object.
  nonisolated(unsafe) let pointer: OpaquePointer

  /// The number of rows returned.
  public let rowCount: Int
  /// The number of columns returned.
  public let columnCount: Int

  /// Takes over `pointer`.
  init(consuming pointer: OpaquePointer) {
    self.pointer = pointer
    rowCount = Int(PQntuples(pointer))
    columnCount = Int(PQnfields(pointer))
  }

  deinit {
    PQclear(pointer)
  }

  /// The number of rows that the statement inserted, updated, deleted, copied or selected; 0 for other statements.
  public var affectedRows: Int {
    PQcmdTuples(pointer).flatMap { Int(String(cString: $0)) } ?? 0
  }

  /// The command tag, such as `INSERT 0 1` or `COMMIT`.
  public var commandTag: String {
    PQcmdStatus(pointer).map { String(cString: $0) } ?? ""
  }

  /// The rows.
  public var rows: LibpqRows { LibpqRows(result: self) }

  /// The row with that index.
  ///
  /// - Precondition: `0 <= row < rowCount`.
  public subscript(row: Int) -> LibpqRow {
    precondition(row >= 0 && row < rowCount, "row index out of range")
    return LibpqRow(result: self, index: row)
  }

  /// The index of the first column with exactly that name; nil if there is none.
  public func columnIndex(_ name: String) -> Int? {
    (0..<columnCount).first { columnName($0) == name }
  }

  /// The name of a column; nil if the index is out of range.
  public func columnName(_ column: Int) -> String? {
    guard let index = Int32(exactly: column) else { return nil }
    return PQfname(pointer, index).map { String(cString: $0) }
  }
}
