#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

use super::*;

/// A block with its length before it.
fn block(bytes: usize, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&length[4 - bytes..], body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &block(2, body)].concat()
}

/// A record with a client's hello that has these extensions; none at all where they are empty.
fn hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend(block(1, &[9; 32]));
    body.extend(block(2, &[0x13, 1, 0x13, 2]));
    body.extend(block(1, &[0]));
    if !extensions.is_empty() {
        body.extend(block(2, &extensions.concat()));
    }
    record(1, &body)
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let message = [&[kind][..], &block(3, body)].concat();
    [&[0x16, 3, 1][..], &block(2, &message)].concat()
}

fn usual() -> Vec<u8> {
    hello(&[
        extension(0x0a0a, &[]),
        extension(SERVER_NAME as u16, &block(2, &[&[0][..], &block(2, b"ex.ample")].concat())),
        extension(SUPPORTED_GROUPS as u16, &block(2, &[0, 29])),
        extension(ALPN as u16, &block(2, &[block(1, b"h2"), block(1, b"http/1.1")].concat())),
        extension(SESSION_TICKET as u16, &[]),
    ])
}

fn found(bytes: &[u8]) -> Hello<'_> {
    match Hello::read(bytes) {
        Read::Found(hello) => hello,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hello_says_what_is_in_it() {
    let bytes = usual();
    let hello = found(&bytes);
    assert_eq!(hello.server_name(), Some(&b"ex.ample"[..]));
    assert!(hello.protocols().eq([&b"h2"[..], b"http/1.1"]));
    assert!(hello.has_groups());
    assert_eq!(hello.ticket(), 1);
    assert_eq!(handshake_type(&bytes), Read::Found(1));
    assert_eq!(version(&bytes), Read::Found(0x3_0003));
}

#[test]
fn a_hello_without_extensions_says_little() {
    for bytes in [hello(&[]), hello(&[extension(0, &[]), extension(16, &[0, 9, 1])])] {
        let hello = found(&bytes);
        assert_eq!((hello.server_name(), hello.protocols().count()), (None, 0));
        assert!(!hello.has_groups());
        assert_eq!(hello.ticket(), 0);
    }
    let bytes = hello(&[extension(SESSION_TICKET as u16, b"ticket")]);
    assert_eq!(found(&bytes).ticket(), 2);
}

#[test]
fn a_hello_that_is_cut_is_waited_for() {
    let bytes = usual();
    for end in 0..bytes.len() {
        assert_eq!(Hello::read(&bytes[..end]), Read::Partial, "{end}");
        assert_eq!(version(&bytes[..end]), Read::Partial, "{end}");
    }
    // What follows the record is none of its business.
    let longer = [&bytes[..], b"more"].concat();
    assert_eq!(found(&longer).server_name(), Some(&b"ex.ample"[..]));
}

#[test]
fn other_bytes_are_no_hello() {
    let server = record(2, &[b'A'; 44]);
    assert_eq!(Hello::read(&server), Read::Foreign);
    assert_eq!(handshake_type(&server), Read::Found(2));
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x15\x03\x03\0\x02\x02\x28",
        b"\x16\x02\0\0\x04\x01\0\0\0",
        b"\x16\x03\x01\0\x01\x01",
    ] {
        assert_eq!(Hello::read(bytes), Read::Foreign, "{bytes:?}");
        assert_eq!(handshake_type(bytes), Read::Foreign, "{bytes:?}");
    }
}

#[test]
fn an_old_hello_has_a_version() {
    let mut bytes = b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10".to_vec();
    assert_eq!(version(&bytes), Read::Partial);
    bytes.resize(48, b'x');
    assert_eq!(version(&bytes), Read::Found(0x3_0001));
    assert_eq!(handshake_type(&bytes), Read::Foreign);
}

#[test]
fn damaged_hellos_never_break_the_reader() {
    let bytes = usual();
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            if let Read::Found(hello) = Hello::read(&damaged) {
                let _ = (hello.server_name(), hello.protocols().count(), hello.has_groups(), hello.ticket());
            }
        }
    }
}
