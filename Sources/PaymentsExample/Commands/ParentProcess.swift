import Foundation
import ServiceLifecycle

/// The process that started this one and reads its standard output: one short line per event.
struct ParentProcess: AttemptObserver {
  func listening(_ port: Int) {
    self.tell(.listening(port))
  }

  func began(_ paymentId: Int64) {
    self.tell(.began(paymentId))
  }

  func ended(_ paymentId: Int64) {
    self.tell(.ended(paymentId))
  }

  /// Shuts the group down when the parent is gone.
  var service: ServiceGroupConfiguration.ServiceConfiguration {
    .init(
      service: ClosureService { await cancelWhenGracefulShutdown { await self.waitUntilGone() } },
      successTerminationBehavior: .gracefullyShutdownGroup
    )
  }

  /// Returns when standard input ends, which it does when the parent is gone, however it went.
  func waitUntilGone() async {
    let (ends, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    FileHandle.standardInput.readabilityHandler = { handle in
      if handle.availableData.isEmpty {
        handle.readabilityHandler = nil
        continuation.finish()
      }
    }
    for await _ in ends {}
    FileHandle.standardInput.readabilityHandler = nil
  }

  /// One write of less than a pipe's atomic size, so lines of concurrent handlers don't mix.
  private func tell(_ event: WorkerEvent) {
    try? FileHandle.standardOutput.write(contentsOf: Data((event.line + "\n").utf8))
  }
}
