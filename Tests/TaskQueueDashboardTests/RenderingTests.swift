import Foundation
@_spi(Store) import TaskQueue
import Testing

@testable import TaskQueueDashboard

@Suite("How the dashboard puts things")
struct RenderingTests {
  @Test("No template can leave the escaping out, and none has styles or scripts of its own")
  func templates() {
    for (name, bytes) in PageTemplates.all {
      let text = String(decoding: bytes, as: UTF8.self)
      #expect(!text.contains("{{{") && !text.contains("{{&") && !text.contains("CONTENT_TYPE"), "\(name)")
      #expect(!text.contains("style=") && text.firstMatch(of: /\son[a-z]+=/) == nil, "\(name)")
      // An attribute that a value fills is in quotes.
      #expect(text.firstMatch(of: /=\{\{/) == nil, "\(name)")
    }
    #expect(PageTemplates.all.count > 20)
  }

  @Test("Escaping goes by scalars, and shows what cannot be seen")
  func escaping() {
    let escape = SafeHTML().escapeText
    #expect(escape("<a href=\"x\">'&`") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#96;")
    #expect(escape("\"\u{301}<\u{338}&\u{20DD}").unicodeScalars.allSatisfy { $0 != "\"" && $0 != "<" })
    #expect(escape("a\u{0}\u{1B}\u{202E}\u{FEFF}b\n\t") == "a\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}b\n\t")
  }

  @Test("Numbers, times and spans are told as people read them")
  func wording() throws {
    #expect(Wording.count(0) == "0" && Wording.count(1_204_567) == "1,204,567")
    #expect(Wording.count(BoundedCount(1_000, isMore: true)) == "1,000+")
    let now = Date(timeIntervalSince1970: 1_768_000_000)
    #expect(Wording.relative(now.addingTimeInterval(-240), to: now) == "4 min ago")
    #expect(Wording.relative(now.addingTimeInterval(7_300), to: now) == "in 2 h")
    #expect(Wording.relative(.distantFuture, to: now).hasPrefix("in "))
    #expect(Wording.utc(now) == "2026-01-09 23:06:40")
    #expect(Wording.instant("2026-01-09T23:06") == now.addingTimeInterval(-40))
    #expect(Wording.instant(Wording.iso(now)) == now)
    #expect(Wording.instant("yesterday") == nil)
    #expect(
      Wording.json(Data(#"{"a":[1,2.50,{}],"b":"x,{y}:\"z\""}"#.utf8)) == """
        {
          "a": [
            1,
            2.50,
            {}
          ],
          "b": "x,{y}:\\"z\\""
        }
        """
    )
  }

  @Test("Fields of addresses and forms survive the way there and back; none is left out")
  func fields() throws {
    let fields = FormFields([.init(name: "a b", value: "1&2=3+%é"), .init(name: "a b", value: "")])
    func read(_ text: String) throws -> FormFields { try FormFields(urlEncoded: text) }
    #expect(try read(String(fields.query.dropFirst())) == fields)
    #expect(try read("a=1&a=+2+&b&c=%C3%A9")["a"] == "1")
    #expect(try read("a=+2+")["a"] == " 2 ")
    #expect(try read("a=+2+&b=+").trimmed("a") == "2")
    #expect(try read("b=+").trimmed("b") == nil)
    for text in ["a=1&c=%zz", "%ff=1", "a=%", "a=%C3", String(repeating: "a&", count: 5_000)] {
      #expect(throws: Refusal.self, "\(text.prefix(20))") { try read(text) }
    }
  }

  @Test("Attempts per minute become bars, in their minutes, failures apart")
  func charts() {
    let now = Date(timeIntervalSince1970: 600_030)
    func count(_ minutesAgo: Double, _ outcome: String, _ attempts: Int) -> ThroughputCount {
      .init(
        minute: Date(timeIntervalSince1970: 600_000 - minutesAgo * 60),
        queue: "q",
        type: "t",
        outcome: outcome,
        attempts: attempts
      )
    }
    let chart = MinuteChart(
      [count(0, "completed", 4), count(1, "completed", 8), count(1, "failed", 2), count(99, "completed", 7)],
      minutes: 3,
      until: now
    )
    #expect(chart.minutes.map(\.good) == [0, 8, 4])
    #expect(chart.minutes.map(\.bad) == [0, 2, 0])
    #expect(chart.perMinute == 5 && chart.rate == "5")
    let fields = chart.fields(height: 10, label: "x")
    #expect(fields["good"] as? String == "M3 10V0M5 10V6")
    #expect(fields["bad"] as? String == "M3 2V0")
    #expect(chart.grouped(by: 2).minutes.map(\.total) == [10, 4])
  }
}
