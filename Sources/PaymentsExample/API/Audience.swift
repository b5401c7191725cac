/// For whom an operation is. Each may have an address of its own to listen on.
package enum Audience: CaseIterable, Sendable {
  /// Callers, with keys.
  case api
  /// The provider and the inventory service, who sign what they send.
  case provider
  /// Whoever collects numbers.
  case monitoring
}
