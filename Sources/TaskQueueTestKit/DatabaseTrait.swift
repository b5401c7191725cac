#if canImport(Testing)
  public import Testing

  /// Gives each test, and each case of a parameterized test, a database of its own: ``TestDatabase/current``.
  public struct DatabaseTrait: TestTrait, SuiteTrait, TestScoping {
    let migrated: Bool

    /// A suite hands the trait on to its tests.
    public var isRecursive: Bool { true }

    public func provideScope(
      for test: Test,
      testCase: Test.Case?,
      performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
      try await withTestDatabase(migrated: migrated) { database in
        try await TestDatabase.$current.withValue(database) {
          try await function()
        }
      }
    }
  }

  extension Trait where Self == DatabaseTrait {
    /// A database with TaskQueue's tables, as by ``withTestDatabase(migrated:_:)``.
    public static var database: Self { database(migrated: true) }

    /// A database with TaskQueue's tables or an empty one, as by ``withTestDatabase(migrated:_:)``.
    public static func database(migrated: Bool) -> Self { DatabaseTrait(migrated: migrated) }
  }
#endif
