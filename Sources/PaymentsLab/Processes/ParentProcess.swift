import Foundation
import PaymentsExample
package import ServiceLifecycle

/// The process that started this one and reads its standard output: one short line per event.
package struct ParentProcess: AttemptObserver {
  package init() {}

  package func listening(_ port: Int) {
    tell(.listening(port))
  }

  func began(_ paymentId: PaymentID) {
    tell(.began(paymentId))
  }

  func ended(_ paymentId: PaymentID) {
    tell(.ended(paymentId))
  }

  /// Shuts the group down when the parent is gone.
  package var service: ServiceGroupConfiguration.ServiceConfiguration {
    .init(
      service: ClosureService { await cancelWhenGracefulShutdown { await waitUntilGone() } },
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
