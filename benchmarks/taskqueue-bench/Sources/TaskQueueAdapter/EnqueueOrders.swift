import Foundation

/// The harness's orders on standard input: `ENQUEUE 20`, one a line.
enum EnqueueOrders {
  /// Orders that wait here for a slow database, at most; at the harness's 40 a second that is 100 s. Those over it are
  /// not obeyed.
  private static let limit = 4_096

  /// How many jobs each order wants. Ends with standard input; a thread waits there for as long as the process lives.
  static func read() -> AsyncStream<Int> {
    let (orders, continuation) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingOldest(limit))
    Thread.detachNewThread {
      while let line = readLine() {
        if let count = count(line) { continuation.yield(count) }
      }
      continuation.finish()
    }
    return orders
  }

  /// nil: it is none.
  static func count(_ line: String) -> Int? {
    let words = line.split(separator: " ")
    guard words.count == 2, words[0] == "ENQUEUE", let count = Int(words[1]), count > 0 else { return nil }
    return count
  }
}
