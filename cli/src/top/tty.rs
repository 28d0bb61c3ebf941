//! The terminal: taken over for the time of the program, and given back whatever ends it.

use std::io::{self, Stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::process::{Signal, getpid, kill_process};

use super::model::Model;
use super::screen;

/// The terminal while it is taken over.
pub struct Tty {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Tty {
    /// Takes the terminal over. A panic gives it back before it is told.
    pub fn open() -> io::Result<Tty> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
        take()?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout())).inspect_err(|_| give_back())?;
        Ok(Tty { terminal })
    }

    /// Draws a model.
    pub fn draw(&mut self, model: &mut Model) -> io::Result<()> {
        self.terminal.draw(|frame| screen::draw(frame, model))?;
        Ok(())
    }

    /// Forgets what is on the screen, so that the next drawing writes all of it.
    pub fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Stops the process, as a shell's job control expects, and goes on once it is continued.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        kill_process(getpid(), Signal::TSTP)?;
        self.resume()
    }

    /// Takes the terminal over again after somebody else had it.
    pub fn resume(&mut self) -> io::Result<()> {
        take()?;
        self.forget()
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::Release);
    execute!(io::stdout(), EnterAlternateScreen).inspect_err(|_| give_back())
}

/// Gives the terminal back, once. Nothing can be done about an error: the terminal may be gone.
fn give_back() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Whether the terminal is taken over: a panic may come from any thread.
static TAKEN: AtomicBool = AtomicBool::new(false);
