/// The rows of a ``PostgresResult``.
public struct PostgresRows: RandomAccessCollection, Sendable {
  let result: PostgresResult

  public var startIndex: Int { 0 }
  public var endIndex: Int { result.rowCount }

  public subscript(position: Int) -> PostgresRow { result[position] }
}
