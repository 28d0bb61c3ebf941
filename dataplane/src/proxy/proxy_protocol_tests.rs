#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is unexpected")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn header(buf: &[u8]) -> Header {
    match parse(buf) {
        Ok(Parse::Complete(header)) => header,
        other => panic!("{other:?}"),
    }
}

fn addresses(source: &str, destination: &str) -> Addresses {
    Addresses { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

fn v2(command: u8, transport: u8, rest: &[u8]) -> Vec<u8> {
    let len = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, transport], &len, rest].concat()
}

#[test]
fn lines_of_version_1() {
    let rows: &[(&str, Option<Addresses>)] = &[
        (
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
            Some(addresses("192.168.0.1:56324", "192.168.0.11:443")),
        ),
        ("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", Some(addresses("[2001:db8::1]:0", "[::1]:65535"))),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ffff::1 what ever\r\n", None),
    ];
    for (line, expected) in rows {
        let text = format!("{line}GET /");
        let expected = Header { len: line.len(), addresses: *expected, version: Version::V1 };
        assert_eq!(header(text.as_bytes()), expected);
    }
}

#[test]
fn headers_are_refused_for_a_reason_at_a_byte() {
    let long = format!("PROXY UNKNOWN {}", "x".repeat(100));
    let rows: &[(&[u8], Reason, usize)] = &[
        (b"GET / HTTP/1.1\r\n", Reason::Signature, 0),
        (b"PROXY\tTCP4", Reason::Signature, 5),
        (b"PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n", Reason::Family, 6),
        (b"PROXY TCP4 1.1.1 1.1.1.1 1 1\r\n", Reason::Address, 11),
        (b"PROXY TCP4 1.1.1.01 1.1.1.1 1 1\r\n", Reason::Address, 11),
        (b"PROXY TCP4 ::1 ::1 1 1\r\n", Reason::Address, 11),
        (b"PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n", Reason::Address, 11),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n", Reason::Port, 27),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n", Reason::Port, 27),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n", Reason::Port, 29),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", Reason::Port, 29),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n", Reason::LineEnd, 30),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n", Reason::LineEnd, 30),
        (long.as_bytes(), Reason::LineTooLong, 107),
        (b"\r\n\r\n\0\r\nQUIX", Reason::Signature, 10),
        (&v2(0x11, 0x11, &[0; 12]), Reason::Command, 12),
        (&v2(0x22, 0x11, &[0; 12]), Reason::Command, 12),
        (&v2(0x21, 0x41, &[0; 12]), Reason::Transport, 13),
        (&v2(0x21, 0x13, &[0; 12]), Reason::Transport, 13),
        (&v2(0x21, 0x11, &[0; 11]), Reason::Length, 14),
        (&v2(0x21, 0x21, &[0; 35]), Reason::Length, 14),
        (&v2(0x21, 0x31, &[0; 215]), Reason::Length, 14),
        (&v2(0x20, 0, &[0; 5000]), Reason::Length, 14),
        (&v2(0x21, 0x11, &[0; 13]), Reason::Extension, 28),
        (&v2(0x21, 0x11, &[&[0; 12][..], &[4, 0, 1]].concat()), Reason::Extension, 28),
        (&v2(0x21, 0x11, &[&[0; 12][..], &[3, 0, 4, 1, 2, 3, 4]].concat()), Reason::Checksum, 28),
    ];
    for (bytes, reason, at) in rows {
        assert_eq!(
            parse(bytes),
            Err(Refusal { reason: *reason, at: *at }),
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn headers_of_version_2() {
    let block = [1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 1, 0];
    let expected = Some(addresses("1.2.3.4:9", "5.6.7.8:256"));
    let plain = v2(0x21, 0x11, &block);
    assert_eq!(header(&plain), Header { len: 28, addresses: expected, version: Version::V2 });
    let padded = v2(0x21, 0x11, &[&block[..], &[4, 0, 1, 0]].concat());
    assert_eq!(header(&padded), Header { len: 32, addresses: expected, version: Version::V2 });
    for other in [
        v2(0x20, 0, &[]),
        v2(0x20, 0xff, &[1, 2, 3]),
        v2(0x21, 0, &[9; 5]),
        v2(0x21, 0x12, &block),
        v2(0x21, 0x31, &[0; 216]),
    ] {
        assert_eq!(header(&other), Header { len: other.len(), addresses: None, version: Version::V2 });
    }
    // The check value of CRC32c.
    assert_eq!(crc32c(&[b"1234", b"56789"]), 0xe306_9283);
    let mut summed = v2(0x21, 0x11, &[&block[..], &[3, 0, 4, 0, 0, 0, 0]].concat());
    let sum = crc32c(&[&summed]).to_be_bytes();
    summed[31..35].copy_from_slice(&sum);
    assert_eq!(header(&summed).addresses, expected);
}

#[test]
fn extensions_are_told_one_by_one() {
    let authority = b"\x02\0\x08ex.ample";
    let unique = b"\x05\0\x03u-1";
    let rest = [&[0; 12][..], authority, unique, b"\x04\0\0"].concat();
    let bytes = v2(0x21, 0x11, &rest);
    let found: Vec<(u8, &[u8])> = extensions(&bytes).collect();
    assert_eq!(found, [(AUTHORITY, &b"ex.ample"[..]), (UNIQUE_ID, b"u-1"), (4, b"")]);
    // None of them where there is no room for them, or nobody to say where they begin.
    for bytes in [
        v2(0x21, 0x11, &[0; 12]),
        v2(0x20, 0, authority),
        v2(0x21, 0, authority),
        b"PROXY UNKNOWN\r\n".to_vec(),
    ] {
        assert_eq!(extensions(&bytes).count(), 0, "{bytes:?}");
    }
}

#[test]
fn nothing_to_say_and_mixed_families() {
    let mut out = Vec::new();
    push_v1(&mut out, None);
    assert_eq!(out, b"PROXY UNKNOWN\r\n");
    out.clear();
    push_v2(&mut out, None, &Extensions::default());
    assert_eq!(out, v2(0x20, 0, &[]));
    out.clear();
    push_v1(&mut out, Some(&addresses("1.2.3.4:5", "[2001:db8::1]:6")));
    assert_eq!(out, b"PROXY TCP6 ::ffff:1.2.3.4 2001:db8::1 5 6\r\n");
    out.clear();
    push_v1(&mut out, Some(&addresses("[::ffff:1.2.3.4]:5", "1.2.3.5:6")));
    assert_eq!(out, b"PROXY TCP4 1.2.3.4 1.2.3.5 5 6\r\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_written_is_read(
        source in any::<SocketAddr>(), destination in any::<SocketAddr>(), first in any::<bool>(), more in vec(any::<u8>(), 0..9),
    ) {
        let mut buf = Vec::new();
        let sent = Addresses { source, destination };
        if first { push_v1(&mut buf, Some(&sent)) } else { push_v2(&mut buf, Some(&sent), &Extensions::default()) }
        let len = buf.len();
        for cut in 0..len {
            prop_assert_eq!(parse(&buf[..cut]), Ok(Parse::Partial));
        }
        buf.extend_from_slice(&more);
        let read = header(&buf);
        prop_assert_eq!(read.len, len);
        let found = read.addresses.unwrap();
        prop_assert_eq!(found.source.ip().to_canonical(), source.ip().to_canonical());
        prop_assert_eq!(found.destination.ip().to_canonical(), destination.ip().to_canonical());
        prop_assert_eq!((found.source.port(), found.destination.port()), (source.port(), destination.port()));
    }

    #[test]
    fn any_bytes_are_survived(noise in vec(any::<u8>(), 0..300), start in 0usize..3, at in any::<prop::sample::Index>()) {
        let starts: [&[u8]; 3] = [b"", b"PROXY TCP4 1.1.1.1 ", &v2(0x21, 0x11, &[0; 12])];
        let mut bytes = [starts[start], &noise].concat();
        let whole = parse(&bytes);
        // A refusal or a header is the same however much has come, once there is one.
        let cut = at.index(bytes.len() + 1);
        if let Ok(Parse::Partial) = parse(&bytes[..cut]) {} else {
            prop_assert_eq!(parse(&bytes[..cut]), whole);
        }
        if let Some(byte) = bytes.get_mut(cut) {
            *byte ^= 0x20;
            let _ = parse(&bytes);
        }
    }
}
