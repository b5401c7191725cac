import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension NewTask {
  /// One task as the last parameters of the function `_receive_event`, which knows one mode of a unique key.
  func parameters(wakes: Bool) throws(TaskQueueError) -> [LibpqValue] {
    let encoder = JSONEncoder()
    var parameters: [LibpqValue] = []
    for column in TaskColumn.all where column.name != "unique_mode" {
      parameters.append(try column.value(of: self, encoder))
    }
    parameters.append(.bool(wakes))
    parameters.append(try TaskColumn.limit.value(of: self, encoder))
    return parameters
  }
}
