import Foundation
import PaymentsExample
import Synchronization

extension ProviderSimulator {
  /// Announces a status as the plan has it: late, twice, never, or with a forgery beside it.
  /// - Parameter event: what tells it from others of the payment; nil: the status.
  func send(_ id: String, _ status: ProviderStatus, _ plan: CallbackPlan, event: String? = nil) async {
    guard let url = state.withLock({ $0.callbackURL }) else { return }
    if plan.isForged { await forge(id, url) }
    if plan.isLost { return }
    if plan.isDelayed { do { try await Task.sleep(for: faults.callbackDelay) } catch { return } }
    let callback = ProviderCallback(
      eventId: "ev_\(id)_\(event ?? status.rawValue)",
      paymentProviderId: id,
      status: status
    )
    await withDiscardingTaskGroup { group in
      for _ in 0..<plan.copies {
        group.addTask {
          if await self.callbacks.send(callback, to: url, secret: self.secret) {
            self.state.withLock { $0.callbacks.delivered += 1 }
          }
        }
      }
    }
  }

  private func forge(_ id: String, _ url: String) async {
    state.withLock { $0.callbacks.forged += 1 }
    let callback = ProviderCallback(eventId: "ev_\(id)_forged", paymentProviderId: id, status: .done)
    if await callbacks.send(callback, to: url, secret: "not \(secret)", tries: 1) {
      state.withLock { $0.callbacks.forgedAccepted += 1 }
    }
  }
}
