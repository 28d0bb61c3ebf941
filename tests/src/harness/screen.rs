//! A terminal that scenarios look at and type into: tmux, which gives a pseudo-terminal of a known size, takes keys, and
//! tells what the screen shows.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::temp::Folder;
use super::trouble::{Result, Trouble};
use super::{oracle, wait};

/// A terminal with a shell in it.
pub struct Screen {
    program: PathBuf,
    folder: Folder,
}

impl Screen {
    /// A terminal of this size, whose shell says `$ ` when it waits.
    pub fn open(width: u16, height: u16) -> Result<Screen> {
        let program = oracle::program("tmux")
            .ok_or_else(|| Trouble::new("tmux is not installed: Debian's package tmux"))?;
        let screen = Screen { program, folder: Folder::create()? };
        let (width, height) = (width.to_string(), height.to_string());
        screen.tmux(&["new-session", "-d", "-x", &width, "-y", &height, "env PS1='$ ' LANG=C.UTF-8 sh"])?;
        screen.wait("a shell", |shown| shown.starts_with('$'))?;
        Ok(screen)
    }

    /// Writes a line and presses Enter.
    pub fn run(&self, line: &str) -> Result<()> {
        self.tmux(&["send-keys", "-l", line])?;
        self.keys(&["Enter"])
    }

    /// Presses keys, by tmux's names.
    pub fn keys(&self, keys: &[&str]) -> Result<()> {
        let mut words = vec!["send-keys"];
        words.extend(keys);
        self.tmux(&words).map(drop)
    }

    /// What it shows now.
    pub fn shown(&self) -> Result<String> {
        let output = self.tmux(&["capture-pane", "-p"])?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Waits until it shows what is looked for.
    pub fn wait(&self, what: &str, is_there: impl Fn(&str) -> bool) -> Result<String> {
        let mut last = String::new();
        let found = wait::until(what, wait::PATIENCE, || {
            last = self.shown().ok()?;
            is_there(&last).then(|| last.clone())
        });
        found.map_err(|trouble| trouble.while_doing(format_args!("the screen shows:\n{last}\n")))
    }

    /// Waits until a text stands somewhere.
    pub fn wait_for(&self, text: &str) -> Result<String> {
        self.wait(text, |shown| shown.contains(text))
    }

    /// Runs a command of tmux on this terminal.
    pub fn tmux(&self, words: &[&str]) -> Result<Output> {
        let socket = self.folder.join("tmux");
        let output = Command::new(&self.program)
            .args(["-f", "/dev/null", "-u", "-S"])
            .arg(socket)
            .args(words)
            .env_remove("TMUX")
            .output()?;
        if output.status.success() {
            return Ok(output);
        }
        Err(Trouble::new(format!("tmux {words:?}: {}", String::from_utf8_lossy(&output.stderr))))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}
