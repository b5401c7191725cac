/// The services this process knows.
struct StepServices: Sendable {
  /// By step; a payment gets the steps that are here when it is accepted.
  var services: [StepName: any StepService] = [:]
  /// How long after a call was begun a request of it may still reach the service.
  var callLimit = Duration.seconds(30)

  static let none = Self()

  /// The steps of a new payment, in order. An order is only asked about if there is one.
  func steps(orderId: String?) -> [StepName] {
    StepName.allCases.filter { self.services[$0] != nil && ($0 != .order || orderId != nil) }
  }
}
