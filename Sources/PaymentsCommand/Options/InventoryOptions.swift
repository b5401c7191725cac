import ArgumentParser
import PaymentsExample

/// Who may send inventory events.
struct InventoryOptions: ParsableArguments {
  /// The environment's name for the secrets; several are separated by commas.
  static let secretName = "PAYMENTS_INVENTORY_SECRET"

  @Option(
    name: .customLong("inventory-secret"),
    help: """
      The inventory service's events are signed with it; repeat it while it is changed. Rather set \
      \(InventoryOptions.secretName): everybody on the machine can read a command line. None: all are refused.
      """
  )
  var secrets: [String] = []

  @Option(
    name: .customLong("inventory-status"),
    help: "A status of an event that has its order paid; repeat it for several. (default: COMPLETED)"
  )
  var statuses: [String] = []

  func validate() throws {
    guard statuses.allSatisfy({ (1...InventoryEvent.maxStatusLength).contains($0.unicodeScalars.count) }) else {
      throw ValidationError("--inventory-status has 1 to \(InventoryEvent.maxStatusLength) characters.")
    }
  }

  var payingStatuses: Set<String> { statuses.isEmpty ? InventoryEvent.payingStatuses : Set(statuses) }

  /// The given ones, else the environment's; empty ones are left out.
  var all: [String] { SecretOption.all(secrets, variable: Self.secretName) }
}
