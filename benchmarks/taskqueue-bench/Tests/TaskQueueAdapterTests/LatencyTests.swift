import Testing

@testable import TaskQueueAdapter

@Suite
struct LatencyTests {
  @Test("Each bucket begins where the one before ends, and a duration is in its bucket to three figures")
  func buckets() {
    for index in 0..<20_000 { #expect(LatencyHistogram.index(of: LatencyHistogram.start(of: index)) == index) }
    for value: UInt64 in [0, 1, 999, 2_047, 2_048, 2_049, 12_345, 999_999, 30_000_000, 68_719_476_735] {
      let start = LatencyHistogram.start(of: LatencyHistogram.index(of: value))
      #expect(start <= value && value - start <= value / 1_000)
    }
  }

  @Test("Percentiles are those of all that was recorded")
  func percentiles() {
    var histogram = LatencyHistogram()
    #expect(histogram.microseconds(at: 0.5) == nil)
    for value in 1...1_000 { histogram.record(microseconds: UInt64(value)) }
    #expect(histogram.microseconds(at: 0.5) == 500)
    #expect(histogram.microseconds(at: 0.99) == 990)
    #expect(histogram.microseconds(at: 1) == 1_000)
    var sum = LatencyHistogram()
    sum.add(histogram)
    sum.record(microseconds: .max)
    #expect(sum.total == 1_001 && (sum.microseconds(at: 1) ?? 0) > 60_000_000_000)
    sum.removeAll()
    #expect(sum.microseconds(at: 0.5) == nil)
  }

  @Test("What was recorded just now is in the window")
  func window() {
    let window = LatencyWindow()
    #expect(window.percentiles() == nil)
    for value in 1...100 { window.record(.milliseconds(value)) }
    #expect(window.percentiles().map { abs($0.p50 - 50) < 0.1 && abs($0.p99 - 99) < 0.1 } == true)
  }

  @Test(
    "An order is a word and a number",
    arguments: [("ENQUEUE 20", 20), ("ENQUEUE 0", nil), ("ENQUEUE", nil), ("STOP 1", nil), ("", nil)]
  )
  func orders(line: String, count: Int?) {
    #expect(EnqueueOrders.count(line) == count)
  }
}
