import Foundation
import Libpq
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

/// The table refuses outcomes with an error for a while. What is counted by a sequence stays counted in a transaction that is rolled back.
@Suite("Outcomes outlive every error that passes", .serialized)
struct KeptOutcomeTests {
  private static func refuse(_ state: String) -> String {
    """
    CREATE SEQUENCE public.refusals;
    CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM nextval('public.refusals');
      RAISE EXCEPTION 'not now' USING ERRCODE = '\(state)';
    END $$;
    CREATE TRIGGER refuse BEFORE DELETE ON taskqueue.task FOR EACH ROW EXECUTE FUNCTION public.refuse()
    """
  }

  @Test(
    "S34 Each task runs once, whatever the store answers to its outcome meanwhile",
    arguments: [
      "57014", "25006", "53100", "53200", "53400", "58030", "42501", "XX000", "57P04", "40001", "40P01", "55P03",
    ]
  )
  func passing(state: String) async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let runs = Mutex<[String: Int]>([:])
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { note, _ in
        runs.withLock { $0[note.text, default: 0] += 1 }
        return .completed
      }
      try await store.pool.executeScript(Self.refuse(state))
      try await client.enqueue(all: (0..<10).map { Note(text: "\($0)") })
      let worker = try TaskWorker(store: store, handlers: handlers, logger: .silent)
      try await run(worker) {
        try await eventually("outcomes are refused again and again") {
          try await store.number("SELECT last_value FROM public.refusals") >= 4
        }
        try await store.pool.query("DROP TRIGGER refuse ON taskqueue.task")
        try await eventually("all are recorded") { try await client.counts().isEmpty }
      }
      #expect(runs.withLock { $0.count == 10 && $0.values.allSatisfy { $0 == 1 } })
    }
  }
}
