//! Messages in HAProxy's shape: `[ALERT]    (pid) : text` on standard error.
//!
//! The first message is preceded by two notices that name the version and the program, as HAProxy does.

use crate::terminal;

/// Tells messages, and remembers whether there were warnings.
#[derive(Debug)]
pub struct Messages {
    quiet: bool,
    introduced: bool,
    warned: bool,
}

impl Messages {
    /// Messages that are shown, or none when `quiet`.
    pub fn new(quiet: bool) -> Messages {
        Messages { quiet, introduced: false, warned: false }
    }

    /// Something that keeps the process from starting.
    pub fn alert(&mut self, text: &str) {
        self.introduce();
        self.tell("ALERT", text);
    }

    /// Something that is probably not what was meant.
    pub fn warning(&mut self, text: &str) {
        self.warned = true;
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

    fn introduce(&mut self) {
        if self.introduced {
            return;
        }
        self.introduced = true;
        self.tell("NOTICE", &format!("haproxy version is {}", super::version::VERSION));
        let program = std::env::current_exe().map(|path| path.display().to_string());
        self.tell("NOTICE", &format!("path to executable is {}", program.as_deref().unwrap_or("unknown")));
    }

    fn tell(&self, label: &str, text: &str) {
        if !self.quiet {
            terminal::complain(&line(label, std::process::id(), text));
        }
    }
}

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
