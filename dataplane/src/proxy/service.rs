//! Requests that the admin side answers: statistics pages, and what is counted, for Prometheus.
//!
//! Owns the way there and back: who may ask, what is sent along, and how the pieces of the answer go to the client.
//! It never looks at the state, and changes nothing. Read next: `inquiry.rs`.

use std::time::{Duration, Instant};

use regate_proto::model::{Name, StatisticsPage};
use regate_proto::rules::action::Service;
use tokio::sync::mpsc;

use super::answer::{self, Answer, Manner};
use super::fault::Fault;
use super::first_line::path_of;
use super::h1::{Framing, Method, Version};
use super::reply::{self, Pages};
use super::rules::{Decision, Step};
use super::session::Session;
use super::stage::Stage;
use super::story::Story;
use crate::fetch;
use crate::inquiry::{Asked, Body, Form, Inquiry, PageRequest, Piece};
use crate::snapshot::{PagePlan, RulesPlan};

/// What is known of an answer that comes from elsewhere in the process.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// Who answers, as lines call it.
    pub(super) by: Option<&'static str>,
    /// Whether the answer goes to the client in chunks.
    pub(super) in_chunks: bool,
    /// What brings it.
    pieces: Option<mpsc::Receiver<Piece>>,
}

impl Stage<'_, '_> {
    /// Has the request answered, where its target leads to the statistics page of these rules.
    pub(super) async fn answer_page(&mut self, rules: &RulesPlan, proxy: &Name) -> Result<(), Fault> {
        let Some(plan) = &rules.page else { return Ok(()) };
        if !matches!(self.story.method, Method::Get | Method::Head | Method::Post) {
            return Ok(());
        }
        let Some(target) = self.target_below(plan.page.prefix()) else { return Ok(()) };
        self.story.served.by = Some(STATISTICS);
        let presented = self.draft().with_view(fetch::presented);
        if !admits(plan, presented.as_ref()) {
            let realm = plan.page.realm.as_deref().unwrap_or(StatisticsPage::REALM);
            return Err(self.decide(Decision::Auth(Some(realm))).await);
        }
        match self.draft().run(&plan.rules, 0) {
            Step::Answer(Decision::Auth(realm)) => {
                let realm = realm.unwrap_or(StatisticsPage::REALM);
                return Err(self.decide(Decision::Auth(Some(realm))).await);
            }
            Step::Answer(decision) => return Err(self.decide(decision).await),
            _ => {}
        }
        let admin = {
            let draft = self.draft();
            plan.admin.iter().any(|condition| draft.holds(condition))
        };
        let form = match self.story.method {
            Method::Post => Some(self.form().await?),
            _ => None,
        };
        let user = presented.map(|(name, _)| String::from_utf8_lossy(&name).into_owned());
        let client = self.story.wishes.source.or(self.session.peer);
        let request =
            PageRequest { plan: plan.clone(), proxy: proxy.clone(), target, form, admin, user, client };
        Err(self.ask(Asked::Page(request)))
    }

    /// Has a service answer.
    pub(super) fn serve(&mut self, service: Service) -> Fault {
        match service {
            Service::Prometheus => {
                self.story.served.by = Some(PROMETHEUS);
                let target = self.target();
                let query = memchr::memchr(b'?', &target).and_then(|at| target.get(at + 1..));
                self.ask(Asked::Metrics(query.unwrap_or_default().to_vec()))
            }
        }
    }

    /// Sends a question on its way; what comes back is the answer.
    fn ask(&mut self, asked: Asked) -> Fault {
        let (answer, pieces) = mpsc::channel(PIECES);
        let inquiries = &self.session.worker.shared.inquiries;
        match inquiries.try_send(Inquiry { asked, answer }) {
            Ok(()) => self.story.served.pieces = Some(pieces),
            // Too many wait already, or the process is about to end.
            Err(_) => self.story.prepared = Some(self.unavailable()),
        }
        Fault::Answered
    }

    fn unavailable(&self) -> Answer {
        let own = [
            self.story.backend.map(|backend| &backend.error_pages),
            Some(&self.session.frontend.error_pages),
        ];
        let pages = Pages { own, shared: &self.snapshot.http_errors };
        answer::page(503, None, Manner { body: self.story.method != Method::Head, pages })
    }

    /// The target as rules left it.
    fn target(&self) -> Vec<u8> {
        match &self.line.target {
            Some(target) => target.clone(),
            None => self.head.target.of(self.inbound.filled()).to_vec(),
        }
    }

    /// The target, where it begins with this; of one with a scheme and a host, what follows them.
    fn target_below(&self, prefix: &str) -> Option<Vec<u8>> {
        let mut target = self.target();
        if prefix.starts_with('/') {
            target.drain(..path_of(&target).start.min(target.len()));
        }
        target.starts_with(prefix.as_bytes()).then_some(target)
    }

    /// Receives what the client wants to have done, as far as it fits the buffer.
    async fn form(&mut self) -> Result<Form, Fault> {
        let patience = self.session.frontend.request_timeout;
        self.await_body(patience, 0).await?;
        if !self.body.is_done() {
            return Ok(Form::TooLong);
        }
        let filled = self.inbound.filled();
        let bytes = match self.head.framing {
            Framing::Chunked => self.content.clone(),
            _ => filled.get(self.head.len..self.head.len + self.ready).unwrap_or_default().to_vec(),
        };
        Ok(Form::Whole(bytes))
    }
}

/// Whether this is one of the users that may look, or there are none to be.
fn admits(plan: &PagePlan, presented: Option<&(Vec<u8>, Vec<u8>)>) -> bool {
    // Rules take the place of users, as in HAProxy.
    if plan.page.users.is_empty() || !plan.rules.is_empty() {
        return true;
    }
    let Some((name, password)) = presented else { return false };
    let is_one = |user: &regate_proto::model::PageUser| {
        user.name.as_bytes() == name && fetch::is_same(user.password.as_bytes(), password)
    };
    plan.page.users.iter().any(is_one)
}

/// Awaits the head of an answer that was asked for, and prepares it; gives what brings the body, where one follows.
pub(super) async fn begin(session: &Session, story: &mut Story<'_>) -> Option<mpsc::Receiver<Piece>> {
    let mut pieces = story.served.pieces.take()?;
    let head = {
        // One that never comes would keep the client, and a soft stop, for ever.
        let mut first = std::pin::pin!(pieces.recv());
        let mut patience = std::pin::pin!(session.worker.clock.sleep(PATIENCE));
        std::future::poll_fn(|context| {
            if let std::task::Poll::Ready(piece) = first.as_mut().poll(context) {
                return std::task::Poll::Ready(piece);
            }
            patience.as_mut().poll(context).map(|()| None)
        })
        .await
    };
    let Some(Piece::Head { status, lines, body }) = head else {
        let snapshot = session.snapshot();
        let own = [None, Some(&session.frontend.error_pages)];
        let pages = Pages { own, shared: &snapshot.http_errors };
        story.prepared = Some(answer::page(503, None, Manner { body: story.method != Method::Head, pages }));
        return None;
    };
    let streams = body != Body::Nothing && story.method != Method::Head;
    story.served.in_chunks = body == Body::Endless && story.version == Version::Http11;
    let mut bytes = format!("HTTP/1.1 {status} {}\r\n", reply::reason(status)).into_bytes();
    bytes.extend_from_slice(&lines);
    // What a page is answered to HEAD says nothing of a body, what metrics are does, as with HAProxy.
    if story.served.in_chunks && (streams || story.served.by == Some(PROMETHEUS)) {
        bytes.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    story.note_service();
    story.prepared = Some(Answer { status, bytes });
    streams.then_some(pieces)
}

/// Passes the body on; false when it broke off.
pub(super) async fn relay(
    session: &Session,
    mut pieces: mpsc::Receiver<Piece>,
    story: &mut Story<'_>,
) -> bool {
    let chunked = story.served.in_chunks;
    loop {
        let Some(piece) = pieces.recv().await else { return false };
        let (bytes, is_last) = match piece {
            Piece::Body(bytes) if bytes.is_empty() => continue,
            Piece::Body(mut bytes) => {
                if chunked {
                    let size = format!("{:x}\r\n", bytes.len());
                    bytes.splice(0..0, size.into_bytes());
                    bytes.extend_from_slice(b"\r\n");
                }
                (bytes, false)
            }
            Piece::End => (if chunked { b"0\r\n\r\n".to_vec() } else { Vec::new() }, true),
            Piece::Head { .. } => return false,
        };
        session.timer.set(Instant::now(), session.frontend.client_timeout);
        let mut written = 0;
        let sent = session.stream.write_all(&bytes, &[], &session.timer, &mut written).await;
        story.sight().add_bytes_out(written as u64);
        if sent.is_err() || is_last {
            return sent.is_ok();
        }
    }
}

/// What lines call those who answer.
const STATISTICS: &str = "<STATS>";
const PROMETHEUS: &str = "<PROMEX>";

/// Pieces of an answer that lie ready while the client takes one.
const PIECES: usize = 2;

/// How long the head of an answer is waited for: a change may have to go to a controller and come back.
const PATIENCE: Duration = Duration::from_secs(30);
