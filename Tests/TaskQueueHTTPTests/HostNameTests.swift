import TaskQueueHTTP
import Testing

@Suite("Names of hosts")
struct HostNameTests {
  @Test("Only this machine's names and addresses are its own, however they are written")
  func loopback() {
    for host in [
      "127.0.0.1", "127.8.9.1", "localhost", "::1", "[::1]", "0:0:0:0:0:0:0:1", "LOCALHOST.", "shop.localhost",
    ] {
      #expect(HostName(host).isLoopback, "\(host)")
    }
    for host in [
      "0.0.0.0", "::", "10.0.0.1", "example.com", "127.evil.example", "localhost.evil.example", "evillocalhost", "",
      "127.1",
      "127.0.0.1\0.evil.example", "::ffff:127.0.0.1",
    ] {
      #expect(!HostName(host).isLoopback, "\(host)")
    }
  }

  @Test("An address is a dotted quad, or one of IPv6 without a scope")
  func addresses() {
    for host in ["10.0.0.1", "255.255.255.255", "::", "[2001:DB8::1]", "::ffff:10.0.0.1", "fe80::1"] {
      #expect(HostName(host).isAddress, "\(host)")
    }
    for host in [
      "", "10.0.0", "10.0.0.256", "010.0.0.1", "0x0a000001", "167772161", "10.0.0.1:80", "2001:db8::1::", "fe80::1%lo",
      "10.0.0.1 ", "10.0.0.1\0", "example.com",
    ] {
      #expect(!HostName(host).isAddress, "\(host)")
    }
  }

  @Test("An authority is a name or an address with or without a port, and nothing else")
  func authorities() {
    for broken in [
      "[::1", "[x]", "::1", "a:b", "a:123456", "a/b", "é", "a@b", "[::1]x", "", ":80", "a b", "[fe80::1%lo]",
      "[10.0.0.1",
    ] {
      #expect(HostName(authority: broken) == nil, "\(broken)")
    }
    for (right, host) in [
      ("a", "a"), ("a:1", "a"), ("A.Example.:8443", "a.example"), ("[::1]", "::1"), ("[::1]:80", "::1"), ("a:", "a"),
      ("10.0.0.1:8080", "10.0.0.1"), ("my_shop-1", "my_shop-1"),
    ] {
      #expect(HostName(authority: right) == HostName(host), "\(right)")
      #expect(HostName(authority: right)?.text == host)
    }
  }
}
