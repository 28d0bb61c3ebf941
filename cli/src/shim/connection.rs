//! One connection to the text socket: bytes to commands, commands to Admin, replies to bytes, in order.
//!
//! It owns the pipeline: several commands may be under way, their replies are written in the order of the
//! commands. What it holds is bounded, and it waits for nobody but its own client and its own stream.
//! Read next: `session.rs` for what commands mean, `socket.rs` for where connections come from.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use regate_proto::wire::v1;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use v1::converse_reply::Reply as Body;

use super::conversation::{Conversation, MAX_IN_FLIGHT, Target};
use super::lex::{Lexer, Token};
use super::plan::{Ending, Finish, Plan, Step};
use super::sentence;
use super::session::{Dress, Mode, Session, dressed};
use super::socket::Stream;

/// A connection with everything it holds.
pub struct Connection {
    stream: Stream,
    session: Session,
    target: Arc<Target>,
    origin: String,
    lexer: Lexer,
    conversation: Option<Conversation>,
    tag: u64,
    entries: VecDeque<Entry>,
    held: Option<(Plan, Dress)>,
    exclusive: bool,
    out: Out,
    ended: bool,
    read_at: Instant,
    active_at: Instant,
    lines: Lines,
}

/// What is to be written next, in the order of the commands.
enum Entry {
    Ready(Vec<u8>),
    Waiting(Waiting),
}

/// A command that waits for Admin.
struct Waiting {
    tag: u64,
    finish: Finish,
    dress: Dress,
    answer: Option<Box<v1::Answer>>,
    begun: bool,
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
    reads: usize,
    changed: bool,
}

impl Connection {
    /// A connection that was just accepted; `origin` is who stands behind it.
    pub fn new(stream: Stream, session: Session, target: Arc<Target>, origin: String) -> Connection {
        let now = Instant::now();
        Connection {
            stream,
            session,
            target,
            origin,
            lexer: Lexer::new(),
            conversation: None,
            tag: 0,
            entries: VecDeque::new(),
            held: None,
            exclusive: false,
            out: Out::default(),
            ended: false,
            read_at: now,
            active_at: now,
            lines: Lines::default(),
        }
    }

    /// Serves the client until it is over: by its wish, by silence, by an error, or by `stop`.
    pub async fn run(mut self, stop: CancellationToken) -> io::Result<()> {
        loop {
            self.advance();
            self.settle();
            self.write()?;
            if self.can_advance() {
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
            let asks = self.awaits_reply() && self.out.len() < OUT_HIGH;
            tokio::select! {
                () = stop.cancelled() => break,
                ready = self.stream.writable(), if !self.out.is_empty() => ready?,
                ready = self.stream.readable(), if takes => {
                    ready?;
                    self.read()?;
                }
                reply = next(&mut self.conversation), if asks => {
                    self.receive(reply);
                    self.receive_more().await;
                }
                () = sleep_until(deadline) => if Instant::now() >= self.silence() { break },
            }
        }
        self.stream.close().await
    }

    /// Turns tokens into entries, as far as order and limits allow.
    fn advance(&mut self) {
        if let Some((plan, dress)) = self.held.take() {
            self.issue(plan, dress);
        }
        while self.held.is_none() && !self.exclusive && self.has_room() && !self.session.quitting {
            let Some(token) = self.lexer.token() else { return };
            match token {
                Token::Command(command) => {
                    let dress = self.session.dress;
                    let step = self.session.step(&command);
                    if !self.session.quitting {
                        self.follow(step, dress);
                    }
                }
                Token::EndOfLine => {
                    self.lines.done = true;
                    let prompt = self.session.prompt(std::time::Instant::now());
                    self.entries.push_back(Entry::Ready(prompt));
                }
                Token::PayloadLine => {
                    self.entries.push_back(Entry::Ready(self.session.payload_prompt().to_vec()));
                }
                Token::LineTooLong => self.break_off(sentence::LINE_TOO_LONG),
                Token::PayloadTooLong => self.break_off(sentence::PAYLOAD_TOO_LONG),
            }
        }
    }

    fn follow(&mut self, step: Step, dress: Dress) {
        match step {
            Step::Answered(reply) => self.entries.push_back(Entry::Ready(dressed(dress, reply))),
            Step::Planned(plan) => self.issue(plan, dress),
        }
    }

    /// Sends a plan's message, or holds it until what is before it is over.
    fn issue(&mut self, plan: Plan, dress: Dress) {
        let lowered = self.conversation.as_ref().is_some_and(|open| open.level() != self.session.level);
        if !self.entries.is_empty() && (plan.is_long() || lowered) {
            self.held = Some((plan, dress));
            return;
        }
        if lowered {
            self.conversation = None;
        }
        self.exclusive = plan.exclusive;
        let waiting = self.send(plan, dress);
        self.entries.push_back(waiting);
    }

    fn send(&mut self, plan: Plan, dress: Dress) -> Entry {
        self.lines.changed |= plan.is_change();
        self.tag = self.tag.wrapping_add(1);
        let request = v1::ConverseRequest { tag: self.tag, request: Some(plan.request) };
        let conversation = self
            .conversation
            .get_or_insert_with(|| Conversation::open(&self.target, self.session.level, &self.origin));
        // A stream that is over is told by its next reply.
        let _ = conversation.send(request);
        Entry::Waiting(Waiting { tag: self.tag, finish: plan.finish, dress, answer: None, begun: false })
    }

    /// Takes a reply of Admin, or its failure, to the first command that waits.
    fn receive(&mut self, reply: Result<v1::ConverseReply, Status>) {
        self.active_at = Instant::now();
        let reply = match reply {
            Ok(reply) => reply,
            Err(status) => return self.lose(&status),
        };
        self.settle();
        match self.entries.pop_front() {
            Some(Entry::Waiting(waiting)) if waiting.tag == reply.tag => self.continue_with(waiting, reply),
            other => {
                if let Some(entry) = other {
                    self.entries.push_front(entry);
                }
                self.lose(&Status::internal("a reply came out of its order"));
            }
        }
    }

    /// Takes replies that are there already, so that many of them are written at once.
    async fn receive_more(&mut self) {
        for _ in 0..MAX_IN_FLIGHT {
            self.settle();
            if !self.awaits_reply() || self.out.len() >= OUT_HIGH {
                return;
            }
            match poll_once(next(&mut self.conversation)).await {
                Some(reply) => self.receive(reply),
                None => return,
            }
        }
    }

    fn continue_with(&mut self, waiting: Waiting, reply: v1::ConverseReply) {
        let ending = match reply.reply {
            Some(Body::Applied(applied)) => Ending::Applied(applied),
            Some(Body::Acted(_)) => Ending::Acted,
            Some(Body::Refused(refused)) => Ending::Refused(refused.problems),
            Some(Body::Answer(answer)) => return self.take_part(waiting, answer, reply.last),
            None if reply.last => return self.take_part(waiting, v1::Answer::default(), true),
            None => return self.entries.push_front(Entry::Waiting(waiting)),
        };
        self.finish(waiting, ending);
    }

    /// A part of an answer: written at once where lines are made, gathered where one value decides.
    fn take_part(&mut self, mut waiting: Waiting, part: v1::Answer, last: bool) {
        if let Finish::Lines(lines) = &mut waiting.finish {
            if !waiting.begun {
                waiting.begun = true;
                lines.begin(&mut self.out.bytes);
            }
            lines.part(part, &mut self.out.bytes);
            if last {
                lines.end(&mut self.out.bytes);
                self.out.bytes.push(b'\n');
                self.exclusive = self.exclusive && !self.entries.is_empty();
            } else {
                self.entries.push_front(Entry::Waiting(waiting));
            }
            return;
        }
        let answer = match waiting.answer.take() {
            Some(gathered) => Box::new(joined(*gathered, part)),
            None => Box::new(part),
        };
        if last {
            self.finish(waiting, Ending::Answered(answer));
        } else {
            waiting.answer = Some(answer);
            self.entries.push_front(Entry::Waiting(waiting));
        }
    }

    /// The command at the front is over, or goes on with another message.
    fn finish(&mut self, waiting: Waiting, ending: Ending) {
        let dress = waiting.dress;
        let step = match waiting.finish {
            Finish::Once(finish) => finish(ending),
            Finish::Lines(lines) => match ending {
                Ending::Refused(problems) => lines.refused(&problems).into(),
                _ => sentence::out_of_place().into(),
            },
        };
        match step {
            Step::Answered(reply) => {
                self.exclusive = self.exclusive && !self.entries.is_empty();
                self.entries.push_front(Entry::Ready(dressed(dress, reply)));
            }
            Step::Planned(plan) => {
                // Only an exclusive command goes on, and it is the last one under way: order is kept.
                let waiting = self.send(plan, dress);
                self.entries.push_front(waiting);
            }
        }
    }

    /// The stream broke: every command under way is answered with that.
    fn lose(&mut self, status: &Status) {
        self.conversation = None;
        self.exclusive = false;
        let reply = sentence::lost(status, self.target.name());
        for entry in &mut self.entries {
            if let Entry::Waiting(waiting) = entry {
                *entry = Entry::Ready(dressed(waiting.dress, reply.clone()));
            }
        }
    }

    fn break_off(&mut self, text: &str) {
        self.entries.push_back(Entry::Ready(format!("{text}\n").into_bytes()));
        self.session.quitting = true;
    }

    /// Moves what is ready to the bytes to write.
    fn settle(&mut self) {
        while let Some(Entry::Ready(_)) = self.entries.front() {
            if let Some(Entry::Ready(bytes)) = self.entries.pop_front() {
                self.out.bytes.extend_from_slice(&bytes);
            }
        }
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
                self.lexer.feed(&buffer[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn has_room(&self) -> bool {
        self.entries.len() < MAX_IN_FLIGHT && self.out.len() < OUT_HIGH
    }

    /// Whether there is a command to go on with, now that there is room again.
    fn can_advance(&self) -> bool {
        match self.held {
            Some(_) => self.entries.is_empty(),
            None => !self.lexer.is_empty() && !self.exclusive && self.has_room() && !self.session.quitting,
        }
    }

    fn takes_input(&self) -> bool {
        !self.ended
            && !self.session.quitting
            && self.lexer.is_empty()
            && self.has_room()
            && self.held.is_none()
    }

    fn awaits_reply(&self) -> bool {
        self.conversation.is_some() && matches!(self.entries.front(), Some(Entry::Waiting(_)))
    }

    /// Whether everything that came is answered and the answers are taken.
    fn is_drained(&self) -> bool {
        let taken = self.session.quitting || (self.lexer.is_empty() && self.held.is_none());
        taken && self.entries.is_empty() && self.out.is_empty()
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

/// Two parts of an answer to a question about one thing.
fn joined(mut first: v1::Answer, second: v1::Answer) -> v1::Answer {
    first.info = first.info.or(second.info);
    first.summary = first.summary.or(second.summary);
    first.events = first.events.or(second.events);
    first.rows.extend(second.rows);
    first.statistics.extend(second.statistics);
    first.server_states.extend(second.server_states);
    first.overlays.extend(second.overlays);
    first.servers.extend(second.servers);
    first.tables.extend(second.tables);
    match (&mut first.entries, second.entries) {
        (Some(first), Some(second)) => first.entries.extend(second.entries),
        (empty @ None, second) => *empty = second,
        (Some(_), None) => {}
    }
    first
}

/// Bytes taken from the client at a time.
const READ_SIZE: usize = 16 * 1024;
/// Bytes not yet taken by the client above which nothing more is made for it.
const OUT_HIGH: usize = 256 * 1024;
/// How long another line may take after a change.
const GRACE_OF_CHANGES: Duration = Duration::from_millis(10);
/// How long another line may take once lines came one by one.
const GRACE_OF_LOOPS: Duration = Duration::from_millis(100);
/// A time that stands for never.
const FAR: Duration = Duration::from_secs(86400 * 365);
