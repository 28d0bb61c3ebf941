//! The PROXY protocol's header, both versions.

use regate_dataplane::proxy::proxy_protocol::{Extensions, Parse, parse, push_v1, push_v2};

/// Reads a header; what it says must survive being written and read again, in both versions.
pub fn header(data: &[u8]) {
    let Ok(Parse::Complete(header)) = parse(data) else { return };
    assert!(header.len <= data.len());
    for end in 0..header.len {
        assert!(matches!(parse(&data[..end]), Ok(Parse::Partial)), "{end} bytes of {}", data.escape_ascii());
    }
    let (mut first, mut second) = (Vec::new(), Vec::new());
    push_v1(&mut first, header.addresses.as_ref());
    push_v2(&mut second, header.addresses.as_ref(), &Extensions::default());
    for out in [first, second] {
        match parse(&out) {
            Ok(Parse::Complete(again)) => {
                assert_eq!(again.len, out.len());
                let canonical = |address: std::net::SocketAddr| (address.ip().to_canonical(), address.port());
                let ends = |one: &regate_dataplane::proxy::proxy_protocol::Addresses| {
                    (canonical(one.source), canonical(one.destination))
                };
                assert_eq!(again.addresses.as_ref().map(ends), header.addresses.as_ref().map(ends));
            }
            other => panic!("{}: {other:?}", out.escape_ascii()),
        }
    }
}

/// Headers of both versions, whole and not.
pub fn seeds() -> Vec<Vec<u8>> {
    let text = [
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\n",
        "PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 80 443\r\nGET / HTTP/1.1\r\n",
        "PROXY UNKNOWN anything at all\r\n",
        "PROXY UNKNOWN\r\n",
        "PROXY TCP4 192.0.2.1",
    ];
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let rest = [
        &b"\x21\x11\x00\x0c\x7f\0\0\x01\x7f\0\0\x02\x00\x50\x01\xbb"[..],
        b"\x20\x00\x00\x00",
        b"\x21\x11\x00\x13\x7f\0\0\x01\x7f\0\0\x02\x00\x50\x01\xbb\x04\x00\x04abcd",
        b"\x21\x21\x00\x24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\xff\xff\x01\x02\x03\x04\0\x50\x01\xbb",
        b"\x21\x31\x00\xd8",
    ];
    let mut seeds: Vec<Vec<u8>> = text.iter().map(|text| text.as_bytes().to_vec()).collect();
    seeds.extend(rest.iter().map(|rest| [&signature[..], rest].concat()));
    seeds
}
