//! Where boards come from: a thread that asks the target again and again, carries errands out, and comes back when
//! the target was lost.
//!
//! Owns the pace of looking and the waiting after a failure. Draws nothing; it talks to the screen by messages.
//! Read next: `source/admin.rs` and `source/socket.rs`, the two kinds of targets.

pub mod admin;
pub mod socket;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::board::{Board, Shared};
use super::errand::Errand;
use super::sample::Sample;
use crate::client::Target;
use crate::failure::Failure;

/// A target.
pub enum Source {
    /// A data plane or a controller.
    Admin(Box<admin::Admin>),
    /// HAProxy's text socket.
    Socket(socket::Socket),
}

/// What the screen is told.
#[derive(Debug)]
pub enum News {
    /// A new board.
    Board(Shared),
    /// The target does not answer, in a sentence.
    Lost(String),
    /// How an errand ended, in a sentence.
    Settled(Result<String, String>),
}

/// What the screen asks for.
#[derive(Debug)]
pub enum Wish {
    /// Look again now.
    Refresh,
    /// Rows of each node, or of all together.
    ByNode(bool),
    /// Carry something out.
    Carry(Errand),
}

impl Source {
    /// A data plane or a controller.
    pub fn admin(target: &Target, by_node: bool) -> Source {
        Source::Admin(Box::new(admin::Admin::new(target.clone(), by_node)))
    }

    /// HAProxy's text socket.
    pub fn socket(address: socket::Address) -> Source {
        Source::Socket(socket::Socket::new(address))
    }

    /// Looks once. The failure is that of a command: it has an exit status.
    pub async fn look(&mut self, at: Duration) -> Result<Sample, Failure> {
        let looking = async {
            match self {
                Source::Admin(admin) => admin.look(at).await,
                Source::Socket(socket) => socket.look(at).await,
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(sample) => sample,
            Err(_) => Err(Failure::unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
        }
    }

    /// Carries an errand out; what was done in a sentence.
    async fn carry(&mut self, errand: &Errand) -> Result<String, String> {
        let carrying = async {
            match self {
                Source::Admin(admin) => admin.carry(errand).await.map_err(|failure| failure.to_string()),
                Source::Socket(socket) => socket.carry(errand).await,
            }
        };
        match tokio::time::timeout(PATIENCE, carrying).await {
            Ok(done) => done,
            Err(_) => Err(format!(
                "no answer within {} s: whether it was done is not known, look at the rows",
                PATIENCE.as_secs()
            )),
        }
    }

    /// Looks every `interval` until nobody listens any more.
    pub async fn watch(
        mut self,
        interval: Duration,
        mut wishes: UnboundedReceiver<Wish>,
        news: UnboundedSender<News>,
    ) {
        let start = Instant::now();
        let mut board: Option<Shared> = None;
        let mut failures = 0u32;
        loop {
            let told = match self.look(start.elapsed()).await {
                Ok(sample) => {
                    failures = 0;
                    let next = Arc::new(Board::advance(board.as_deref(), sample));
                    board = Some(Arc::clone(&next));
                    News::Board(next)
                }
                Err(failure) => {
                    failures = failures.saturating_add(1);
                    News::Lost(failure.to_string())
                }
            };
            if news.send(told).is_err() {
                return;
            }
            let rest = if failures == 0 { interval } else { backoff(failures) };
            let wish = tokio::select! {
                () = tokio::time::sleep(rest) => continue,
                wish = wishes.recv() => wish,
            };
            match wish {
                None => return,
                Some(Wish::Refresh) => {}
                Some(Wish::ByNode(by_node)) => {
                    if let Source::Admin(admin) = &mut self {
                        admin.by_node = by_node;
                    }
                }
                Some(Wish::Carry(errand)) => {
                    let done = self.carry(&errand).await;
                    if news.send(News::Settled(done)).is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// How long is waited after so many failures in a row: a second, doubled up to a bound.
fn backoff(failures: u32) -> Duration {
    let factor = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX).max(1);
    FIRST_REST.saturating_mul(factor).min(LONGEST_REST)
}

/// How long one look, or one errand, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The wait after a first failure.
const FIRST_REST: Duration = Duration::from_millis(500);

/// The longest wait after failures.
const LONGEST_REST: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let waits: Vec<u64> = [1, 2, 3, 5, 40, u32::MAX]
            .into_iter()
            .map(|failures| backoff(failures).as_millis() as u64)
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 8000, 8000, 8000]);
    }
}
