/// The rows of a ``LibpqResult``.
public struct LibpqRows: RandomAccessCollection, Sendable {
  let result: LibpqResult

  public var startIndex: Int { 0 }
  public var endIndex: Int { result.rowCount }

  public subscript(position: Int) -> LibpqRow { result[position] }
}
