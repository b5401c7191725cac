import Testing

@testable import TaskQueueBench

@Suite("Medians, spreads and ratios")
struct SamplesTests {
  @Test("The median is the middle value, of an even number the mean of the middle two")
  func median() {
    #expect(Samples([]).median == nil)
    #expect(Samples([7]).median == 7)
    #expect(Samples([9, 1, 5]).median == 5)
    #expect(Samples([1, 9, 3, 5]).median == 4)
  }

  @Test("The spread is the smallest and the largest value")
  func spread() {
    let samples = Samples([3, 1, 2])
    #expect(samples.minimum == 1)
    #expect(samples.maximum == 3)
    #expect(Samples().minimum == nil)
  }

  @Test("A percentile is the value that this share of the values doesn't exceed")
  func percentile() {
    let samples = Samples((1...200).map(Double.init).shuffled())
    #expect(samples.percentile(0.5) == 100)
    #expect(samples.percentile(0.99) == 198)
    #expect(samples.percentile(1) == 200)
    #expect(samples.percentile(0) == 1)
    #expect(Samples([4]).percentile(0.99) == 4)
    #expect(Samples().percentile(0.5) == nil)
  }

  @Test("The ratio is the median of the rounds' ratios, not the ratio of the medians")
  func ratio() {
    let metric = MetricCatalog.drainOne
    let results = MetricResult.collect([
      Reading(metric, 50, beside: 100), Reading(metric, 20, beside: 20), Reading(metric, 60, beside: 100),
    ])
    #expect(results.count == 1)
    #expect(results[0].ratio == 0.6)
    #expect(results[0].references.median == 100)
  }

  @Test("A reference of zero or none gives no ratio")
  func noRatio() {
    let results = MetricResult.collect([
      Reading(MetricCatalog.latencyMedian, 1, beside: 0), Reading(MetricCatalog.peakMemory, 30),
    ])
    #expect(results.map(\.ratio) == [nil, nil])
    #expect(results[0].references.values == [0])
  }

  @Test("Readings are grouped by metric, in the order in which the metrics appear")
  func grouping() {
    let results = MetricResult.collect([
      Reading(MetricCatalog.peakMemory, 1), Reading(MetricCatalog.idleStatements, 2),
      Reading(MetricCatalog.peakMemory, 3),
    ])
    #expect(results.map(\.metric.id) == ["peak-memory", "idle-statements"])
    #expect(results[0].samples.values == [1, 3])
  }

  @Test("A part of a series has a mean and a median of its own")
  func series() {
    var series = TimeSeries("test", "Test", .tasksPerSecond)
    for second in 1...100 { series.append(second <= 50 ? 10 : 2, at: Double(second)) }
    #expect(series.mean(from: 1, to: 50) == 10)
    #expect(series.mean(from: 51, to: 100) == 2)
    #expect(series.median(from: 0, to: .infinity) == 6)
    #expect(series.mean(from: 200, to: 300) == nil)
    let thinned = series.thinned(to: 10)
    #expect(thinned.map(\.value) == [10, 10, 10, 10, 10, 2, 2, 2, 2, 2])
    #expect(series.thinned(to: 1_000) == series.points)
  }

  @Test("A handler that starts before the answer to the COMMIT has no latency")
  func latencies() {
    let samples = LatencyScenario.latencies([1_000_000, 5_000_000], [3_500_000, 4_000_000])
    #expect(samples.values == [2.5, 0])
  }
}
