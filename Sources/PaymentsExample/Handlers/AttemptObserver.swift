/// Is told when a handler begins and ends to work on a payment. For display; nothing depends on it.
protocol AttemptObserver: Sendable {
  func began(_ paymentId: Int64)
  func ended(_ paymentId: Int64)
}

/// Tells nobody.
struct UnobservedAttempts: AttemptObserver {
  func began(_ paymentId: Int64) {}
  func ended(_ paymentId: Int64) {}
}
