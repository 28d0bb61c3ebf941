//! What a connection to the text socket remembers: level, mode, dress of sentences, idle time.
//!
//! It turns commands into steps through the table and replies into bytes. It does no I/O; `connection.rs` does.
//! Read next: `commands/session.rs`, the commands that change it.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use regate_proto::model::Level;

use super::anonymous::Anonymous;
use super::clients::Clients;
use super::lex::Command;
use super::master::{self, Standing};
use super::plan::{Reply, Step};
use super::sentence;
use super::table::{self, Restriction};
use super::versions::Versions;

/// The state of one connection.
#[derive(Clone, Debug)]
pub struct Session {
    /// What it may do; it only ever falls.
    pub level: Level,
    /// How it goes on after a line.
    pub mode: Mode,
    /// Whether the prompt shows how long the process has been running.
    pub timed: bool,
    /// How the severity of sentences is shown.
    pub dress: Dress,
    /// Idle time after which it is closed.
    pub timeout: Duration,
    /// Which restricted commands it may give.
    pub modes: Modes,
    /// What names are replaced by in later outputs; nothing: they stand as they are.
    pub anonymous: Option<Anonymous>,
    /// Whether it is to be closed at once.
    pub quitting: bool,
    /// Where it stands between a master and its worker; nothing on any other socket.
    pub master: Option<Standing>,
    /// What is the same for all connections.
    pub surroundings: Arc<Surroundings>,
}

/// How a connection goes on after a line (management manual 9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It closes.
    OneShot,
    /// It stays open.
    Interactive,
    /// It stays open and shows a prompt.
    Prompt,
}

/// How the severity of a sentence is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dress {
    /// Not at all.
    Plain,
    /// As `[3]: `.
    Number,
    /// As `[err]: `.
    Word,
}

/// Modes that open commands which are restricted otherwise; they end when the level falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// Commands for experts.
    pub expert: bool,
    /// Commands that may still change.
    pub experimental: bool,
}

/// What all connections share.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Versions of lists that are being prepared.
    pub versions: Arc<Versions>,
    /// The text sockets: their spelling and their level.
    pub sockets: Vec<(String, Level)>,
    /// The environment of the process that is administered. Absent: it is another process.
    pub environment: Option<Vec<(OsString, OsString)>>,
    /// Since when the sockets are served.
    pub since: Instant,
    /// Every connection that is open.
    pub clients: Arc<Clients>,
    /// The key that names are replaced with where a connection gives none; 0: there is none.
    pub anonymous_key: Arc<AtomicU32>,
}

impl Modes {
    /// Whether commands with this restriction may be given.
    pub fn open(self, restriction: Option<Restriction>) -> bool {
        match restriction {
            None => true,
            Some(Restriction::Expert) => self.expert,
            Some(Restriction::Experimental) => self.experimental,
        }
    }
}

impl Session {
    /// A connection that begins.
    pub fn new(level: Level, timeout: Duration, surroundings: Arc<Surroundings>) -> Session {
        Session {
            level,
            mode: Mode::OneShot,
            timed: false,
            dress: Dress::Plain,
            timeout,
            modes: Modes::default(),
            anonymous: None,
            quitting: false,
            master: None,
            surroundings,
        }
    }

    /// What a command becomes.
    pub fn step(&mut self, command: &Command) -> Step {
        if command.overlong {
            return Reply::error(sentence::TOO_MANY_WORDS).into();
        }
        if let Some(standing) = self.master.clone() {
            return master::step(self, &standing, command);
        }
        if command.words.is_empty() {
            return Reply::Nothing.into();
        }
        let Some(row) = table::find(&command.words) else {
            if command.words.first().is_some_and(|word| word.bytes().starts_with(b"@")) {
                return Reply::error(sentence::unsupported::PREFIX).into();
            }
            return sentence::unknown(&command.words, self.modes).into();
        };
        if !self.modes.open(row.restriction) {
            return Reply::error(match row.restriction {
                Some(Restriction::Expert) => sentence::EXPERTS_ONLY,
                _ => sentence::EXPERIMENTAL_ONLY,
            })
            .into();
        }
        if self.level < row.level {
            return Reply::error(sentence::DENIED).into();
        }
        row.becomes.step(self, command)
    }

    /// What follows the replies of a line.
    pub fn prompt(&self, now: Instant) -> Vec<u8> {
        if self.mode != Mode::Prompt {
            return Vec::new();
        }
        let mut text = String::new();
        if self.timed {
            let up = now.saturating_duration_since(self.surroundings.since).as_secs();
            let (days, hours, minutes) = (up / 86400, up / 3600 % 24, up / 60 % 60);
            text = format!("[{days}:{hours:02}:{minutes:02}:{:02}]", up % 60);
        }
        match &self.master {
            None => text.push_str("> "),
            Some(standing) => {
                text.push_str(if self.timed { " " } else { "" });
                text.push_str(&standing.prompt(self));
            }
        }
        text.into_bytes()
    }

    /// What asks for a further line of a payload.
    pub fn payload_prompt(&self) -> &'static [u8] {
        match self.mode {
            Mode::Prompt => b"+ ",
            Mode::OneShot | Mode::Interactive => b"",
        }
    }
}

/// What a reply looks like on the wire, with the empty line that ends it.
pub fn dressed(dress: Dress, reply: Reply) -> Vec<u8> {
    match reply {
        Reply::Nothing => b"\n".to_vec(),
        Reply::Bare(text) => text.into_bytes(),
        Reply::Dump(mut bytes) => {
            bytes.push(b'\n');
            bytes
        }
        Reply::Message(severity, text) => {
            let mark = match dress {
                Dress::Plain => String::new(),
                Dress::Number => format!("[{}]: ", severity.number()),
                Dress::Word => format!("[{}]: ", severity.word()),
            };
            let text = text.strip_suffix('\n').unwrap_or(&text);
            format!("{mark}{text}\n\n").into_bytes()
        }
    }
}
