import ArgumentParser

/// What changes many tasks, or deletes some, is asked about first.
struct ConfirmationOptions: ParsableArguments {
  @Flag(help: "Do not ask. Needed where nobody can be asked, such as in a script.")
  var yes = false

  /// - Parameter question: such as `Purge 7 dead letters?`
  /// - Throws: ``Refusal`` without a yes.
  func ask(_ question: String, _ console: Console) async throws {
    try await ask({ question }, console)
  }

  /// - Parameter question: made only if it is asked.
  func ask(_ question: () async throws -> String, _ console: Console) async throws {
    if yes { return }
    let question = try await question()
    guard console.terminal.isInput, console.terminal.isError else {
      throw Refusal("\(question) There is nobody to ask here: add --yes.")
    }
    Terminal.write("\(PlainText.line(question)) [y/N] ", to: 2)
    let answer = readLine()?.lowercased() ?? ""
    guard ["y", "yes"].contains(answer) else { throw Refusal.declined }
  }
}
