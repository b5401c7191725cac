/// The receiver of events didn't take one.
struct WebhookError: Error, CustomStringConvertible {
  var status: UInt

  var description: String { "the webhook answered with HTTP status \(self.status)" }
}
