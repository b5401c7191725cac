import ArgumentParser

/// A word where a verb of the parent was to stand: says which verb may be meant. Without a word it shows the parent's help.
struct UnknownVerb<Parent: ParsableCommand>: ParsableCommand {
  static var configuration: CommandConfiguration { CommandConfiguration(commandName: "unknown", shouldDisplay: false) }

  @Argument(parsing: .captureForPassthrough) var words: [String] = []

  func run() throws {
    guard let word = words.first else { throw CleanExit.helpRequest(Parent.self) }
    let console = Console(terminal: .current, form: .text)
    let parent = Parent._commandName
    let verbs = Parent.configuration.subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
    let path = parent == TaskQueueCommand._commandName ? parent : "\(TaskQueueCommand._commandName) \(parent)"
    let meant = SimilarWord.of(word, among: verbs).map { " Did you mean \($0)?" } ?? ""
    console.fail("\(path) has no command '\(word)'.\(meant) All of them: \(path) --help")
    throw ExitCode(ExitStatus.usage)
  }
}

/// A word that may be meant by one that was mistyped.
enum SimilarWord {
  /// Letters that may be wrong, missing or too many.
  private static let maxDistance = 2
  private static let maxLength = 40

  /// The nearest one; one that begins with the word counts as near.
  static func of(_ word: String, among words: [String]) -> String? {
    guard word.count <= maxLength else { return nil }
    let near = words.map { (word: $0, distance: $0.hasPrefix(word) ? 1 : distance(Array(word), Array($0))) }
    return near.filter { $0.distance <= min(maxDistance, word.count / 2) }.min { $0.distance < $1.distance }?.word
  }

  /// Levenshtein's: letters to add, drop or change.
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (place, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = place + 1
      for index in right.indices {
        let change = diagonal + (letter == right[index] ? 0 : 1)
        diagonal = row[index + 1]
        row[index + 1] = min(change, row[index] + 1, row[index + 1] + 1)
      }
    }
    return row[right.count]
  }
}
