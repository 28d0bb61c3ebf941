//! The access log: a line for every finished exchange, to every destination of its frontend.
//!
//! Each worker has a sink of its own: it renders lines (`line.rs`, `format.rs`, dates by `date.rs`), puts headers before them
//! (`dress.rs`) and delivers them in batches (`outlet.rs`; standard streams and descriptors through `writer.rs`, rings
//! through `forward.rs`).
//! Nothing here waits for a destination or fails a request: what cannot be delivered is dropped and counted. On
//! the steady path nothing is allocated.

mod date;
mod dress;
mod encode;
mod format;
mod forward;
mod line;
mod outlet;
mod text;
mod writer;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use regate_proto::model::{Mode, Name, Severity};

use self::date::{Dates, Moment};
use self::dress::Identity;
use self::format::Facts;
use self::outlet::Outlet;
use super::record::{Cause, Record};
use crate::fetch::View;
use crate::live::{FrontendLive, Live};
use crate::snapshot::{FormatPlan, LineFormat, LogPlan};

pub(crate) use format::Purpose;
pub(crate) use forward::Forwarders;
pub(super) use line::letters;
pub(crate) use writer::settle;

/// The log of one worker.
#[derive(Debug)]
pub(crate) struct LogSink {
    live: Arc<Live>,
    forwarders: Arc<Forwarders>,
    identity: Identity,
    state: RefCell<State>,
    /// When the first of the lines that wait was queued.
    queued: Cell<Option<Instant>>,
}

/// A connection that ended before it became a session, such as one without the PROXY protocol header that it had to
/// begin with.
#[derive(Debug)]
pub(crate) struct Refusal<'a> {
    /// The client's address; absent for unix sockets.
    pub(crate) client: Option<SocketAddr>,
    /// When the connection was accepted, by the wall clock.
    pub(crate) accepted_at: SystemTime,
    /// Whether the client sent anything.
    pub(crate) has_data: bool,
    /// The frontend.
    pub(crate) frontend: &'a Name,
    /// The bind's name, or its number where it has none.
    pub(crate) bind: &'a str,
    /// The bind's number.
    pub(crate) bind_id: u32,
    /// HAProxy's sentence about it, such as `Received an invalid PROXY protocol header`.
    pub(crate) reason: &'a str,
}

#[derive(Debug)]
struct State {
    dates: Dates,
    /// The text of the line at hand.
    text: Vec<u8>,
    /// Its structured data.
    structured: Vec<u8>,
    outlets: Vec<Outlet>,
}

impl LogSink {
    /// A sink with nothing to deliver.
    pub(crate) fn new(live: Arc<Live>, forwarders: Arc<Forwarders>) -> LogSink {
        let state = State {
            dates: Dates::new(),
            text: Vec::with_capacity(512),
            structured: Vec::new(),
            outlets: Vec::new(),
        };
        let (identity, state) = (Identity::own(), RefCell::new(state));
        LogSink { live, forwarders, identity, state, queued: Cell::new(None) }
    }

    /// Appends what a format says of an exchange, outside of lines. Without a record, aliases say nothing.
    pub(crate) fn fill(
        &self,
        out: &mut Vec<u8>,
        plan: &FormatPlan,
        purpose: Purpose,
        mode: Mode,
        record: Option<&Record>,
        view: Option<&View<'_>>,
    ) {
        let facts = record.map(|record| self.facts(record, mode, false, "", 0));
        let dates = &mut self.state.borrow_mut().dates;
        format::render(out, plan, purpose, (facts.as_ref(), dates), view);
    }

    /// Renders and queues the lines of an exchange, those that the plan does not leave out.
    pub(crate) fn record(
        &self,
        frontend: &FrontendLive,
        plan: &LogPlan,
        record: &Record,
        view: Option<&View<'_>>,
    ) {
        let failed = is_failure(record);
        if record.level == Some(None) || !is_wanted(plan, record, failed) {
            return;
        }
        let is_err = failed && plan.separate_errors && !matches!(plan.format, LineFormat::Plain);
        let took = record.ended.map(|ended| ended.saturating_duration_since(record.started));
        let now = Moment::from(record.started_at + took.unwrap_or_default());
        let number = if plan.needs.line_number { frontend.count_line() } else { 0 };
        let origin = if plan.early { "txn_response" } else { "txn_close" };
        let facts = self.facts(record, plan.mode, plan.early, origin, number);
        let own = record.level.flatten();
        let severity = own.unwrap_or(if is_err { Severity::Err } else { Severity::Info });
        self.put(plan, severity, now, |text, structured, dates| {
            if let Some(format) = line::render(text, plan, record, dates) {
                format::render(text, format, Purpose::Line, (Some(&facts), dates), view);
            }
            if let Some(format) = &plan.structured {
                format::render(structured, format, Purpose::Line, (Some(&facts), dates), view);
            }
        });
    }

    /// Renders and queues the line of a connection that did not become a session.
    pub(crate) fn refuse(
        &self,
        plan: &LogPlan,
        refusal: &Refusal<'_>,
        record: Option<&Record>,
        view: Option<&View<'_>>,
    ) {
        if matches!(plan.format, LineFormat::Plain) || plan.skip_null && !refusal.has_data {
            return;
        }
        let severity = if plan.separate_errors { Severity::Err } else { Severity::Info };
        self.put(plan, severity, Moment::from(SystemTime::now()), |text, _, dates| match &plan.errors {
            None => line::render_refusal(text, refusal, dates),
            Some(format) => {
                let facts = record.map(|record| self.facts(record, plan.mode, false, "sess_error", 0));
                format::render(text, format, Purpose::Line, (facts.as_ref(), dates), view);
            }
        });
    }

    /// Queues a line about something that happened to a server.
    pub(crate) fn announce(&self, plan: &LogPlan, severity: Severity, line: &str) {
        self.put(plan, severity, Moment::from(SystemTime::now()), |text, _, _| {
            text.extend_from_slice(line.as_bytes());
        });
    }

    /// Sends what is queued. What a full socket does not take stays queued, within bounds, for the next time.
    pub(crate) fn flush(&self) {
        let dropped = self.state.borrow_mut().outlets.iter_mut().map(Outlet::flush).sum();
        self.count_dropped(dropped);
    }

    /// Whether nothing is queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.state.borrow().outlets.iter().all(Outlet::is_empty)
    }

    /// Sends what has waited for company long enough.
    pub(crate) fn turn(&self, now: Instant) {
        if self.rest(now) == Some(Duration::ZERO) {
            self.flush();
            self.queued.set(if self.is_empty() { None } else { Some(now) });
        }
    }

    /// How long until [`LogSink::turn`] has something to do; for ever without a line.
    pub(crate) fn rest(&self, now: Instant) -> Option<Duration> {
        self.queued.get().map(|queued| FLUSH_DELAY.saturating_sub(now.saturating_duration_since(queued)))
    }

    fn put(
        &self,
        plan: &LogPlan,
        severity: Severity,
        now: Moment,
        render: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>, &mut Dates),
    ) {
        let mut state = self.state.borrow_mut();
        let State { dates, text, structured, outlets } = &mut *state;
        text.clear();
        structured.clear();
        render(text, structured, dates);
        let (mut dropped, mut begun) = (0, false);
        for route in &plan.routes {
            let Some(severity) = route.severity(severity).filter(|_| route.takes_next()) else { continue };
            let keepers = (&self.live, &*self.forwarders);
            let outlet = outlet::found_or_opened(outlets, &route.target.address, now.seconds, keepers);
            begun |= outlet.is_empty();
            dropped += outlet.put(|out| {
                dress::dress(out, (plan, route), severity, (now, dates), &self.identity, (structured, text));
            });
        }
        drop(state);
        self.count_dropped(dropped);
        if begun && self.queued.get().is_none() {
            self.queued.set(Some(Instant::now()));
        }
    }

    fn facts<'a>(
        &'a self,
        record: &'a Record,
        mode: Mode,
        early: bool,
        origin: &'static str,
        line_number: u32,
    ) -> Facts<'a> {
        Facts { record, mode, early, origin, line_number, identity: &self.identity }
    }

    fn count_dropped(&self, lines: u64) {
        if lines > 0 {
            self.live.process.dropped_logs.fetch_add(lines, Ordering::Relaxed);
        }
    }
}

impl Drop for LogSink {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Whether an exchange failed: by its end, or by a retry, a redispatch or a server error (configuration manual
/// 8.3.3). What the proxy answered by itself has not failed.
fn is_failure(record: &Record) -> bool {
    let by_end = match record.termination.cause {
        Cause::Completed => record.retries > 0,
        _ => true,
    };
    by_end || record.redispatched || record.status.is_some_and(|status| status >= 500)
}

fn is_wanted(plan: &LogPlan, record: &Record, failed: bool) -> bool {
    match &plan.format {
        // This line is about the connection alone; where HTTP is spoken, it is written once there is a request.
        LineFormat::Plain => plan.mode == Mode::Tcp || !record.request_line.is_empty(),
        _ => !(plan.skip_null && record.bytes_in == 0 || plan.skip_normal && !failed),
    }
}

/// How long a queued line waits for company.
const FLUSH_DELAY: Duration = Duration::from_millis(3);

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
