import Foundation

/// An answer as it is kept for repetitions of its request.
struct IdempotentAnswer: Equatable, Sendable {
  var status: Int
  var location: String?
  /// JSON.
  var body: Data
}
