//! Small answers in four circumstances: what one request costs, how many there can be, how long they take.

use super::{Course, remark};
use crate::bench::contestant::Mode;
use crate::bench::round::{Sample, Scene};
use crate::bench::table::{Measure, Table};
use crate::harness::Result;

/// Keep-alive on both sides, short heads.
pub(super) fn small(course: &Course) -> Result<Table> {
    let text = "Keep-alive on both sides, 64 client connections, 80-byte requests, 100-byte bodies, two servers. \
                Counters, timeouts and `option httplog` with one line per request to a UDP sink are on.";
    run(course, "small", "Small answers, keep-alive", text, &small_scene())
}

/// The same with the headers that a browser sends.
pub(super) fn browser(course: &Course) -> Result<Table> {
    let text = "As above with a browser's 570-byte request.";
    run(
        course,
        "browser",
        "Browser headers, keep-alive",
        text,
        &Scene { request: browser_request(), ..small_scene() },
    )
}

/// A connection per request on both sides.
pub(super) fn connection(course: &Course) -> Result<Table> {
    let text = "The client opens a connection for each request and sends `Connection: close`; the proxy closes it \
                after the answer. The proxy opens a connection to the server for each request \
                (`option http-server-close`), which the server closes after its answer. 64 at a time; log line on.";
    let request = b"GET /index.html HTTP/1.1\r\nHost: regate.test\r\nConnection: close\r\n\r\n".to_vec();
    run(
        course,
        "connection",
        "Connection per request",
        text,
        &Scene { request, renews: true, ..small_scene() },
    )
}

/// The same bytes with a proxy that does not look at them.
pub(super) fn tcp(course: &Course) -> Result<Table> {
    let text = "`mode tcp`, `option tcplog`: the requests and answers of the first case over 64 lasting connections; \
                log lines come only when a connection ends.";
    run(course, "tcp", "TCP mode", text, &Scene { mode: Mode::Tcp, ..small_scene() })
}

/// The first case's scene, from which others differ by a field or two.
pub(super) fn small_scene() -> Scene {
    Scene {
        mode: Mode::Http,
        workers: 1,
        cores: vec![0],
        request: small_request(),
        size: 100,
        connections: 64,
        renews: false,
        servers: 2,
    }
}

fn run(course: &Course, name: &str, title: &str, text: &str, scene: &Scene) -> Result<Table> {
    let rate = scene.rate()?;
    let text = format!("{text} Latencies at {rate:.0} requests/s, counted from when each was due.");
    let mut table = Table::new(title, &text, &MEASURES);
    course.rounds(name, |contestant| {
        let sample = scene.measure(contestant, Some(rate), course.effort.span)?;
        table.add(contestant, &values(&sample));
        remark(&mut table, contestant, &sample.full, scene.mode == Mode::Http);
        remark(&mut table, contestant, &sample.fixed, scene.mode == Mode::Http);
        Ok(said(&sample))
    })?;
    Ok(table)
}

fn values(sample: &Sample) -> [f64; 9] {
    [
        sample.full.cpu_per_request(),
        sample.full.user_per_request(),
        sample.full.system_per_request(),
        sample.full.requests_per_second(),
        sample.full.busy(),
        sample.fixed.cpu_per_request(),
        sample.fixed.latency(0.5),
        sample.fixed.latency(0.99),
        sample.fixed.latency(0.999),
    ]
}

/// A round in a line.
pub(super) fn said(sample: &Sample) -> String {
    format!(
        "{:6.2} µs/request (user {:.2}, system {:.2}), {:6.0}/s, busy {:.2}; fixed rate: {:6.2} µs, p50 {:.0} µs, \
         p99 {:.0} µs, p99.9 {:.0} µs; failed {}",
        sample.full.cpu_per_request(),
        sample.full.user_per_request(),
        sample.full.system_per_request(),
        sample.full.requests_per_second(),
        sample.full.busy(),
        sample.fixed.cpu_per_request(),
        sample.fixed.latency(0.5),
        sample.fixed.latency(0.99),
        sample.fixed.latency(0.999),
        sample.full.tally.failed + sample.fixed.tally.failed,
    )
}

fn small_request() -> Vec<u8> {
    let mut request = "GET /index.html HTTP/1.1\r\nHost: regate.test\r\nAccept: */*\r\nX-Pad: ".to_owned();
    pad(&mut request, SMALL);
    request.into_bytes()
}

fn browser_request() -> Vec<u8> {
    let mut request = "GET /articles/2026/load-balancing?page=2 HTTP/1.1\r\nHost: www.regate.test\r\n\
        Connection: keep-alive\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
        Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\nAccept-Encoding: gzip, deflate, br\r\n\
        Referer: http://www.regate.test/articles\r\nUpgrade-Insecure-Requests: 1\r\n\
        Cookie: session="
        .to_owned();
    pad(&mut request, BROWSER);
    request.into_bytes()
}

/// Lengthens the last header's value until the whole request has this many bytes.
fn pad(request: &mut String, length: usize) {
    while request.len() + 4 < length {
        request.push('a');
    }
    request.push_str("\r\n\r\n");
}

const SMALL: usize = 80;
const BROWSER: usize = 570;

const MEASURES: [Measure; 9] = [
    Measure { name: "CPU µs/request", digits: 2, ratio: true },
    Measure { name: "user", digits: 2, ratio: false },
    Measure { name: "system", digits: 2, ratio: false },
    Measure { name: "requests/s", digits: 0, ratio: true },
    Measure { name: "cores busy", digits: 2, ratio: false },
    Measure { name: "CPU µs at the fixed rate", digits: 2, ratio: true },
    Measure { name: "p50 µs", digits: 0, ratio: false },
    Measure { name: "p99 µs", digits: 0, ratio: true },
    Measure { name: "p99.9 µs", digits: 0, ratio: false },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_stated_sizes() {
        assert_eq!(small_request().len(), SMALL);
        assert_eq!(browser_request().len(), BROWSER);
    }
}
