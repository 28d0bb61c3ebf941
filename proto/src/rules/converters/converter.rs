//! What converters do, as a value: what the data plane matches on.

use super::super::tables::Told;
use super::super::{Kind, MatchMethod};

/// What is done to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Converter {
    /// Appends a delimiter, a variable and a text, where there is something to append.
    AddItem,
    /// AES in the mode CBC.
    AesCbc(Codec),
    /// AES in the mode GCM.
    AesGcm(Codec),
    /// An operation of two integers.
    Arithmetic(Operation),
    /// Bytes as binary digits.
    Base2,
    /// Base64 (RFC 4648, 4).
    Base64(Codec),
    /// Base64 as it stands in addresses, without padding (RFC 4648, 5).
    Base64Url(Codec),
    /// Chunks of bytes as decimal numbers, the most significant byte first or last.
    BytesAsDecimals {
        /// Whether the most significant byte comes first.
        big: bool,
    },
    /// Chunks of bytes in hexadecimal digits.
    BytesAsHexadecimal,
    /// The value, which is kept in a slot for requests.
    CaptureRequest,
    /// The value, which is kept in a slot for responses.
    CaptureResponse,
    /// Whether it is not zero.
    Bool,
    /// A part of the bytes.
    Bytes,
    /// One of two texts.
    Choose,
    /// The value, while the exchange goes as a word says; otherwise none.
    When,
    /// Flips every bit.
    Complement,
    /// Appends a text, a variable and a text.
    Concatenate,
    /// Cuts at the end of the first line.
    CutLine,
    /// A date of HTTP as seconds since the epoch.
    Date,
    /// Shows the value to who operates.
    Debug,
    /// A message digest by its name.
    Digest,
    /// Whether it is even.
    Even,
    /// A part between delimiters, which may be empty.
    Field,
    /// Whether it is a sound message of FIX.
    FixIsValid,
    /// The value of a tag in a message of FIX.
    FixTag,
    /// A parameter of a `Forwarded` header (RFC 7239).
    ForwardedField,
    /// Whether it is a sound `Forwarded` header.
    ForwardedIsValid,
    /// The name or the port of a node of such a header.
    ForwardedNode(Node),
    /// The name or the port of a node, made for such a header.
    ForwardedMake(Node),
    /// Whether a frontend of this name exists.
    FrontendExists,
    /// A hash that protects nothing.
    Hash(Hash),
    /// Bytes in hexadecimal digits.
    Hexadecimal,
    /// Hexadecimal digits as an integer.
    HexadecimalInteger,
    /// A message authentication code.
    Hmac,
    /// The host of an authority.
    HostOnly,
    /// A date for a header of HTTP.
    HttpDate,
    /// The part of an address that a mask leaves.
    IpMask,
    /// Escapes for a string of JSON.
    JsonEscape,
    /// What a path leads to in JSON.
    JsonQuery,
    /// What a path leads to in the header of a token (RFC 7519).
    JwtHeader,
    /// What a path leads to in the payload of a token.
    JwtPayload,
    /// Whether the signature of a token holds.
    JwtVerify,
    /// The language that is liked best.
    Language,
    /// The length of a text.
    Length,
    /// Lower case.
    Lower,
    /// What a map has for it.
    Map {
        /// How the keys are matched.
        method: MatchMethod,
        /// The type of the values.
        output: Kind,
        /// Whether groups of the expression that matched are put into the value.
        groups: bool,
    },
    /// A field of a packet of MQTT.
    MqttField,
    /// Whether it is a sound packet of MQTT.
    MqttIsValid,
    /// The opposite integer.
    Negate,
    /// Four bytes in the order of the network.
    NetworkOrder,
    /// Whether it is zero.
    Not,
    /// Whether it is odd.
    Odd,
    /// The value of a parameter among others.
    Parameter,
    /// The port of an authority.
    PortOnly,
    /// A field of a message of protocol buffers.
    ProtocolBuffers {
        /// Whether the prefix of gRPC comes first.
        grpc: bool,
    },
    /// Replaces what a regular expression matches.
    RegexReplace,
    /// The bytes from the last to the first.
    Reverse,
    /// The labels of a host name from the last to the first.
    ReverseDomain,
    /// Whether it equals a variable, in a time that tells nothing.
    SecureCompare,
    /// Whether a server is up.
    ServerIsUp,
    /// How many streams wait for a server.
    ServerQueue,
    /// Keeps it in a variable.
    SetVar,
    /// SHA-1.
    Sha1,
    /// SHA-2 of some size.
    Sha2,
    /// How it compares to a variable.
    StringCompare,
    /// Something of the entry of a stick table whose key is the value.
    Table(Told),
    /// A time by a format.
    Time {
        /// What the integer counts.
        unit: Unit,
        /// In the time zone of the process, not in UTC.
        local: bool,
    },
    /// Without certain letters at the beginning.
    TrimStart,
    /// Without certain letters at the end.
    TrimEnd,
    /// Forgets a variable.
    UnsetVar,
    /// Upper case.
    Upper,
    /// Percent-encoding.
    Url(Codec),
    /// How many servers of a backend can be used.
    UsableServers,
    /// A part between delimiters, none of which is empty.
    Word,
    /// The name of an error of a certificate's verification.
    X509Error,
}

/// Both ways of an encoding or a cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// To the encoded form.
    Encode,
    /// Back from it.
    Decode,
}

/// What is done with two integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Their sum.
    Add,
    /// The bits that both have.
    And,
    /// Their quotient, towards zero.
    Divide,
    /// Their product.
    Multiply,
    /// The bits that one has.
    Or,
    /// What a division leaves, with the sign of the first.
    Remainder,
    /// Their difference.
    Subtract,
    /// The bits that one alone has.
    Xor,
}

/// A hash that protects nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// CRC-32 as in Ethernet and gzip.
    Crc32,
    /// CRC-32C (RFC 4960, appendix B).
    Crc32c,
    /// D. J. Bernstein's.
    Djb2,
    /// Of the database sdbm.
    Sdbm,
    /// HAProxy's own.
    Wt6,
    /// XXH3 of 64 bits.
    Xxh3,
    /// xxHash of 32 bits.
    Xxh32,
    /// xxHash of 64 bits.
    Xxh64,
}

/// A half of a node of a `Forwarded` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// The address or the identifier.
    Name,
    /// The port.
    Port,
}

/// What a time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}
