//! What the process told its administrator: warnings since it started, and everything that it said while starting.
//!
//! Kept for the process as a whole, for what is told before there is a node belongs to it too. It must never block
//! for long or hold much: the lines of the start have a bound.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Takes note of events, beside whatever shows them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notes;

impl<S: Subscriber> Layer<S> for Notes {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let label = match *event.metadata().level() {
            Level::ERROR => "ALERT",
            Level::WARN => "WARNING",
            Level::INFO => "NOTICE",
            _ => return,
        };
        if label == "WARNING" {
            count_warning();
        }
        if STARTUP.lock().is_closed {
            return;
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        keep(label, &text.0);
    }
}

/// A warning was given.
pub fn count_warning() {
    WARNINGS.fetch_add(1, Ordering::Relaxed);
}

/// Warnings since the process started.
pub fn warnings() -> u64 {
    WARNINGS.load(Ordering::Relaxed)
}

/// Keeps what was told, as long as the process starts: `[LABEL] text`.
pub fn keep(label: &str, text: &str) {
    let mut startup = STARTUP.lock();
    if startup.is_closed || startup.bytes.saturating_add(text.len()) > MOST {
        return;
    }
    startup.bytes = startup.bytes.saturating_add(text.len());
    let label = format!("[{label}]");
    let lines = text.lines().map(|line| format!("{label:<10} ({}) : {line}", std::process::id()));
    startup.lines.extend(lines);
}

/// The start is over.
pub fn close() {
    STARTUP.lock().is_closed = true;
}

/// What was told while the process started.
pub fn startup() -> Vec<String> {
    STARTUP.lock().lines.clone()
}

struct Startup {
    lines: Vec<String>,
    bytes: usize,
    is_closed: bool,
}

/// The message of an event with its fields.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let between = if self.0.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{between}{value:?}"),
            name => write!(self.0, "{between}{name}={value:?}"),
        };
    }
}

static WARNINGS: AtomicU64 = AtomicU64::new(0);
static STARTUP: Mutex<Startup> = Mutex::new(Startup { lines: Vec::new(), bytes: 0, is_closed: false });

/// Bytes that are kept of what is told while starting.
const MOST: usize = 256 * 1024;
