/// A `bigint[]` in binary format, filled with the bytes of results as they came.
final class RawBigintArray {
  let memory: UnsafeMutableRawPointer
  private let capacity: Int
  private(set) var count = 0

  /// Dimensions, flags, element type, length, lower bound; the first three alone for an empty array.
  private static let header = 20
  private static let emptyHeader = 12
  private static let bigint: UInt32 = 20

  init(capacity: Int) {
    self.capacity = capacity
    memory = .allocate(byteCount: Self.header + 12 * capacity, alignment: 8)
    for (offset, word) in [UInt32(0), 0, Self.bigint, 0, 1].enumerated() {
      memory.storeBytes(of: word.bigEndian, toByteOffset: 4 * offset, as: UInt32.self)
    }
    for index in 0..<capacity {
      memory.storeBytes(of: UInt32(8).bigEndian, toByteOffset: Self.header + 12 * index, as: UInt32.self)
    }
  }

  deinit { memory.deallocate() }

  var byteCount: Int { count == 0 ? Self.emptyHeader : Self.header + 12 * count }

  func removeAll() {
    count = 0
    memory.storeBytes(of: 0, as: UInt32.self)
  }

  /// - Parameter value: eight bytes in network order, as a result holds them.
  func append(_ value: UnsafePointer<CChar>) {
    precondition(count < capacity, "more rows than asked for")
    (memory + Self.header + 12 * count + 4).copyMemory(from: value, byteCount: 8)
    count += 1
    memory.storeBytes(of: UInt32(1).bigEndian, as: UInt32.self)
    memory.storeBytes(of: UInt32(count).bigEndian, toByteOffset: 12, as: UInt32.self)
  }

  /// The only element, copied from another array.
  func setOnly(_ index: Int, of other: RawBigintArray) {
    removeAll()
    append(UnsafePointer((other.memory + Self.header + 12 * index + 4).assumingMemoryBound(to: CChar.self)))
  }
}
