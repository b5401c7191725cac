/// Arrays of text in binary format.
enum RawArray {
  /// Types as in `pg_type.dat`.
  static let text: UInt32 = 25
  static let json: UInt32 = 114

  static func encode(_ values: [[UInt8]], type: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(20 + values.reduce(0) { $0 + 4 + $1.count })
    append(values.isEmpty ? 0 : 1, to: &bytes)
    append(0, to: &bytes)
    append(type, to: &bytes)
    guard !values.isEmpty else { return bytes }
    append(UInt32(values.count), to: &bytes)
    append(1, to: &bytes)
    for value in values {
      append(UInt32(value.count), to: &bytes)
      bytes += value
    }
    return bytes
  }

  static func append(_ word: UInt32, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: word.bigEndian) { bytes += $0 }
  }
}
