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
    "\(self.call): \(self.code.rawValue)" + (self.httpStatus.map { ", HTTP status \($0)" } ?? "")
  }
}
