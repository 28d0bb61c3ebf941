//! A change every millisecond through a text socket, from a thread of its own.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::histogram::Histogram;
use super::reactor::now;
use crate::harness::{Proxy, Result, Trouble, wait};

/// A running series of changes. Dropping it ends it.
pub struct Changes {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Account>>>,
}

/// What became of the changes.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Commands sent and answered.
    pub commands: u64,
    /// Deletions refused because the server still had a connection; they were tried again.
    pub retried: u64,
    /// Commands refused for any other reason.
    pub refused: u64,
    /// The first such refusal.
    pub first_refusal: Option<String>,
    /// Time from when a change was due to its reply.
    pub latencies: Histogram,
    /// How long the series ran, in seconds.
    pub seconds: f64,
}

impl Changes {
    /// Begins the series on the proxy's text socket. `origin` is the port that added servers point to.
    pub fn begin(proxy: &Proxy, origin: u16) -> Result<Self> {
        let mut session = Session { stream: proxy.socket()?, reply: Vec::new() };
        session.ask("prompt")?;
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || series(&mut session, origin, &stop)
        });
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends the series and gives its account.
    pub fn end(mut self) -> Result<Account> {
        self.stop.store(true, Ordering::SeqCst);
        let thread = self.thread.take().ok_or_else(|| Trouble::new("the series has ended already"))?;
        thread.join().map_err(|_| Trouble::new("the thread of changes died"))?
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A text socket in interactive mode: every reply ends with the prompt.
struct Session {
    stream: UnixStream,
    reply: Vec<u8>,
}

impl Session {
    fn ask(&mut self, command: &str) -> Result<String> {
        self.stream.write_all(format!("{command}\n").as_bytes())?;
        self.reply.clear();
        let mut chunk = [0; 4096];
        while !self.reply.ends_with(PROMPT) {
            let length = self.stream.read(&mut chunk)?;
            if length == 0 {
                return Err(Trouble::new(format!("the text socket closed during {command:?}")));
            }
            self.reply.extend_from_slice(&chunk[..length]);
        }
        let text = &self.reply[..self.reply.len() - PROMPT.len()];
        Ok(String::from_utf8_lossy(text).trim().to_owned())
    }
}

fn series(session: &mut Session, origin: u16, stop: &AtomicBool) -> Result<Account> {
    let mut account = Account::default();
    let start = now();
    while !stop.load(Ordering::SeqCst) {
        let due = start + account.commands * INTERVAL;
        let early = due.saturating_sub(now());
        if early > 0 {
            wait::pause(Duration::from_nanos(early));
        }
        let command = command(account.commands, origin);
        let reply = session.ask(&command)?;
        account.commands += 1;
        account.latencies.record(now().saturating_sub(due));
        account.judge(&command, &reply);
    }
    account.seconds = (now() - start) as f64 / 1e9;
    Ok(account)
}

impl Account {
    fn judge(&mut self, command: &str, reply: &str) {
        let fine = match command.split(' ').next() {
            Some("add") => reply == "New server registered.",
            Some("del") => reply == "Server deleted.",
            _ => reply.is_empty(),
        };
        if fine {
            return;
        }
        // Both follow from a deletion that has to wait for the server's last connection.
        if reply.contains("still has connections") || reply.contains("Already exists a server") {
            self.retried += 1;
            return;
        }
        self.refused += 1;
        self.first_refusal.get_or_insert_with(|| format!("{command}: {reply}"));
    }
}

/// The series: eight kinds of change in a circle, over sixteen names of added servers. A server is added, made
/// ready, weighted, put into maintenance, and deleted half a circle of names later.
fn command(number: u64, origin: u16) -> String {
    let circle = number / 8;
    let name = circle % 16;
    match number % 8 {
        0 => format!("set server app/s1 weight {}", 1 + circle % 200),
        1 => format!("add server app/d{name} 127.0.0.1:{origin} pool-max-conn 0"),
        2 => format!("set server app/d{name} state ready"),
        3 => format!("set server app/d{name} weight {}", 1 + circle % 50),
        4 => "set server app/s2 state drain".to_owned(),
        5 => "set server app/s2 state ready".to_owned(),
        6 => format!("set server app/d{name} state maint"),
        // In the first half circle there is nothing to delete yet.
        _ if circle < 8 => "set server app/s2 weight 1".to_owned(),
        _ => format!("del server app/d{}", (name + 8) % 16),
    }
}

const PROMPT: &[u8] = b"\n> ";

/// Nanoseconds between changes.
const INTERVAL: u64 = 1_000_000;
