//! What is asked of streams and done to them, and the last malformed messages.
//!
//! Workers answer a slice of their streams at a time; names are looked up here, in the revision that a stream reads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use regate_proto::model::{Admin, Mode, Name, ServerRef, Subject};
use regate_proto::problem::{Code, Problem};
use regate_proto::wire::{chunk, v1};

use super::Context;
use super::permission::{Asked, Caller};
use super::query::Answers;
use crate::live::{CutBy, Malformed, Part};
use crate::snapshot::{BackendPlan, FrontendPlan, ServerPlan, Snapshot, Target};
use crate::streams::{Progress, Search, Sighting};

/// A walk through the streams of all workers.
pub(super) struct Walk {
    context: Arc<Context>,
    search: Search,
    revision: u64,
    worker: usize,
    from: usize,
    now: SystemTime,
}

/// Begins a walk through the streams that are wanted.
pub(super) fn walk(
    context: &Arc<Context>,
    caller: &Caller,
    query: v1::StreamsQuery,
) -> Result<Walk, Problem> {
    caller.may(Asked::Streams)?;
    let (revision, snapshot) =
        context.store.read(|current| (current.state.revision().0, current.snapshot.clone()));
    let mut search = Search {
        id: query.id,
        older: query.older_ms.map(Duration::from_millis),
        suspicious: query.suspicious,
        ..Search::default()
    };
    if let Some(text) = &query.frontend {
        let plan = named("frontend", text, &snapshot.frontends, Subject::Frontend)?;
        search.frontend = Some(Arc::as_ptr(&plan.live) as usize);
    }
    if let Some(text) = &query.backend {
        let plan = named("backend", text, &snapshot.backends, Subject::Backend)?;
        search.backend = Some(Arc::as_ptr(&plan.live) as usize);
    }
    if let Some(at) = query.server {
        search.server = Some(Arc::as_ptr(&server(&snapshot, at)?.live) as usize);
    }
    Ok(Walk { context: context.clone(), search, revision, worker: 0, from: 0, now: SystemTime::now() })
}

impl Walk {
    /// The next part of the answer; `None` after the last one.
    pub(super) async fn next(&mut self) -> Option<v1::Answer> {
        let board = &self.context.switchboard;
        while self.worker < board.workers() {
            let slice = board.list(self.worker, self.search.clone(), self.from).await;
            match slice.next {
                Some(next) => self.from = next,
                None => (self.worker, self.from) = (self.worker.saturating_add(1), 0),
            }
            if !slice.found.is_empty() {
                let mut names = Names::default();
                let streams = slice.found.iter().map(|sighting| names.view(sighting, self.now)).collect();
                return Some(v1::Answer { revision: self.revision, streams, ..v1::Answer::default() });
            }
        }
        None
    }

    /// What is told when there is nothing to tell.
    pub(super) fn nothing(&self) -> v1::Answer {
        v1::Answer { revision: self.revision, ..v1::Answer::default() }
    }
}

/// Ends a stream.
pub(super) async fn cut(context: &Context, caller: &Caller, request: v1::CutStream) -> Result<(), Problem> {
    caller.may(Asked::CutStreams)?;
    match context.switchboard.cut(request.id, CutBy::Administrator).await {
        true => Ok(()),
        false => Err(Problem::general(
            Code::NotFound,
            format!("id: there is no stream with number {}", request.id),
        )),
    }
}

/// Ends all streams on a server.
pub(super) async fn cut_on_server(
    context: &Context,
    caller: &Caller,
    request: v1::CutStreams,
) -> Result<(), Problem> {
    caller.may(Asked::CutStreams)?;
    let missing = || Problem::general(Code::Malformed, "cut_streams.server: nothing is set");
    let snapshot = context.store.read(|current| current.snapshot.clone());
    let plan = server(&snapshot, request.server.ok_or_else(missing)?)?;
    let idle = plan.admin == Admin::Maint;
    context.switchboard.cut_server(&plan.live, CutBy::Administrator, idle).await;
    Ok(())
}

/// The last malformed messages that are wanted.
pub(super) fn malformed(
    context: &Context,
    caller: &Caller,
    query: v1::MalformedQuery,
) -> Result<Answers, Problem> {
    caller.may(Asked::Malformed)?;
    let name = query.proxy.as_deref().map(|text| super::query::name("proxy", text)).transpose()?;
    let wanted = |own: (&Name, u32)| {
        name.as_ref().is_none_or(|name| name == own.0) && query.proxy_id.is_none_or(|id| id == own.1)
    };
    let (revision, mut found) = context.store.read(|current| {
        let snapshot = &current.snapshot;
        if let Some(name) = &name
            && current.state.frontend(name).is_none()
            && current.state.backend(name).is_none()
        {
            let subject = Subject::Backend(name.clone());
            return Err(Problem::about(Code::NotFound, &subject, "there is no proxy of that name"));
        }
        let mut found = Vec::new();
        if !query.responses_only {
            for plan in snapshot.frontends.values() {
                let own = proxy(&plan.name, plan.id, plan.mode);
                found.extend(plan.live.malformed.look().map(|malformed| (own, false, malformed)));
            }
        }
        if !query.requests_only {
            for plan in snapshot.backends.values() {
                let own = proxy(&plan.name, plan.id, plan.mode);
                found.extend(plan.live.malformed.look().map(|malformed| (own, true, malformed)));
            }
        }
        Ok((current.state.revision().0, found))
    })?;
    found.retain(|(own, _, malformed)| {
        let own = Name::new(&own.name).ok().map(|name| (name, own.id));
        own.is_some_and(|own| wanted((&own.0, own.1)))
            || malformed.other.as_ref().is_some_and(|other| wanted((&other.0, other.1)))
    });
    found.sort_by_key(|(own, response, _)| (own.id, *response));
    let malformed_total = context.live.process.malformed.load(Ordering::Relaxed);
    let views: Vec<v1::MalformedView> =
        found.into_iter().map(|(own, response, malformed)| exhibit(own, response, malformed)).collect();
    let parts = chunk::parts(views.into_iter());
    Ok(Box::new(parts.map(move |malformed_messages| v1::Answer {
        revision,
        malformed_messages,
        malformed_total,
        ..v1::Answer::default()
    })))
}

/// The things that addresses mean, by revision.
#[derive(Default)]
struct Names {
    revisions: Vec<(Arc<Snapshot>, Addresses)>,
}

#[derive(Default)]
struct Addresses {
    frontends: HashMap<usize, Arc<FrontendPlan>>,
    backends: HashMap<usize, Arc<BackendPlan>>,
}

impl Names {
    fn view(&mut self, sighting: &Sighting, now: SystemTime) -> v1::StreamView {
        let addresses = sighting.snapshot.as_ref().map(|snapshot| self.of(snapshot));
        let frontend = addresses.and_then(|addresses| addresses.frontends.get(&sighting.frontend));
        let backend = addresses.and_then(|addresses| addresses.backends.get(&sighting.backend));
        let server = backend.and_then(|backend| {
            backend.servers.iter().find(|server| Arc::as_ptr(&server.live) as usize == sighting.server)
        });
        let began = now.checked_sub(sighting.age).unwrap_or(UNIX_EPOCH);
        let [client, upstream] = sighting.descriptors;
        let [expires, server_expires] = sighting.left.map(|left| left.map(millis));
        v1::StreamView {
            id: sighting.id,
            worker: u32::try_from(sighting.worker).unwrap_or(u32::MAX),
            began_us: micros(began),
            age_ms: millis(sighting.age),
            source: sighting.source.map(|source| source.to_string()),
            frontend: frontend.map(|plan| proxy(&plan.name, plan.id, plan.mode)),
            bind_id: sighting.bind,
            backend: backend.map(|plan| proxy(&plan.name, plan.id, plan.mode)),
            server: server.map(|plan| stream_server(plan)),
            progress: progress(sighting.progress).into(),
            client_descriptor: client,
            server_descriptor: Some(upstream).filter(|descriptor| *descriptor >= 0),
            expires_ms: expires,
            server_expires_ms: server_expires,
            retries: sighting.retries,
            status: sighting.status.map(u32::from),
            method: sighting.method.to_owned(),
            held_bytes: sighting.held,
            calls: sighting.calls,
            calls_rate: sighting.rate,
            ready: sighting.is_ready,
            cut: sighting.is_cut,
            bytes_in: sighting.bytes[0],
            bytes_out: sighting.bytes[1],
            request_line: sighting.line.get(..LONGEST_LINE).unwrap_or(&sighting.line).to_vec(),
        }
    }

    fn of(&mut self, snapshot: &Arc<Snapshot>) -> &Addresses {
        let known = self.revisions.iter().position(|(own, _)| Arc::ptr_eq(own, snapshot));
        let at = known.unwrap_or_else(|| {
            let mut addresses = Addresses::default();
            for plan in snapshot.frontends.values() {
                addresses.frontends.insert(Arc::as_ptr(&plan.live) as usize, plan.clone());
            }
            for plan in snapshot.backends.values() {
                addresses.backends.insert(Arc::as_ptr(&plan.live) as usize, plan.clone());
            }
            self.revisions.push((snapshot.clone(), addresses));
            self.revisions.len().saturating_sub(1)
        });
        &self.revisions[at].1
    }
}

fn exhibit(own: v1::StreamProxy, response: bool, malformed: Malformed) -> v1::MalformedView {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    v1::MalformedView {
        event: malformed.event,
        at_us: micros(malformed.at),
        response,
        proxy: Some(own),
        other: malformed.other.map(|(name, id)| proxy(&name, id, Mode::Http)),
        server: malformed.server.map(|(name, id)| v1::StreamServer {
            name: name.to_string(),
            id,
            address: None,
        }),
        source: malformed.source.map(|source| source.to_string()),
        content: malformed.content.into_vec(),
        position: number(malformed.position),
        skipped: malformed.skipped,
        part: part(malformed.part).into(),
        expected: malformed.expected.to_owned(),
        room: number(malformed.room),
    }
}

fn proxy(name: &Name, id: u32, mode: Mode) -> v1::StreamProxy {
    v1::StreamProxy { name: name.to_string(), id, http: mode == Mode::Http }
}

fn stream_server(plan: &ServerPlan) -> v1::StreamServer {
    let address = match plan.place().as_deref() {
        Some(Target::Inet(address)) => Some(address.to_string()),
        _ => None,
    };
    v1::StreamServer { name: plan.name.to_string(), id: plan.id, address }
}

fn server(snapshot: &Snapshot, at: v1::ServerRef) -> Result<Arc<ServerPlan>, Problem> {
    let at = ServerRef::try_from(at)?;
    let Some(backend) = snapshot.backends.get(&at.backend) else {
        let subject = Subject::Backend(at.backend.clone());
        return Err(Problem::about(Code::NotFound, &subject, "there is none of that name"));
    };
    let missing = || {
        let subject = Subject::Server(at.clone());
        Problem::about(Code::NotFound, &subject, "there is none of that name")
    };
    backend.server(&at.server).cloned().ok_or_else(missing)
}

fn named<'a, T>(
    field: &str,
    text: &str,
    among: &'a HashMap<Name, T>,
    noun: fn(Name) -> Subject,
) -> Result<&'a T, Problem> {
    let name = super::query::name(field, text)?;
    let missing = || Problem::about(Code::NotFound, &noun(name.clone()), "there is none of that name");
    among.get(&name).ok_or_else(missing)
}

fn progress(progress: Progress) -> v1::StreamProgress {
    match progress {
        Progress::Request => v1::StreamProgress::Request,
        Progress::Rules => v1::StreamProgress::Rules,
        Progress::Queued => v1::StreamProgress::Queued,
        Progress::Pausing => v1::StreamProgress::Pausing,
        Progress::Connecting => v1::StreamProgress::Connecting,
        Progress::Sending => v1::StreamProgress::Sending,
        Progress::Waiting => v1::StreamProgress::Waiting,
        Progress::Responding => v1::StreamProgress::Responding,
        Progress::Tunnel => v1::StreamProgress::Tunnel,
    }
}

fn part(part: Part) -> v1::MalformedPart {
    match part {
        Part::Start => v1::MalformedPart::Start,
        Part::Target => v1::MalformedPart::Target,
        Part::Version => v1::MalformedPart::Version,
        Part::Status => v1::MalformedPart::Status,
        Part::Phrase => v1::MalformedPart::Reason,
        Part::LineEnd => v1::MalformedPart::LineEnd,
        Part::FieldStart => v1::MalformedPart::FieldStart,
        Part::FieldName => v1::MalformedPart::FieldName,
        Part::FieldValue => v1::MalformedPart::FieldValue,
        Part::FieldEnd => v1::MalformedPart::FieldEnd,
        Part::Field => v1::MalformedPart::Field,
        Part::Head => v1::MalformedPart::Head,
        Part::Framing => v1::MalformedPart::Framing,
        Part::ChunkSize => v1::MalformedPart::ChunkSize,
        Part::ChunkEnd => v1::MalformedPart::ChunkEnd,
        Part::Trailers => v1::MalformedPart::Trailers,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn micros(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Bytes of a first line that are told.
const LONGEST_LINE: usize = 1024;
