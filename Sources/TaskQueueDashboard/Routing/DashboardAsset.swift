import Crypto
import HTTPTypes
import Hummingbird
import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A file that pages use. Its name has a hash of what is in it, so that browsers may keep it for ever. Anybody may read it: it holds nothing.
struct DashboardAsset: Sendable {
  let name: String
  let mediaType: String
  let bytes: [UInt8]

  static let style = DashboardAsset("dashboard", "css", "text/css; charset=utf-8", PackageResources.dashboard_css)
  static let script = DashboardAsset("dashboard", "js", "text/javascript; charset=utf-8", PackageResources.dashboard_js)
  static let icon = DashboardAsset("icon", "svg", "image/svg+xml", PackageResources.icon_svg)

  private static let all = Dictionary(uniqueKeysWithValues: [style, script, icon].map { ($0.name, $0) })

  private init(_ name: String, _ suffix: String, _ mediaType: String, _ bytes: [UInt8]) {
    let hash = SHA256.hash(data: Data(bytes)).prefix(6).map {
      $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16)
    }
    self.name = "\(name)-\(hash.joined()).\(suffix)"
    self.mediaType = mediaType
    self.bytes = bytes
  }

  /// nil: the path is none of an asset.
  static func response(_ path: [String], _ request: Request) throws(Refusal) -> Response? {
    guard path.count == 2, path[0] == "assets" else { return nil }
    guard let asset = all[path[1]] else { throw .notFound }
    guard request.method == .get || request.method == .head else { throw .methodNotAllowed("GET, HEAD") }
    return Response(
      status: .ok,
      headers: [.contentType: asset.mediaType, .cacheControl: "public, max-age=31536000, immutable"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: asset.bytes))
    )
  }
}
