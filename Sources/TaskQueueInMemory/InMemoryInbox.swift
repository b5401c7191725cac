@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The events that an in-memory store has received, so that each counts once.
struct InMemoryInbox {
  struct EventID: Hashable {
    var source: String
    var id: String
  }

  struct Event {
    var subject: String?
    /// nil: it does not wait for its subject, or not any more.
    var waitingPayload: Data?
    var receivedAt: Date
    var expiresAt: Date
  }

  var events: [EventID: Event] = [:]

  /// - Parameter isRemembered: it waits with its payload until its subject becomes known.
  /// - Returns: false: it was received before.
  mutating func record(_ event: CallbackEvent, isRemembered: Bool, retention: Duration, now: Date) -> Bool {
    guard events[event.inboxID] == nil else { return false }
    events[event.inboxID] = Event(
      subject: event.subject,
      waitingPayload: isRemembered ? event.payload : nil,
      receivedAt: now,
      expiresAt: now.adding(retention)
    )
    return true
  }

  /// Those that wait for the subject, oldest first; at most ``Limits/page``.
  func waiting(source: String, subject: String, now: Date) -> [(key: EventID, value: Event)] {
    let waiting = events.filter { id, event in
      id.source == source && event.subject == subject && event.waitingPayload != nil && event.expiresAt > now
    }
    return Array(
      waiting.sorted { ($0.value.receivedAt, $0.key.id) < ($1.value.receivedAt, $1.key.id) }.prefix(Limits.page)
    )
  }

  /// Hands over, once, what waits for the subject.
  mutating func claim(source: String, subject: String, now: Date) -> [RememberedEvent] {
    waiting(source: source, subject: subject, now: now).map { id, event in
      events[id]?.waitingPayload = nil
      return RememberedEvent(id: id.id, payload: event.waitingPayload ?? Data(), receivedAt: event.receivedAt)
    }
  }
}

extension InMemoryState {
  /// Passes over what the open transaction has changed.
  mutating func purgeExpiredEvents(now: Date) -> Int {
    let expired = inbox.events.filter { id, event in event.expiresAt <= now && !locks.events.contains(id) }
    let doomed = expired.sorted { $0.value.expiresAt < $1.value.expiresAt }.prefix(Limits.page)
    for (id, _) in doomed { inbox.events[id] = nil }
    return doomed.count
  }
}

extension CallbackEvent {
  var inboxID: InMemoryInbox.EventID { .init(source: source, id: id) }
}
