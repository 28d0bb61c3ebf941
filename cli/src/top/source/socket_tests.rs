#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

use proptest::prelude::*;

use super::*;
use crate::top::board::{Board, Entry};
use crate::top::doubles::usual;
use crate::top::errand::Order;
use crate::top::sample::{Figure, Standing};

#[test]
fn addresses_are_paths_or_hosts_with_ports() {
    for (text, address) in [
        ("/run/haproxy/admin.sock", Ok(Address::Unix("/run/haproxy/admin.sock".into()))),
        ("unix@a.sock", Ok(Address::Unix("a.sock".into()))),
        ("./a.sock", Ok(Address::Unix("./a.sock".into()))),
        ("127.0.0.1:9999", Ok(Address::Tcp("127.0.0.1:9999".into()))),
        ("ipv6@[::1]:9999", Ok(Address::Tcp("[::1]:9999".into()))),
        ("admin.sock", Err(())),
        ("localhost:", Err(())),
        ("ipv4@127.0.0.1", Err(())),
    ] {
        assert_eq!(Address::parse(text).map_err(|_| ()), address, "{text}");
    }
}

#[test]
fn the_process_is_read_by_the_names_of_its_fields() {
    let text = "Name: HAProxy\nVersion: 2.6.12-1+deb12u1\nNbthread: 4\nUptime_sec: 12\nMaxconn: 2000\n\
                CurrConns: 7\nCumReq: 99\nConnRate: 1\nMaxConnRate: 5\nIdle_pct: 100\nnode: lb: 1\nStopping: 0\n";
    let process = process(text).unwrap();
    assert_eq!(process.product, "HAProxy 2.6.12-1+deb12u1");
    assert_eq!((&*process.node, process.workers, process.uptime), ("lb: 1", 4, 12));
    assert_eq!((process.connections, process.connections_limit, process.requests_total), (7, 2000, 99));
    assert_eq!(process.idle, Some(100));
    assert_eq!(super::process("Unknown command: 'show info'\n"), None);
}

#[test]
fn rows_are_read_by_the_names_of_their_columns() {
    let text = "# pxname,svname,qcur,scur,status,weight,type,last_chk,-,\n\
                www,FRONTEND,,3,OPEN,,0,,-,\n\
                app,s1,0,2,UP,10,2,\"a \"\"b\"\", c\nd\",-,\n\
                app,BACKEND,0,2,UP,10,1,,-,\n\n";
    let rows = rows(text).unwrap();
    let kinds: Vec<Kind> = rows.iter().map(|row| row.key.place.kind).collect();
    assert_eq!(kinds, [Kind::Frontend, Kind::Server, Kind::Backend]);
    assert_eq!(
        rows[1].column("last_chk").as_deref(),
        Some("a \"b\", c\nd".replace('\n', " ").as_str()).or(Some(""))
    );
    assert_eq!((rows[0].figure(Figure::Queue), rows[1].figure(Figure::Queue)), (None, Some(0)));
    assert_eq!(rows[1].standing, Standing::Up);
    assert!(super::rows("Permission denied\n").is_none());
    assert!(super::rows("").is_none());
}

#[test]
fn weights_are_read_by_the_names_of_their_columns() {
    let text = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight\n\
                3 app 1 s1 127.0.0.1 2 0 50 10\n3 app 2 s2 - 2 0 x 10\n\n";
    let weights = weights(text);
    let place =
        |service: &str| Place { kind: Kind::Server, proxy: Arc::from("app"), service: Arc::from(service) };
    assert_eq!(weights.get(&place("s1")), Some(&Weights { initial: 10, set: 50 }));
    assert_eq!(weights.get(&place("s2")), None);
    assert!(super::weights("Permission denied\n").is_empty());
}

#[test]
fn steps_are_spelled_as_commands() {
    let board: Board = usual();
    let spelled = |order, service: &str| -> Result<Vec<String>, String> {
        let found: Vec<&Entry> =
            board.entries.iter().filter(|entry| &*entry.row.key.place.service == service).take(1).collect();
        Errand::plan(order, &found, &board)?.steps.iter().map(spell).collect()
    };
    assert_eq!(spelled(Order::Drain, "s1").unwrap(), ["set server app/s1 state drain"]);
    assert_eq!(spelled(Order::Weight(50), "s1").unwrap(), ["set server app/s1 weight 50"]);
    assert_eq!(spelled(Order::Disable, "FRONTEND").unwrap(), ["disable frontend www"]);
    assert!(spelled(Order::Revert, "s2").is_err());
    assert_eq!(word("a;b"), Err("'a;b' is no name that a command can have".to_owned()));
    assert_eq!(word("a-b_c.d:e"), Ok("a-b_c.d:e"));
}

proptest! {
    #[test]
    fn no_reply_trips_the_readers(text in "[ -~\n\"é,]{0,300}") {
        let _ = process(&text);
        let _ = weights(&text);
        let rows = rows(&format!("# pxname,svname,status,type,\n{text}"));
        prop_assert!(rows.is_some());
        let count = (Records { rest: &text }).count();
        prop_assert!(count <= text.matches('\n').count() + 1);
    }
}
