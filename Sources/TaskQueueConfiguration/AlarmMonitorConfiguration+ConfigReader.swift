public import Configuration
public import TaskQueue

extension AlarmMonitorConfiguration {
  /// The defaults, with what the keys `alarms.…` say: [list](https://github.com/taskqueue/taskqueue/blob/main/docs/configuration.md).
  ///
  /// - Throws: ``TaskQueueError`` that names the key: `invalidConfiguration` for a value that cannot be read; what ``validate()`` throws.
  public init(config: ConfigReader) throws(TaskQueueError) {
    self.init()
    for (type, limit) in try config.pairs(.alarmsRules, example: "receipt.send=10m") ?? [] {
      guard let limit = Duration(configuration: limit) else {
        throw ConfigReader.problem(.alarmsRules, "has \"\(limit)\" for \(type), which is no duration, such as 10m")
      }
      rules.append(AlarmRule(TaskType(type), finalWithin: limit))
    }
    try config.read(.alarmsUnknownAfter, into: &unknownAfter)
    try config.read(.alarmsInterval, into: &interval)
    try config.read(.alarmsPageSize, into: &pageSize)
    try config.read(.alarmsReportLimit, into: &reportLimit)
    let read = self
    try ConfigReader.validate("alarms") { () throws(TaskQueueError) in try read.validate() }
  }
}
