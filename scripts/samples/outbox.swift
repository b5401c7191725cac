import Outbox

struct OrderPaid: Codable {
  var amount: Int
}

struct Webhook: OutboxTransport {
  func deliver(_ event: OutboxEvent) async throws {}
}

func post(_ payload: Data, id: String) async throws {}

func sample(
  outbox: EventOutbox,
  pool: LibpqPool
) async throws {}
