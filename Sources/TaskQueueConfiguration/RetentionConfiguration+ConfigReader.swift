public import Configuration
public import TaskQueue

extension RetentionConfiguration {
  /// The defaults, with what the keys `retention.…` say: [list](https://github.com/taskqueue/taskqueue/blob/main/docs/configuration.md). `none` keeps
  /// for ever.
  ///
  /// - Throws: ``TaskQueueError`` that names the key: `invalidConfiguration` for a value that cannot be read; what ``validate()`` throws.
  public init(config: ConfigReader) throws(TaskQueueError) {
    self.init()
    try config.read(.retentionDeadLetters, into: &deadLetters)
    try config.read(.retentionEffects, into: &effects)
    try config.read(.retentionActions, into: &actions)
    let read = self
    try ConfigReader.validate("retention") { () throws(TaskQueueError) in try read.validate() }
  }
}
