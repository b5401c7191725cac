import Foundation

/// Secrets from the command line or the environment. They are neither logged nor shown.
package enum SecretOption {
  /// The environment's name for the secrets of callbacks; several are separated by commas.
  package static let callbackSecret = "PAYMENTS_CALLBACK_SECRET"
  package static let advice = "Rather set PAYMENTS_CALLBACK_SECRET: everybody on the machine can read a command line."

  package static func callbackSecrets(
    _ given: [String],
    environment: [String: String] = ProcessInfo.processInfo.environment
  )
    -> [String]
  {
    self.all(given, variable: self.callbackSecret, environment: environment)
  }

  /// The given ones, else those of the environment's variable, separated by commas; empty ones are left out.
  package static func all(
    _ given: [String],
    variable: String,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> [String] {
    let secrets = given.isEmpty ? (environment[variable] ?? "").split(separator: ",").map(String.init) : given
    return secrets.filter { !$0.isEmpty }
  }
}
