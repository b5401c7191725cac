/// A value of a JSON text, and where it stands. The members of an object and the elements of an array come right after it, in the order of the
/// text; a member is two nodes, its name and its value.
struct JSONNode {
  enum Kind: UInt8 {
    case object, array
    /// As it stands: without escapes.
    case string
    case escapedString
    /// Digits, with or without a sign.
    case integer
    /// With a fraction or an exponent.
    case number
    case `true`, `false`, null
  }

  /// Of a string or a number: its first byte, without the quote. Of an object: the node of the member to look at first.
  var offset: UInt32
  /// Of a string or a number: its bytes, without quotes. Of an object: its members. Of an array: its elements.
  var length: UInt32
  /// The node after it and all that it holds. While it is read: the node that holds it.
  var next: UInt32
  var kind: Kind
}
