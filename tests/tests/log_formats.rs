//! Custom log formats and log targets of Regate against Debian's HAProxy: the same exchanges, the same texts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::io::Read;
use std::net::{TcpListener, UdpSocket};

use regate_tests::harness::{Answer, Kind, Origin, Port, Proxy, RawClient, Result, oracle, wait};

/// Every alias that HAProxy 2.6 knows, and whether its digits differ from run to run.
const ALIASES: &[(&str, bool)] = &[
    ("B", true),
    ("CC", false),
    ("CS", false),
    ("H", false),
    ("HM", false),
    ("HP", false),
    ("HPO", false),
    ("HQ", false),
    ("HU", false),
    ("HV", false),
    ("ID", false),
    ("ST", false),
    ("T", true),
    ("Ta", true),
    ("Tc", true),
    ("Td", true),
    ("Th", true),
    ("Ti", true),
    ("Tl", true),
    ("Tq", true),
    ("TR", true),
    ("Tr", true),
    ("Ts", true),
    ("Tt", true),
    ("Tu", true),
    ("Tw", true),
    ("U", true),
    ("ac", true),
    ("b", false),
    ("bc", true),
    ("bi", false),
    ("bp", true),
    ("bq", false),
    ("ci", false),
    ("cp", true),
    ("f", false),
    ("fc", true),
    ("fi", false),
    ("fp", true),
    ("ft", false),
    ("hr", false),
    ("hrl", false),
    ("hs", false),
    ("hsl", false),
    ("lc", true),
    ("ms", true),
    ("pid", true),
    ("r", false),
    ("rc", false),
    ("rt", true),
    ("s", false),
    ("sc", true),
    ("si", false),
    ("sp", true),
    ("sq", false),
    ("sslc", false),
    ("sslv", false),
    ("t", true),
    ("tr", true),
    ("trg", true),
    ("trl", true),
    ("ts", false),
    ("tsc", false),
];

/// What clients send; each makes one line.
const REQUESTS: &[&[u8]] = &[
    b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-A: q\"]|{}\\ z\r\nx-a: last one\r\nCookie: o=1; SRV=abcdefghijkl\r\n\
      Connection: close\r\n\r\n",
    b"GET http://h/p?q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: h\r\nX-A: \xe9\tt\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nBad Header\r\n\r\n",
];

/// Formats with flags, texts and samples, shown for the first request.
const FORMATS: &[&str] = &[
    "a  b  %ST",
    "  x %ST %% [%ST]",
    "%{+Q}o %HM %{-Q}HU %{+E}hr %ST",
    "%{+Q,+E}o %hr %hrl %hs %CC %CS %ST",
    "%{+X}ci %{+X}fi %ST",
    "%[src] %{+Q}[src] %[src,ipmask(8)] %ST",
    "%[str(a b)] %[str( a )] %{+E}[str(a]b)] %[int(-3)] %[bool(true)] %ST",
    "%[capture.req.hdr(0)]|%{+Q}[capture.req.hdr(1)]|%[capture.res.hdr(0)] %ST",
    "%[unique-id] %ID %ST",
];

#[test]
fn every_alias_is_haproxys() -> Result<()> {
    oracle::compare(|kind| {
        let mut seen = Vec::new();
        for flags in ["", "{+Q}"] {
            let parts: Vec<String> =
                ALIASES.iter().map(|(name, _)| format!("{name}=%{flags}{name}")).collect();
            let format = parts.join(";;");
            for (at, line) in lines(kind, &[&format], REQUESTS)?.iter().enumerate() {
                for part in line.split(";;") {
                    let (name, value) = part.split_once('=').unwrap_or((part, ""));
                    let hides = ALIASES.iter().any(|(known, hides)| known == &name && *hides);
                    let value = if hides { masked(value) } else { value.to_owned() };
                    seen.push(format!("request {at} %{flags}{name} = {value}"));
                }
            }
        }
        Ok(seen)
    })
}

#[test]
fn flags_texts_and_samples_are_haproxys() -> Result<()> {
    oracle::compare(|kind| lines(kind, FORMATS, &REQUESTS[..1]))
}

#[test]
fn targets_are_dressed_as_haproxy_dresses_them() -> Result<()> {
    oracle::compare(|kind| {
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        sink.set_read_timeout(Some(wait::PATIENCE))?;
        let (plain, counted) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
        let port = Port::reserve()?;
        let udp = sink.local_addr()?.port();
        let formats = ["rfc3164", "rfc5424", "local", "short", "priority", "timed", "iso", "raw"];
        let targets: Vec<String> = formats
            .iter()
            .map(|format| format!("    log 127.0.0.1:{udp} format {format} local0\n"))
            .collect();
        let configuration = format!(
            "global\n{}    log tcp@127.0.0.1:{} format short local0\n    log ring@buffer local0\n    log-tag haproxy\n\
             ring buffer\n    format priority\n    maxlen 1200\n    size 32768\n    timeout connect 5s\n\
             \x20   timeout server 5s\n    server s1 127.0.0.1:{} log-proto octet-count\n\
             defaults\n    mode http\n    log global\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\n\
             frontend web\n    bind 127.0.0.1:{}\n    log-format \"said %ST %ts\"\n    log-format-sd \"[id@1 a=%ST]\"\n",
            targets.concat(),
            plain.local_addr()?.port(),
            counted.local_addr()?.port(),
            port.number(),
        );
        let _proxy = Proxy::start(kind, &configuration)?;
        let mut client = RawClient::connect(port.address())?;
        client.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")?;
        client.take_to_end()?;
        let (mut first, _) = plain.accept()?;
        let (mut second, _) = counted.accept()?;
        let mut seen = Vec::new();
        for _ in formats {
            seen.push(header(&received(&sink)?));
        }
        for (stream, length) in
            [(&mut first, "<6>said 503 SC\n".len()), (&mut second, "18 <134>said 503 SC".len())]
        {
            stream.set_read_timeout(Some(wait::PATIENCE))?;
            let mut bytes = vec![0; length];
            stream.read_exact(&mut bytes)?;
            seen.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(seen)
    })
}

/// The line of each request to a frontend of each format.
fn lines(kind: Kind, formats: &[&str], requests: &[&[u8]]) -> Result<Vec<String>> {
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    sink.set_read_timeout(Some(wait::PATIENCE))?;
    let origin = Origin::start("alpha")?;
    origin.answer_by(|_| {
        Answer::text("alpha").header("X-R", "one, two").header("Set-Cookie", "SRV=next; path=/")
    });
    let binds: Vec<Port> = formats.iter().map(|_| Port::reserve()).collect::<Result<_>>()?;
    let mut configuration = format!(
        "global\n    log 127.0.0.1:{} len 8192 format raw local0\n\
         defaults\n    mode http\n    log global\n    timeout connect 1s\n    timeout client 5s\n    timeout server 5s\n",
        sink.local_addr()?.port()
    );
    for (at, (format, bind)) in formats.iter().zip(&binds).enumerate() {
        configuration.push_str(&format!(
            "frontend f{at}\n    bind 127.0.0.1:{}\n    default_backend be\n    capture request header X-A len 30\n\
             \x20   capture request header X-B len 10\n    capture response header X-R len 6\n\
             \x20   capture cookie SRV= len 12\n    unique-id-format id-%ci\n    unique-id-header X-ID\n\
             \x20   log-format \"{format}\"\n",
            bind.number()
        ));
    }
    configuration.push_str(&format!("backend be\n    server s1 127.0.0.1:{}\n", origin.port()));
    let _proxy = Proxy::start(kind, &configuration)?;
    let mut all = Vec::new();
    for bind in &binds {
        for request in requests {
            let mut client = RawClient::connect(bind.address())?;
            client.send(request)?;
            client.take_to_end()?;
            all.push(received(&sink)?);
        }
    }
    Ok(all)
}

fn received(sink: &UdpSocket) -> Result<String> {
    let mut line = [0; 16_384];
    let length = sink.recv(&mut line)?;
    Ok(String::from_utf8_lossy(&line[..length]).trim_end_matches('\n').to_owned())
}

/// A value without its digits and the words of months, but for what was not reached.
fn masked(value: &str) -> String {
    if value == "-1" {
        return value.to_owned();
    }
    let mut out = String::new();
    for piece in value.chars() {
        match piece {
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            other => out.push(other),
        }
    }
    out
}

/// A line without the date and the process's number in its header.
fn header(line: &str) -> String {
    match line.find("said ") {
        Some(at) => {
            let (head, text) = line.split_at(at);
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let head = months.iter().fold(head.to_owned(), |head, month| head.replace(month, "MON"));
            let (priority, rest) = match head.split_once('>') {
                Some((priority, rest)) => (format!("{priority}>"), rest.to_owned()),
                None => (String::new(), head),
            };
            // The structured data are part of what is compared.
            let (rest, data) = match rest.find('[').filter(|_| rest.contains("[id@1")) {
                Some(at) => (rest[..at].to_owned(), rest[at..].to_owned()),
                None => (rest, String::new()),
            };
            format!("{priority}{}{data}{text}", masked(&rest.replace("  ", " ")))
        }
        None => line.to_owned(),
    }
}
