//! From the start to the end of one `regate top`: keys, news and signals come together here.

use std::io;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEventKind};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::board::Board;
use super::model::{Effect, Model};
use super::screen;
use super::source::{News, Source, Wish};
use super::tty::Tty;
use crate::failure::Failure;

/// Two looks as one frame of plain text.
pub async fn print(
    mut source: Source,
    mut model: Model,
    interval: Duration,
    width: u16,
) -> Result<String, Failure> {
    let start = std::time::Instant::now();
    let first = Board::advance(None, source.look(start.elapsed()).await?);
    tokio::time::sleep(interval).await;
    let board = Board::advance(Some(&first), source.look(start.elapsed()).await?);
    model.show(board.into());
    Ok(screen::plain(&model, width))
}

/// Shows and obeys until somebody leaves.
pub async fn show(source: Source, mut model: Model, interval: Duration) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let (wishes, wished) = mpsc::unbounded_channel();
    let (told, mut news) = mpsc::unbounded_channel();
    watch(source, interval, wished, told)?;
    let mut tty = Tty::open().map_err(|error| cannot("take over", &error))?;
    let mut keys = keyboard()?;
    loop {
        tty.draw(&mut model).map_err(|error| cannot("write to", &error))?;
        tokio::select! {
            happened = keys.recv() => {
                // The terminal is gone.
                let Some(happened) = happened else { return Ok(()) };
                let mut next = Some(happened);
                // What came meanwhile is done before drawing: a key held down must not lag.
                while let Some(happened) = next {
                    if obey(happened, &mut model, &mut tty, &wishes)? {
                        return Ok(());
                    }
                    next = keys.try_recv().ok();
                }
            }
            told = news.recv() => match told {
                Some(told) => learn(&mut model, told),
                None => return Err(Failure::refused("the thread that watches the target has ended")),
            },
            is_over = signals.next() => match is_over {
                true => return Ok(()),
                false => tty.resume().map_err(|error| cannot("take over", &error))?,
            },
        }
    }
}

/// Does what an event of the terminal asks for; whether to leave.
fn obey(
    happened: Event,
    model: &mut Model,
    tty: &mut Tty,
    wishes: &UnboundedSender<Wish>,
) -> Result<bool, Failure> {
    let Event::Key(key) = happened else { return Ok(false) };
    if key.kind == KeyEventKind::Release {
        return Ok(false);
    }
    let wish = match model.press(key) {
        None => return Ok(false),
        Some(Effect::Quit) => return Ok(true),
        Some(Effect::Suspend) => {
            tty.suspend().map_err(|error| cannot("take over", &error))?;
            return Ok(false);
        }
        Some(Effect::Redraw) => {
            tty.forget().map_err(|error| cannot("write to", &error))?;
            return Ok(false);
        }
        Some(Effect::Refresh) => Wish::Refresh,
        Some(Effect::ByNode(by_node)) => Wish::ByNode(by_node),
        Some(Effect::Carry(errand)) => Wish::Carry(errand),
    };
    // Where the source has ended, the news end too, and the loop says so.
    let _ = wishes.send(wish);
    Ok(false)
}

fn learn(model: &mut Model, news: News) {
    match news {
        News::Board(board) => model.show(board),
        News::Lost(why) => model.lose(why),
        News::Settled(result) => model.settle(result),
    }
}

/// Starts the thread that watches the target.
fn watch(
    source: Source,
    interval: Duration,
    wishes: UnboundedReceiver<Wish>,
    news: UnboundedSender<News>,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(format!("cannot start a runtime: {error}")))?;
    let watching = move || runtime.block_on(source.watch(interval, wishes, news));
    let thread = std::thread::Builder::new().name("top-source".to_owned()).spawn(watching);
    thread.map(drop).map_err(|error| Failure::refused(format!("cannot start a thread: {error}")))
}

/// Starts the thread that reads the terminal. It ends with the process, or when the terminal is gone.
fn keyboard() -> Result<UnboundedReceiver<Event>, Failure> {
    let (pressed, keys) = mpsc::unbounded_channel();
    let reading = move || {
        while let Ok(happened) = event::read() {
            if pressed.send(happened).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("top-keys".to_owned()).spawn(reading);
    thread.map_err(|error| Failure::refused(format!("cannot start a thread: {error}")))?;
    Ok(keys)
}

/// Signals that matter to a terminal program.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    resume: Signal,
}

impl Signals {
    fn new() -> Result<Signals, Failure> {
        let wait = |kind| {
            signal(kind).map_err(|error| Failure::refused(format!("cannot wait for signals: {error}")))
        };
        Ok(Signals {
            interrupt: wait(SignalKind::interrupt())?,
            terminate: wait(SignalKind::terminate())?,
            hangup: wait(SignalKind::hangup())?,
            resume: wait(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    /// Waits for one; whether it wants the program to end.
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => true,
            _ = self.terminate.recv() => true,
            _ = self.hangup.recv() => true,
            _ = self.resume.recv() => false,
        }
    }
}

fn cannot(what: &str, error: &io::Error) -> Failure {
    Failure::refused(format!("cannot {what} the terminal: {error}"))
}
