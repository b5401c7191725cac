/// What the server has used so far.
struct ResourceReading: Sendable {
  let walBytes: Int64
  private let cpuSeconds: Double?

  static func take(_ database: BenchmarkDatabase) async throws -> ResourceReading {
    ResourceReading(walBytes: try await database.walBytes(), cpuSeconds: database.server?.cpuSeconds)
  }

  func serverCPUSeconds(since earlier: ResourceReading) -> Double? {
    guard let cpuSeconds, let before = earlier.cpuSeconds else { return nil }
    return cpuSeconds - before
  }
}
