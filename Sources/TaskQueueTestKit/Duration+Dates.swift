#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Duration {
  /// Rounded to whole milliseconds, which is as exact as dates are.
  static func milliseconds(since start: Date, until end: Date) -> Duration {
    .milliseconds((end.timeIntervalSince(start) * 1_000).rounded())
  }
}
