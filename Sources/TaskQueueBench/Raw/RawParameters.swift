/// The parameters of one prepared statement, in memory that stays in place from one execution to the next.
final class RawParameters {
  let count: Int32
  let values: UnsafeMutablePointer<UnsafePointer<CChar>?>
  let lengths: UnsafeMutablePointer<Int32>
  let formats: UnsafeMutablePointer<Int32>
  private var owned: [UnsafeMutableRawPointer] = []

  init(count: Int) {
    self.count = Int32(count)
    values = .allocate(capacity: max(count, 1))
    lengths = .allocate(capacity: max(count, 1))
    formats = .allocate(capacity: max(count, 1))
    values.initialize(repeating: nil, count: max(count, 1))
    lengths.initialize(repeating: 0, count: max(count, 1))
    formats.initialize(repeating: 0, count: max(count, 1))
  }

  deinit {
    for memory in owned { memory.deallocate() }
    values.deallocate()
    lengths.deallocate()
    formats.deallocate()
  }

  /// A constant in text format.
  func set(_ index: Int, text: String) {
    set(index, bytes: Array(text.utf8) + [0], isBinary: false)
  }

  /// A constant in binary format.
  func set(_ index: Int, binary: [UInt8]) {
    set(index, bytes: binary, isBinary: true)
  }

  /// An eight-byte value in binary format, which may change between executions.
  func set(_ index: Int, _ value: Int64) {
    if values[index] == nil { set(index, bytes: [UInt8](repeating: 0, count: 8), isBinary: true) }
    guard let place = values[index] else { return }
    UnsafeMutableRawPointer(mutating: place).storeBytes(of: value.bigEndian, as: Int64.self)
  }

  /// What an array holds at this moment, without a copy: it must outlive the execution.
  func set(_ index: Int, _ array: RawBigintArray) {
    values[index] = UnsafePointer(array.memory.assumingMemoryBound(to: CChar.self))
    lengths[index] = Int32(array.byteCount)
    formats[index] = 1
  }

  private func set(_ index: Int, bytes: [UInt8], isBinary: Bool) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 8)
    memory.copyMemory(from: bytes, byteCount: bytes.count)
    owned.append(memory)
    values[index] = UnsafePointer(memory.assumingMemoryBound(to: CChar.self))
    lengths[index] = Int32(bytes.count)
    formats[index] = isBinary ? 1 : 0
  }
}
