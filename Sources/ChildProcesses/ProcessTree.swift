package import Foundation

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A process and its children, which need not be ours.
package enum ProcessTree {
  /// Sends a signal to a process first, so that it starts no more children when that is `SIGSTOP`, then to its children.
  package static func signal(_ signal: Int32, root: pid_t) {
    send(signal, to: root)
    for child in children(of: root) { send(signal, to: child) }
  }

  /// Kills a process with `SIGKILL`, and its children with it: it is stopped first, so that it starts no more of them.
  package static func kill(root: pid_t) {
    send(SIGSTOP, to: root)
    for process in children(of: root) + [root] { send(SIGKILL, to: process) }
  }

  /// The system's `kill`, which the method above hides.
  private static func send(_ signal: Int32, to process: pid_t) {
    #if canImport(Darwin)
      Darwin.kill(process, signal)
    #elseif canImport(Glibc)
      Glibc.kill(process, signal)
    #elseif canImport(Musl)
      Musl.kill(process, signal)
    #endif
  }

  package static func children(of parent: pid_t) -> [pid_t] {
    #if canImport(Darwin)
      let count = proc_listchildpids(parent, nil, 0)
      guard count > 0 else { return [] }
      var children = [pid_t](repeating: 0, count: Int(count))
      let size = Int32(children.count * MemoryLayout<pid_t>.stride)
      let filled = proc_listchildpids(parent, &children, size)
      return children.prefix(max(0, Int(filled))).filter { $0 > 0 }
    #else
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      return names.compactMap { pid_t($0) }.filter { parentID(of: $0) == parent }
    #endif
  }

  #if !canImport(Darwin)
    /// The fourth field of `/proc/<id>/stat`. The second, the program's name in parentheses, may hold blanks.
    private static func parentID(of process: pid_t) -> pid_t? {
      guard
        let data = FileManager.default.contents(atPath: "/proc/\(process)/stat"),
        let afterName = String(decoding: data, as: UTF8.self).split(separator: ")").last
      else { return nil }
      let fields = afterName.split(separator: " ")
      return fields.count > 1 ? pid_t(fields[1]) : nil
    }
  #endif
}
