import Testing

@testable import TaskQueueBench

@Suite("The raw loops' parameters")
struct RawEncodingTests {
  private func bytes(_ array: RawBigintArray) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: array.memory, count: array.byteCount))
  }

  private func append(_ value: Int64, to array: RawBigintArray) {
    withUnsafeBytes(of: value.bigEndian) { bytes in
      bytes.withMemoryRebound(to: CChar.self) { chars in
        if let base = chars.baseAddress { array.append(base) }
      }
    }
  }

  @Test("An empty bigint[] has no dimension")
  func empty() {
    let array = RawBigintArray(capacity: 4)
    #expect(bytes(array) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20])
  }

  @Test("A bigint[] has one dimension, and each element its length")
  func filled() {
    let array = RawBigintArray(capacity: 4)
    append(1, to: array)
    append(-2, to: array)
    let header: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 1]
    let one: [UInt8] = [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]
    let minusTwo: [UInt8] = [0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 254]
    #expect(bytes(array) == header + one + minusTwo)
  }

  @Test("A bigint[] can be emptied, filled again, and give single elements away")
  func reused() {
    let array = RawBigintArray(capacity: 2)
    append(1, to: array)
    append(2, to: array)
    let single = RawBigintArray(capacity: 1)
    single.setOnly(1, of: array)
    #expect(bytes(single).last == 2)
    array.removeAll()
    #expect(array.byteCount == 12)
    #expect(bytes(array)[3] == 0)
    append(7, to: array)
    #expect(bytes(array).last == 7)
    #expect(array.byteCount == 32)
  }

  @Test("A text[] holds each element's length and bytes")
  func text() {
    let bytes = RawArray.encode([Array("ab".utf8), []], type: RawArray.text)
    #expect(
      bytes == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 97, 98, 0, 0, 0, 0]
    )
    #expect(RawArray.encode([], type: RawArray.json) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 114])
  }

  @Test("PgBouncer gets the parts of a connection string, quoted")
  func address() throws {
    let address = try ServerAddress("postgresql://me:it's@%2Ftmp%2Fx:5433/db")
    #expect(address.databaseLine("bench") == "bench = host='/tmp/x' port='5433' dbname='db' user='me' password='it''s'")
    #expect(throws: BenchmarkError.self) { try ServerAddress("nonsense=1") }
  }
}
