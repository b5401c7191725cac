import Foundation

/// A `payments serve` process that dies and comes back on the same port.
actor ChaosServer {
  /// Starts until it is given up.
  static let maxStarts = 40

  let name: String
  let settings: ChaosSettings
  let database: String
  private(set) var port = 0
  private var provider = "http://127.0.0.1:1"
  private var process: WorkerProcess?
  private(set) var kills = 0

  init(name: String, settings: ChaosSettings, database: String) {
    self.name = name
    self.settings = settings
    self.database = database
  }

  /// Takes a free port, which it keeps from now on.
  func reservePort() async throws {
    try await start()
    await kill()
    kills = 0
  }

  func start(provider: String) async throws {
    self.provider = provider
    try await start()
  }

  /// SIGKILL, and waits until it is gone.
  func kill() async {
    guard let process = self.process else { return }
    self.process = nil
    _ = await process.killAndWait()
    kills += 1
  }

  /// Starts it unless it runs; again and again while the database is away.
  func start() async throws {
    if let process = self.process, process.isRunning { return }
    for attempt in 1...Self.maxStarts {
      let process = try WorkerProcess(
        name: name,
        program: settings.program,
        arguments: settings.serveArguments(database: database, provider: provider, port: port),
        environment: settings.environment
      )
      do {
        port = try await process.port()
        self.process = process
        return
      } catch {
        await process.stop()
        if attempt == Self.maxStarts || error is CancellationError { throw error }
        try await Task.sleep(for: .milliseconds(250))
      }
    }
  }

  func stop() async {
    await process?.stop()
    process = nil
  }
}
