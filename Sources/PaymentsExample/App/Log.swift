package import Logging

/// The commands' loggers: to standard error, so that standard output stays for what was asked for.
package enum Log {
  package static func make(_ label: String, level: Logger.Level = .notice) -> Logger {
    var logger = Logger(label: label, factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = level
    return logger
  }

  /// For libraries that would otherwise talk about every start and stop.
  package static func quiet(_ label: String) -> Logger {
    make(label, level: .critical)
  }
}
