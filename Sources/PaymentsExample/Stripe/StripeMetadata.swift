/// What we write on Stripe's objects to know them again.
enum StripeMetadata {
  /// Our payment's id or our refund's name.
  static let reference = "reference"
  /// ``StripeConfiguration/namespace``.
  static let namespace = "namespace"
  static let userId = "user_id"
}
