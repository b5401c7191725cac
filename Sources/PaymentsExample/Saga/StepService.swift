/// A service that does one of the steps around a payment.
///
/// Any method may throw after the service did the work: then it is looked up before anything is sent again. Keys are the same
/// for every attempt; a service may ignore them when it performs, but must find by them.
package protocol StepService: Sendable {
  /// Does the step. Returning is final, either way.
  func perform(_ request: StepRequest, key: String) async throws -> StepAnswer
  /// What became of the step with that key; nil: the service certainly doesn't know it.
  func find(key: String) async throws -> StepAnswer?
  /// Gives back what the step took. Repeating it, or undoing what the service doesn't know, changes nothing.
  func undo(key: String) async throws
}

/// What a service says about a step.
package struct StepAnswer: Codable, Equatable, Sendable {
  package enum Verdict: String, Codable, Sendable {
    case passed = "PASSED"
    /// For good.
    case rejected = "REJECTED"
  }

  package var verdict: Verdict
  /// For people.
  package var reason: String?

  package init(verdict: Verdict, reason: String? = nil) {
    self.verdict = verdict
    self.reason = reason
  }

  package static let passed = Self(verdict: .passed)
}

/// Why a service's answer can't be used.
struct StepServiceError: Error, CustomStringConvertible {
  enum Code: String, Sendable {
    /// A status that the call doesn't expect. What became of the step is not known.
    case unexpectedStatus
    /// The service says that it has done nothing and wants to be asked later.
    case busy
    /// This process knows no such service: another one may.
    case notConfigured
  }

  var code: Code
  var call: String
  var httpStatus: UInt?

  var description: String {
    "\(call): \(code.rawValue)" + (httpStatus.map { ", HTTP status \($0)" } ?? "")
  }
}

/// The services this process knows.
package struct StepServices: Sendable {
  /// By step; a payment gets the steps that are here when it is accepted.
  package var services: [StepName: any StepService] = [:]
  /// How long after a call was begun a request of it may still reach the service.
  package var callLimit = Duration.seconds(30)

  package init(services: [StepName: any StepService] = [:], callLimit: Duration = .seconds(30)) {
    self.services = services
    self.callLimit = callLimit
  }

  package static let none = Self()

  /// The steps of a new payment, in order. An order is only asked about if there is one.
  package func steps(orderId: String?) -> [StepName] {
    StepName.allCases.filter { services[$0] != nil && ($0 != .order || orderId != nil) }
  }
}
