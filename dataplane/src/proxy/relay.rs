//! Bytes on their way from one stream to another, through what their framing demands.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::buffer::{self, Buffer, Buffers};
use super::clock::Timer;
use super::h1::{Body, Framing, Limits, Refusal};
use super::pipe::{self, Pipe, Pipes};
use super::sight::Sight;
use super::stream::{Cut, Stream, poll_timer};
use super::worker::Worker;

/// One direction of a relay.
#[derive(Debug)]
pub(crate) struct Flow {
    buffers: Rc<Buffers>,
    pipes: Rc<Pipes>,
    buffer: Option<Buffer>,
    /// Where bytes are instead of in the buffer, while a large transfer goes on.
    pipe: Option<Pipe>,
    /// Bytes at the front of the buffer that may go out; behind them is what follows the message.
    ready: usize,
    body: Body,
    /// Whether the end of the stream, where it may come, was seen.
    ended: bool,
    /// Whether the receiver is told of the end by a half-close.
    closes: bool,
    told: bool,
    grows: bool,
    writing: bool,
    /// What has gone out so far, as long as it is no more than `most`.
    held: Option<(Vec<u8>, usize)>,
    /// Bytes that the kernel moved.
    pub(crate) spliced: u64,
    /// What is wrong with the message.
    refusal: Option<Refusal>,
}

/// The two ends of a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends<'a> {
    pub(crate) from: &'a End<'a>,
    pub(crate) to: &'a End<'a>,
}

/// A stream with its patience.
#[derive(Debug)]
pub(crate) struct End<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) timer: &'a Timer,
    /// Longest silence in milliseconds, 0 for no limit.
    timeout: Cell<u32>,
    /// The same, once it has said that it sends nothing more.
    fin_timeout: u32,
    /// Where its bytes are counted, at the client.
    meter: Option<&'a Sight>,
}

/// Why a flow stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The sender closed or reset in the middle of a message.
    SenderGone,
    /// The sender was silent for too long.
    SenderSilent,
    /// The receiver closed or reset.
    ReceiverGone,
    /// The receiver took nothing for too long.
    ReceiverSilent,
    /// The message is malformed.
    Malformed(Refusal),
}

impl<'a> End<'a> {
    /// An end of which silence is suffered for so many milliseconds, and so many once it is half-closed.
    pub(crate) fn new(stream: &'a Stream, timer: &'a Timer, timeout: u32, fin_timeout: u32) -> End<'a> {
        End { stream, timer, timeout: Cell::new(timeout), fin_timeout, meter: None }
    }

    /// Counts what comes and goes.
    pub(crate) fn metered(self, meter: &'a Sight) -> End<'a> {
        End { meter: Some(meter), ..self }
    }

    fn note_received(&self, count: usize) {
        if let Some(meter) = self.meter {
            meter.add_bytes_in(count as u64);
        }
    }

    fn note_sent(&self, count: usize) {
        if let Some(meter) = self.meter {
            meter.add_bytes_out(count as u64);
        }
    }

    /// Starts the end's patience anew.
    pub(crate) fn touch(&self) {
        self.timer.set(Instant::now(), self.timeout.get());
    }

    fn half_closed(&self) {
        if self.timeout.replace(self.fin_timeout) != self.fin_timeout {
            self.touch();
        }
    }
}

impl Flow {
    /// A flow of a message's body.
    pub(crate) fn new(worker: &Worker, body: Body) -> Flow {
        // One whose length is told need not prove that it is large.
        let grows = (LARGE..u64::MAX).contains(&body.opaque());
        Flow {
            buffers: worker.buffers.clone(),
            pipes: worker.pipes.clone(),
            buffer: None,
            pipe: None,
            ready: 0,
            body,
            ended: false,
            closes: false,
            told: false,
            grows,
            writing: false,
            held: None,
            spliced: 0,
            refusal: None,
        }
    }

    /// A flow of everything, which ends with the stream and says so to the receiver.
    pub(crate) fn tunnel(worker: &Worker) -> Flow {
        Flow { closes: true, ..Flow::new(worker, Body::new(Framing::Tunnel, &Limits::default())) }
    }

    /// Puts bytes in that were received already: `ready` of them may go out.
    pub(crate) fn preload(&mut self, buffer: Buffer, ready: usize) {
        self.buffer = Some(buffer);
        self.ready = ready;
    }

    /// Keeps what goes out, up to so many bytes, so that it can be sent once more.
    pub(crate) fn hold(&mut self, most: usize) {
        self.held = Some((Vec::new(), most));
    }

    /// Everything that has gone out; `None` when it was more than is kept.
    pub(crate) fn held(&self) -> Option<&[u8]> {
        self.held.as_ref().map(|(held, _)| held.as_slice())
    }

    /// Whether everything has gone out.
    pub(crate) fn is_done(&self) -> bool {
        self.ready == 0 && !self.has_piped() && (self.ended || self.body.is_done())
    }

    /// What is wrong with the message, and the bytes in which it shows.
    pub(crate) fn malformed(&self) -> Option<(Refusal, &[u8])> {
        self.refusal.map(|refusal| (refusal, self.buffer.as_ref().map_or(&[][..], Buffer::filled)))
    }

    /// What was received behind the end of the message.
    pub(crate) fn into_rest(self) -> Option<Buffer> {
        self.buffer.filter(|buffer| !buffer.is_empty())
    }

    /// Moves what can be moved; ready when everything has gone out, or nothing more will.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, ends: Ends<'_>) -> Poll<Result<(), Halt>> {
        loop {
            if let Some(pipe) = self.pipe.as_mut().filter(|pipe| pipe.held() > 0) {
                self.writing = true;
                match ends.to.stream.poll_empty(context, pipe) {
                    Poll::Ready(Ok(count)) => {
                        self.spliced += count as u64;
                        ends.to.note_sent(count);
                        ends.to.touch();
                        continue;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Halt::ReceiverGone)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            if self.ready > 0 {
                self.writing = true;
                let Some(buffer) = &mut self.buffer else { return Poll::Ready(Ok(())) };
                match ends.to.stream.poll_write(context, &buffer.filled()[..self.ready], &[]) {
                    Poll::Ready(Ok(count)) => {
                        note_sent(&mut self.held, &buffer.filled()[..count]);
                        buffer.take(count);
                        self.ready -= count;
                        ends.to.note_sent(count);
                        ends.to.touch();
                        continue;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Halt::ReceiverGone)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            self.writing = false;
            if self.is_done() {
                if self.closes && !self.told {
                    self.told = true;
                    ends.to.stream.shutdown_write();
                }
                return Poll::Ready(Ok(()));
            }
            match self.poll_fill(context, ends.from) {
                Poll::Ready(Ok(())) => ends.from.touch(),
                Poll::Ready(Err(halt)) => return Poll::Ready(Err(halt)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Whose patience counts while the flow waits.
    pub(crate) fn poll_patience(&self, context: &Context<'_>, ends: Ends<'_>) -> Poll<Halt> {
        let (end, halt) = match self.writing {
            true => (ends.to, Halt::ReceiverSilent),
            false => (ends.from, Halt::SenderSilent),
        };
        match poll_timer(end.timer, context) {
            Poll::Ready(Cut::Timeout) => Poll::Ready(halt),
            _ => Poll::Pending,
        }
    }

    /// Runs the flow to its end.
    pub(crate) async fn run(&mut self, ends: Ends<'_>) -> Result<(), Halt> {
        poll_fn(|context| match self.poll(context, ends) {
            Poll::Pending => self.poll_patience(context, ends).map(Err),
            done => done,
        })
        .await
    }

    fn has_piped(&self) -> bool {
        self.pipe.as_ref().is_some_and(|pipe| pipe.held() > 0)
    }

    /// A pipe, where what comes next is much and needs no look.
    fn pipe_for_more(&mut self) -> Option<(&mut Pipe, usize)> {
        let opaque = self.body.opaque();
        if self.pipe.is_none() && self.grows && opaque > buffer::SMALL as u64 {
            self.pipe = self.pipes.take();
        }
        let most = usize::try_from(opaque).unwrap_or(usize::MAX).min(pipe::SIZE);
        self.pipe.as_mut().map(|pipe| (pipe, most))
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, from: &End<'_>) -> Poll<Result<(), Halt>> {
        if let Some((pipe, most)) = self.pipe_for_more() {
            let outcome = from.stream.poll_fill(context, pipe, most);
            return match outcome {
                Poll::Ready(Ok(0)) if self.body.may_end_here() => {
                    self.ended = true;
                    Poll::Ready(Ok(()))
                }
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => Poll::Ready(Err(Halt::SenderGone)),
                Poll::Ready(Ok(count)) => {
                    from.note_received(count);
                    self.body.pass(count as u64);
                    Poll::Ready(Ok(()))
                }
                Poll::Pending => {
                    // One that rests holds nothing; the next bytes show anew whether they are many.
                    self.pipe = None;
                    self.buffer = None;
                    Poll::Pending
                }
            };
        }
        if self.buffer.is_none() {
            // An idle tunnel holds no buffer.
            match from.stream.poll_read_ready(context) {
                Poll::Ready(Ok(())) => self.buffer = Some(self.buffers.small()),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Halt::SenderGone)),
                Poll::Pending => return Poll::Pending,
            }
        }
        let Some(buffer) = &mut self.buffer else { return Poll::Pending };
        if self.grows {
            buffer.enlarge();
            self.grows = false;
        }
        match from.stream.poll_read(context, buffer.room()) {
            Poll::Ready(Ok(0)) if self.body.may_end_here() => {
                self.ended = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => Poll::Ready(Err(Halt::SenderGone)),
            Poll::Ready(Ok(count)) => {
                buffer.put(count);
                from.note_received(count);
                self.grows = buffer.is_full();
                match admit(&mut self.body, buffer, 0) {
                    Ok(ready) => {
                        self.ready = ready;
                        Poll::Ready(Ok(()))
                    }
                    Err(refusal) => {
                        self.refusal = Some(refusal);
                        Poll::Ready(Err(Halt::Malformed(refusal)))
                    }
                }
            }
            Poll::Pending => {
                self.buffer = None;
                Poll::Pending
            }
        }
    }
}

/// Adds what went out to what is kept, or gives up keeping it.
fn note_sent(held: &mut Option<(Vec<u8>, usize)>, sent: &[u8]) {
    if let Some((bytes, most)) = held {
        if bytes.len() + sent.len() > *most {
            *held = None;
        } else {
            bytes.extend_from_slice(sent);
        }
    }
}

/// Takes what lies in the buffer from `start` on through the body's framing: gives how many bytes may go out
/// from there. What follows the message is moved up behind them.
pub(crate) fn admit(body: &mut Body, buffer: &mut Buffer, start: usize) -> Result<usize, Refusal> {
    let there = buffer.len();
    let bytes = &mut buffer.filled_mut()[start..];
    let progress = body.advance(bytes)?;
    let rest = bytes.len() - progress.consumed;
    if progress.consumed != progress.forward {
        bytes.copy_within(progress.consumed.., progress.forward);
        buffer.truncate(there - (progress.consumed - progress.forward));
    }
    debug_assert!(progress.done || rest == 0, "a body that goes on takes everything");
    Ok(progress.forward)
}

/// Runs two flows in opposite directions until both are done, or one stops.
///
/// A side counts as silent when nothing came from it and nothing went to it.
pub(crate) async fn exchange(
    upward: &mut Flow,
    downward: &mut Flow,
    client: &End<'_>,
    server: &End<'_>,
) -> Result<(), (Direction, Halt)> {
    client.touch();
    server.touch();
    poll_fn(|context| {
        let up = Ends { from: client, to: server };
        let down = Ends { from: server, to: client };
        let upper = upward.poll(context, up);
        let lower = downward.poll(context, down);
        if upper.is_ready() {
            client.half_closed();
        }
        if lower.is_ready() {
            server.half_closed();
        }
        match (upper, lower) {
            (Poll::Ready(Err(halt)), _) => return Poll::Ready(Err((Direction::Up, halt))),
            (_, Poll::Ready(Err(halt))) => return Poll::Ready(Err((Direction::Down, halt))),
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(Ok(())),
            _ => {}
        }
        if let Poll::Ready(Cut::Timeout) = poll_timer(client.timer, context) {
            let (direction, halt) = match downward.writing {
                true => (Direction::Down, Halt::ReceiverSilent),
                false => (Direction::Up, Halt::SenderSilent),
            };
            return Poll::Ready(Err((direction, halt)));
        }
        if let Poll::Ready(Cut::Timeout) = poll_timer(server.timer, context) {
            let (direction, halt) = match upward.writing {
                true => (Direction::Up, Halt::ReceiverSilent),
                false => (Direction::Down, Halt::SenderSilent),
            };
            return Poll::Ready(Err((direction, halt)));
        }
        Poll::Pending
    })
    .await
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// Bytes of a body from which on it is worth a pipe at once.
const LARGE: u64 = 4 * buffer::SMALL as u64;
