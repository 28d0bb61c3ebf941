//! The harness checks itself: origin and client directly, and both round Debian's HAProxy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::time::Duration;

use regate_tests::harness::client::{End, fetch};
use regate_tests::harness::origin::pattern;
use regate_tests::harness::{
    Answer, Framing, HttpClient, Kind, Origin, Port, Proxy, RawClient, Result, Step, oracle,
};

#[test]
fn origin_answers_in_every_framing() -> Result<()> {
    let origin = Origin::start("alpha")?;
    assert_eq!(fetch(origin.address(), "/")?.text(), "alpha");

    for framing in [Framing::Length, Framing::Chunked(1000), Framing::Close] {
        origin.answer(Answer::sized(70_000).framing(framing).header("X-Case", "Kept"));
        let exchange = fetch(origin.address(), "/body")?;
        assert_eq!(exchange.body, pattern(70_000), "{framing:?}");
        assert_eq!(exchange.until_close, framing == Framing::Close);
        assert!(exchange.headers.contains(&("X-Case".to_owned(), "Kept".to_owned())));
    }

    origin.answer(
        Answer::text("late")
            .interim(103, "Early Hints", &[("Link", "</a>")])
            .framing(Framing::Chunked(2))
            .trailer("T", "v"),
    );
    let exchange = fetch(origin.address(), "/hints")?;
    assert_eq!(exchange.interim, [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".to_vec()]);
    assert_eq!(exchange.trailers, b"T: v\r\n\r\n");
    assert_eq!(exchange.text(), "late");
    Ok(())
}

#[test]
fn origin_keeps_connections_and_every_byte() -> Result<()> {
    let origin = Origin::start("alpha")?;
    origin.answer_by(|request| Answer::text(&format!("{} {}", request.target, request.body.len())));
    let mut client = HttpClient::connect(origin.address())?;
    assert_eq!(client.request("POST", "/a", &[], b"12345")?.text(), "/a 5");
    client.send("POST /b HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n")?;
    assert_eq!(client.read("POST")?.text(), "/b 3");
    let head = client.request("HEAD", "/c", &[], b"")?;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("4"), 0));

    let requests = origin.wait_for_requests(3)?;
    assert!(requests.iter().all(|request| request.connection == 0));
    let joined: Vec<u8> = requests.iter().flat_map(|request| request.raw.clone()).collect();
    assert_eq!(origin.received(), [joined]);
    Ok(())
}

#[test]
fn origin_follows_a_script() -> Result<()> {
    let origin = Origin::start("alpha")?;
    origin.script(vec![
        Step::ReadUntil(b"knock".to_vec()),
        Step::Send(b"who".to_vec()),
        Step::Read(2),
        Step::CloseWrite,
        Step::ReadToEnd,
    ]);
    origin.script(vec![Step::Read(1), Step::Reset]);
    let mut client = RawClient::connect(origin.address())?;
    client.send("knock")?;
    assert_eq!(client.take(3)?, b"who");
    client.send("me")?;
    assert_eq!(client.take_to_end()?, b"");
    assert_eq!(client.ended(), Some(End::Closed));

    let mut client = RawClient::connect(origin.address())?;
    client.send("x")?;
    client.take_to_end()?;
    assert_eq!(client.ended(), Some(End::Reset));

    // Past the scripts it is a web server again.
    assert_eq!(fetch(origin.address(), "/")?.text(), "alpha");
    Ok(())
}

#[test]
fn a_missed_deadline_names_what_was_awaited() -> Result<()> {
    let origin = Origin::start("alpha")?;
    origin.script(vec![Step::Send(b"half".to_vec()), Step::Hold]);
    let mut client = RawClient::connect(origin.address())?;
    client.set_deadline(Duration::from_millis(50));
    let trouble = client.take_through(b"whole").expect_err("it never comes").to_string();
    assert!(trouble.contains("\"whole\"") && trouble.contains("half"), "{trouble}");
    Ok(())
}

#[test]
fn the_oracle_serves_and_is_asked() -> Result<()> {
    let origins = [Origin::start("alpha")?, Origin::start("beta")?];
    let port = Port::reserve()?;
    let mut proxy = Proxy::start(Kind::Haproxy, &configuration(&port, &origins))?;

    let mut client = HttpClient::connect(port.address())?;
    let mut names: Vec<String> = (0..4).map(|_| Ok(client.fetch("/x")?.text())).collect::<Result<_>>()?;
    names.sort();
    assert_eq!(names, ["alpha", "alpha", "beta", "beta"]);
    assert!(origins[0].wait_for_requests(2)?.iter().all(|request| request.target == "/x"));

    assert_eq!(proxy.ask("get weight app/s1")?, "1 (initial 1)\n\n");
    assert!(proxy.process.cpu()?.total > 0);
    assert!(proxy.process.memory()?.proportional > 0);
    proxy.stop()?;
    assert!(RawClient::connect(port.address()).is_err());
    Ok(())
}

#[test]
fn the_oracle_checks_and_refuses() -> Result<()> {
    let origins = [Origin::start("alpha")?, Origin::start("beta")?];
    let port = Port::reserve()?;
    let good = configuration(&port, &origins);
    assert!(Proxy::check(Kind::Haproxy, &good)?.0.success());
    let bad = good.replace("balance roundrobin", "balance sideways");
    let (status, words) = Proxy::check(Kind::Haproxy, &bad)?;
    assert!(!status.success() && words.contains("balance only supports"), "{words}");
    let trouble = Proxy::start(Kind::Haproxy, &bad).map(|_| ()).expect_err("it cannot start");
    assert!(trouble.to_string().contains("balance only supports"), "{trouble}");
    assert!(oracle::version()?.starts_with(|first: char| first.is_ascii_digit()));
    Ok(())
}

#[test]
fn an_origin_that_goes_away_is_a_503_of_the_oracle() -> Result<()> {
    let origins = [Origin::start("alpha")?, Origin::start("beta")?];
    let port = Port::reserve()?;
    let text = configuration(&port, &origins);
    drop(origins);
    let _proxy = Proxy::start(Kind::Haproxy, &text)?;
    let exchange = fetch(port.address(), "/")?;
    assert_eq!(exchange.status, 503);
    assert_eq!(exchange.header("content-length"), Some("107"));
    Ok(())
}

fn configuration(port: &Port, origins: &[Origin; 2]) -> String {
    format!(
        "global\n  stats socket @folder@/admin.sock level admin\n\
         defaults\n  mode http\n  retries 0\n  timeout connect 5s\n  timeout client 20s\n  timeout server 20s\n\
         frontend web\n  bind 127.0.0.1:{port}\n  default_backend app\n\
         backend app\n  balance roundrobin\n  server s1 {}\n  server s2 {}\n",
        origins[0].address(),
        origins[1].address()
    )
}
