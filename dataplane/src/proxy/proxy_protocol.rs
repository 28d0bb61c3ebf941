//! The PROXY protocol, versions 1 and 2: the header in front of a connection that tells the
//! addresses of the connection behind the sender. Reads and writes bytes; never touches a socket.
//! Source: "The PROXY protocol, versions 1 & 2", sections 2.1 and 2.2.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::BufMut;

/// A header that has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the header; the payload of the connection follows.
    pub len: usize,
    /// The addresses behind the sender, or nothing: the sender speaks for itself (`UNKNOWN`,
    /// `LOCAL`) or of a connection that is not TCP over IP, and those of the socket count.
    pub addresses: Option<Addresses>,
    /// Which version the header was in.
    pub version: Version,
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// Who opened the connection.
    pub source: SocketAddr,
    /// Where it was opened to.
    pub destination: SocketAddr,
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// The result of a parse that found nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parse {
    /// The header is whole.
    Complete(Header),
    /// More bytes are needed.
    Partial,
}

/// Why a header is refused. The connection is to be closed: there is nobody to answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub reason: Reason,
    /// Offset of the offending byte, or of the part that holds it.
    pub at: usize,
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Neither `PROXY ` nor the signature of version 2 (section 2).
    Signature,
    /// A line without CRLF in its first 107 bytes (section 2.1).
    LineTooLong,
    /// A family other than `TCP4`, `TCP6` and `UNKNOWN` (section 2.1).
    Family,
    /// An address that is not one of its family in canonical form (section 2.1).
    Address,
    /// A port that is not 0 to 65535, without leading zeros (section 2.1).
    Port,
    /// Something else where the line should end (section 2.1).
    LineEnd,
    /// A version or command that is not assigned (section 2.2).
    Command,
    /// A family or transport that is not assigned (section 2.2).
    Transport,
    /// A length too small for the addresses, or larger than [`HEADER_MOST`] (section 2.2).
    Length,
    /// A type-length-value that reaches past the header (section 2.2).
    Extension,
    /// A checksum that does not match (section 2.2.3).
    Checksum,
}

/// Reads a header of either version from the start of what a connection has sent.
/// Refuses as soon as the bytes cannot become a header.
pub fn parse(buf: &[u8]) -> Result<Parse, Refusal> {
    if buf.first() == Some(&SIGNATURE[0]) { parse_v2(buf) } else { parse_v1(buf) }
}

/// The extensions of a whole header of version 2, each with its type (section 2.2); none of one of version 1.
pub fn extensions(header: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let addresses_len = match (header.get(12), header.get(13)) {
        (Some(command), Some(transport)) if command & 0x0f == PROXY => match transport & 0xf0 {
            INET => INET_LEN,
            INET6 => INET6_LEN,
            UNIX => UNIX_LEN,
            // An unspecified family leaves the start of the extensions unknown.
            _ => header.len(),
        },
        _ => header.len(),
    };
    let is_binary = header.starts_with(SIGNATURE);
    let mut rest = header.get(PREFIX_LEN + addresses_len..).filter(|_| is_binary).unwrap_or_default();
    std::iter::from_fn(move || {
        let ([kind, high, low], tail) = rest.split_first_chunk::<3>()?;
        let (value, next) = tail.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        rest = next;
        Some((*kind, value))
    })
}

/// Appends a header of version 1. Addresses of different families, or none, become `UNKNOWN`.
pub fn push_v1(out: &mut impl BufMut, addresses: Option<&Addresses>) {
    use fmt::Write as _;
    let mut line = Line { bytes: [0; V1_MOST], len: 0 };
    let written = match addresses.map(Addresses::unified) {
        Some((IpAddr::V4(source), IpAddr::V4(destination), ports)) => {
            write!(line, "PROXY TCP4 {source} {destination} {} {}\r\n", ports.0, ports.1)
        }
        Some((IpAddr::V6(source), IpAddr::V6(destination), ports)) => {
            write!(line, "PROXY TCP6 {source} {destination} {} {}\r\n", ports.0, ports.1)
        }
        _ => write!(line, "PROXY UNKNOWN\r\n"),
    };
    debug_assert!(written.is_ok(), "the longest line fits");
    out.put_slice(line.bytes.get(..line.len).unwrap_or_default());
}

/// What a header of version 2 tells besides addresses (section 2.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Extensions<'a> {
    /// Whether there is a checksum of the header.
    pub checksum: bool,
    /// What the sender calls the connection.
    pub unique_id: Option<&'a [u8]>,
    /// Whether it is told that the client came without TLS.
    pub tls: bool,
}

/// Appends a header of version 2. No addresses: the command `LOCAL`.
pub fn push_v2(out: &mut Vec<u8>, addresses: Option<&Addresses>, extensions: &Extensions<'_>) {
    let start = out.len();
    out.put_slice(SIGNATURE);
    let (kind, addresses) = match addresses.map(Addresses::unified) {
        Some((IpAddr::V4(source), IpAddr::V4(destination), ports)) => (
            [VERSION_2 | PROXY, INET | STREAM],
            Some((source.octets().to_vec(), destination.octets().to_vec(), ports)),
        ),
        Some((IpAddr::V6(source), IpAddr::V6(destination), ports)) => (
            [VERSION_2 | PROXY, INET6 | STREAM],
            Some((source.octets().to_vec(), destination.octets().to_vec(), ports)),
        ),
        _ => ([VERSION_2 | LOCAL, 0], None),
    };
    out.put_slice(&kind);
    out.put_u16(0);
    if let Some((source, destination, ports)) = addresses {
        out.put_slice(&source);
        out.put_slice(&destination);
        out.put_u16(ports.0);
        out.put_u16(ports.1);
    }
    let checksum = extensions.checksum.then(|| push_extension(out, TYPE_CRC32C, &[0; 4]));
    if let Some(id) = extensions.unique_id {
        push_extension(out, UNIQUE_ID, id.get(..UNIQUE_ID_MOST).unwrap_or(id));
    }
    if extensions.tls {
        // No flag is set, and nothing was verified: nothing is known of a client without TLS.
        push_extension(out, TYPE_SSL, &[0; 5]);
    }
    let length = out.len().saturating_sub(start + PREFIX_LEN);
    let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    if let Some(place) = out.get_mut(start + PREFIX_LEN - 2..start + PREFIX_LEN) {
        place.copy_from_slice(&length);
    }
    if let Some(at) = checksum {
        let sum = crc32c(&[out.get(start..).unwrap_or_default()]).to_be_bytes();
        if let Some(place) = out.get_mut(at..at + sum.len()) {
            place.copy_from_slice(&sum);
        }
    }
}

/// Appends an extension; gives the place of its value.
fn push_extension(out: &mut Vec<u8>, kind: u8, value: &[u8]) -> usize {
    out.put_u8(kind);
    out.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
    out.put_slice(value);
    out.len() - value.len()
}

impl Addresses {
    /// Both addresses in one family: an IPv4 address beside an IPv6 one is mapped.
    fn unified(&self) -> (IpAddr, IpAddr, (u16, u16)) {
        let ports = (self.source.port(), self.destination.port());
        match (self.source.ip().to_canonical(), self.destination.ip().to_canonical()) {
            (IpAddr::V4(source), IpAddr::V6(destination)) => {
                (source.to_ipv6_mapped().into(), destination.into(), ports)
            }
            (IpAddr::V6(source), IpAddr::V4(destination)) => {
                (source.into(), destination.to_ipv6_mapped().into(), ports)
            }
            (source, destination) => (source, destination, ports),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = match self.reason {
            Reason::Signature => "a PROXY protocol header",
            Reason::LineTooLong => "CRLF within 107 bytes",
            Reason::Family => "TCP4, TCP6 or UNKNOWN",
            Reason::Address => "an address of the family that is named",
            Reason::Port => "a port from 0 to 65535",
            Reason::LineEnd => "CRLF after the ports",
            Reason::Command => "version 2 with command LOCAL or PROXY",
            Reason::Transport => "a family and transport that are assigned",
            Reason::Length => "a length that fits the addresses",
            Reason::Extension => "extensions that end with the header",
            Reason::Checksum => "a checksum that matches",
        };
        write!(f, "byte {}: expected {expected}", self.at)
    }
}

impl std::error::Error for Refusal {}

fn parse_v1(buf: &[u8]) -> Result<Parse, Refusal> {
    begins_with(buf, V1_START)?;
    let window = buf.get(..V1_MOST).unwrap_or(buf);
    let Some(lf) = memchr::memchr(b'\n', window) else {
        if window.len() == V1_MOST {
            return Err(Refusal { reason: Reason::LineTooLong, at: V1_MOST });
        }
        return Ok(Parse::Partial);
    };
    if lf < V1_START.len() || window[lf - 1] != b'\r' {
        return Err(Refusal { reason: Reason::LineEnd, at: lf });
    }
    let mut words = Words { line: &window[..lf - 1], at: V1_START.len() };
    let (at, family) = words.word();
    let addresses = match family {
        // Whatever follows is to be ignored.
        b"UNKNOWN" => None,
        b"TCP4" => Some(words.addresses(|text| text.parse::<Ipv4Addr>().ok().map(IpAddr::V4))?),
        b"TCP6" => Some(words.addresses(|text| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6))?),
        _ => return Err(Refusal { reason: Reason::Family, at }),
    };
    Ok(Parse::Complete(Header { len: lf + 1, addresses, version: Version::V1 }))
}

fn parse_v2(buf: &[u8]) -> Result<Parse, Refusal> {
    begins_with(buf, SIGNATURE)?;
    let Some(&command) = buf.get(12) else { return Ok(Parse::Partial) };
    if command & 0xf0 != VERSION_2 || !matches!(command & 0x0f, LOCAL | PROXY) {
        return Err(Refusal { reason: Reason::Command, at: 12 });
    }
    let Some(&transport) = buf.get(13) else { return Ok(Parse::Partial) };
    let local = command & 0x0f == LOCAL;
    if !local && (transport >> 4 > 3 || transport & 0x0f > 2) {
        return Err(Refusal { reason: Reason::Transport, at: 13 });
    }
    let Some(length) = buf.get(14..16).and_then(|bytes| bytes.first_chunk::<2>()) else {
        return Ok(Parse::Partial);
    };
    let len = PREFIX_LEN + usize::from(u16::from_be_bytes(*length));
    let addresses_len = match transport & 0xf0 {
        _ if local => 0,
        INET => INET_LEN,
        INET6 => INET6_LEN,
        UNIX => UNIX_LEN,
        _ => 0,
    };
    if len > HEADER_MOST || len < PREFIX_LEN + addresses_len {
        return Err(Refusal { reason: Reason::Length, at: 14 });
    }
    let Some(header) = buf.get(..len) else { return Ok(Parse::Partial) };
    // An unspecified family leaves the start of the extensions unknown.
    if !local && transport & 0xf0 != 0 {
        check_extensions(header, PREFIX_LEN + addresses_len)?;
    }
    let addresses = match transport {
        _ if local => None,
        TCP4 => v2_addresses::<4>(header).map(|(source, destination, ports)| Addresses {
            source: SocketAddr::new(Ipv4Addr::from(source).into(), ports.0),
            destination: SocketAddr::new(Ipv4Addr::from(destination).into(), ports.1),
        }),
        TCP6 => v2_addresses::<16>(header).map(|(source, destination, ports)| Addresses {
            source: SocketAddr::new(Ipv6Addr::from(source).into(), ports.0),
            destination: SocketAddr::new(Ipv6Addr::from(destination).into(), ports.1),
        }),
        _ => None,
    };
    Ok(Parse::Complete(Header { len, addresses, version: Version::V2 }))
}

/// Whether the bytes so far can become the mark; a refusal where they cannot.
fn begins_with(buf: &[u8], mark: &[u8]) -> Result<(), Refusal> {
    match buf.iter().zip(mark).position(|(byte, expected)| byte != expected) {
        Some(at) => Err(Refusal { reason: Reason::Signature, at }),
        None => Ok(()),
    }
}

/// Source, destination and their ports.
type Block<const N: usize> = ([u8; N], [u8; N], (u16, u16));

/// The fixed part of an address block with addresses of `N` bytes.
fn v2_addresses<const N: usize>(header: &[u8]) -> Option<Block<N>> {
    let (source, rest) = header.get(PREFIX_LEN..)?.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let (source_port, rest) = rest.split_first_chunk::<2>()?;
    let destination_port = rest.first_chunk::<2>()?;
    Some((*source, *destination, (u16::from_be_bytes(*source_port), u16::from_be_bytes(*destination_port))))
}

/// Walks the extensions and checks the one that protects the header.
fn check_extensions(header: &[u8], mut at: usize) -> Result<(), Refusal> {
    while at < header.len() {
        let wrong = Refusal { reason: Reason::Extension, at };
        let Some([kind, high, low]) = header.get(at..at + 3).and_then(|bytes| bytes.first_chunk::<3>())
        else {
            return Err(wrong);
        };
        let value = at + 3;
        let end = value + usize::from(u16::from_be_bytes([*high, *low]));
        let Some(bytes) = header.get(value..end) else { return Err(wrong) };
        if *kind == TYPE_CRC32C {
            let stored = bytes.try_into().map(u32::from_be_bytes).map_err(|_| wrong)?;
            let zeroed = [&header[..value], &[0; 4], &header[end..]];
            if crc32c(&zeroed) != stored {
                return Err(Refusal { reason: Reason::Checksum, at });
            }
        }
        at = end;
    }
    Ok(())
}

/// CRC32c of the parts together, bit by bit: headers are short and checksums in them rare.
fn crc32c(parts: &[&[u8]]) -> u32 {
    let mut sum = u32::MAX;
    for byte in parts.iter().copied().flatten() {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (CASTAGNOLI & (sum & 1).wrapping_neg());
        }
    }
    !sum
}

/// Words of a line of version 1, which one space separates.
struct Words<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    /// The next word, with its offset; empty at the end.
    fn word(&mut self) -> (usize, &'a [u8]) {
        let at = self.at;
        let rest = self.line.get(at..).unwrap_or_default();
        let len = memchr::memchr(b' ', rest).unwrap_or(rest.len());
        self.at = at + len + 1;
        (at, &rest[..len])
    }

    fn addresses(&mut self, address: impl Fn(&str) -> Option<IpAddr>) -> Result<Addresses, Refusal> {
        let mut ip = || {
            let (at, word) = self.word();
            let parsed = std::str::from_utf8(word).ok().and_then(&address);
            parsed.ok_or(Refusal { reason: Reason::Address, at })
        };
        let (source, destination) = (ip()?, ip()?);
        let (source_port, destination_port) = (self.port()?, self.port()?);
        if self.at <= self.line.len() {
            return Err(Refusal { reason: Reason::LineEnd, at: self.at - 1 });
        }
        Ok(Addresses {
            source: SocketAddr::new(source, source_port),
            destination: SocketAddr::new(destination, destination_port),
        })
    }

    fn port(&mut self) -> Result<u16, Refusal> {
        let (at, word) = self.word();
        let canonical =
            word.iter().all(u8::is_ascii_digit) && (word.len() == 1 || word.first() != Some(&b'0'));
        let number = std::str::from_utf8(word).ok().and_then(|text| text.parse().ok());
        number.filter(|_| canonical).ok_or(Refusal { reason: Reason::Port, at })
    }
}

/// A line being written, of bounded length.
struct Line {
    bytes: [u8; V1_MOST],
    len: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// The longest header of version 2 that is taken: addresses and a few kilobytes of extensions.
pub const HEADER_MOST: usize = 4096;

const V1_START: &[u8] = b"PROXY ";
/// The longest line of version 1, with its CRLF.
const V1_MOST: usize = 107;
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const PREFIX_LEN: usize = 16;
const VERSION_2: u8 = 0x20;
const LOCAL: u8 = 0;
const PROXY: u8 = 1;
const STREAM: u8 = 1;
const INET: u8 = 0x10;
const INET6: u8 = 0x20;
const UNIX: u8 = 0x30;
const TCP4: u8 = INET | STREAM;
const TCP6: u8 = INET6 | STREAM;
const INET_LEN: usize = 12;
const INET6_LEN: usize = 36;
const UNIX_LEN: usize = 216;
/// The type of the extension with the name of the host that the client asked for.
pub const AUTHORITY: u8 = 2;
/// The type of the extension with what the sender calls the connection.
pub const UNIQUE_ID: u8 = 5;
const TYPE_CRC32C: u8 = 3;
const TYPE_SSL: u8 = 0x20;
/// Bytes of the longest identifier (section 2.2.5).
const UNIQUE_ID_MOST: usize = 128;
const CASTAGNOLI: u32 = 0x82f6_3b78;

#[cfg(test)]
#[path = "proxy_protocol_tests.rs"]
mod tests;
