import Foundation

/// Secrets from the command line or the environment. They are neither logged nor shown.
package enum SecretOption {
  /// The environment's name for the secrets of callbacks; several are separated by commas, each NAME=SECRET if there are several providers.
  package static let callbackSecret = "PAYMENTS_CALLBACK_SECRET"
  /// The environment's name for the keys of providers, in the same form.
  package static let providerKey = "PAYMENTS_PROVIDER_KEY"
  package static let advice = "Rather set PAYMENTS_CALLBACK_SECRET: everybody on the machine can read a command line."

  package static func callbackSecrets(
    _ given: [String],
    environment: [String: String] = ProcessInfo.processInfo.environment
  )
    -> [String]
  {
    self.all(given, variable: self.callbackSecret, environment: environment)
  }

  /// Each provider's own, by its name.
  /// - Parameter names: of the providers. What doesn't begin with one of them and `=` belongs to the only one.
  /// - Throws: ``CommandError``, without the secret, if it doesn't say whose it is.
  package static func byProvider(
    _ given: [String],
    variable: String,
    names: [String],
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> [String: [String]] {
    var secrets: [String: [String]] = [:]
    for text in all(given, variable: variable, environment: environment) {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      if parts.count == 2, names.contains(parts[0]) {
        if !parts[1].isEmpty { secrets[parts[0], default: []].append(parts[1]) }
      } else if names.count == 1 {
        secrets[names[0], default: []].append(text)
      } else {
        throw CommandError(
          "With several providers each secret says whose it is: NAME=SECRET, NAME one of \(names.joined(separator: ", "))."
        )
      }
    }
    return secrets
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
