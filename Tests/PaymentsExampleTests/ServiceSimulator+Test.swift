import AsyncHTTPClient

@testable import PaymentsExample
@testable import PaymentsLab

extension ServiceSimulator {
  /// Runs it for as long as `body` runs.
  func running(_ body: (_ url: String) async throws -> Void) async throws {
    try await whileRunning { try await body("http://127.0.0.1:\(try await port())") }
  }

  /// All steps are its.
  static func services(at url: String, _ client: HTTPClient) -> StepServices {
    var services = StepServices(callLimit: .milliseconds(1100))
    for step in StepName.allCases {
      services.services[step] = HTTPStepService(client: client, baseURL: url, timeout: .milliseconds(500))
    }
    return services
  }

  /// What was done for a payment, in order.
  func log(_ payment: Payment) -> [String] {
    books.log.filter { $0.hasSuffix(" \(payment.reference)") }.map { String($0.prefix { $0 != " " }) }
  }
}
