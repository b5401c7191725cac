import ArgumentParser

/// The providers that there are.
enum ProviderKind: String, CaseIterable, ExpressibleByArgument, Sendable {
  /// Any that speaks our contract, as the simulator does.
  case http
  case stripe
}
