//! What rules say of a server's answer before anybody knows more of it than its bytes (configuration manual 4.2
//! "tcp-response content" and "tcp-response inspect-delay").
//!
//! Rules are looked at as soon as there is a connection, and again with all that comes, until they have decided, the
//! delay is over, or nothing more can come. Meanwhile the client's bytes go on to the server. In HTTP the response's
//! head is what there is to wait for: `exchange.rs` asks here before it sends for it and when it is there.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Instant;

use super::buffer::Buffer;
use super::clock::Timer;
use super::fault::Fault;
use super::first_line::StatusLine;
use super::h1::{Fields, ResponseHead};
use super::relay::{Direction, End, Ends, Flow};
use super::rules::{Decision, Draft, Message, Step};
use super::scene::{Past, Scene, content};
use super::session::Session;
use super::story::Story;
use super::stream::{Cut, poll_timer};
use super::tcp::halted;
use super::upstream::Way;
use crate::snapshot::{BackendPlan, Snapshot};

/// What rules decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The answer goes to the client.
    Pass,
    /// What has come of it goes to the client, and the session ends.
    Close,
}

/// A session whose server's answer is looked at.
pub(super) struct Inspected<'i, 'a> {
    pub(super) session: &'i Session,
    pub(super) snapshot: &'a Snapshot,
    pub(super) backend: &'a BackendPlan,
    pub(super) way: &'i Way<'a>,
}

/// Where the rules for an answer of HTTP came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// All is decided: the answer goes on.
    Over,
    /// This rule waits for the response.
    Open(usize),
    /// The connection with the server ends.
    Close,
    /// There is no answer.
    Refused(Fault),
}

/// Takes what a server sends first through the rules, while the client's bytes go on. What came of it lies in the flow
/// down when they are through.
pub(super) async fn inspect_answer(
    inspected: &Inspected<'_, '_>,
    story: &mut Story<'_>,
    (upward, downward): (&mut Flow, &mut Flow),
    (client, server): (&End<'_>, &End<'_>),
) -> Result<Verdict, Fault> {
    let session = inspected.session;
    let delay = inspected.backend.rules.response_inspect_delay;
    let deadline = Timer::new(&session.worker.clock);
    deadline.set(Instant::now(), delay);
    client.touch();
    server.touch();
    let mut buffer = session.worker.buffers.small();
    let (mut over, mut at) = (delay == 0, 0);
    let verdict = loop {
        let message = Message::Answer(buffer.filled(), over);
        match run(inspected, story, &mut Fields::default(), message, (&[], at)) {
            Look::Over => break Verdict::Pass,
            Look::Close => break Verdict::Close,
            Look::Refused(fault) => {
                // It counts as received, whoever gets it.
                story.sight().add_bytes_out(buffer.len() as u64);
                return Err(fault);
            }
            Look::Open(rule) => at = rule,
        }
        over = !receive(inspected, upward, &mut buffer, (client, server), &deadline).await?;
    };
    let ready = buffer.len();
    if verdict == Verdict::Close {
        let mut written = 0;
        // Who does not take it any more is gone, and so is the session.
        let _ = session.stream.write_all(buffer.filled(), &[], &session.timer, &mut written).await;
        story.sight().add_bytes_out(written as u64);
    } else if ready > 0 {
        downward.preload(buffer, ready);
    }
    Ok(verdict)
}

/// Takes what is known of an answer of HTTP through the rules from one on: nothing of it yet, or its head.
pub(super) fn look(
    inspected: &Inspected<'_, '_>,
    story: &mut Story<'_>,
    fields: &mut Fields,
    came: Option<(&ResponseHead, &[u8])>,
    (over, at): (bool, usize),
) -> Look {
    match came {
        None => run(inspected, story, fields, Message::Answer(&[], over), (&[], at)),
        Some((head, buffer)) => {
            let (body, length) = content(head, buffer);
            let mut line = StatusLine::default();
            let message = Message::Response(head, &mut line, &body, length);
            run(inspected, story, fields, message, (buffer, at))
        }
    }
}

fn run(
    inspected: &Inspected<'_, '_>,
    story: &mut Story<'_>,
    fields: &mut Fields,
    message: Message<'_>,
    (buffer, at): (&[u8], usize),
) -> Look {
    let session = inspected.session;
    let unique_id = story.unique_id.take();
    let account = Some(story.account(session, None));
    let step = Draft {
        scene: Scene {
            session,
            snapshot: inspected.snapshot,
            backend: Some(inspected.backend),
            server: inspected.way.named(),
            unique_id: unique_id.as_deref(),
            past: Past { sent: None, upstream: Some(&inspected.way.upstream.stream), account },
        },
        buffer,
        fields,
        message,
        wishes: &mut story.wishes,
        captures: &mut story.captures,
    }
    .run(&inspected.backend.rules.tcp_response, at);
    story.unique_id = unique_id;
    match step {
        Step::Done => Look::Over,
        Step::More(rule) => Look::Open(rule),
        Step::Answer(Decision::Close) => Look::Close,
        Step::Answer(Decision::SilentDrop) => {
            session.stream.vanish();
            let knows_requests = story.received_request();
            Look::Refused(if knows_requests { Fault::Rejected } else { Fault::Shut })
        }
        Step::Answer(_) => Look::Refused(Fault::AnswerRejected),
        // These do not stand among such rules.
        Step::Pause(..) | Step::AwaitBody(..) | Step::Hint(..) | Step::Resolve(..) | Step::Switch => {
            Look::Over
        }
    }
}

/// Waits for more of what the server sends first; false when no more will be waited for.
async fn receive(
    inspected: &Inspected<'_, '_>,
    upward: &mut Flow,
    buffer: &mut Buffer,
    (client, server): (&End<'_>, &End<'_>),
    deadline: &Timer,
) -> Result<bool, Fault> {
    let ends = Ends { from: client, to: server };
    if buffer.is_full() {
        return Ok(false);
    }
    poll_fn(|context| {
        match upward.poll(context, ends) {
            Poll::Ready(Err(halt)) => return Poll::Ready(Err(halted(Direction::Up, halt))),
            Poll::Ready(Ok(())) => {}
            Poll::Pending => {
                if let Poll::Ready(halt) = upward.poll_patience(context, ends) {
                    return Poll::Ready(Err(halted(Direction::Up, halt)));
                }
            }
        }
        match inspected.way.upstream.stream.poll_read(context, buffer.room()) {
            // What it closes or breaks off is seen again by who relays.
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Poll::Ready(Ok(false)),
            Poll::Ready(Ok(count)) => {
                buffer.put(count);
                server.touch();
                return Poll::Ready(Ok(true));
            }
            Poll::Pending => {}
        }
        if let Poll::Ready(Cut::Timeout) = poll_timer(deadline, context) {
            return Poll::Ready(Ok(false));
        }
        match poll_timer(server.timer, context) {
            Poll::Ready(Cut::Timeout) => Poll::Ready(Err(Fault::ServerDataTimeout)),
            _ => Poll::Pending,
        }
    })
    .await
}
