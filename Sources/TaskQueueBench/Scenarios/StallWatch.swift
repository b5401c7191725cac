/// Gives up when nothing moves any more, so that a benchmark never hangs.
struct StallWatch: Sendable {
  static let patience: Duration = .seconds(60)

  private var last = -1
  private var since = ContinuousClock.now

  /// - Throws: ``BenchmarkError`` when the count has been the same for ``patience``.
  mutating func check(_ count: Int, of total: Int) throws {
    if count != last {
      last = count
      since = .now
    } else if since.duration(to: .now) > Self.patience {
      throw BenchmarkError("Nothing has moved for \(Self.patience): \(count) of \(total) tasks are done.")
    }
  }
}
