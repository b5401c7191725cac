import ServiceLifecycle

@testable import PaymentsExample

extension Service {
  /// Runs it for as long as `body` runs, then shuts it down as `serve` does. A server that is cancelled may drop a connection it
  /// has just accepted, and NIO ends the program for that.
  func whileRunning(_ body: () async throws -> Void) async throws {
    var configuration = ServiceGroupConfiguration(services: [.init(service: self)], logger: Log.quiet("test"))
    configuration.maximumGracefulShutdownDuration = .seconds(20)
    let service = ServiceGroup(configuration: configuration)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await service.run() }
      let result: Result<Void, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      await service.triggerGracefulShutdown()
      while await group.nextResult() != nil {}
      try result.get()
    }
  }
}
