//! The SOCKS4 protocol, as its clients speak it: asking a proxy for a connection to an address.

use std::net::{IpAddr, SocketAddr};

use super::clock::Timer;
use super::stream::{Cut, Stream};

/// Asks the proxy at the other end to go on to an address. IPv6 is unknown to the protocol.
pub(crate) async fn ask(stream: &Stream, to: SocketAddr, timer: &Timer) -> Result<(), Cut> {
    let IpAddr::V4(ip) = to.ip().to_canonical() else { return Err(Cut::Broken) };
    let mut request = vec![VERSION, CONNECT];
    request.extend(to.port().to_be_bytes());
    request.extend(ip.octets());
    request.extend_from_slice(IDENTITY);
    stream.write_all(&request, &[], timer, &mut 0).await?;
    let mut answer = [0; ANSWER];
    let mut filled = 0;
    while let Some(room) = answer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match stream.read(room, timer).await? {
            0 => return Err(Cut::Broken),
            count => filled += count,
        }
    }
    match answer {
        [0, GRANTED, ..] => Ok(()),
        _ => Err(Cut::Broken),
    }
}

const VERSION: u8 = 4;
const CONNECT: u8 = 1;
const GRANTED: u8 = 90;
/// Who asks, as proxies that decide by it know it.
const IDENTITY: &[u8] = b"HAProxy\0";
/// Bytes of an answer.
const ANSWER: usize = 8;
