import Foundation

/// TCP ports of 127.0.0.1.
enum LoopbackPort {
  /// A port that nothing listens on at this moment. The system gives out others for a while before it repeats one.
  static func free() throws(EmbeddedPostgresError) -> UInt16 {
    #if canImport(Darwin)
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #elseif canImport(Musl)
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #else
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        bind(descriptor, raw, size) == 0 && getsockname(descriptor, raw, &size) == 0
      }
    }
    guard isBound else {
      throw EmbeddedPostgresError(code: .startFailed, message: "No port of 127.0.0.1 is free (errno \(errno)).")
    }
    return UInt16(bigEndian: address.sin_port)
  }
}
