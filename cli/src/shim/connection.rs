//! One connection to the text socket: bytes to commands, commands to Admin, replies to bytes, in order.
//!
//! It moves bytes and messages; which message may go when is said by `queue.rs`. What it holds is bounded, and it
//! waits for nobody but its own client and its own stream.
//! Read next: `queue.rs`, `session.rs` for what commands mean, `socket.rs` for where connections come from.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use regate_proto::wire::v1;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::clients::Presence;
use super::conversation::{Conversation, MAX_IN_FLIGHT, Target};
use super::lex::{Command, Lexer, Token};
use super::plan::{Reply, Step};
use super::queue::{MOST_TOGETHER, Manner, Message, Most, OutOfOrder, Queue};
use super::sentence;
use super::session::{Mode, Session};
use super::socket::{Peer, Stream};

/// A connection with everything it holds.
pub struct Connection {
    stream: Stream,
    session: Session,
    target: Arc<Target>,
    peer: Peer,
    presence: Presence,
    lexer: Lexer,
    conversation: Option<Conversation>,
    queue: Queue,
    out: Out,
    ended: bool,
    read_at: Instant,
    active_at: Instant,
    lines: Lines,
}

/// Bytes that the client has not taken yet.
#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    written: usize,
}

/// How lines came in, which decides how long a connection without a mode of its own stays open.
#[derive(Default)]
struct Lines {
    done: bool,
    /// Whether a command of the present line was there.
    within: bool,
    reads: usize,
    changed: bool,
}

impl Connection {
    /// A connection that was just accepted.
    pub fn new(stream: Stream, session: Session, target: Arc<Target>, peer: Peer) -> Connection {
        let now = Instant::now();
        let clients = &session.surroundings.clients;
        let presence = clients.enter(stream.source(), stream.descriptor(), session.timeout);
        Connection {
            presence,
            stream,
            session,
            target,
            peer,
            lexer: Lexer::new(),
            conversation: None,
            queue: Queue::default(),
            out: Out::default(),
            ended: false,
            read_at: now,
            active_at: now,
            lines: Lines::default(),
        }
    }

    /// Serves the client until it is over: by its wish, by silence, by an error, or by `stop`.
    pub async fn run(mut self, stop: CancellationToken) -> io::Result<()> {
        let cut = self.presence.cut();
        let mut turn = Turn::begin();
        loop {
            if turn.is_over() {
                // Who has much to do lets others go between.
                tokio::task::yield_now().await;
                turn = Turn::begin();
            }
            self.advance(&turn);
            self.presence.set_busy(!self.queue.is_empty());
            self.queue.settle(&mut self.out.bytes);
            if self.queue.stop(self.read_at, self.ended) || (turn.is_over() && self.can_advance()) {
                continue;
            }
            // What is waiting already is committed together.
            if self.queue.gathers() && self.takes_input() && self.read()? {
                continue;
            }
            let sent = self.send();
            self.write()?;
            if sent || self.can_advance() {
                continue;
            }
            if self.is_drained() {
                if self.is_over() {
                    break;
                }
                if self.closes_after_lines() {
                    // It closes here, unless another line is there already.
                    if self.read()? {
                        continue;
                    }
                    if Instant::now() >= self.patience() {
                        break;
                    }
                }
            }
            let deadline = self.deadline();
            let takes = self.takes_input();
            let asks = self.queue.awaits_reply() && self.out.len() < OUT_HIGH;
            let rests = self.queue.rests_until().filter(|_| self.out.len() < OUT_HIGH);
            tokio::select! {
                () = stop.cancelled() => break,
                () = cut.cancelled() => break,
                ready = self.stream.writable(), if !self.out.is_empty() => ready?,
                ready = self.stream.readable(), if takes => {
                    ready?;
                    self.read()?;
                }
                reply = next(&mut self.conversation), if asks => {
                    turn = Turn::begin();
                    self.receive(reply);
                    self.receive_more(&turn).await;
                }
                () = sleep_until(rests.unwrap_or(deadline)), if rests.is_some() => self.queue.wake(),
                () = sleep_until(deadline) => if Instant::now() >= self.silence() { break },
            }
            turn = Turn::begin();
        }
        self.stream.close().await
    }

    /// Turns tokens into what they become, as far as limits allow.
    fn advance(&mut self, turn: &Turn) {
        while self.has_room() && !self.session.quitting && !turn.is_over() {
            let Some(token) = self.lexer.token() else { return };
            match token {
                Token::Command(command) => {
                    if self.session.master.is_some() && self.lines.within {
                        // A master answers the commands of a line one by one.
                        self.queue.push_bytes(self.session.prompt(std::time::Instant::now()));
                    }
                    self.lines.within = true;
                    self.presence.note_command();
                    let manner = self.manner(&command);
                    let step = self.session.step(&command);
                    let is_last = matches!(&step, Step::Answered(Reply::Bare(text)) if !text.is_empty());
                    if !self.session.quitting {
                        self.session.quitting = is_last;
                        self.lines.changed |= matches!(&step, Step::Planned(plan) if plan.is_change());
                        self.queue.push(step, manner);
                    }
                }
                Token::EndOfLine => {
                    (self.lines.done, self.lines.within) = (true, false);
                    self.queue.push_bytes(self.session.prompt(std::time::Instant::now()));
                }
                Token::PayloadLine => self.queue.push_bytes(self.session.payload_prompt().to_vec()),
                Token::LineTooLong => self.break_off(sentence::LINE_TOO_LONG),
                Token::PayloadTooLong => self.break_off(sentence::PAYLOAD_TOO_LONG),
            }
        }
    }

    /// How a command is given, before it changes that for those after it.
    fn manner(&self, command: &Command) -> Manner {
        let words: usize =
            command.words.iter().map(|word| word.bytes().len().saturating_add(WORD_SIZE)).sum();
        let payload = command.payload.as_ref().map_or(0, Vec::len);
        Manner {
            dress: self.session.dress,
            level: self.session.level,
            bytes: words.saturating_add(payload).saturating_add(COMMAND_SIZE),
        }
    }

    /// Sends what may be sent; tells whether there was anything.
    fn send(&mut self) -> bool {
        let mut sent = false;
        let most = Most {
            in_flight: self.presence.share(MAX_IN_FLIGHT),
            together: self.presence.share(MOST_TOGETHER),
        };
        while let Some(message) = self.queue.next(self.conversation.as_ref().map(Conversation::level), most) {
            self.send_message(message);
            sent = true;
        }
        sent
    }

    fn send_message(&mut self, message: Message) {
        let Message { level, mut request } = message;
        if self.conversation.as_ref().is_some_and(|open| open.level() != level) {
            self.conversation = None;
        }
        if let Some(v1::converse_request::Request::Apply(v1::ApplyRequest { change_set: Some(set) })) =
            &mut request.request
        {
            let door = self.peer.door.to_owned();
            set.origin = Some(v1::Origin { actor: String::new(), door, at_ms: 0 });
        }
        let conversation = self
            .conversation
            .get_or_insert_with(|| Conversation::open(&self.target, level, &self.peer.actor));
        // A stream that is over is told by its next reply.
        let _ = conversation.send(request);
    }

    /// Takes a reply of Admin, or its failure.
    fn receive(&mut self, reply: Result<v1::ConverseReply, Status>) {
        self.active_at = Instant::now();
        match reply {
            Ok(reply) => {
                if let Err(OutOfOrder) = self.queue.receive(reply, &mut self.out.bytes) {
                    self.lose(&Status::internal("a reply came out of its order"));
                }
            }
            Err(status) => self.lose(&status),
        }
    }

    /// Takes replies that are there already, so that many of them are written at once.
    async fn receive_more(&mut self, turn: &Turn) {
        for _ in 0..MAX_IN_FLIGHT {
            self.queue.settle(&mut self.out.bytes);
            if !self.queue.awaits_reply() || self.out.len() >= OUT_HIGH || turn.is_over() {
                return;
            }
            match poll_once(next(&mut self.conversation)).await {
                Some(reply) => self.receive(reply),
                None => return,
            }
        }
    }

    /// The stream broke: every command under way is answered with that.
    fn lose(&mut self, status: &Status) {
        self.conversation = None;
        self.queue.lose(&sentence::lost(status, self.target.name()));
    }

    fn break_off(&mut self, text: &str) {
        self.queue.push_bytes(format!("{text}\n").into_bytes());
        self.session.quitting = true;
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.try_write(self.out.rest()) {
                Ok(count) => {
                    self.out.advance(count);
                    self.active_at = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is there; tells whether there was anything.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = vec![0; READ_SIZE];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(count) => {
                self.read_at = Instant::now();
                self.active_at = self.read_at;
                self.lines.reads = self.lines.reads.saturating_add(1);
                self.presence.note_read(self.session.timeout);
                self.lexer.feed(&buffer[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn has_room(&self) -> bool {
        self.queue.has_room() && self.out.len() < OUT_HIGH
    }

    /// Whether there is a command to go on with, now that there is room again.
    fn can_advance(&self) -> bool {
        !self.lexer.is_empty() && self.has_room() && !self.session.quitting
    }

    fn takes_input(&self) -> bool {
        !self.ended && !self.session.quitting && self.lexer.is_empty() && self.has_room()
    }

    /// Whether everything that came is answered and the answers are taken.
    fn is_drained(&self) -> bool {
        (self.session.quitting || self.lexer.is_empty()) && self.queue.is_empty() && self.out.is_empty()
    }

    fn is_over(&self) -> bool {
        self.session.quitting || self.ended
    }

    /// Whether it closes after its lines, and had one.
    fn closes_after_lines(&self) -> bool {
        self.session.mode == Mode::OneShot && self.lines.done && !self.lexer.is_in_payload()
    }

    /// Until when a connection that closes after its lines waits for another one: not at all after a question,
    /// a little after a change, and longer once lines come one by one, as a loop in a shell writes them.
    fn patience(&self) -> Instant {
        let grace = if self.lines.reads > 1 || !self.lexer.is_between_lines() {
            GRACE_OF_LOOPS
        } else if self.lines.changed {
            GRACE_OF_CHANGES
        } else {
            Duration::ZERO
        };
        self.read_at + grace
    }

    /// When the client's silence ends the connection.
    fn silence(&self) -> Instant {
        self.active_at.checked_add(self.session.timeout).unwrap_or(self.active_at + FAR)
    }

    fn deadline(&self) -> Instant {
        match self.is_drained() && self.closes_after_lines() {
            true => self.silence().min(self.patience()),
            false => self.silence(),
        }
    }
}

/// A stretch of work without waiting for anything.
struct Turn(std::time::Instant);

impl Turn {
    fn begin() -> Turn {
        Turn(std::time::Instant::now())
    }

    fn is_over(&self) -> bool {
        self.0.elapsed() >= TURN
    }
}

impl Out {
    fn is_empty(&self) -> bool {
        self.bytes.len() == self.written
    }

    fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.written)
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.written = self.written.saturating_add(count).min(self.bytes.len());
        if self.is_empty() {
            // An idle connection holds no buffer.
            *self = Out::default();
        }
    }
}

async fn next(conversation: &mut Option<Conversation>) -> Result<v1::ConverseReply, Status> {
    match conversation {
        Some(conversation) => conversation.reply().await,
        None => Err(Status::unavailable("there is no stream")),
    }
}

/// What a future gives at once; it must be one that may be dropped without loss.
async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let poll = poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    });
    poll.await
}

/// How long a connection works before it lets others go between.
const TURN: Duration = Duration::from_micros(250);
/// Bytes taken from the client at a time.
const READ_SIZE: usize = 64 * 1024;
/// About how many bytes a command holds besides those of its words, and a word besides its own.
const COMMAND_SIZE: usize = 200;
const WORD_SIZE: usize = 24;
/// Bytes not yet taken by the client above which nothing more is made for it.
const OUT_HIGH: usize = 256 * 1024;
/// How long another line may take after a change.
const GRACE_OF_CHANGES: Duration = Duration::from_millis(10);
/// How long another line may take once lines came one by one.
const GRACE_OF_LOOPS: Duration = Duration::from_millis(100);
/// A time that stands for never.
const FAR: Duration = Duration::from_secs(86400 * 365);
