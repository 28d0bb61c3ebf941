//! A web server that does what a scenario says, and remembers every byte it was sent.
//!
//! By default it answers each request with its name. A scenario may set another [`Answer`], a function from
//! request to answer, or a list of raw [`Step`]s for which the origin is no web server at all. One thread per
//! connection: clarity counts here, speed is the bench's own origin's matter.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::client::{chunked_end, head_end};
use super::trouble::Result;
use super::wait;

/// A running origin on a port of its own. Dropping it closes the listener and every connection.
pub struct Origin {
    name: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What the origin answers to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// Header lines in this order, besides the one that `framing` adds.
    pub headers: Vec<(String, String)>,
    /// The body; left out for HEAD requests.
    pub body: Vec<u8>,
    /// How the body's end is told.
    pub framing: Framing,
    /// Interim answers (1xx), sent first, each a whole head with its empty line.
    pub interim: Vec<Vec<u8>>,
    /// Trailer lines after a chunked body.
    pub trailers: Vec<(String, String)>,
    /// How long to wait before the first byte.
    pub delay: Duration,
    /// How long to wait between the head and the body, and between chunks.
    pub stutter: Duration,
    /// Whether the origin closes the connection after this answer, and says so with `Connection: close`.
    pub close: bool,
}

/// How an answer's end is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A `Content-Length` header.
    Length,
    /// Chunks of at most this many bytes.
    Chunked(usize),
    /// The end of the connection.
    Close,
    /// Nothing is added: the answer's headers tell it, or lie.
    AsIs,
}

/// A request as the origin read it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method, as received.
    pub method: String,
    /// The target, as received.
    pub target: String,
    /// Header lines in order, names with their case.
    pub headers: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// Head and body byte for byte.
    pub raw: Vec<u8>,
    /// Which connection to the origin carried it; the first is 0.
    pub connection: usize,
}

/// One step of a connection on which the origin follows a script instead of HTTP.
#[derive(Clone, Debug)]
pub enum Step {
    /// Read until these bytes have been seen.
    ReadUntil(Vec<u8>),
    /// Read until this many further bytes have come.
    Read(usize),
    /// Read until the other side has closed its direction.
    ReadToEnd,
    /// Send these bytes.
    Send(Vec<u8>),
    /// Let time pass.
    Pause(Duration),
    /// Close the sending direction only.
    CloseWrite,
    /// Close at once with a reset.
    Reset,
    /// Keep the connection open until the origin is dropped.
    Hold,
}

impl Origin {
    /// Starts an origin on a free port of 127.0.0.1 that answers every request with its name.
    pub fn start(name: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Self::start_on(name, listener)
    }

    /// Starts an origin on a listener of the scenario's.
    pub fn start_on(name: &str, listener: TcpListener) -> Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(Behaviour::Answer(Box::new(Answer::text(name)))),
            scripts: Mutex::default(),
            connections: Mutex::default(),
            requests: Mutex::default(),
            accepted: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        });
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { name: name.to_owned(), address, shared, acceptor: Some(acceptor) })
    }

    /// The origin's name, which is also its default answer's body.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Gives this answer to every request from now on.
    pub fn answer(&self, answer: Answer) {
        *lock(&self.shared.behaviour) = Behaviour::Answer(Box::new(answer));
    }

    /// Asks `choose` for the answer to every request from now on.
    pub fn answer_by(&self, choose: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
        *lock(&self.shared.behaviour) = Behaviour::Choose(Arc::new(choose));
    }

    /// Follows these steps on the next connection that is accepted; several scripts queue up.
    pub fn script(&self, steps: Vec<Step>) {
        lock(&self.shared.scripts).push_back(steps);
    }

    /// The bytes received on each connection so far, in the order of acceptance.
    pub fn received(&self) -> Vec<Vec<u8>> {
        lock(&self.shared.connections).iter().map(|connection| connection.received.clone()).collect()
    }

    /// The requests read so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// How many connections have been accepted so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open now.
    pub fn open(&self) -> usize {
        lock(&self.shared.connections).iter().filter(|connection| connection.stream.is_some()).count()
    }

    /// Waits until this many requests have been read in all, and returns them.
    pub fn wait_for_requests(&self, count: usize) -> Result<Vec<Request>> {
        wait::until(&format!("{count} requests at origin {}", self.name), wait::PATIENCE, || {
            let requests = self.requests();
            (requests.len() >= count).then_some(requests)
        })
    }

    /// Waits until some connection has received bytes for which `condition` holds, and returns them.
    pub fn wait_for_bytes(&self, what: &str, condition: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>> {
        wait::until(&format!("{what} at origin {}", self.name), wait::PATIENCE, || {
            self.received().into_iter().find(|bytes| condition(bytes))
        })
    }

    /// Closes every open connection; the listener stays.
    pub fn disconnect(&self) {
        for connection in lock(&self.shared.connections).iter_mut() {
            if let Some(stream) = connection.stream.take() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.disconnect();
        // The acceptor sleeps in `accept`; one more connection wakes it.
        if TcpStream::connect(self.address).is_ok()
            && let Some(acceptor) = self.acceptor.take()
        {
            let _ = acceptor.join();
        }
    }
}

impl Answer {
    /// 200 with a text body and a `Content-Length`.
    pub fn text(body: &str) -> Self {
        Self::bytes(body.as_bytes().to_vec())
    }

    /// 200 with this body and a `Content-Length`.
    pub fn bytes(body: Vec<u8>) -> Self {
        Self {
            status: 200,
            reason: "OK".to_owned(),
            headers: Vec::new(),
            body,
            framing: Framing::Length,
            interim: Vec::new(),
            trailers: Vec::new(),
            delay: Duration::ZERO,
            stutter: Duration::ZERO,
            close: false,
        }
    }

    /// 200 with a body of this many bytes, whose content is the same on every call.
    pub fn sized(size: usize) -> Self {
        Self::bytes(pattern(size))
    }

    /// The same answer with another status.
    #[must_use]
    pub fn status(mut self, status: u16, reason: &str) -> Self {
        self.status = status;
        reason.clone_into(&mut self.reason);
        self
    }

    /// The same answer with one more header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer, framed otherwise.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// The same answer after an interim one, such as `103 Early Hints`, with the given header lines.
    #[must_use]
    pub fn interim(mut self, status: u16, reason: &str, headers: &[(&str, &str)]) -> Self {
        let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.interim.push(head.into_bytes());
        self
    }

    /// The same answer with a trailer line; it is sent when the framing is chunked.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer after this time.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same answer with a pause before the body and between its chunks.
    #[must_use]
    pub fn stutter(mut self, stutter: Duration) -> Self {
        self.stutter = stutter;
        self
    }

    /// The same answer, after which the origin closes.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, self.reason);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match self.framing {
            Framing::Length => head.push_str(&format!("Content-Length: {}\r\n", self.body.len())),
            Framing::Chunked(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
            Framing::Close | Framing::AsIs => {}
        }
        if self.close || self.framing == Framing::Close {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Writes the answer; returns whether the connection stays open.
    fn write(&self, stream: &mut TcpStream, request: &Request) -> std::io::Result<bool> {
        wait_if_any(self.delay);
        for interim in &self.interim {
            stream.write_all(interim)?;
        }
        let bodyless = request.method == "HEAD" || self.status == 204 || self.status == 304;
        if bodyless {
            stream.write_all(&self.head())?;
        } else if let Framing::Chunked(size) = self.framing {
            stream.write_all(&self.head())?;
            for chunk in self.body.chunks(size.max(1)) {
                wait_if_any(self.stutter);
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                stream.write_all(chunk)?;
                stream.write_all(b"\r\n")?;
            }
            wait_if_any(self.stutter);
            let mut end = b"0\r\n".to_vec();
            for (name, value) in &self.trailers {
                end.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            end.extend_from_slice(b"\r\n");
            stream.write_all(&end)?;
        } else if self.stutter.is_zero() {
            let mut whole = self.head();
            whole.extend_from_slice(&self.body);
            stream.write_all(&whole)?;
        } else {
            stream.write_all(&self.head())?;
            wait_if_any(self.stutter);
            stream.write_all(&self.body)?;
        }
        let asked = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok(!(asked || self.close || self.framing == Framing::Close))
    }
}

impl Request {
    /// The value of the first header line of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Bytes that differ from place to place, so that a shifted or repeated piece shows.
pub fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index.wrapping_mul(31) ^ (index >> 8)) as u8).collect()
}

enum Behaviour {
    Answer(Box<Answer>),
    Choose(Arc<dyn Fn(&Request) -> Answer + Send + Sync>),
}

#[derive(Default)]
struct Connection {
    received: Vec<u8>,
    /// A second handle of the open stream, so that the origin can close it from outside.
    stream: Option<TcpStream>,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    scripts: Mutex<VecDeque<Vec<Step>>>,
    connections: Mutex<Vec<Connection>>,
    requests: Mutex<Vec<Request>>,
    accepted: AtomicUsize,
    stopping: AtomicBool,
}

/// A connection's reading side: everything it yields is recorded before it is used.
struct Reader<'a> {
    shared: &'a Shared,
    connection: usize,
    stream: TcpStream,
    /// Received and not yet used.
    pending: Vec<u8>,
}

impl Reader<'_> {
    /// Reads once; false when the other side has closed or failed.
    fn fill(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        let Ok(length) = self.stream.read(&mut chunk) else { return false };
        if let Some(connection) = lock(&self.shared.connections).get_mut(self.connection) {
            connection.received.extend_from_slice(&chunk[..length]);
        }
        self.pending.extend_from_slice(&chunk[..length]);
        length > 0
    }

    /// Reads until `measure` tells the length of what is wanted, then takes it.
    fn take(&mut self, measure: impl Fn(&[u8]) -> Option<usize>) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = measure(&self.pending) {
                return Some(self.pending.drain(..length.min(self.pending.len())).collect());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    fn request(&mut self) -> Option<Request> {
        let head = self.take(head_end)?;
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let mut request = Request {
            method: words.next()?.to_owned(),
            target: words.next()?.to_owned(),
            headers: lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect(),
            raw: head,
            connection: self.connection,
            ..Request::default()
        };
        if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        if request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            let raw = self.take(|bytes| chunked_end(bytes).map(|(length, _)| length))?;
            request.body = chunked_end(&raw).map(|(_, body)| body).unwrap_or_default();
            request.raw.extend_from_slice(&raw);
        } else if let Some(length) = request.header("content-length").and_then(|value| value.parse().ok()) {
            request.body = self.take(|bytes| (bytes.len() >= length).then_some(length))?;
            request.raw.extend_from_slice(&request.body);
        }
        Some(request)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let _ = stream.set_nodelay(true);
        let Ok(second) = stream.try_clone() else { continue };
        let connection = {
            let mut connections = lock(&shared.connections);
            connections.push(Connection { received: Vec::new(), stream: Some(second) });
            connections.len() - 1
        };
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        let script = lock(&shared.scripts).pop_front();
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            let mut reader = Reader { shared: &shared, connection, stream, pending: Vec::new() };
            match script {
                Some(steps) => follow(&mut reader, steps),
                None => serve(&mut reader),
            }
            if let Some(connection) = lock(&shared.connections).get_mut(connection) {
                connection.stream = None;
            }
        });
    }
}

fn serve(reader: &mut Reader<'_>) {
    while let Some(request) = reader.request() {
        let answer = match &*lock(&reader.shared.behaviour) {
            Behaviour::Answer(answer) => Ok((**answer).clone()),
            Behaviour::Choose(choose) => Err(Arc::clone(choose)),
        };
        let answer = answer.unwrap_or_else(|choose| choose(&request));
        lock(&reader.shared.requests).push(request.clone());
        if !answer.write(&mut reader.stream, &request).unwrap_or(false) {
            break;
        }
    }
}

fn follow(reader: &mut Reader<'_>, steps: Vec<Step>) {
    for step in steps {
        let goes_on = match step {
            Step::ReadUntil(needle) => {
                reader.take(|bytes| find(bytes, &needle).map(|at| at + needle.len())).is_some()
            }
            Step::Read(length) => reader.take(|bytes| (bytes.len() >= length).then_some(length)).is_some(),
            Step::ReadToEnd | Step::Hold => {
                while reader.fill() {}
                true
            }
            Step::Send(bytes) => reader.stream.write_all(&bytes).is_ok(),
            Step::Pause(time) => {
                wait::pause(time);
                true
            }
            Step::CloseWrite => reader.stream.shutdown(Shutdown::Write).is_ok(),
            Step::Reset => {
                let _ = socket2::SockRef::from(&reader.stream).set_linger(Some(Duration::ZERO));
                // The second handle would keep the connection open.
                if let Some(connection) = lock(&reader.shared.connections).get_mut(reader.connection) {
                    connection.stream = None;
                }
                return;
            }
        };
        if !goes_on {
            return;
        }
    }
}

fn wait_if_any(time: Duration) {
    if !time.is_zero() {
        wait::pause(time);
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len().max(1)).position(|window| window == needle)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
