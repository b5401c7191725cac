/// Amounts as Stripe counts them, which isn't everywhere as ISO 4217 does.
///
/// Source: https://docs.stripe.com/currencies, "Minor units in API amounts", "Three-decimal currencies", "Special cases".
enum StripeAmount {
  /// Without the two currencies whose unit Stripe's own pages don't agree on, UGX and MGA: better refused than a hundred
  /// times too much.
  private static let zeroDecimal: Set<String> = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
  ]
  /// Their last digit must be 0.
  private static let threeDecimal: Set<String> = ["BHD", "JOD", "KWD", "OMR", "TND"]
  private static let disputed: Set<String> = ["UGX", "MGA"]

  /// Stripe's amount for one in minor units of ISO 4217; nil: Stripe has none, or we aren't sure of it.
  static func amount(_ minorUnits: Int64, currency: String) -> Int64? {
    switch currency {
    // Without decimals by ISO 4217, with two at Stripe.
    case "ISK":
      let (amount, overflows) = minorUnits.multipliedReportingOverflow(by: 100)
      return overflows ? nil : amount
    case _ where threeDecimal.contains(currency): return minorUnits % 10 == 0 ? minorUnits : nil
    case _ where isSame(currency): return minorUnits
    default: return nil
    }
  }

  /// The other way round; nil: not ours to read.
  static func minorUnits(_ amount: Int64, currency: String) -> Int64? {
    switch currency {
    case "ISK": amount % 100 == 0 ? amount / 100 : nil
    case _ where threeDecimal.contains(currency) || isSame(currency): amount
    default: nil
    }
  }

  /// Whether both count in the same unit: whole ones, or hundredths.
  private static func isSame(_ currency: String) -> Bool {
    zeroDecimal.contains(currency) || (Currency.exponent(currency) == 2 && !disputed.contains(currency))
  }
}
