import Libpq
import Outbox
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Writing events", .database)
struct AppendTests {
  @Test("An event is there if its transaction commits, with its task, and else never was")
  func oneCommit() async throws {
    struct Undone: Error {}
    try await Shop.with { shop in
      await #expect(throws: Undone.self) {
        try await shop.pool.withTransaction { transaction in
          try await shop.append("7", in: transaction)
          throw Undone()
        }
      }
      #expect(try await shop.count() == 0)
      #expect(try await shop.tasks().isEmpty)
      let id = try #require(try await shop.append("7"))
      let event = try #require(try await shop.waiting("7").first)
      #expect(event.id == id)
      #expect(event.sequence == 1, "the number of what was rolled back is used again")
      #expect(String(decoding: event.payload, as: UTF8.self) == #"{"aggregate":"7"}"#)
      #expect(try await shop.tasks().map(\.queue) == [EventOutbox.queue])
    }
  }

  @Test("Twenty concurrent transactions number one aggregate's events without gaps, and they arrive in order")
  func concurrent() async throws {
    struct Undone: Error {}
    try await Shop.with { shop in
      try await shop.publishing {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 1...20 {
            group.addTask {
              for round in 1...5 {
                do {
                  try await shop.pool.withTransaction { transaction in
                    try await shop.append("7", in: transaction)
                    if (number + round).isMultiple(of: 4) { throw Undone() }
                    try await shop.append("7", in: transaction)
                  }
                } catch is Undone {}
              }
            }
          }
          try await group.waitForAll()
        }
        try await shop.allPublished()
        let count = try await shop.count()
        #expect(count == 150)
        shop.transport.expectAll("7", count)
      }
    }
  }

  @Test("Transactions on different aggregates do not wait for one another")
  func noHotRow() async throws {
    try await Shop.with { shop in
      let others = LibpqPool(shop.store.configuration.connection, maxConnections: 1)
      try await shop.pool.withTransaction { transaction in
        try await shop.append("7", in: transaction)
        // Would wait for ever.
        try await others.query("SELECT shop.outbox_append('order', '8', 't', '{}')")
      }
      #expect(try await shop.count() == 2)
      await others.close()
    }
  }

  @Test("While it is off, nothing is written; a log's reader gets events without tasks, which count as published")
  func modes() async throws {
    try await Shop.with(mode: .off) { shop in
      #expect(try await shop.append("7") == nil)
      #expect(try await shop.count() == 0)
      try await shop.outbox.setMode(.log, in: shop.pool)
      #expect(try await shop.outbox.mode(in: shop.pool) == .log)
      #expect(try await shop.append("7") != nil)
      #expect(try await shop.count("published_at IS NOT NULL AND sequence = 1") == 1)
      #expect(try await shop.tasks().isEmpty)
    }
  }

  @Test("A trigger and Swift write the same, by the same counter")
  func fromSQL() async throws {
    try await Shop.with { shop in
      try await shop.pool.executeScript(
        """
        CREATE TABLE public.orders (id bigint PRIMARY KEY, status text);
        CREATE FUNCTION public.order_changed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM shop.outbox_append('order', new.id::text, new.status, to_json(new));
          RETURN new;
        END $$;
        CREATE TRIGGER changed AFTER INSERT OR UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION public.order_changed();
        INSERT INTO public.orders VALUES (7, 'PLACED');
        """
      )
      try await shop.append("7", "PAID")
      try await shop.pool.query("UPDATE public.orders SET status = 'SHIPPED'")
      let events = try await shop.waiting("7")
      #expect(events.map(\.type) == ["PLACED", "PAID", "SHIPPED"])
      #expect(events.map(\.sequence) == [1, 2, 3])
      #expect(try await shop.tasks().count == 1)
    }
  }

  @Test(
    "What exceeds the bounds is refused, and longest names are taken",
    arguments: [
      ("", "7", "t"), ("a:b", "7", "t"), (String(repeating: "a", count: 65), "7", "t"), ("order", "", "t"),
      ("order", String(repeating: "7", count: 113), "t"), ("order", "7", ""), ("order", "7\n", "t"),
    ]
  )
  func bounds(aggregateType: String, aggregateID: String, type: String) async throws {
    try await Shop.with { shop in
      func append(_ aggregateType: String, _ aggregateID: String, _ type: String, bytes: Int = 2) async throws {
        _ = try await shop.pool.withTransaction { transaction in
          try await shop.outbox.append(
            String(repeating: "x", count: bytes - 2),
            type: type,
            aggregateType: aggregateType,
            aggregateID: aggregateID,
            in: transaction
          )
        }
      }
      let error = await #expect(throws: LibpqError.self) { try await append(aggregateType, aggregateID, type) }
      #expect(error?.sqlState == "22023")
      await #expect(throws: LibpqError.self) {
        try await append("order", "7", "t", bytes: EventOutbox.payloadBytes + 1)
      }
      try await append("order", "7", "t", bytes: EventOutbox.payloadBytes)
      try await append(
        String(repeating: "a", count: 64),
        String(repeating: "7", count: 112),
        String(repeating: "t", count: 128)
      )
      #expect(try await shop.tasks().count == 2)
    }
  }

  @Test("The longest schema's name, one that needs quotes, and a queue in another schema; twice, and many at once")
  func migrates() async throws {
    let database = try #require(TestDatabase.current)
    let pool = LibpqPool(database.postgresConfiguration, maxConnections: 8)
    try await Migrator(configuration: database.postgresConfiguration, schema: "other queue").migrate()
    for schema in [String(repeating: "s", count: 63), "a \"b\" c"] {
      let outbox = EventOutbox(schema: schema, taskQueueSchema: "other queue")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 1...6 { group.addTask { try await outbox.migrate(pool) } }
        try await group.waitForAll()
      }
      try await outbox.setMode(.publisher, in: pool)
      try await outbox.migrate(pool)
      #expect(try await outbox.mode(in: pool) == .publisher, "migrating again changes nothing")
      _ = try await pool.withTransaction { transaction in
        try await outbox.append(
          1,
          type: "t",
          aggregateType: String(repeating: "a", count: 64),
          aggregateID: String(repeating: "7", count: 112),
          in: transaction
        )
      }
      #expect(try await outbox.recover(longerThan: .zero, in: pool) == 0, "the task is found under its key")
    }
    let tasks = try await pool.query(#"SELECT count(*) FROM "other queue".task"#)
    #expect(try tasks[0].int8(0) == 2)
    for schema in ["", "a:b", String(repeating: "s", count: 64)] {
      await #expect(throws: TaskQueueError.self) { try await EventOutbox(schema: schema).migrate(pool) }
    }
    await pool.close()
  }
}
