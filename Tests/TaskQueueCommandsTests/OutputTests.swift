import Foundation
import TaskQueuePostgres
import Testing

@testable import TaskQueueCommands

@Suite("What the commands print")
struct OutputTests {
  @Test(
    "Nothing of others reaches a terminal that it would obey, or that misleads",
    arguments: [
      ("plain ü 日本 e\u{301}", "plain ü 日本 e\u{301}"), ("a\nb\tc\rd", "a\\nb\\tc\\rd"), ("\u{1B}[31mred", "\\e[31mred"),
      ("\u{9B}31m", "\\x9B31m"), ("\u{7}\0\u{7F}", "\\x07\\x00\\x7F"), ("a\u{202E}b", "a\\u{202E}b"),
      ("\u{2028}", "\\u{2028}"),
      ("zero\u{200B}width", "zero\\u{200B}width"), ("👩\u{200D}🚀", "👩\u{200D}🚀"), ("\u{E000}", "\\u{E000}"),
    ]
  )
  func escapes(text: String, safe: String) {
    #expect(PlainText.line(text) == safe)
  }

  @Test(
    "Widths are those of terminals",
    arguments: [
      ("abc", 3), ("日本", 4), ("e\u{301}", 1), ("👩\u{200D}🚀", 2), ("❤\u{FE0F}", 2), ("ｆ", 2), ("", 0), ("한", 2),
    ]
  )
  func widths(text: String, width: Int) {
    #expect(DisplayWidth.of(text) == width)
  }

  @Test("What is cut ends with an ellipsis, within the width, and no character is cut in two")
  func cuts() {
    #expect(DisplayWidth.cut("abcdef", to: 6) == "abcdef")
    #expect(DisplayWidth.cut("abcdef", to: 4) == "abc…")
    #expect(DisplayWidth.cut("日本語", to: 4) == "日…")
    #expect(DisplayWidth.cut("abc", to: 0).isEmpty)
    for width in 1...12 {
      #expect(DisplayWidth.of(DisplayWidth.cut("a日👩\u{200D}🚀b語c", to: width)) <= width)
      for line in DisplayWidth.wrapped("some words and averyverylongone 日本語日本語日本語", to: width + 1) {
        #expect(DisplayWidth.of(line) <= width + 1)
      }
    }
    #expect(DisplayWidth.wrapped("one two three", to: 8) == ["one two", "three"])
  }

  @Test("A table fits its width: texts are cut first, then the least columns go", arguments: [20, 40, 60, 80, 200])
  func tables(width: Int) {
    var table = Table([
      .init("id", right: true), .init("type", min: 6), .init("prio", right: true, rank: 2), .init("error", min: 8),
    ])
    table.add(["1", "mail.send", "100", "connection reset by 日本 peer, and then some more words of no use to anybody"])
    table.add(["123456", "a\u{1B}[2Jb", "1", ""])
    let lines = table.lines(width: width, style: Style(isOn: false))
    #expect(lines.count == 3)
    for line in lines { #expect(DisplayWidth.of(line) <= max(width, 24), "\(line)") }
    #expect(lines[0].contains("PRIO") == (width >= 40))
    #expect(!lines.joined().contains("\u{1B}"))
    let coloured = table.lines(width: width, style: Style(isOn: true))
    #expect(coloured[0].contains("\u{1B}[2m"))
  }

  @Test("JSON has nothing that a terminal obeys, and means the same")
  func json() throws {
    let hostile = "\u{1B}[2J\u{9B}\u{202E}\"\\\n😀"
    let payload = #"{"n": 12345678901234567890.10, "s": "\#u{9B}ü\#u{202E}"}"#
    let value: JSONValue = [
      "text": .string(hostile), "payload": .json(Data(payload.utf8)), "none": .null, "empty": [],
      "list": [.int(1), .bool(true)],
    ]
    for isPretty in [true, false] {
      let text = value.text(isPretty: isPretty)
      #expect(!text.unicodeScalars.contains { $0 != "\n" && PlainText.isUnsafe($0) })
      let read = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
      #expect(read["text"] as? String == hostile)
      #expect((read["payload"] as? [String: Any])?["s"] as? String == "\u{9B}ü\u{202E}")
      // Digit for digit.
      #expect(text.contains("12345678901234567890.10"))
    }
    #expect(JSONValue.date(.distantFuture).text(isPretty: false) == "null")
    #expect(JSONValue.date(Date(timeIntervalSince1970: 0.25)).text(isPretty: false) == "\"1970-01-01T00:00:00.250Z\"")
  }

  @Test(
    "Spans and instants of the command line",
    arguments: [
      ("500ms", 0.5), ("90s", 90), ("5m", 300), ("5min", 300), ("1.5h", 5_400), ("7d", 604_800), ("2w", 1_209_600),
    ]
  )
  func spans(text: String, seconds: Double) {
    #expect(SpanArgument(argument: text)?.duration == .seconds(seconds))
  }

  @Test(
    "What is no span or instant is refused",
    arguments: ["", "5", "m", "-5m", "5 m", "1e9d", "nan", "∞h", "yesterday", "2026-13-01"]
  )
  func noSpans(text: String) {
    #expect(SpanArgument(argument: text) == nil)
    #expect(InstantArgument(argument: text) == nil)
  }

  @Test("Instants are RFC 3339, a day, or a time ago")
  func instants() throws {
    #expect(InstantArgument.date("1970-01-02") == Date(timeIntervalSince1970: 86_400))
    #expect(InstantArgument.date("1970-01-01T00:00:10Z") == Date(timeIntervalSince1970: 10))
    #expect(InstantArgument.date("1970-01-01T01:00:10+01:00") == Date(timeIntervalSince1970: 10))
    let ago = try #require(InstantArgument(argument: "1h")).date.timeIntervalSinceNow
    #expect(abs(ago + 3_600) < 60)
  }

  @Test("Words for the shell and for SQL are quoted where they have to be, a quote with an accent too")
  func quotes() {
    #expect(QuotedText.shellWord("paid/7") == "paid/7")
    #expect(QuotedText.shellWord("it's; rm -rf") == "'it'\\''s; rm -rf'")
    #expect(QuotedText.shellWord("") == "''")
    // As bytes: that is how a shell and PostgreSQL read them.
    #expect(Array(QuotedText.shellWord("x'\u{301};id").utf8) == Array("'x'\\''\u{301};id'".utf8))
    #expect(Array(QuotedText.literal("x'\u{301}").utf8) == Array("'x''\u{301}'".utf8))
    #expect(Array(QuotedText.literal("x\\\u{301}").utf8) == Array("E'x\\\\\u{301}'".utf8))
    #expect(Array(QuotedText.identifier("x\"\u{301}").utf8) == Array("\"x\"\"\u{301}\"".utf8))
  }

  @Test(
    "Rates are read and told",
    arguments: [("10/s", 10, 1), ("600/m", 600, 60), ("5/10s", 5, 10)] as [(String, Int, Int)]
  )
  func rates(text: String, count: Int, seconds: Int) throws {
    let rate = try #require(RateArgument(argument: text))
    #expect(rate.count == count && rate.period == .seconds(seconds))
    #expect(
      RateArgument(argument: "10") == nil && RateArgument(argument: "x/s") == nil
        && RateArgument(argument: "1/x") == nil
    )
  }
}
