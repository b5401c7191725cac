import CLibpq

/// The parameters of one statement, laid out as libpq wants them: one block of bytes and four parallel arrays.
struct ParameterBuffer {
  private(set) var types: [Oid] = []
  private var offsets: [Int] = []
  private var lengths: [Int32] = []
  private var formats: [Int32] = []
  private var bytes: [UInt8] = []

  init(_ values: [LibpqValue]) throws(LibpqError) {
    guard !values.isEmpty else { return }
    types.reserveCapacity(values.count)
    offsets.reserveCapacity(values.count)
    lengths.reserveCapacity(values.count)
    formats.reserveCapacity(values.count)
    for value in values { try append(value.storage) }
    // So that an empty last value has an address, too.
    bytes.append(0)
  }

  private mutating func append(_ storage: LibpqValue.Storage) throws(LibpqError) {
    switch storage {
    case .null: add(0, format: 0, isNull: true) { _ in }
    case .bool(let value): add(LibpqType.bool) { $0.append(value ? 1 : 0) }
    case .int4(let value): add(LibpqType.int4) { $0.appendInteger(value) }
    case .int8(let value): add(LibpqType.int8) { $0.appendInteger(value) }
    case .float8(let value): add(LibpqType.float8) { $0.appendInteger(value.bitPattern) }
    case .timestamptz(let value): add(LibpqType.timestamptz) { $0.appendInteger(value) }
    case .text(let value): add(LibpqType.text) { $0.append(contentsOf: value.utf8) }
    case .bytea(let value): add(LibpqType.bytea) { $0.append(contentsOf: value) }
    case .encoded(let type, let encoded): add(type) { $0.append(contentsOf: encoded) }
    case .unknown(let value):
      add(0, format: 0) { $0.append(contentsOf: value.utf8) }
      bytes.append(0)
    case .unknownBytes(let value):
      add(0, format: 0) { $0.append(contentsOf: value) }
      bytes.append(0)
    case .invalid(let reason):
      throw LibpqError(.invalidArgument, "parameter $\(types.count + 1): \(reason)")
    }
    guard bytes.count - (offsets.last.map { max($0, 0) } ?? 0) <= Int(Int32.max) else {
      throw LibpqError(.invalidArgument, "parameter $\(types.count) is larger than 2 GB")
    }
  }

  private mutating func add(
    _ type: Oid,
    format: Int32 = 1,
    isNull: Bool = false,
    _ write: (inout [UInt8]) -> Void
  ) {
    let start = bytes.count
    write(&bytes)
    types.append(type)
    offsets.append(isNull ? -1 : start)
    lengths.append(Int32(truncatingIfNeeded: bytes.count - start))
    formats.append(format)
  }

  /// Lends the arrays in libpq's form: count, types, values, lengths, formats.
  func withPointers<Value>(
    _ body: (
      Int32, UnsafePointer<Oid>?, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
    ) -> Value
  ) -> Value {
    guard !types.isEmpty else { return body(0, nil, nil, nil, nil) }
    return bytes.withUnsafeBytes { block in
      let base = block.baseAddress?.assumingMemoryBound(to: CChar.self)
      let values = offsets.map { offset in offset < 0 ? nil : base.map { $0 + offset } }
      return body(Int32(types.count), types, values, lengths, formats)
    }
  }
}
