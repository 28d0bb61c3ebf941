//! Asking one name server: over UDP from a port of its own for every query, over TCP where an answer was cut short.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use regate_proto::model::Transport;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::codec::{self, Answer, Flaw, Wanted};
use super::question::Failure;
use crate::live::NameserverLive;

/// A name server of a section.
#[derive(Clone, Debug)]
pub struct Nameserver {
    /// Its name.
    pub name: String,
    /// How it is asked.
    pub transport: Transport,
    /// Where it is reached.
    pub address: SocketAddr,
    /// Its counters.
    pub live: Arc<NameserverLive>,
}

/// One query.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its id, not to be guessed.
    pub id: u16,
    /// The name.
    pub name: String,
    /// What is asked for.
    pub wanted: Wanted,
    /// The largest answer accepted over UDP, in bytes.
    pub payload: u16,
    /// For how long an answer is awaited.
    pub patience: Duration,
}

impl Nameserver {
    /// Asks, and waits for the answer. A failure that says nothing takes as long as the patience, so that a dead
    /// server is not asked without pause.
    pub async fn ask(&self, ask: &Ask) -> Result<Answer, Failure> {
        let deadline = Instant::now() + ask.patience;
        let Some(query) = codec::query(ask.id, &ask.name, ask.wanted, ask.payload) else {
            sleep_until(deadline).await;
            return Err(Failure::Other);
        };
        let bytes = match self.transport {
            Transport::Udp => timeout_at(deadline, self.over_udp(ask, &query)).await,
            Transport::Tcp => timeout_at(deadline, self.over_tcp(ask, &query)).await,
        };
        let answer = match bytes {
            Ok(Ok(Err(Flaw::Truncated))) if self.transport == Transport::Udp => {
                add_one(&self.live.truncated);
                timeout_at(deadline, self.over_tcp(ask, &query)).await
            }
            other => other,
        };
        match answer {
            Ok(Ok(answer)) => self.judge(answer),
            Ok(Err(error)) => {
                tracing::debug!(%error, nameserver = %self.name, "a name server cannot be asked");
                add_one(&self.live.send_errors);
                sleep_until(deadline).await;
                Err(Failure::Timeout)
            }
            Err(_) => {
                add_one(&self.live.timeouts);
                Err(Failure::Timeout)
            }
        }
    }

    /// Counts what came, and says what it is for the question.
    fn judge(&self, answer: Result<Answer, Flaw>) -> Result<Answer, Failure> {
        let live = &self.live;
        let (counter, failure) = match answer {
            Ok(answer) => return Ok(answer),
            Err(Flaw::Nx) => (&live.nx, Failure::Nx),
            Err(Flaw::Refused) => (&live.refused, Failure::Refused),
            Err(Flaw::Empty) => (&live.empty, Failure::Other),
            Err(Flaw::AliasOnly) => (&live.cnames, Failure::Other),
            Err(Flaw::AliasLoop) => (&live.cname_errors, Failure::Other),
            Err(Flaw::Truncated) => (&live.truncated, Failure::Other),
            Err(Flaw::Failed) => (&live.other, Failure::Other),
            Err(Flaw::Malformed | Flaw::Foreign) => (&live.invalid, Failure::Other),
        };
        add_one(counter);
        Err(failure)
    }

    async fn over_udp(&self, ask: &Ask, query: &[u8]) -> io::Result<Result<Answer, Flaw>> {
        let any = match self.address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        // A connected socket hears nobody else.
        socket.connect(self.address).await?;
        socket.send(query).await?;
        add_one(&self.live.sent);
        let mut buffer = vec![0; usize::from(ask.payload) + 1];
        loop {
            let length = socket.recv(&mut buffer).await?;
            if length > usize::from(ask.payload) {
                add_one(&self.live.too_big);
                return Ok(Err(Flaw::Truncated));
            }
            match codec::read(&buffer[..length], ask.id, &ask.name, ask.wanted) {
                // The true answer may still come.
                Err(Flaw::Foreign) => add_one(&self.live.invalid),
                answer => return Ok(answer),
            }
        }
    }

    async fn over_tcp(&self, ask: &Ask, query: &[u8]) -> io::Result<Result<Answer, Flaw>> {
        let mut stream = TcpStream::connect(self.address).await?;
        let length = u16::try_from(query.len()).map_err(io::Error::other)?;
        let framed: Vec<u8> = length.to_be_bytes().iter().chain(query).copied().collect();
        stream.write_all(&framed).await?;
        add_one(&self.live.sent);
        let length = stream.read_u16().await?;
        let mut buffer = vec![0; usize::from(length)];
        stream.read_exact(&mut buffer).await?;
        Ok(codec::read(&buffer, ask.id, &ask.name, ask.wanted))
    }
}

/// Adds one to a counter.
pub(super) fn add_one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
