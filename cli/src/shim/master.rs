//! The socket of a master (`-S`): HAProxy's has a master process and workers, this process is both.
//!
//! Owns what is known of the master between its commands, and how a line finds the one process that there is: `@1`,
//! `@!<pid>` and `@master` before a command or alone, `@@1` for good (management manual 9.4). What commands of a worker
//! do is what they do on any text socket. Read next: `table/master.rs`, `commands/master.rs`.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use regate_proto::model::StatsSocket;
use tokio::sync::{mpsc, oneshot};

use super::lex::Command;
use super::plan::{Reply, Step};
use super::sentence;
use super::session::{Mode, Session};
use super::table;

/// What a text socket of a master needs besides.
#[derive(Debug)]
pub struct MasterSocket {
    /// Where it listens.
    pub socket: StatsSocket,
    /// What its clients talk to.
    pub master: Arc<Master>,
}

/// A master that is its own worker.
#[derive(Debug)]
pub struct Master {
    version: &'static str,
    since: Instant,
    reloads: AtomicU32,
    failed: AtomicU32,
    last_failed: AtomicBool,
    /// What the last start or reload said.
    said: Mutex<String>,
    orders: mpsc::Sender<Reloading>,
}

/// An order to read the files again, and where to tell how that went.
pub type Reloading = oneshot::Sender<()>;

/// What a connection to a master remembers.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The master.
    pub master: Arc<Master>,
    /// Whether commands without a prefix are for the worker.
    pub inside: bool,
    /// Whether the master takes a worker's commands.
    pub debug: bool,
}

impl Master {
    /// A master, and the orders that its clients give.
    pub fn new(version: &'static str) -> (Arc<Master>, mpsc::Receiver<Reloading>) {
        let (orders, given) = mpsc::channel(MOST_ORDERS);
        let master = Master {
            version,
            since: Instant::now(),
            reloads: AtomicU32::new(0),
            failed: AtomicU32::new(0),
            last_failed: AtomicBool::new(false),
            said: Mutex::default(),
            orders,
        };
        (Arc::new(master), given)
    }

    /// Notes what the start said.
    pub fn note_start(&self, said: String) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = said;
    }

    /// Notes how reading the files again went, and what it said.
    pub fn note_reload(&self, success: bool, said: String) {
        self.reloads.fetch_add(1, Ordering::Relaxed);
        match success {
            true => self.failed.store(0, Ordering::Relaxed),
            false => {
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.last_failed.store(!success, Ordering::Relaxed);
        self.note_start(said);
    }

    /// What the last start or reload said.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the last reload left the old configuration in force.
    pub fn has_failed(&self) -> bool {
        self.last_failed.load(Ordering::Relaxed)
    }

    /// Orders the files to be read again. Nothing: nobody takes orders any more, or too many wait.
    pub fn reload(&self) -> Option<oneshot::Receiver<()>> {
        let (done, told) = oneshot::channel();
        self.orders.try_send(done).ok().map(|()| told)
    }

    /// The processes, as `show proc` lists them: this one, twice.
    pub fn processes(&self, now: Instant) -> String {
        let up = now.saturating_duration_since(self.since).as_secs();
        let (days, hours, minutes) = (up / 86400, up / 3600 % 24, up / 60 % 60);
        let uptime = format!("{days}d{hours:02}h{minutes:02}m{:02}s", up % 60);
        let (pid, version) = (std::process::id(), self.version);
        let failed = self.failed.load(Ordering::Relaxed);
        let reloads = format!("{} [failed: {failed}]", self.reloads.load(Ordering::Relaxed));
        format!(
            "{:<15} {:<15} {:<15} {:<15} {:<15}\n{pid:<15} {:<15} {reloads:<15} {uptime:<15} {version}\n# workers\n\
             {pid:<15} {:<15} {:<15} {uptime:<15} {version}\n",
            "#<PID>", "<type>", "<reloads>", "<uptime>", "<version>", "master", "worker", 0
        )
    }
}

impl Standing {
    /// A connection that begins.
    pub fn new(master: Arc<Master>) -> Standing {
        Standing { master, inside: false, debug: false }
    }

    /// What a prompt says: whom commands are for, and which modes are on.
    pub fn prompt(&self, session: &Session) -> String {
        let whom = match (self.inside, self.master.has_failed()) {
            (true, _) => std::process::id().to_string(),
            (false, true) => "master[ReloadFailed]".to_owned(),
            (false, false) => "master".to_owned(),
        };
        let flags: String =
            [(session.modes.experimental, 'x'), (session.modes.expert, 'e'), (self.debug, 'd')]
                .into_iter()
                .filter_map(|(on, flag)| on.then_some(flag))
                .collect();
        if flags.is_empty() { format!("{whom}> ") } else { format!("{whom}({flags})> ") }
    }
}

/// What a command becomes on a connection to a master; `standing` is where that stands.
pub fn step(session: &mut Session, standing: &Standing, command: &Command) -> Step {
    let Some(prefix) = command.words.first().filter(|word| word.bytes().starts_with(b"@")) else {
        let own = command.words.first().is_some_and(|word| ALWAYS.iter().any(|always| word == *always));
        return match standing.inside && !own {
            true => of_worker(session, command),
            false => of_master(session, standing, command),
        };
    };
    let text = prefix.text();
    let (whole, name) = match text.strip_prefix("@@") {
        Some(name) => (true, name),
        None => (false, text.strip_prefix('@').unwrap_or_default()),
    };
    let inside = match name {
        "" | "master" if !whole => false,
        name if is_this(name) => true,
        _ => return Reply::Bare(sentence::master::no_process(&text)).into(),
    };
    let rest = Command { words: command.words.get(1..).unwrap_or_default().to_vec(), ..command.clone() };
    if whole {
        // From here on this is a connection to a worker, with everything that such a one can do.
        session.master = None;
        session.mode = Mode::OneShot;
        return if rest.words.is_empty() { Reply::Bare(String::new()).into() } else { session.step(&rest) };
    }
    if rest.words.is_empty() {
        if let Some(standing) = &mut session.master {
            standing.inside = inside;
        }
        return Reply::Bare(String::new()).into();
    }
    match inside {
        true => of_worker(session, &rest),
        false => of_master(session, standing, &rest),
    }
}

/// Whether a prefix means the worker, by its position or its process id.
fn is_this(name: &str) -> bool {
    match name.strip_prefix('!') {
        Some(pid) => pid.parse() == Ok(std::process::id()),
        None => name == "1",
    }
}

/// A worker's command: as on a connection of its own, of which nothing remains but the answer.
fn of_worker(session: &mut Session, command: &Command) -> Step {
    let mut alone = Session { master: None, ..session.clone() };
    let step = alone.step(command);
    match alone.quitting {
        true => Reply::Bare(String::new()).into(),
        false => step,
    }
}

/// A command of the master itself.
fn of_master(session: &mut Session, standing: &Standing, command: &Command) -> Step {
    if command.words.is_empty() {
        return Reply::Nothing.into();
    }
    match table::find_of_master(&command.words) {
        Some(row) if session.level < row.level => Reply::error(sentence::DENIED).into(),
        Some(row) => row.becomes.step(session, command),
        None if standing.debug => of_worker(session, command),
        None => sentence::master::unknown(&command.words).into(),
    }
}

/// Commands without a prefix that are the master's wherever others go.
const ALWAYS: [&str; 7] =
    ["prompt", "quit", "user", "operator", "expert-mode", "experimental-mode", "mcli-debug-mode"];
/// Orders that wait.
const MOST_ORDERS: usize = 16;
