//! Whether servers are up: what their checks found, and what became of them by it.
//!
//! A [`Health`] is what traffic reads, in a few atomics, with the [`Record`] behind it, which the core of checks
//! writes. The record's steps are pure: what a verdict does to a counter is told by [`Probe::take`], what it does to
//! the server by [`Record`]'s methods. Who must hear of it is the business of `crate::check`.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use regate_proto::model::{Admin, InitState};

use super::{Finding, Outcome, Verdict};

/// How a server stands by its checks. The numbers are those of state files (management manual, "show servers
/// state").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operational {
    /// It serves nothing.
    Stopped = 0,
    /// It serves.
    Running = 2,
    /// It finishes what it has.
    Stopping = 3,
}

/// One of a server's two kinds of checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// Whether the configuration asks for it.
    pub configured: bool,
    /// Whether it rests by hand.
    pub paused: bool,
    /// Whether one is under way.
    pub under_way: bool,
    /// Passed ones in a row that bring the server up.
    pub rise: u32,
    /// Failed ones in a row that bring it down.
    pub fall: u32,
    /// From 0, which is down for good, over `rise`, from where on it is up, to `rise + fall - 1`.
    pub health: u32,
    /// What the last one found.
    pub finding: Finding,
    /// Its code.
    pub code: u32,
    /// What more it said.
    pub detail: String,
    /// Milliseconds that it took; `None` when there was none.
    pub duration: Option<u32>,
    /// What the last one meant, 0 while the next is under way: the number of state files.
    pub result: u32,
}

/// What a verdict did to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether something is to be told: the counter or the finding is another.
    pub news: bool,
    /// Whether it failed while the counter said up.
    pub failed_while_up: bool,
}

/// What is known of a server's health, in full.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its own checks.
    pub check: Probe,
    /// Its agent's words.
    pub agent: Probe,
    /// How it stands.
    pub operational: Operational,
    /// Whether it was configured at least once.
    known: bool,
    /// Checks that failed while it was up.
    pub failed_checks: u64,
    /// How often it went down.
    pub went_down: u64,
    /// Failures of traffic that were counted as checks.
    pub observed_failures: u64,
    /// Since when it has been down, in milliseconds on the process's clock.
    down_since: Option<u64>,
    /// Milliseconds that it was down before.
    down_millis: u64,
}

/// What is observed of a server's health.
#[derive(Debug)]
pub struct Health {
    operational: AtomicU8,
    /// What the leader's administrative state forces on a follower.
    inherited: AtomicU8,
    /// What the agent asked for; it holds until somebody else asks for something.
    agent_admin: AtomicU8,
    agent_weight: AtomicU32,
    agent_maxconn: AtomicU32,
    /// Failures of traffic in a row.
    errors: AtomicU32,
    /// Bumped when the server's sessions are to end.
    record: Mutex<Record>,
    /// When a check is wanted sooner than its turn, in milliseconds on the process's clock; 0 for not.
    pub hurry: AtomicU64,
}

/// Outages of a backend.
#[derive(Debug, Default)]
pub struct Outages {
    state: Mutex<OutageState>,
}

#[derive(Debug, Default)]
struct OutageState {
    down: bool,
    count: u64,
    since: u64,
    millis: u64,
}

impl Operational {
    fn from_number(number: u8) -> Operational {
        match number {
            0 => Operational::Stopped,
            3 => Operational::Stopping,
            _ => Operational::Running,
        }
    }
}

impl Probe {
    /// Whether checks are made, as far as the probe itself is concerned.
    pub fn is_enabled(&self) -> bool {
        self.configured && !self.paused
    }

    /// The highest value of the counter.
    pub fn top(&self) -> u32 {
        self.rise.saturating_add(self.fall).saturating_sub(1)
    }

    /// Whether the counter says up.
    pub fn is_up(&self) -> bool {
        self.health >= self.rise
    }

    /// Takes a verdict: the counter moves by one, except that a passed check of a server that is up, and the first
    /// failed one of a server that goes down, move it to the end.
    pub fn take(&mut self, verdict: Verdict) -> Taken {
        let before = self.health;
        let mut failed_while_up = false;
        match verdict {
            Verdict::Neutral => {}
            Verdict::Failed => {
                failed_while_up = self.is_up();
                self.health = if self.health > self.rise { self.health.saturating_sub(1) } else { 0 };
            }
            Verdict::Passed | Verdict::Conditional => {
                if self.health < self.top() {
                    self.health = self.health.saturating_add(1);
                }
                if self.is_up() {
                    self.health = self.top();
                }
            }
        }
        Taken { news: self.health != before, failed_while_up }
    }

    /// Notes what a check found.
    pub fn note(&mut self, outcome: &Outcome) {
        self.finding = outcome.finding;
        self.code = outcome.code;
        self.detail.clone_from(&outcome.detail);
        self.duration = (outcome.finding != Finding::Observed).then_some(outcome.duration);
        self.result = outcome.finding.verdict().number();
    }

    fn configure(&mut self, configured: bool, paused: bool, rise: u32, fall: u32) -> bool {
        let fresh = configured && !self.configured;
        if fresh {
            self.finding = Finding::Initializing;
            (self.code, self.duration, self.result) = (0, None, 0);
            self.detail.clear();
        }
        let was_up = self.is_up();
        let settled = self.health == self.top();
        (self.configured, self.paused) = (configured, paused);
        if (self.rise, self.fall) != (rise, fall) {
            (self.rise, self.fall) = (rise.max(1), fall.max(1));
            // A counter of another scale keeps its side.
            self.health = match (was_up, settled) {
                (true, true) => self.top(),
                (true, false) => self.health.clamp(self.rise, self.top()),
                (false, _) => self.health.min(self.rise.saturating_sub(1)),
            };
        }
        fresh
    }
}

impl Record {
    fn new() -> Record {
        let probe = |rise: u32, fall: u32, health: u32| Probe { rise, fall, health, ..Probe::default() };
        Record {
            check: probe(2, 3, 2),
            agent: probe(1, 1, 1),
            operational: Operational::Running,
            known: false,
            failed_checks: 0,
            went_down: 0,
            observed_failures: 0,
            down_since: None,
            down_millis: 0,
        }
    }

    /// Brings the probes to what the configuration asks for. A server that is checked from now on begins as `init`
    /// says, unless `kept` says how it stood before a restart.
    pub fn configure(&mut self, wanted: &Wanted, kept: Option<(Operational, u32)>) {
        let fresh = self.check.configure(wanted.check, wanted.check_paused, wanted.rise, wanted.fall);
        if self.agent.configure(wanted.agent, wanted.agent_paused, 1, 1) {
            self.agent.health = 1;
        }
        if fresh && !wanted.maintenance {
            let (operational, health) = match (kept, wanted.init) {
                (Some((operational, health)), _) => (operational, health.min(self.check.top())),
                (None, InitState::FullyUp) => (Operational::Running, self.check.top()),
                (None, InitState::Up) => (Operational::Running, self.check.rise),
                (None, InitState::Down) => (Operational::Stopped, self.check.rise.saturating_sub(1)),
                (None, InitState::FullyDown) => (Operational::Stopped, 0),
            };
            // One that served unchecked goes on serving until a check says otherwise.
            (self.operational, self.check.health) = (operational, health);
        }
        if !self.check.configured && !self.agent.configured && self.known && wanted.was_checked {
            // Nobody would ever bring it up again.
            self.operational = if wanted.maintenance { Operational::Stopped } else { Operational::Running };
        }
        self.known = true;
    }

    /// Takes what a check found; tells what that did to the probe.
    pub fn take_check(&mut self, outcome: &Outcome, maintenance: bool) -> Taken {
        let same = self.check.finding == outcome.finding;
        self.check.note(outcome);
        self.check.under_way = false;
        let verdict = outcome.finding.verdict();
        let mut taken = self.check.take(verdict);
        taken.news |= !same;
        if taken.failed_while_up {
            self.failed_checks = self.failed_checks.saturating_add(1);
        }
        if maintenance {
            return taken;
        }
        let agent_allows = !self.agent.is_enabled() || self.agent.is_up();
        match verdict {
            Verdict::Failed if self.check.health == 0 => self.operational = Operational::Stopped,
            Verdict::Passed if self.check.is_up() && agent_allows => self.operational = Operational::Running,
            Verdict::Conditional if self.check.is_up() && agent_allows => {
                self.operational = Operational::Stopping;
            }
            _ => {}
        }
        taken
    }

    /// Takes what the agent said about up and down. An agent that cannot be asked changes nothing.
    pub fn take_agent(&mut self, outcome: &Outcome, maintenance: bool) -> Taken {
        let same = self.agent.finding == outcome.finding;
        self.agent.note(outcome);
        self.agent.under_way = false;
        let verdict = outcome.finding.verdict();
        if verdict == Verdict::Failed && outcome.finding != Finding::L7Failed {
            return Taken { news: !same, failed_while_up: false };
        }
        let mut taken = self.agent.take(verdict);
        taken.news |= !same && verdict != Verdict::Neutral;
        if maintenance {
            return taken;
        }
        let check_allows = !self.check.is_enabled() || self.check.is_up();
        match verdict {
            Verdict::Failed if self.agent.health == 0 => self.operational = Operational::Stopped,
            Verdict::Passed
                if self.agent.is_up() && check_allows && self.operational == Operational::Stopped =>
            {
                self.operational = Operational::Running;
            }
            _ => {}
        }
        taken
    }

    /// The server goes into maintenance.
    pub fn enter_maintenance(&mut self) {
        self.check.health = 0;
        self.operational = Operational::Stopped;
    }

    /// The server leaves maintenance: it is up, and one failed check brings it down. An agent that says down is heeded.
    pub fn leave_maintenance(&mut self) {
        if self.check.configured {
            self.check.health = self.check.rise;
        }
        if !self.agent.is_enabled() || self.agent.is_up() {
            self.operational = Operational::Running;
        }
    }

    /// What somebody says by hand in place of a check.
    pub fn force(&mut self, operational: Operational, maintenance: bool) {
        self.check.health = if operational == Operational::Stopped { 0 } else { self.check.top() };
        if !maintenance {
            self.operational = operational;
        }
    }

    /// What somebody says by hand in place of the agent.
    pub fn force_agent(&mut self, up: bool, maintenance: bool) {
        self.agent.health = if up { self.agent.top() } else { 0 };
        if !maintenance {
            self.operational = if up { Operational::Running } else { Operational::Stopped };
        }
    }

    /// Milliseconds that it was down in all.
    pub fn down_millis(&self, now: u64) -> u64 {
        let current = self.down_since.map_or(0, |since| now.saturating_sub(since));
        self.down_millis.saturating_add(current)
    }

    /// Notes that the server went down or came up now.
    pub fn note_change(&mut self, down: bool, now: u64) {
        match (down, self.down_since) {
            (true, None) => {
                self.down_since = Some(now);
                self.went_down = self.went_down.saturating_add(1);
            }
            (false, Some(since)) => {
                self.down_millis = self.down_millis.saturating_add(now.saturating_sub(since));
                self.down_since = None;
            }
            _ => {}
        }
    }

    /// Begins as down, without that counting as going down.
    pub fn note_begun_down(&mut self, now: u64) {
        self.down_since = Some(now);
    }

    /// Starts the counters again at zero.
    fn clear(&mut self) {
        (self.failed_checks, self.went_down, self.observed_failures) = (0, 0, 0);
        self.down_millis = 0;
    }
}

/// What a configuration asks of a server's checks.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Whether it is checked.
    pub check: bool,
    /// Whether its checks rest by hand.
    pub check_paused: bool,
    /// Whether an agent is asked.
    pub agent: bool,
    /// Whether the agent rests by hand.
    pub agent_paused: bool,
    /// Passed checks that bring it up.
    pub rise: u32,
    /// Failed checks that bring it down.
    pub fall: u32,
    /// How it begins.
    pub init: InitState,
    /// Whether it is in maintenance.
    pub maintenance: bool,
    /// Whether it was checked or tracked before.
    pub was_checked: bool,
}

impl Default for Health {
    fn default() -> Health {
        Health {
            operational: AtomicU8::new(Operational::Running as u8),
            inherited: AtomicU8::new(0),
            agent_admin: AtomicU8::new(NOTHING),
            agent_weight: AtomicU32::new(u32::MAX),
            agent_maxconn: AtomicU32::new(u32::MAX),
            errors: AtomicU32::new(0),
            record: Mutex::new(Record::new()),
            hurry: AtomicU64::new(0),
        }
    }
}

impl Health {
    /// How the server stands by its checks.
    pub fn operational(&self) -> Operational {
        Operational::from_number(self.operational.load(Ordering::Relaxed))
    }

    /// Everything that is known. Held shortly: who writes it must [`Health::publish`] what it came to.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock()
    }

    /// Makes what a record says the truth for traffic; gives what it was before.
    pub fn publish(&self, record: &Record) -> Operational {
        Operational::from_number(self.operational.swap(record.operational as u8, Ordering::Relaxed))
    }

    /// What is asked of the server, by whoever asked last, before what it inherits.
    pub fn own_admin(&self, configured: Admin) -> Admin {
        match self.agent_admin.load(Ordering::Relaxed) {
            READY => Admin::Ready,
            DRAIN => Admin::Drain,
            MAINT => Admin::Maint,
            _ => configured,
        }
    }

    /// What is asked of the server by the one that it follows.
    pub fn inherited_admin(&self) -> Admin {
        match self.inherited.load(Ordering::Relaxed) {
            DRAIN => Admin::Drain,
            MAINT => Admin::Maint,
            _ => Admin::Ready,
        }
    }

    /// What is asked of the server in all.
    pub fn admin(&self, configured: Admin) -> Admin {
        match (self.own_admin(configured), self.inherited_admin()) {
            (Admin::Maint, _) | (_, Admin::Maint) => Admin::Maint,
            (Admin::Drain, _) | (_, Admin::Drain) => Admin::Drain,
            (Admin::Ready, Admin::Ready) => Admin::Ready,
        }
    }

    /// Notes what the leader's state forces on this server.
    pub fn inherit(&self, admin: Admin) {
        self.inherited.store(number(admin), Ordering::Relaxed);
    }

    /// Notes what the agent asks for; `None` when somebody else asked for something.
    pub fn set_agent_admin(&self, admin: Option<Admin>) {
        self.agent_admin.store(admin.map_or(NOTHING, number), Ordering::Relaxed);
    }

    /// The weight that the agent asked for.
    pub fn agent_weight(&self) -> Option<u16> {
        u16::try_from(self.agent_weight.load(Ordering::Relaxed)).ok()
    }

    /// Notes the weight that the agent asks for.
    pub fn set_agent_weight(&self, weight: Option<u16>) {
        self.agent_weight.store(weight.map_or(u32::MAX, u32::from), Ordering::Relaxed);
    }

    /// The connection limit that the agent asked for.
    pub fn agent_maxconn(&self) -> Option<u32> {
        Some(self.agent_maxconn.load(Ordering::Relaxed)).filter(|limit| *limit != u32::MAX)
    }

    /// Notes the connection limit that the agent asks for.
    pub fn set_agent_maxconn(&self, limit: Option<u32>) {
        self.agent_maxconn.store(limit.unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Traffic went well: failures are no longer in a row.
    pub fn note_success(&self) {
        if self.errors.load(Ordering::Relaxed) != 0 {
            self.errors.store(0, Ordering::Relaxed);
        }
    }

    /// Traffic failed; tells when so many in a row are reached, and begins again then.
    pub fn note_failure(&self, limit: u32) -> bool {
        let failures = self.errors.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let reached = failures >= limit;
        if reached {
            self.errors.store(0, Ordering::Relaxed);
        }
        reached
    }

    /// Starts the counters again at zero.
    pub fn clear(&self) {
        self.record.lock().clear();
    }
}

impl Outages {
    /// Notes whether the backend has a server left; tells whether that changed.
    pub fn note(&self, down: bool, now: u64) -> bool {
        let mut state = self.state.lock();
        if state.down == down {
            return false;
        }
        state.down = down;
        if down {
            state.count = state.count.saturating_add(1);
            state.since = now;
        } else {
            state.millis = state.millis.saturating_add(now.saturating_sub(state.since));
        }
        true
    }

    /// Notes how the backend stands when it begins, which is no change.
    pub fn begin(&self, down: bool, now: u64) {
        let mut state = self.state.lock();
        (state.down, state.since) = (down, now);
    }

    /// Counts that it went down so often before the process began.
    pub fn add_earlier(&self, count: u64) {
        let mut state = self.state.lock();
        state.count = state.count.saturating_add(count);
    }

    /// How often it went down, and the milliseconds that it was down.
    pub fn totals(&self, now: u64) -> (u64, u64) {
        let state = self.state.lock();
        let current = if state.down { now.saturating_sub(state.since) } else { 0 };
        (state.count, state.millis.saturating_add(current))
    }

    /// Starts the counters again at zero.
    pub fn clear(&self) {
        let mut state = self.state.lock();
        (state.count, state.millis) = (0, 0);
    }
}

fn number(admin: Admin) -> u8 {
    match admin {
        Admin::Ready => READY,
        Admin::Drain => DRAIN,
        Admin::Maint => MAINT,
    }
}

const READY: u8 = 0;
const DRAIN: u8 = 1;
const MAINT: u8 = 2;
const NOTHING: u8 = 3;

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
