/// Is told when a handler begins and ends to work on a payment. For display; nothing depends on it.
package protocol AttemptObserver: Sendable {
  func began(_ paymentId: Int64)
  func ended(_ paymentId: Int64)
}

/// Tells nobody.
package struct UnobservedAttempts: AttemptObserver {
  package init() {}

  package func began(_ paymentId: Int64) {}
  package func ended(_ paymentId: Int64) {}
}
