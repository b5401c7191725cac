#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// How payloads become JSON and come back. Enqueuing and handling programs have to agree.
public struct PayloadCoding: Sendable {
  /// Not to be changed after something was encoded by it. Clients encode as it does, mostly without it, with members in the order in which
  /// they are encoded; where they need it after all, an `encode(to:)` runs twice. A subclass of `JSONEncoder` is always used itself.
  public let encoder: JSONEncoder
  /// Not to be changed after it was given to handlers. They decode as it does, mostly without it; where they need it after all, an
  /// `init(from:)` runs twice. A subclass of `JSONDecoder` is always used itself.
  public let decoder: JSONDecoder
  let payloads: PayloadEncoder

  public init(encoder: JSONEncoder = JSONEncoder(), decoder: JSONDecoder = JSONDecoder()) {
    self.encoder = encoder
    self.decoder = decoder
    payloads = PayloadEncoder(by: encoder)
  }

  /// As clients encode payloads.
  package func encode(_ payload: some Encodable) throws -> Data { try payloads.encode(payload) }

  /// For what needs none of its own, and hands it to no app.
  static let shared = PayloadCoding()

  /// Foundation's defaults: a `Date` is a number of seconds since 2001.
  public static var standard: PayloadCoding { PayloadCoding() }

  /// Dates as other languages and PostgreSQL's `json_build_object` write them: ISO 8601 with a zone, such as
  /// `2026-11-27T07:18:26.123456+00:00`. Written in UTC with milliseconds; read with or without a fraction, in any zone.
  public static var iso8601Dates: PayloadCoding {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      // The format cuts where it should round: to a date made of milliseconds another one would come back.
      let milliseconds = (date.timeIntervalSince1970 * 1_000).rounded()
      try container.encode(Date(timeIntervalSince1970: (milliseconds + 0.1) / 1_000).formatted(Self.withFraction))
    }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      let text = try container.decode(String.self)
      if let date = (try? Date(text, strategy: Self.withFraction)) ?? (try? Date(text, strategy: Self.withoutFraction))
      {
        return date
      }
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: Self.noDate
      )
    }
    return PayloadCoding(encoder: encoder, decoder: decoder)
  }

  static let noDate = "Not an ISO 8601 date and time with a zone."
  private static let withFraction = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
  private static let withoutFraction = Date.ISO8601FormatStyle()
}
