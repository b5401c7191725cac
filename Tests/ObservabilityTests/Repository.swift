import Foundation

/// The package's own files.
enum Repository {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// The library's own code: path and text of each file.
  static func sources(_ directories: [String]) throws -> [(path: String, text: String)] {
    try directories.flatMap { directory in
      let base = root.appending(path: "Sources/\(directory)")
      let files = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
      return try files.filter { $0.hasSuffix(".swift") }.map { file in
        (file, try String(contentsOf: base.appending(path: file), encoding: .utf8))
      }
    }
  }

  /// The cells of a table's rows, without ticks; the table is the first one below a heading, or below a line of text.
  static func table(in path: String, below heading: String) throws -> [[String]] {
    let lines = try text(path).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let start = lines.firstIndex(where: { $0.contains(heading) }),
      let first = lines[start...].firstIndex(where: { $0.hasPrefix("|") })
    else { return [] }
    return lines[first...].prefix { $0.hasPrefix("|") }.dropFirst(2).map { line in
      line.dropFirst().dropLast().split(separator: " | ", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: CharacterSet(charactersIn: " `|"))
      }
    }
  }
}
