//! Server state files: what was done by hand and found by checks before a restart holds after it, from HAProxy's
//! file as from one's own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::net::TcpListener;

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Folder, Kind, Port, Proxy, Result, wait};

#[test]
fn a_start_goes_on_from_the_file_as_haproxy_does() -> Result<()> {
    let stage = Stage::set()?;
    for writer in [Kind::Haproxy, Kind::Regate] {
        let text = {
            let before = Proxy::start(writer, &stage.configuration(SERVERS, "none"))?;
            DEEDS.iter().try_for_each(|deed| before.ask(deed).map(drop))?;
            before.ask("show servers state")?
        };
        assert!(text.starts_with("1\n# be_id"), "{text}");
        stage.folder.write("states", &text)?;
        stage.folder.write("b", &text)?;
        for (servers, source) in [(SERVERS, "global"), (CHANGED, "local")] {
            let configuration = stage.configuration(servers, source);
            compare(|kind| rows(&Proxy::start(kind, &configuration)?))?;
        }
    }
    let configuration = stage.configuration(SERVERS, "none");
    compare(|kind| rows(&Proxy::start(kind, &configuration)?))
}

#[test]
fn an_address_that_was_set_by_hand_leaves_the_port_of_the_configuration() -> Result<()> {
    let stage = Stage::set()?;
    let port = Port::reserve()?;
    let line = format!("3 b 1 w 127.0.0.9 2 0 10 10 1 1 0 2 0 0 0 0 - {} - 0 0 - - 0", port.number());
    stage.folder.write("states", format!("1\n{line}\n"))?;
    let proxy = Proxy::start(Kind::Regate, &stage.configuration(SERVERS, "global"))?;
    let expected = format!("b w 127.0.0.1 2 0 10 10 {}", stage.origin.local_addr()?.port());
    assert_eq!(rows(&proxy)?.first(), Some(&expected));
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_its_line_and_hinders_nothing() -> Result<()> {
    let stage = Stage::set()?;
    let configuration = stage.configuration(SERVERS, "global");
    let path = stage.folder.join("states");
    let good = "3 b 2 d 127.0.0.1 2 8 1 1 0 1 0 2 0 0 0 0 - 1 - 0 0 - - 0";
    for (text, told) in [
        ("2\n".to_owned(), ":1: the version '1' is expected here, not '2'"),
        (format!("1\n{good}\n3 b 3 m 127.0.0.1\n"), ":3: 5 columns, at least 19 are expected"),
        (format!("1\n{}\n", good.replace(" 2 8 ", " 9 8 ")), ":2: srv_op_state: '9' is not one of 0 to 3"),
    ] {
        std::fs::write(&path, text)?;
        let mut proxy = Proxy::start(Kind::Regate, &configuration)?;
        proxy.process.wait_for_output(&format!("{}{told}", path.display()), wait::PATIENCE)?;
        assert!(rows(&proxy)?.iter().any(|row| row.starts_with("b d 127.0.0.1 2 0 ")));
    }
    std::fs::remove_file(&path)?;
    let mut proxy = Proxy::start(Kind::Regate, &configuration)?;
    proxy.process.wait_for_output("cannot be read", wait::PATIENCE)
}

/// A folder for files of states, and a place where checks find somebody.
struct Stage {
    folder: Folder,
    origin: TcpListener,
}

impl Stage {
    fn set() -> Result<Stage> {
        Ok(Stage { folder: Folder::create()?, origin: TcpListener::bind("127.0.0.1:0")? })
    }

    fn configuration(&self, servers: &str, source: &str) -> String {
        let folder = self.folder.path().display();
        let port = self.origin.local_addr().map(|address| address.port()).unwrap_or_default();
        format!(
            "global
    stats socket @folder@/s.sock level admin
    server-state-base {folder}
    server-state-file states
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
    load-server-state-from-file {source}
backend b
{}",
            servers.replace("PORT", &port.to_string())
        )
    }
}

/// Of each server: where it is, how it stands, what it weighs.
fn rows(proxy: &Proxy) -> Result<Vec<String>> {
    let text = proxy.ask("show servers state b")?;
    let row = |line: &str| {
        let columns: Vec<&str> = line.split(' ').collect();
        [1, 3, 4, 5, 6, 7, 8, 18].map(|at| columns.get(at).copied().unwrap_or("?")).join(" ")
    };
    Ok(text.lines().skip(2).filter(|line| !line.is_empty()).map(row).collect())
}

const SERVERS: &str = "    server w 127.0.0.1:PORT weight 10
    server d 127.0.0.1:PORT
    server m 127.0.0.1:PORT
    server dn 127.0.0.1:PORT check inter 60s
    server dis 127.0.0.1:PORT disabled
    server also 127.0.0.1:PORT disabled
    server h localhost:PORT
    server wch 127.0.0.1:PORT weight 20
    server chk 127.0.0.1:PORT check inter 60s
    server st 127.0.0.1:PORT check inter 60s
    server tr 127.0.0.1:PORT track b/dn
    server both 127.0.0.1:PORT check inter 60s
";

/// The same with other weights, one server less and one more, and others disabled.
const CHANGED: &str = "    server w 127.0.0.1:PORT weight 30
    server m 127.0.0.1:PORT
    server dn 127.0.0.1:PORT check inter 60s
    server dis 127.0.0.1:PORT
    server wch 127.0.0.1:PORT weight 20 disabled
    server new 127.0.0.1:PORT check inter 60s
";

const DEEDS: &[&str] = &[
    "set server b/w weight 5",
    "set server b/d state drain",
    "set server b/m state maint",
    "set server b/dn health down",
    "set server b/dis state ready",
    "set server b/wch weight 50%",
    "disable health b/chk",
    "set server b/st health stopping",
    "set server b/both health down",
    "set server b/both state drain",
];
