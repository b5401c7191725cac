/// What a key is for. None includes another.
package enum CallerScope: String, CaseIterable, Sendable {
  /// Create payments, and cancel them.
  case create
  /// Show and list payments.
  case read
  /// Pay payments back.
  case refund
  /// Not only the caller's own payments, have stopped ones go on, and the numbers of `/metrics`.
  case operate
}
