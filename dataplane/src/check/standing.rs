//! What becomes of a server by what was found, said or configured; and who is told.
//!
//! Whoever changes how a server stands holds the turn of the ledger, so that log lines, events and followers see one
//! thing after the other. Sentences are HAProxy's: people and programs look for them.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use regate_proto::model::{Admin, OnError, ServerRef, Severity};

use super::agent::Words;
use crate::live::{CutBy, Finding, Live, Notice, Operational, Outcome, Record, Verdict, Wanted};
use crate::snapshot::{BackendPlan, ServerPlan, Snapshot};

/// A server at its place.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// What else there is: followers may be anywhere.
    pub snapshot: &'a Snapshot,
    /// What is observed.
    pub live: &'a Live,
    /// Its backend.
    pub backend: &'a BackendPlan,
    /// The server.
    pub server: &'a ServerPlan,
}

/// What somebody says by hand in place of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As if its checks had found it so.
    Health(Operational),
    /// As if its agent had said so.
    Agent(bool),
}

/// Takes what a check found: from this process, or from whoever checks for it.
pub fn take_check(place: Place<'_>, outcome: &Outcome) {
    let _turn = place.live.ledger.take_turn();
    let mut record = place.server.live.health.record();
    if !record.check.is_enabled() {
        return;
    }
    let taken = record.take_check(outcome, place.in_maintenance());
    let told = taken.news && place.backend.checks.logs_results;
    if told {
        place.tell(Severity::Notice, result_line(place, "Health", outcome, &record));
    }
    let why = if told { String::new() } else { reason(outcome) };
    place.settle(record, &why);
}

/// Takes what an agent said, or that it could not be asked. Tells whether it talked nonsense for the first time.
pub fn take_agent(place: Place<'_>, outcome: &Outcome, words: Option<&Words>) -> bool {
    let _turn = place.live.ledger.take_turn();
    let health = &place.server.live.health;
    let mut record = health.record();
    if !record.agent.is_enabled() {
        return false;
    }
    let nonsense = words.is_some_and(Words::is_nonsense);
    let first_time = nonsense && record.agent.detail != outcome.detail;
    if let Some(admin) = words.and_then(|words| words.admin) {
        drop(record);
        let before = place.server.admin_in_force();
        health.set_agent_admin(Some(admin));
        place.change_admin(before, place.server.admin_in_force(), None);
        record = health.record();
    }
    if let Some(words) = words {
        take_shares(place, words);
    }
    let taken = record.take_agent(outcome, place.in_maintenance());
    let told =
        taken.news && place.backend.checks.logs_results && outcome.finding.verdict() != Verdict::Neutral;
    if told {
        place.tell(Severity::Notice, result_line(place, "Agent", outcome, &record));
    }
    let why = if told { String::new() } else { reason(outcome) };
    place.settle(record, &why);
    first_time
}

/// Takes an order.
pub fn obey(place: Place<'_>, order: Order) {
    let _turn = place.live.ledger.take_turn();
    let mut record = place.server.live.health.record();
    let maintenance = place.in_maintenance();
    match order {
        Order::Health(operational) => record.force(operational, maintenance),
        Order::Agent(up) => record.force_agent(up, maintenance),
    }
    place.settle(record, ", changed from CLI");
}

/// What became of a server's host name.
#[derive(Clone, Copy, Debug)]
pub enum Located<'a> {
    /// It leads to another address than before.
    Moved,
    /// It leads nowhere any more, for this reason.
    Lost(&'a str),
    /// It leads somewhere again: the host, and whether a service record named it.
    Found(&'a str, bool),
}

/// Takes what became of a server's host name, after lines that come first.
pub fn take_location(place: Place<'_>, located: Located<'_>, lines: Vec<String>) {
    let _turn = place.live.ledger.take_turn();
    let maintenance = place.in_maintenance();
    let mut record = place.server.live.health.record();
    match located {
        Located::Moved => {}
        Located::Lost(_) => record.enter_maintenance(),
        Located::Found(..) if !maintenance => match place.leader() {
            Some(leader) => record.operational = leader.live.health.operational(),
            None => record.leave_maintenance(),
        },
        Located::Found(..) => {}
    }
    let stopped = record.operational == Operational::Stopped;
    record.note_change(stopped, place.live.process.now());
    place.server.live.health.publish(&record);
    drop(record);
    refresh(place);
    lines.into_iter().for_each(|line| place.tell(Severity::Notice, line));
    let title = place.title();
    let stand = if stopped { "DOWN" } else { "UP" };
    match located {
        _ if maintenance => {}
        Located::Moved => {}
        Located::Lost(why) => {
            let text = format!("{title} is going DOWN for maintenance ({why}). {}", place.left());
            place.tell(Severity::Alert, text);
        }
        Located::Found(host, by_record) => {
            place.tell(Severity::Notice, format!("{title} ('{host}') is {stand}/READY (resolves again)."));
            if !by_record {
                let text = format!("{title} administratively READY thanks to valid DNS answer.");
                place.tell(Severity::Notice, text);
            }
        }
    }
    tell_outage(place.backend, place.live);
    place.live.ledger.wake_schedules();
}

/// Traffic has failed too often in a row: what the server's `on-error` makes of that.
pub fn take_failures(place: Place<'_>, last: &str) {
    let Some(checks) = &place.server.checks else { return };
    let _turn = place.live.ledger.take_turn();
    let health = &place.server.live.health;
    let mut record = health.record();
    record.observed_failures = record.observed_failures.saturating_add(1);
    let detail = format!("Detected {} consecutive errors, last one was: {last}", checks.error_limit);
    let outcome = Outcome::with(Finding::Observed, 0, detail);
    match checks.on_error {
        OnError::FastInter => {}
        OnError::SuddenDeath | OnError::FailCheck | OnError::MarkDown => {
            // Sudden death leaves one step to go, marking down none.
            let most = match checks.on_error {
                OnError::SuddenDeath => record.check.rise.saturating_add(1),
                OnError::MarkDown => record.check.rise,
                _ => u32::MAX,
            };
            record.check.health = record.check.health.min(most);
            let taken = record.take_check(&outcome, place.in_maintenance());
            if taken.news && place.backend.checks.logs_results {
                place.tell(Severity::Notice, result_line(place, "Health", &outcome, &record));
            }
        }
    }
    let soon = place.live.process.now().saturating_add(u64::from(checks.fast_inter));
    health.hurry.store(soon, Ordering::Relaxed);
    place.settle(record, &reason(&outcome));
    place.live.ledger.wake_schedules();
}

/// Brings servers to what a configuration that is about to be published asks for, before anybody reads it.
pub fn foresee(old: &Snapshot, new: &Snapshot, live: &Live) {
    let _turn = live.ledger.take_turn();
    let now = live.process.now();
    let mut followers = Vec::new();
    for (name, backend) in &new.backends {
        let before = old.backends.get(name);
        if before.is_some_and(|before| Arc::ptr_eq(before, backend)) {
            continue;
        }
        for (server, known) in changed_servers(backend, before.map(|before| &**before)) {
            let at = ServerRef { backend: name.clone(), server: server.name.clone() };
            let health = &server.live.health;
            if known.is_some_and(|known| known.admin != server.admin) {
                health.set_agent_admin(None);
            }
            if known.is_some_and(|known| known.weight != server.weight) {
                health.set_agent_weight(None);
            }
            if known.is_some_and(|known| known.maxconn != server.maxconn) {
                health.set_agent_maxconn(None);
            }
            let mut record = health.record();
            let maintenance = server.admin_in_force() == Admin::Maint;
            record.configure(&wanted(server, known, maintenance), live.ledger.kept(&at));
            if known.is_none() && maintenance {
                record.enter_maintenance();
            }
            if known.is_none() && record.operational == Operational::Stopped {
                record.note_begun_down(now);
            }
            health.publish(&record);
            drop(record);
            match server.checks.as_ref().and_then(|checks| checks.track.as_ref()) {
                Some(leader) => {
                    live.ledger.follow(leader, &at);
                    followers.push((backend, server, known.is_none()));
                }
                None => health.inherit(Admin::Ready),
            }
        }
    }
    // Leaders first: a follower may follow one that follows.
    for _ in 0..followers.len().min(LONGEST_CHAIN) {
        for (backend, server, fresh) in &followers {
            let place = Place { snapshot: new, live, backend, server };
            if let Some(leader) = place.leader() {
                let mut record = server.live.health.record();
                if *fresh {
                    server.live.health.inherit(leader.admin_in_force());
                }
                if server.admin_in_force() != Admin::Maint {
                    record.operational = leader.live.health.operational();
                }
                server.live.health.publish(&record);
            }
        }
    }
}

/// Tells of what a configuration that was published changes about servers.
pub fn note(old: &Snapshot, new: &Snapshot, live: &Live) {
    {
        let _turn = live.ledger.take_turn();
        let now = live.process.now();
        for (name, backend) in &new.backends {
            let before = old.backends.get(name);
            if before.is_some_and(|before| Arc::ptr_eq(before, backend)) {
                continue;
            }
            if before.is_none() {
                backend.live.outages.begin(!has_server(backend) && !backend.servers.is_empty(), now);
                continue;
            }
            for (server, known) in changed_servers(backend, before.map(|before| &**before)) {
                let Some(known) = known.filter(|known| known.admin != server.admin) else { continue };
                let place = Place { snapshot: new, live, backend, server };
                let inherited = server.live.health.inherited_admin();
                let was = stronger(known.admin, inherited);
                place.change_admin(was, server.admin_in_force(), None);
            }
            tell_outage(backend, live);
        }
    }
    live.ledger.wake_schedules();
}

/// Looks at a server again that may take more or less than before, and lets those who wait go on where they may.
fn refresh(place: Place<'_>) {
    let Place { live, backend, server, .. } = place;
    backend.picker.refresh(server, live.process.now());
    backend.settle_queue(server);
    if backend.picker.is_empty() {
        backend.live.queue.grant_all();
    }
}

impl<'a> Place<'a> {
    /// The server's name, with its backend's.
    pub fn at(&self) -> ServerRef {
        ServerRef { backend: self.backend.name.clone(), server: self.server.name.clone() }
    }

    fn in_maintenance(&self) -> bool {
        self.server.admin_in_force() == Admin::Maint
    }

    /// The server that it follows.
    pub fn leader(&self) -> Option<&'a Arc<ServerPlan>> {
        let at = self.server.checks.as_ref()?.track.as_ref()?;
        self.snapshot.backends.get(&at.backend)?.server(&at.server)
    }

    fn tell(&self, severity: Severity, text: String) {
        let backend = self.backend.name.clone();
        self.live.ledger.write(Notice::Line { backend, severity, text });
    }

    /// Publishes a record, and does what follows from a server's standing otherwise than before.
    fn settle(&self, mut record: parking_lot::MutexGuard<'_, Record>, why: &str) {
        let to = record.operational;
        let now = self.live.process.now();
        record.note_change(to == Operational::Stopped, now);
        let from = self.server.live.health.publish(&record);
        drop(record);
        if from == to {
            return;
        }
        self.server.live.changed.store(now, Ordering::Relaxed);
        if from == Operational::Stopped {
            self.server.live.risen.store(now, Ordering::Relaxed);
        }
        refresh(*self);
        let line = match to {
            Operational::Stopped => (Severity::Alert, format!("is DOWN{why}. {}", self.left())),
            Operational::Running => (Severity::Notice, format!("is UP{why}. {}", self.online())),
            Operational::Stopping => (Severity::Notice, format!("is stopping{why}. {}", self.online())),
        };
        self.tell(line.0, format!("{} {}", self.title(), line.1));
        tell_outage(self.backend, self.live);
        self.report(from, to, why);
        self.cut_sessions(to);
        for follower in self.followers() {
            let via = format!(" via {}", self.at());
            let mut record = follower.server.live.health.record();
            if !follower.in_maintenance() {
                record.operational = to;
            }
            follower.settle(record, &via);
        }
    }

    fn report(&self, from: Operational, to: Operational, why: &str) {
        let reason = why.trim_start_matches([',', ' ']).to_owned();
        self.live.ledger.write(Notice::Changed { at: self.at(), from, to, reason });
        self.live.ledger.note_change();
    }

    fn cut_sessions(&self, to: Operational) {
        let Some(checks) = &self.server.checks else { return };
        if to == Operational::Stopped && checks.shutdown_sessions {
            self.server.live.generation.fetch_add(1, Ordering::Relaxed);
            self.live.shears.cut(&self.server.live, CutBy::ServerDown);
        }
        if to == Operational::Running && checks.shutdown_backup_sessions && !self.server.backup {
            for backup in self.backend.servers.iter().filter(|server| server.backup) {
                self.live.shears.cut(&backup.live, CutBy::BackupNeedless);
            }
        }
    }

    /// The servers that follow this one.
    fn followers(&self) -> Vec<Place<'a>> {
        let me = self.at();
        let mut found = Vec::new();
        for at in self.live.ledger.followers(&me) {
            let Some(backend) = self.snapshot.backends.get(&at.backend) else { continue };
            let Some(server) = backend.server(&at.server) else { continue };
            if server.checks.as_ref().and_then(|checks| checks.track.as_ref()) == Some(&me) {
                found.push(Place { snapshot: self.snapshot, live: self.live, backend, server });
            }
        }
        found
    }

    /// Does what follows from something else being asked of a server than before; `via` is the leader whose state
    /// that is.
    fn change_admin(&self, from: Admin, to: Admin, via: Option<&ServerRef>) {
        if from == to {
            return;
        }
        let now = self.live.process.now();
        let health = &self.server.live.health;
        let before = health.operational();
        let mut record = health.record();
        match (from, to) {
            (_, Admin::Maint) => record.enter_maintenance(),
            (Admin::Maint, _) => match self.leader() {
                Some(leader) => record.operational = leader.live.health.operational(),
                None => record.leave_maintenance(),
            },
            _ => {}
        }
        let after = record.operational;
        record.note_change(after == Operational::Stopped, now);
        health.publish(&record);
        drop(record);
        self.server.live.changed.store(now, Ordering::Relaxed);
        refresh(*self);
        self.tell_admin(from, to, after, via);
        tell_outage(self.backend, self.live);
        if before != after {
            self.live.ledger.note_change();
            self.cut_sessions(after);
        }
        let me = self.at();
        for follower in self.followers() {
            let was = follower.server.admin_in_force();
            follower.server.live.health.inherit(to);
            follower.change_admin(was, follower.server.admin_in_force(), Some(&me));
        }
    }

    fn tell_admin(&self, from: Admin, to: Admin, after: Operational, via: Option<&ServerRef>) {
        let title = self.title();
        let through = via.map(|at| format!(" via {at}")).unwrap_or_default();
        let stand = if after == Operational::Stopped { "DOWN" } else { "UP" };
        let forced = if via.is_some() { "" } else { "forced " };
        match (from, to) {
            (_, Admin::Maint) => {
                let text = format!("{title} is going DOWN for maintenance{through}. {}", self.left());
                self.tell(Severity::Alert, text);
            }
            (Admin::Maint, Admin::Ready) => {
                let text = format!("{title} is {stand}/READY (leaving {forced}maintenance).");
                self.tell(Severity::Notice, text);
            }
            (Admin::Maint, Admin::Drain) => {
                let text = format!("{title} is {stand}/DRAIN (leaving {forced}maintenance).");
                self.tell(Severity::Notice, text);
                let rest = match via {
                    None => format!("{title} remains in forced drain mode."),
                    Some(at) => {
                        format!("{title} is leaving forced drain but remains in drain mode via {at}.")
                    }
                };
                self.tell(Severity::Notice, rest);
            }
            (_, Admin::Drain) => {
                let text = format!("{title} enters drain state{through}. {}", self.online());
                self.tell(Severity::Notice, text);
            }
            (_, Admin::Ready) => {
                self.tell(Severity::Notice, format!("{title} is {stand} (leaving forced drain)."));
            }
        }
    }

    fn title(&self) -> String {
        let kind = if self.server.backup { "Backup Server" } else { "Server" };
        format!("{kind} {}/{}", self.backend.name, self.server.name)
    }

    fn left(&self) -> String {
        let sessions = self.server.live.sessions.now();
        format!(
            "{} sessions active, 0 requeued, 0 remaining in queue.",
            count(self.backend, "left", sessions)
        )
    }

    fn online(&self) -> String {
        format!("{} sessions requeued, 0 total in queue.", count(self.backend, "online", 0))
    }
}

/// What the configuration asks of a server's checks.
fn wanted(server: &ServerPlan, known: Option<&Arc<ServerPlan>>, maintenance: bool) -> Wanted {
    let checks = server.checks.as_deref();
    Wanted {
        check: checks.is_some_and(|checks| checks.check),
        check_paused: checks.is_some_and(|checks| checks.paused.checks),
        agent: checks.is_some_and(|checks| checks.agent),
        agent_paused: checks.is_some_and(|checks| checks.paused.agent),
        rise: checks.map_or(2, |checks| checks.rise),
        fall: checks.map_or(3, |checks| checks.fall),
        init: checks.map_or(regate_proto::model::InitState::Up, |checks| checks.init),
        maintenance,
        was_checked: known.is_some_and(|known| known.checks.is_some()),
    }
}

fn changed_servers<'a>(
    backend: &'a BackendPlan,
    before: Option<&'a BackendPlan>,
) -> Vec<(&'a Arc<ServerPlan>, Option<&'a Arc<ServerPlan>>)> {
    match before {
        Some(before) => backend.changed_since(before).collect(),
        None => backend.servers.iter().map(|server| (server, None)).collect(),
    }
}

/// Notes the weight and the limit that an agent asks for.
fn take_shares(place: Place<'_>, words: &Words) {
    let health = &place.server.live.health;
    if let Some(percent) = words.percent {
        let weight = u64::from(place.server.weight.get()) * u64::from(percent) / 100;
        let weight = u16::try_from(weight.min(256)).unwrap_or(256);
        if weight != place.server.weight_in_force() {
            health.set_agent_weight(Some(weight));
            refresh(place);
            tell_outage(place.backend, place.live);
        }
    }
    if let Some(maxconn) = words.maxconn {
        health.set_agent_maxconn(Some(maxconn));
        refresh(place);
    }
}

fn stronger(own: Admin, inherited: Admin) -> Admin {
    match (own, inherited) {
        (Admin::Maint, _) | (_, Admin::Maint) => Admin::Maint,
        (Admin::Drain, _) | (_, Admin::Drain) => Admin::Drain,
        (Admin::Ready, Admin::Ready) => Admin::Ready,
    }
}

fn has_server(backend: &BackendPlan) -> bool {
    backend.servers.iter().any(|server| server.is_eligible())
}

/// Notes whether a backend has a server left, and tells when it has none any more.
fn tell_outage(backend: &BackendPlan, live: &Live) {
    let down = !backend.servers.is_empty() && !has_server(backend);
    let now = live.process.now();
    if backend.live.outages.note(down, now) {
        backend.live.changed.store(now, Ordering::Relaxed);
        if down {
            let kind = if backend.listen { "proxy" } else { "backend" };
            let text = format!("{kind} {} has no server available!", backend.name);
            let backend = backend.name.clone();
            live.ledger.write(Notice::Line { backend, severity: Severity::Emerg, text });
        }
    }
}

fn usable(backend: &BackendPlan) -> (usize, usize) {
    let mut usable = (0, 0);
    for server in backend.servers.iter().filter(|server| server.is_eligible()) {
        match server.backup {
            false => usable.0 += 1,
            true => usable.1 += 1,
        }
    }
    usable
}

/// How many servers there are that can be used, and the beginning of what follows.
fn count(backend: &BackendPlan, how: &str, sessions: u32) -> String {
    let (active, backup) = usable(backend);
    let backups = if active == 0 && backup > 0 { " Running on backup." } else { "" };
    format!("{active} active and {backup} backup servers {how}.{backups} {sessions}")
}

/// What an outcome adds to a line about the server.
fn reason(outcome: &Outcome) -> String {
    let mut text = format!(", reason: {}", outcome.finding.sentence());
    if outcome.finding.has_code() {
        let _ = write!(text, ", code: {}", outcome.code);
    }
    if !outcome.detail.is_empty() {
        let _ = write!(text, ", info: \"{}\"", outcome.detail);
    }
    if outcome.finding != Finding::Observed {
        let _ = write!(text, ", check duration: {}ms", outcome.duration);
    }
    text
}

/// The line of `option log-health-checks`.
fn result_line(place: Place<'_>, kind: &str, outcome: &Outcome, record: &Record) -> String {
    let probe = if kind == "Agent" { &record.agent } else { &record.check };
    let backup = if place.server.backup { "backup " } else { "" };
    let verdict = match outcome.finding.verdict() {
        Verdict::Conditional => "conditionally succeeded",
        Verdict::Passed => "succeeded",
        Verdict::Failed | Verdict::Neutral => "failed",
    };
    let (step, steps, stand) = match probe.is_up() {
        true => (probe.health.saturating_sub(probe.rise).saturating_add(1), probe.fall, "UP"),
        false => (probe.health, probe.rise, "DOWN"),
    };
    format!(
        "{kind} check for {backup}server {} {verdict}{}, status: {step}/{steps} {stand}.",
        place.at(),
        reason(outcome)
    )
}

/// Servers that follow one another in a row.
const LONGEST_CHAIN: usize = 64;
