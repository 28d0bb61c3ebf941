//! Delivery when destinations are there, full, gone and back.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::io::Read;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::UnixDatagram;

use super::*;

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("regate-log-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn socket(&self) -> String {
        self.0.join("log.sock").to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn opened(address: LogAddress) -> Outlet {
    Outlet::new(address, (&Arc::new(Live::new(1)), &Forwarders::default()))
}

fn put(outlet: &mut Outlet, text: &str) -> u64 {
    outlet.put(|out| out.extend_from_slice(text.as_bytes()))
}

fn received(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn a_unix_socket_is_found_again_when_its_daemon_comes_back() {
    let folder = Folder::new("back");
    let path = folder.socket();
    let mut outlet = opened(LogAddress::Unix(path.clone()));
    assert_eq!(put(&mut outlet, "nobody is there"), 0);
    assert_eq!(outlet.flush(), 1);

    let daemon = UnixDatagram::bind(&path).unwrap();
    // The pause after a failure is over.
    if let Way::Socket(socket) = &mut outlet.way {
        socket.failed = None;
    }
    put(&mut outlet, "one");
    assert_eq!(outlet.flush(), 0);
    assert_eq!(received(&daemon), "one");

    drop(daemon);
    std::fs::remove_file(&path).unwrap();
    let daemon = UnixDatagram::bind(&path).unwrap();
    put(&mut outlet, "two");
    assert_eq!(outlet.flush(), 0);
    assert_eq!(received(&daemon), "two");
}

#[test]
fn a_full_socket_keeps_lines_waiting_within_bounds() {
    let folder = Folder::new("full");
    let daemon = UnixDatagram::bind(folder.socket()).unwrap();
    let mut outlet = opened(LogAddress::Unix(folder.socket()));
    let line = "x".repeat(1000);
    let mut dropped = 0;
    for index in 0..1000 {
        dropped += put(&mut outlet, &format!("{index:03} {line}"));
    }
    dropped += outlet.flush();
    assert!(!outlet.is_empty() && outlet.queue.bytes.len() < QUEUE_BYTES + 2000);
    assert!(dropped > 0);
    let mut next = 0;
    let mut count = 0;
    daemon.set_nonblocking(true).unwrap();
    loop {
        let mut buffer = [0; 4096];
        match daemon.recv(&mut buffer) {
            Ok(length) => {
                let index: u32 = std::str::from_utf8(&buffer[..3]).unwrap().parse().unwrap();
                assert!(index >= next && length == 1004);
                (next, count) = (index + 1, count + 1);
            }
            Err(_) if outlet.is_empty() => break,
            Err(_) => assert_eq!(outlet.flush(), 0),
        }
    }
    assert_eq!(count + dropped, 1000);
}

#[test]
fn a_refusing_udp_port_costs_lines_and_nothing_else() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut outlet = opened(LogAddress::Udp(port));
    let mut dropped = 0;
    for _ in 0..10 {
        put(&mut outlet, "lost");
        dropped += outlet.flush();
        assert!(outlet.is_empty());
    }
    assert!(dropped > 0);
    let Ok(daemon) = UdpSocket::bind(port) else { return };
    daemon.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // The first may still meet the report of the line before.
    for _ in 0..2 {
        put(&mut outlet, "heard");
        outlet.flush();
    }
    let mut buffer = [0; 100];
    assert_eq!(daemon.recv(&mut buffer).unwrap(), 5);
}

#[test]
fn a_line_that_no_datagram_holds_is_dropped_alone() {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    daemon.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut outlet = opened(LogAddress::Udp(daemon.local_addr().unwrap()));
    put(&mut outlet, "before");
    put(&mut outlet, &"x".repeat(70_000));
    put(&mut outlet, "after");
    assert_eq!(outlet.flush(), 1);
    let mut buffer = [0; 100];
    assert_eq!(daemon.recv(&mut buffer).unwrap(), 6);
    assert_eq!(daemon.recv(&mut buffer).unwrap(), 5);
}

#[test]
fn a_descriptor_gets_every_line_from_the_writer() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let number = u32::try_from(writer.as_raw_fd()).unwrap();
    let mut outlet = opened(LogAddress::Descriptor(number));
    for index in 0..100 {
        assert_eq!(put(&mut outlet, &format!("line {index}\n")), 0);
    }
    assert_eq!(outlet.flush(), 0);
    let expected: String = (0..100).map(|index| format!("line {index}\n")).collect();
    let mut text = vec![0; expected.len()];
    reader.read_exact(&mut text).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    // The number stays taken: the writer knows it for good.
    let _ = writer.into_raw_fd();
}

#[test]
fn a_descriptor_that_is_not_open_costs_lines() {
    let mut outlet = opened(LogAddress::Descriptor(9_999));
    put(&mut outlet, "lost");
    assert_eq!(outlet.flush(), 1);
}

#[test]
fn a_writer_that_is_held_up_loses_what_does_not_fit() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let number = u32::try_from(writer.as_raw_fd()).unwrap();
    let mut outlet = opened(LogAddress::Descriptor(number));
    let line = format!("{}\n", "x".repeat(999));
    let mut dropped = 0;
    for _ in 0..4000 {
        dropped += put(&mut outlet, &line);
    }
    dropped += outlet.flush();
    assert!(dropped > 0);
    let expected = (4000 - usize::try_from(dropped).unwrap()) * line.len();
    let mut text = vec![0; expected];
    reader.read_exact(&mut text).unwrap();
    assert!(text.chunks(line.len()).all(|chunk| chunk == line.as_bytes()));
    let _ = writer.into_raw_fd();
}

#[test]
fn outlets_that_nothing_uses_any_more_are_closed() {
    let address = |port: u16| LogAddress::Udp(([127, 0, 0, 1], port).into());
    let mut outlets = Vec::new();
    let (live, forwarders) = (Arc::new(Live::new(1)), Forwarders::default());
    found_or_opened(&mut outlets, &address(1), 100, (&live, &forwarders));
    found_or_opened(&mut outlets, &address(2), 130, (&live, &forwarders));
    found_or_opened(&mut outlets, &address(1), 150, (&live, &forwarders));
    assert_eq!(outlets.len(), 2);
    found_or_opened(&mut outlets, &address(3), 195, (&live, &forwarders));
    let left: Vec<_> = outlets.iter().map(|outlet| outlet.address.clone()).collect();
    assert_eq!(left, [address(1), address(3)]);
}
