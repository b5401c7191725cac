import Foundation

/// Why a child process could not be started or told something.
package struct ChildProcessError: Error, CustomStringConvertible {
  /// A sentence for people, without the arguments, which may hold secrets.
  package let description: String

  init(_ description: String) {
    self.description = description
  }

  init(_ what: String, _ errorNumber: Int32) {
    description = "\(what): \(String(cString: strerror(errorNumber)))"
  }
}
