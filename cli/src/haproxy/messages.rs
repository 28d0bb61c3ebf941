//! Messages in HAProxy's shape: `[ALERT]    (pid) : text` on standard error.
//!
//! The first message is preceded by two notices that name the version and the program, as HAProxy does.

use std::fmt;

use regate_dataplane::notes;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::terminal;

/// Tells messages, and remembers whether there were warnings.
#[derive(Debug)]
pub struct Messages {
    quiet: bool,
    introduced: bool,
    warned: bool,
    /// What was told since somebody took it.
    told: String,
}

impl Messages {
    /// Messages that are shown, or none when `quiet`.
    pub fn new(quiet: bool) -> Messages {
        Messages { quiet, introduced: false, warned: false, told: String::new() }
    }

    /// Something that keeps the process from starting.
    pub fn alert(&mut self, text: &str) {
        self.introduce();
        self.tell("ALERT", text);
    }

    /// Something that is probably not what was meant.
    pub fn warning(&mut self, text: &str) {
        self.warned = true;
        notes::count_warning();
        self.introduce();
        self.tell("WARNING", text);
    }

    /// Something that happened while running and needs no introduction.
    pub fn event(&mut self, text: &str) {
        self.tell("WARNING", text);
    }

    /// Something worth knowing.
    pub fn notice(&mut self, text: &str) {
        self.tell("NOTICE", text);
    }

    /// Whether there was a warning, shown or not.
    pub fn warned(&self) -> bool {
        self.warned
    }

    /// Shows in the same shape what is told while the process runs, such as that a server is down.
    pub fn follow(&self) {
        if self.quiet {
            return;
        }
        let shown = tracing_subscriber::EnvFilter::new("warn");
        let shape = tracing_subscriber::fmt().with_env_filter(shown).event_format(Shape);
        // Whoever runs this as a library may have its own already.
        let _ = shape.with_writer(std::io::stderr).finish().with(notes::Notes).try_init();
    }

    fn introduce(&mut self) {
        if self.introduced {
            return;
        }
        self.introduced = true;
        self.tell("NOTICE", &format!("haproxy version is {}", super::version::VERSION));
        let program = std::env::current_exe().map(|path| path.display().to_string());
        self.tell("NOTICE", &format!("path to executable is {}", program.as_deref().unwrap_or("unknown")));
    }

    /// What was told since this was last asked, each message a line.
    pub fn take_told(&mut self) -> String {
        std::mem::take(&mut self.told)
    }

    fn tell(&mut self, label: &str, text: &str) {
        notes::keep(label, text);
        let line = line(label, std::process::id(), text);
        if self.told.len().saturating_add(line.len()) <= MOST_TOLD {
            // An empty line would end the reply that this stands in.
            self.told.extend(line.split_inclusive('\n').filter(|line| *line != "\n"));
        }
        if !self.quiet {
            terminal::complain(&line);
        }
    }
}

/// HAProxy's shape for events.
struct Shape;

impl<S, N> FormatEvent<S, N> for Shape
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let label = match *event.metadata().level() {
            Level::ERROR => "ALERT",
            Level::WARN => "WARNING",
            _ => "NOTICE",
        };
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        writer.write_str(&line(label, std::process::id(), &text))
    }
}

/// Bytes of messages that are kept for who asks.
const MOST_TOLD: usize = 64 * 1024;

/// One message: the label in brackets, padded to ten columns, the process, the text.
fn line(label: &str, pid: u32, text: &str) -> String {
    let label = format!("[{label}]");
    format!("{label:<10} ({pid}) : {text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_padded() {
        assert_eq!(line("ALERT", 7, "a"), "[ALERT]    (7) : a\n");
        assert_eq!(line("WARNING", 7, "a"), "[WARNING]  (7) : a\n");
        assert_eq!(line("NOTICE", 7, "a"), "[NOTICE]   (7) : a\n");
    }
}
