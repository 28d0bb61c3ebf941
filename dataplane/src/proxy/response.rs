//! What rules make of the response in an exchange: of its bytes first, then of what they mean.
//!
//! Owns the order of the lists of rules for responses, and what the client gets in the place of a response that they
//! take away. Who sends and relays is `exchange.rs`.

use std::time::{Duration, Instant};

use regate_proto::rules::Scope;

use super::answer::{self, Answer, Manner};
use super::buffer::Buffer;
use super::clock::Timer;
use super::exchange::Exchange;
use super::fault::Fault;
use super::first_line::StatusLine;
use super::h1::{Body, Method, ResponseHead};
use super::inspection::{Inspected, Look, look};
use super::relay::admit;
use super::reply::Pages;
use super::rules::{Decision, Draft, Message, Step};
use super::scene::{Past, Scene, content, past};
use super::stream::Cut;
use super::upstream::Way;
use crate::snapshot::RulePlan;

impl<'a> Exchange<'_, 'a> {
    /// Takes what is known of the answer through the rules for its bytes: nothing yet, or its head, which counts when it
    /// came before their delay was over.
    pub(super) fn inspect(
        &mut self,
        way: &Way<'a>,
        asked: Instant,
        came: Option<(&ResponseHead, &[u8])>,
    ) -> Result<(), Fault> {
        let rules = &self.backend.rules;
        if rules.tcp_response.is_empty() {
            return Ok(());
        }
        let (session, snapshot, backend) = (&*self.session, self.snapshot, self.backend);
        let inspected = Inspected { session, snapshot, backend, way };
        let is_late = asked.elapsed().as_millis() >= u128::from(rules.response_inspect_delay);
        self.look = match (self.look, came) {
            (_, None) => look(&inspected, self.story, self.fields, None, (is_late, 0)),
            (Look::Open(at), Some(_)) if is_late => {
                look(&inspected, self.story, self.fields, None, (true, at))
            }
            (Look::Open(at), came) => look(&inspected, self.story, self.fields, came, (true, at)),
            (known, _) => known,
        };
        match (self.look, came) {
            (Look::Refused(fault), came) => {
                self.story.status = came.map(|(head, _)| head.status);
                Err(fault)
            }
            // As if the server had closed before it said anything.
            (Look::Close, None) => Err(Fault::ServerClosed),
            _ => Ok(()),
        }
    }

    /// Takes a response through the rules; gives the first line where it is another. `added` holds the lines that
    /// are added so far: rules see them too.
    pub(super) async fn amend(
        &mut self,
        way: &Way<'_>,
        head: &ResponseHead,
        arrived: &mut Arrived<'_>,
        added: &mut Vec<u8>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let halves = self.session.frontend.is_half_with(self.backend);
        if self.session.frontend.rules.answers_nothing() && (halves || self.backend.rules.answers_nothing()) {
            return Ok(None);
        }
        let frontend = self.session.frontend.clone();
        let asks_for_body = self.request.head.method != Method::Head;
        self.session.variables.forget(&[Scope::Request]);
        for line in added.split_inclusive(|byte| *byte == b'\n') {
            if let Some(colon) = memchr::memchr(b':', line) {
                self.fields.add(&line[..colon], line[colon + 1..].trim_ascii());
            }
        }
        added.clear();
        let mut line = StatusLine::default();
        let back = Some(self.backend.rules.as_ref()).filter(|_| !halves);
        let lists: [&[RulePlan]; 4] = [
            back.map_or(&[], |rules| &rules.http_response),
            &frontend.rules.http_response,
            back.map_or(&[], |rules| &rules.http_after_response),
            &frontend.rules.http_after_response,
        ];
        let (backend, snapshot) = (self.backend, self.snapshot);
        let mut rules = lists.into_iter().filter(|rules| !rules.is_empty());
        let (mut list, mut at) = (rules.next(), 0);
        while list.is_some() {
            let buffer = arrived.buffer.filled();
            let (body, length) = content(head, buffer);
            // What came of the body stays as it is until more of it is waited for.
            let mut awaited = None;
            while let Some(rules_now) = list.filter(|_| awaited.is_none()) {
                let mut draft = self.draft(way, buffer, Message::Response(head, &mut line, &body, length));
                match draft.run(rules_now, at) {
                    Step::Done | Step::More(_) | Step::Switch => (list, at) = (rules.next(), 0),
                    Step::Answer(decision) => {
                        let own = [Some(&backend.error_pages), Some(&frontend.error_pages)];
                        let pages = Pages { own, shared: &snapshot.http_errors };
                        let manner = Manner { body: asks_for_body, pages };
                        let (prepared, fault) = replacement(decision, &draft, manner);
                        if matches!(decision, Decision::SilentDrop) {
                            self.session.stream.vanish();
                        }
                        self.story.prepared = prepared;
                        self.story.unanswer(self.session);
                        return Err(fault);
                    }
                    Step::Pause(millis, next) => {
                        let time = Duration::from_millis(millis.into());
                        self.session.worker.clock.sleep(time).await;
                        at = next;
                    }
                    Step::AwaitBody(millis, at_least, next) => {
                        awaited = Some((millis, at_least));
                        at = next;
                    }
                    // These do not stand among rules for responses.
                    Step::Hint(_, next) | Step::Resolve(_, _, next) => at = next,
                }
            }
            if let Some(patience) = awaited {
                self.await_body(way, head, arrived, patience).await?;
            }
        }
        if let Some((status, _)) = &line.status {
            self.story.status = Some(*status);
        }
        Ok(line.rewritten())
    }

    /// What rules look at while an answer is there.
    pub(super) fn draft<'d>(
        &'d mut self,
        way: &'d Way<'_>,
        buffer: &'d [u8],
        message: Message<'d>,
    ) -> Draft<'d> {
        let account = Some(self.story.account(self.session, None));
        Draft {
            scene: Scene {
                session: self.session,
                snapshot: self.snapshot,
                backend: Some(self.backend),
                server: way.named(),
                unique_id: self.story.unique_id.as_deref(),
                past: Past { account, ..past(&self.request.head, self.inbound, way) },
            },
            buffer,
            fields: self.fields,
            message,
            wishes: &mut self.story.wishes,
            captures: &mut self.story.captures,
        }
    }

    /// Waits for the body of a response, so much of it, or as much as its buffer takes. It is not waited for while the
    /// request is still on its way: the server may wait for that.
    async fn await_body(
        &mut self,
        way: &Way<'_>,
        head: &ResponseHead,
        arrived: &mut Arrived<'_>,
        (millis, at_least): (u32, u64),
    ) -> Result<(), Fault> {
        let Arrived { buffer, body, ready, is_asked } = arrived;
        let timer = Timer::new(&self.session.worker.clock);
        timer.set(Instant::now(), millis);
        buffer.compact();
        let enough = |ready: usize| at_least > 0 && ready as u64 >= at_least;
        while *is_asked && !body.is_done() && !buffer.is_full() && !enough(**ready) {
            match way.upstream.stream.read(buffer.room(), &timer).await {
                // What is missing will be missed when the response is relayed.
                Ok(0) | Err(Cut::Broken) => break,
                Err(Cut::Timeout) => {
                    self.story.miss_answer();
                    return Err(Fault::AnswerTimeout);
                }
                Err(Cut::Nudge) => {}
                Ok(count) => {
                    buffer.put(count);
                    let start = head.len + **ready;
                    **ready += admit(body, buffer, start).map_err(|_| Fault::BadResponse)?;
                }
            }
        }
        Ok(())
    }
}

/// A response as far as it has come.
pub(super) struct Arrived<'b> {
    /// Its bytes, from the head on.
    pub(super) buffer: &'b mut Buffer,
    /// What is to come of its body.
    pub(super) body: &'b mut Body,
    /// The bytes of its body in the buffer.
    pub(super) ready: &'b mut usize,
    /// Whether the server has the whole request.
    pub(super) is_asked: bool,
}

/// What the client gets in the place of a response, and what became of the exchange.
fn replacement(decision: Decision<'_>, draft: &Draft<'_>, manner: Manner<'_>) -> (Option<Answer>, Fault) {
    match decision {
        Decision::Redirect(plan) => (Some(answer::redirect(plan, draft)), Fault::Replaced),
        Decision::Return(plan) => (Some(answer::reply(plan, draft, manner)), Fault::Replaced),
        Decision::Deny(plan) | Decision::Tarpit(plan) => {
            (Some(answer::reply(plan, draft, manner)), Fault::ResponseDenied)
        }
        // These do not stand among rules for responses.
        Decision::Auth(_)
        | Decision::Service(_)
        | Decision::Reject
        | Decision::SilentDrop
        | Decision::Close => (None, Fault::Rejected),
    }
}
