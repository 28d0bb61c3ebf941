//! Fetches that tell how an exchange fares, newer than Debian's HAProxy: they say what the variables of log lines say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::net::UdpSocket;

use regate_tests::harness::{Answer, HttpClient, Kind, Origin, Port, Proxy, Result, wait};

/// Variables of log lines, and the fetches that tell the same (configuration manual 8.2.4).
const ALIKE: &[(&str, &str)] = &[
    ("%Th", "fc.timer.handshake"),
    ("%Ti", "req.timer.idle"),
    ("%TR", "req.timer.hdr"),
    ("%Tq", "req.timer.tq"),
    ("%Tw", "req.timer.queue"),
    ("%Tc", "bc.timer.connect"),
    ("%Tr", "res.timer.hdr"),
    ("%Td", "res.timer.data"),
    ("%Ta", "txn.timer.total"),
    ("%Tu", "txn.timer.user"),
    ("%Tt", "fc.timer.total"),
    ("%B", "bytes_out"),
    ("%U", "bytes_in"),
    ("%rc", "txn.conn_retries"),
    ("%ts", "txn.sess_term_state"),
    ("%ST", "txn.status"),
    ("%bq", "bc_be_queue"),
    ("%sq", "bc_srv_queue"),
];

#[test]
fn fetches_tell_what_log_lines_say() -> Result<()> {
    let (port, origin) = (Port::reserve()?, Origin::start("s")?);
    origin.answer(Answer::text("hello").header("Set-Cookie", "a=1; Path=/").header("Set-Cookie", "b=2"));
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    sink.set_read_timeout(Some(wait::PATIENCE))?;
    let pairs: Vec<String> = ALIKE.iter().map(|(alias, fetch)| format!("{alias}=%[{fetch}]")).collect();
    let configuration = format!(
        "global
    stats socket @folder@/socket
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port} accept-proxy
    log 127.0.0.1:{} local0
    log-format \"{}\"
    http-response set-header X-Known \"%[txn.status] %[txn.redispatched] %[txn.conn_retries] %[bc_nb_streams] %[fc_nb_streams] %[cur_client_timeout] %[res.cook_names] %[act_conn] %[fc_pp_tlv(0xe0)] %[fc_pp_tlv(authority)]\"
    http-response set-header X-Timed yes if {{ res.timer.hdr ge 0 }} {{ bc.timer.connect ge 0 }} {{ bc_rtt(us) gt 0 }}
    http-response set-header X-Ended yes if {{ res.timer.data -m found }} {{ request_date gt 1000000 }}
    http-request set-header X-Cookies %[req.cook_names(;)]
    http-request deny if {{ path /denied }}
    default_backend b
backend b
    server s 127.0.0.1:{}
",
        sink.local_addr()?.port(),
        pairs.join(" "),
        origin.port()
    );
    let _proxy = Proxy::start(Kind::Regate, &configuration)?;
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x17".to_vec();
    header.extend(b"\x7f\0\0\x01\x7f\0\0\x02\x10\0\0\x50");
    header.extend(b"\x02\0\x02ho\xe0\0\x03own");
    for (target, status) in [("/", 200), ("/denied", 403)] {
        let mut client = HttpClient::connect(port.address())?;
        client.send(&header)?;
        client.send(format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\nCookie: x=1; y=2\r\nConnection: close\r\n\r\n"
        ))?;
        let exchange = client.read("GET")?;
        assert_eq!(exchange.status, status);
        if status == 200 {
            assert_eq!(exchange.header("x-known"), Some("200 0 0 1 1 5000 a,b 1 own ho"));
            assert_eq!(exchange.header("x-timed"), Some("yes"));
            assert_eq!(exchange.header("x-ended"), Some("yes"));
        }
        drop(client);
        let mut line = [0; 4096];
        let length = sink.recv(&mut line)?;
        let line = String::from_utf8_lossy(&line[..length]).into_owned();
        let said = line.split_once("]: ").map_or(line.as_str(), |(_, said)| said);
        assert_eq!(said.split_whitespace().count(), ALIKE.len(), "{line}");
        for (pair, (alias, fetch)) in said.split_whitespace().zip(ALIKE) {
            let (of_line, of_fetch) = pair.split_once('=').unwrap();
            // What was not reached is -1 in one and absent in the other.
            let alike = of_line == of_fetch || (of_line == "-1" && of_fetch == "-");
            assert!(alike, "{alias} and {fetch} of {target}: {pair}");
        }
    }
    assert_eq!(origin.wait_for_requests(1)?[0].header("x-cookies"), Some("x;y"));
    Ok(())
}
