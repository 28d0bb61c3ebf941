//! Streams that are being served (management manual 9.3 "show sess").
//!
//! What HAProxy tells of its own insides has Regate's equivalent here, in the same shape:
//!
//! - `rq[f=…]`: 1h the head of the request is there, 2h all of it, 10h bytes go both ways; `rp[f=…]` the same of the
//!   response, with 80000000h.
//! - `an`: what is worked on. Of a request 1h its head is read, 2h rules look at it, 4h it waits for a server; of a
//!   response 1h its head is awaited, 2h its body is relayed.
//! - `scf`, `scb`: the connections to client and server. States are 0 none, 2 queued, 3 a pause before the next
//!   attempt, 5 connecting, 8 established; `fd` is the descriptor, after a group of threads of which there is one.
//! - `ts`: 08 when the task is about to run, 00 when it waits. `epoch`, `cpu` and `lat` are 0: lists have no epochs, and
//!   nobody measures single tasks.

use std::fmt::Write;
use std::net::SocketAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use regate_proto::wire::v1;
use v1::StreamProgress as Progress;

use crate::shim::plan::{Lines, Reply};
use crate::shim::sentence::{self, About};

/// Writes streams.
#[derive(Debug)]
pub struct Streams {
    long: bool,
    lines: bool,
    one: bool,
    told: bool,
    /// What stands after all others.
    last: Vec<v1::StreamView>,
}

impl Streams {
    /// With all that is known of them where that is wanted, or else a line each, with the first line of the request
    /// where that is wanted; `one` is when a single stream was asked for.
    pub fn new(long: bool, lines: bool, one: bool) -> Streams {
        Streams { long, lines, one, told: false, last: Vec::new() }
    }

    /// With these after all others.
    pub fn followed_by(self, last: Vec<v1::StreamView>) -> Streams {
        Streams { last, ..self }
    }
}

impl Lines for Streams {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for stream in &answer.streams {
            self.told = true;
            let mut text = String::with_capacity(512);
            // Writing to a string cannot fail.
            let _ = match self.long {
                true => long(stream, &mut text),
                false => short(stream, self.lines, &mut text),
            };
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let last = v1::Answer { streams: std::mem::take(&mut self.last), ..v1::Answer::default() };
        self.part(last, out);
        if self.one && !self.told {
            out.extend_from_slice(sentence::NO_STREAM.as_bytes());
            out.push(b'\n');
        }
    }

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Thing, problems)
    }
}

/// A span as HAProxy shows it: the two largest units, `4s`, `1m5s`, `2h`.
pub(super) fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds % 86_400 / 3600, seconds % 3600 / 60);
    let two = |large: u64, unit: char, small: u64, below: char| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{below}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => two(minutes, 'm', seconds % 60, 's'),
        (0, ..) => two(hours, 'h', minutes, 'm'),
        _ => two(days, 'd', hours, 'h'),
    }
}

/// A moment of local time, as log lines have it, with so many digits of the second's parts.
pub(super) fn date(micros: u64, digits: usize) -> String {
    let at = i64::try_from(micros).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let at = at.unwrap_or_default().to_zoned(TimeZone::system());
    match digits {
        3 => at.strftime("%d/%b/%Y:%H:%M:%S%.3f").to_string(),
        _ => at.strftime("%d/%b/%Y:%H:%M:%S%.6f").to_string(),
    }
}

/// What is derived of a stream.
struct Facts<'s> {
    stream: &'s v1::StreamView,
    progress: Progress,
}

/// Which of its timers runs for which side.
#[derive(Default)]
struct Waits {
    client_read: Option<u64>,
    client_write: Option<u64>,
    server_read: Option<u64>,
    connect: Option<u64>,
    analysis: Option<u64>,
}

impl Facts<'_> {
    fn protocol(&self) -> (&'static str, String) {
        match self.stream.source.as_deref() {
            None => ("unix_stream", "unix:1".to_owned()),
            Some(source) => match source.parse::<SocketAddr>() {
                Ok(SocketAddr::V6(address)) => ("tcpv6", format!("{}:{}", address.ip(), address.port())),
                _ => ("tcpv4", source.to_owned()),
            },
        }
    }

    fn waits(&self) -> Waits {
        let (first, second) = (self.stream.expires_ms, self.stream.server_expires_ms);
        let none = Waits::default();
        match self.progress {
            Progress::Unspecified | Progress::Rules | Progress::Pausing => none,
            Progress::Request => Waits { client_read: first, ..none },
            Progress::Queued | Progress::Connecting => Waits { connect: first, ..none },
            Progress::Sending | Progress::Waiting => Waits { server_read: first, ..none },
            Progress::Responding => Waits { client_write: first, server_read: second, ..none },
            Progress::Tunnel => Waits { client_read: first, server_read: second, ..none },
        }
    }

    /// Flags and work of the request.
    fn request(&self) -> (u32, u32) {
        let is_http = self.stream.frontend.as_ref().is_some_and(|frontend| frontend.http);
        let read = u32::from(is_http && self.progress != Progress::Request);
        let whole = u32::from(is_http && self.progress >= Progress::Waiting) << 1;
        let tunnel = u32::from(self.progress == Progress::Tunnel) << 4;
        let work = match self.progress {
            Progress::Request => 1,
            Progress::Rules => 2,
            Progress::Queued | Progress::Pausing | Progress::Connecting => 4,
            _ => 0,
        };
        (read | whole | tunnel, work)
    }

    /// Flags and work of the response.
    fn response(&self) -> (u32, u32) {
        let read = u32::from(self.stream.status.is_some());
        let tunnel = u32::from(self.progress == Progress::Tunnel) << 4;
        let work = match self.progress {
            Progress::Sending | Progress::Waiting => 1,
            Progress::Responding => 2,
            _ => 0,
        };
        (0x8000_0000 | read | tunnel, work)
    }

    /// The state of the server's connection: its number and its name.
    fn server_state(&self) -> (u8, &'static str) {
        match self.progress {
            Progress::Unspecified | Progress::Request | Progress::Rules => (0, "INI"),
            Progress::Queued => (2, "QUE"),
            Progress::Pausing => (3, "TAR"),
            Progress::Connecting => (5, "CON"),
            _ => (8, "EST"),
        }
    }

    /// What it waits for, soonest.
    fn expires(&self) -> Option<u64> {
        let waits = self.waits();
        let all = [waits.client_read, waits.client_write, waits.server_read, waits.connect, waits.analysis];
        all.into_iter().flatten().min()
    }

    fn name(proxy: Option<&v1::StreamProxy>) -> &str {
        proxy.map_or("<NONE>", |proxy| proxy.name.as_str())
    }
}

/// Seconds that are left, nothing without an end.
fn left(millis: Option<u64>) -> String {
    millis.map(|millis| span(millis / 1000)).unwrap_or_default()
}

/// The same for the long form.
fn left_or_never(millis: Option<u64>) -> String {
    millis.map_or_else(|| "<NEVER>".to_owned(), |millis| span(millis / 1000))
}

fn short(stream: &v1::StreamView, line: bool, out: &mut String) -> std::fmt::Result {
    let facts = Facts { stream, progress: stream.progress() };
    let (protocol, source) = facts.protocol();
    let waits = facts.waits();
    let (request, request_work) = facts.request();
    let (response, response_work) = facts.response();
    write!(out, "{:#x}: proto={protocol} src={source}", stream.id)?;
    write!(out, " fe={} be={}", Facts::name(stream.frontend.as_ref()), Facts::name(stream.backend.as_ref()))?;
    write!(out, " srv={}", stream.server.as_ref().map_or("<none>", |server| server.name.as_str()))?;
    write!(out, " ts={} epoch=0 age={}", state(stream), span(stream.age_ms / 1000))?;
    write!(out, " calls={} rate={} cpu=0 lat=0", stream.calls, stream.calls_rate)?;
    write!(out, " rq[f={request:06x}h,i={},an={request_work:02x}h,", stream.held_bytes)?;
    write!(out, "ax={}]", left(waits.analysis))?;
    write!(out, " rp[f={response:08x}h,i=0,an={response_work:02x}h,ax=]")?;
    write!(out, " scf=[8,0h,fd=1/{},", stream.client_descriptor)?;
    write!(out, "rex={},wex={}]", left(waits.client_read), left(waits.client_write))?;
    write!(out, " scb=[{},1h,fd=1/{},", facts.server_state().0, stream.server_descriptor.unwrap_or(-1))?;
    write!(out, "rex={},wex=]", left(waits.server_read))?;
    write!(out, " exp={} rc={}", left(facts.expires()), stream.retries)?;
    write!(out, " c_exp={}", left(waits.connect))?;
    if line && !stream.request_line.is_empty() {
        write!(out, " uri=\"")?;
        for byte in &stream.request_line {
            match byte {
                b'"' | b'\\' | 0..=31 | 127.. => write!(out, "\\x{byte:02X}")?,
                _ => out.push(char::from(*byte)),
            }
        }
        out.push('"');
    }
    out.push('\n');
    Ok(())
}

fn state(stream: &v1::StreamView) -> &'static str {
    if stream.ready { "08" } else { "00" }
}

fn long(stream: &v1::StreamView, out: &mut String) -> std::fmt::Result {
    let facts = Facts { stream, progress: stream.progress() };
    let (protocol, source) = facts.protocol();
    let waits = facts.waits();
    let (id, worker) = (stream.id, stream.worker);
    let (flags, [request, response]) = (u8::from(stream.cut), [facts.request(), facts.response()]);
    let mask = 1u64.checked_shl(worker).unwrap_or(0);
    writeln!(out, "{id:#x}: [{}] id={id} proto={protocol} source={source}", date(stream.began_us, 6))?;
    write!(out, "  flags={flags:#x}, conn_retries={}", stream.retries)?;
    write!(out, ", conn_exp={} conn_et=0x000", left_or_never(waits.connect))?;
    let (connection, place) = match facts.progress {
        Progress::Queued => ("(nil)".to_owned(), format!("{id:#x}")),
        _ if stream.server.is_some() => (format!("{id:#x}"), "(nil)".to_owned()),
        _ => ("(nil)".to_owned(), "(nil)".to_owned()),
    };
    writeln!(out, " srv_conn={connection}, pend_pos={place} waiting=0 epoch=0")?;
    writeln!(out, "  frontend={}, listener=? (id={})", proxy(stream.frontend.as_ref()), stream.bind_id)?;
    writeln!(out, "  backend={}", proxy(stream.backend.as_ref()))?;
    match &stream.server {
        Some(server) => {
            write!(out, "  server={} (id={})", server.name, server.id)?;
            match &server.address {
                Some(address) => writeln!(out, " addr={address}")?,
                None => out.push('\n'),
            }
        }
        None if stream.backend.is_some() => writeln!(out, "  server=<none> (id=0)")?,
        None => writeln!(out, "  server=<NONE> (id=-1)")?,
    }
    write!(out, "  task={id:#x} (state=0x{} nice=0 calls={}", state(stream), stream.calls)?;
    write!(out, " rate={} exp={}", stream.calls_rate, left_or_never(facts.expires()))?;
    writeln!(out, " tmask={mask:#x} age={})", span(stream.age_ms / 1000))?;
    if stream.frontend.as_ref().is_some_and(|frontend| frontend.http) {
        write!(out, "  txn={id:#x} flags=0x0 meth={}", method(&stream.method))?;
        write!(out, " status={}", stream.status.map_or(-1, i64::from))?;
        let (read, answered) = messages(facts.progress);
        writeln!(out, " req.st={read} rsp.st={answered} req.f=0x{:02x} rsp.f=0x{:02x}", request.0, {
            response.0 & 0xff
        })?;
    }
    writeln!(out, "  scf={id:#x} flags=0x00000000 state=EST endp=CONN,{id:#x},0x00000000 sub=0")?;
    let multiplexed =
        if stream.frontend.as_ref().is_some_and(|frontend| frontend.http) { "H1" } else { "PASS" };
    writeln!(
        out,
        "      co0={id:#x} ctrl={protocol} xprt=RAW mux={multiplexed} data=STRM target=LISTENER:{id:#x}"
    )?;
    writeln!(
        out,
        "      flags=0x00000000 fd={} fd.state=00 updt=0 fd.tmask={mask:#x}",
        stream.client_descriptor
    )?;
    let (_, server_state) = facts.server_state();
    match stream.server_descriptor {
        Some(descriptor) => {
            writeln!(
                out,
                "  scb={id:#x} flags=0x00000001 state={server_state} endp=CONN,{id:#x},0x00000000 sub=0"
            )?;
            writeln!(
                out,
                "      co1={id:#x} ctrl={} xprt=RAW mux={multiplexed} data=STRM target=SERVER:{id:#x}",
                { server_protocol(stream) }
            )?;
            writeln!(out, "      flags=0x00000000 fd={descriptor} fd.state=00 updt=0 fd.tmask={mask:#x}")?;
        }
        None => {
            writeln!(
                out,
                "  scb={id:#x} flags=0x00000001 state={server_state} endp=NONE,(nil),0x00000000 sub=0"
            )?;
        }
    }
    let expiry = |read: Option<u64>, write: Option<u64>| {
        format!("an_exp=<NEVER> rex={} wex={}", left_or_never(read), left_or_never(write))
    };
    writeln!(
        out,
        "  req={id:#x} (f=0x{:06x} an={:#x} pipe=0 tofwd=0 total={})",
        request.0, request.1, stream.bytes_in
    )?;
    writeln!(out, "      {}", expiry(waits.client_read, None))?;
    write!(out, "  res={id:#x} (f=0x{:08x} an={:#x} pipe=0 tofwd=0", response.0, response.1)?;
    writeln!(out, " total={})", stream.bytes_out)?;
    writeln!(out, "      {}", expiry(waits.server_read, waits.client_write))
}

fn proxy(proxy: Option<&v1::StreamProxy>) -> String {
    match proxy {
        Some(proxy) => {
            let mode = if proxy.http { "http" } else { "tcp" };
            format!("{} (id={} mode={mode})", proxy.name, proxy.id)
        }
        None => "<NONE> (id=-1 mode=-)".to_owned(),
    }
}

fn server_protocol(stream: &v1::StreamView) -> &'static str {
    let address = stream.server.as_ref().and_then(|server| server.address.as_deref());
    match address.and_then(|address| address.parse::<SocketAddr>().ok()) {
        Some(SocketAddr::V4(_)) => "tcpv4",
        Some(SocketAddr::V6(_)) => "tcpv6",
        None => "unix_stream",
    }
}

/// How far the two messages are.
fn messages(progress: Progress) -> (&'static str, &'static str) {
    match progress {
        Progress::Unspecified | Progress::Request => ("MSG_RQBEFORE", "MSG_RPBEFORE"),
        Progress::Sending => ("MSG_DATA", "MSG_RPBEFORE"),
        Progress::Responding => ("MSG_DONE", "MSG_DATA"),
        Progress::Tunnel => ("MSG_TUNNEL", "MSG_TUNNEL"),
        _ => ("MSG_DONE", "MSG_RPBEFORE"),
    }
}

/// HAProxy's number of a method; others have one in common.
fn method(name: &str) -> u8 {
    let known = ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"];
    known.iter().position(|known| *known == name).and_then(|at| u8::try_from(at).ok()).unwrap_or(8)
}
