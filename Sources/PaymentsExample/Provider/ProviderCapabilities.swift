/// What a provider can do beside taking payments.
struct ProviderCapabilities: OptionSet, Sendable {
  let rawValue: Int

  /// Payments can be dropped before their money has moved.
  static let cancels = Self(rawValue: 1 << 0)
  /// Money can be paid back.
  static let refunds = Self(rawValue: 1 << 1)
  /// The books can be listed by time.
  static let lists = Self(rawValue: 1 << 2)

  static let all: Self = [.cancels, .refunds, .lists]
}
