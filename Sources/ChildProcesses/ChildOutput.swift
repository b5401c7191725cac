import Synchronization

/// Reads what a child writes, in one place at a time. All functions block: call them on a thread of their own.
final class ChildOutput: Sendable {
  private struct State: ~Copyable, Sendable {
    let descriptor: Descriptor
    var unread: ArraySlice<UInt8> = []
  }

  private let state: Mutex<State>

  init(_ descriptor: consuming Descriptor) {
    state = Mutex(State(descriptor: descriptor))
  }

  /// The text up to the next line break or the end; nil at the end.
  func readLine() -> String? {
    state.withLock { state in
      var searched = state.unread.startIndex
      while true {
        if let end = state.unread[searched...].firstIndex(of: UInt8(ascii: "\n")) {
          let line = String(decoding: state.unread[..<end], as: UTF8.self)
          state.unread = state.unread[(end + 1)...]
          return line
        }
        let bytes = state.descriptor.read()
        if bytes.isEmpty {
          let last = state.unread
          state.unread = []
          return last.isEmpty ? nil : String(decoding: last, as: UTF8.self)
        }
        // A new array, so that what was read before doesn't stay in memory.
        let rest = Array(state.unread)
        searched = rest.count
        state.unread = (rest + bytes)[...]
      }
    }
  }

  /// All that is still to come.
  func readToEnd() -> String {
    state.withLock { state in
      var text = Array(state.unread)
      state.unread = []
      while true {
        let bytes = state.descriptor.read()
        if bytes.isEmpty { return String(decoding: text, as: UTF8.self) }
        text += bytes
      }
    }
  }
}
