/// A store that has metrics of its own, such as those of its connections.
@_spi(Store) public protocol MeasuredStore: Sendable {
  /// Tells its metrics. Workers ask for it about once a second. Does no I/O.
  func measure()
}
