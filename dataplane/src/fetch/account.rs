//! What is known of an exchange besides its messages: when it came to which phase, and how it fared (configuration
//! manual 8.4 "Timing events").
//!
//! Pure: instants are arguments. Log lines and fetches (`*.timer.*`, `txn.*`) take their figures from here.

use std::time::{Instant, SystemTime};

use regate_proto::rules::Fetch;

use super::Arguments;
use super::process::in_unit;
use crate::sample::Value;

/// An exchange so far.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// When it came to which phase.
    pub phases: Phases,
    /// When the first byte of the request came, by the wall clock.
    pub started_at: SystemTime,
    /// Bytes from the client, and to it.
    pub carried: [u64; 2],
    /// Attempts to reach a server after the first.
    pub retries: u32,
    /// Whether it went to another server than the one first chosen.
    pub redispatched: bool,
    /// Where it stood in the server's queue and in the backend's.
    pub queued: [u32; 2],
    /// The status that the client gets.
    pub status: Option<u16>,
    /// How it ended: the letters of the log.
    pub termination: [u8; 2],
}

/// The instants of an exchange. A phase that was not reached is absent.
#[derive(Clone, Copy, Debug)]
pub struct Phases {
    /// The connection was accepted, or the response before this request had ended.
    pub accepted: Instant,
    /// The first byte of the request came.
    pub started: Instant,
    /// The request's head was complete.
    pub received: Option<Instant>,
    /// It left the queue, or needed none.
    pub dequeued: Option<Instant>,
    /// A connection to the server was there.
    pub connected: Option<Instant>,
    /// The head of the response was complete.
    pub responded: Option<Instant>,
    /// The exchange ended.
    pub ended: Option<Instant>,
    /// Milliseconds of handshakes before the first request.
    pub handshake: u32,
}

/// Milliseconds of the phases (8.4).
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// For the request's head.
    pub request: Option<u64>,
    /// In queues.
    pub queue: Option<u64>,
    /// For the connection to the server.
    pub connect: Option<u64>,
    /// For the response's head.
    pub response: Option<u64>,
    /// From the response's head, or in TCP mode from the connection, to the end.
    pub data: Option<u64>,
    /// From the end of handshakes to the first byte of the request.
    pub idle: u64,
    /// From the first byte of the request.
    pub active: u64,
    /// From the accept.
    pub total: u64,
}

impl Timers {
    /// The times between instants: differences of whole milliseconds, so that the phases add up.
    pub fn of(phases: &Phases) -> Timers {
        let since = |at: Option<Instant>| at.map(|at| millis(phases.started, at));
        let received = since(phases.received);
        let dequeued = since(phases.dequeued);
        let connected = since(phases.connected);
        let responded = since(phases.responded);
        let last = phases
            .ended
            .or(phases.responded)
            .or(phases.connected)
            .or(phases.dequeued)
            .or(phases.received)
            .unwrap_or(phases.started);
        Timers {
            request: received,
            // Where there is no request, as in TCP mode, HAProxy counts from its "not reached", one millisecond
            // below zero.
            queue: dequeued.map(|at| match received {
                Some(received) => at.saturating_sub(received),
                None => at + 1,
            }),
            connect: connected.map(|at| at.saturating_sub(dequeued.or(received).unwrap_or(0))),
            response: responded.zip(connected).map(|(at, connected)| at.saturating_sub(connected)),
            data: phases
                .responded
                .or(phases.connected.filter(|_| phases.received.is_none()))
                .map(|_| millis(phases.started, last).saturating_sub(responded.or(connected).unwrap_or(0))),
            idle: millis(phases.accepted, phases.started).saturating_sub(phases.handshake.into()),
            active: millis(phases.started, last),
            total: millis(phases.accepted, last),
        }
    }
}

/// What a fetch tells of an exchange; nothing of a phase that was not reached.
pub(super) fn tell<'a>(
    fetch: Fetch,
    arguments: &Arguments<'_>,
    account: Option<Account>,
) -> Option<Value<'a>> {
    let account = account?;
    let timers = Timers::of(&account.phases);
    let handshake = u64::from(account.phases.handshake);
    let number = match fetch {
        Fetch::BytesFromClient => account.carried[0],
        Fetch::BytesToClient => account.carried[1],
        Fetch::BackendQueuePlace => account.queued[1].into(),
        Fetch::ServerQueuePlace => account.queued[0].into(),
        Fetch::Retries => account.retries.into(),
        Fetch::Redispatched => return Some(Value::Bool(account.redispatched)),
        Fetch::Termination => return Some(Value::text(account.termination.to_vec())),
        Fetch::SentStatus => account.status?.into(),
        Fetch::RequestDate => return in_unit(account.started_at, arguments.text(0)).map(Value::Int),
        Fetch::HandshakeTime => handshake,
        Fetch::TotalTime => timers.total,
        Fetch::ConnectTime => timers.connect?,
        Fetch::HeadTime => timers.request?,
        Fetch::IdleTime => timers.idle,
        Fetch::QueueTime => timers.queue?,
        Fetch::QueryTime => timers.request? + timers.idle + handshake,
        Fetch::DataTime => timers.data?,
        Fetch::ResponseTime => timers.response?,
        Fetch::ActiveTime => timers.active,
        Fetch::UserTime => timers.total.saturating_sub(timers.idle),
        _ => return None,
    };
    i64::try_from(number).ok().map(Value::Int)
}

fn millis(from: Instant, to: Instant) -> u64 {
    to.saturating_duration_since(from).as_millis() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_those_of_the_phases() {
        let zero = Instant::now();
        let at = |millis: u64| zero + Duration::from_millis(millis);
        let phases = Phases {
            accepted: zero,
            started: at(10),
            received: Some(at(13)),
            dequeued: Some(at(18)),
            connected: Some(at(25)),
            responded: Some(at(36)),
            ended: Some(at(49)),
            handshake: 4,
        };
        let account = Account {
            phases,
            started_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1500),
            carried: [7, 9],
            retries: 2,
            redispatched: true,
            queued: [1, 3],
            status: Some(404),
            termination: *b"sH",
        };
        let told = |fetch| match tell(fetch, &Arguments(&[]), Some(account)) {
            Some(Value::Int(number)) => number,
            _ => -1,
        };
        for (fetch, expected) in [
            (Fetch::HandshakeTime, 4),
            (Fetch::IdleTime, 6),
            (Fetch::HeadTime, 3),
            (Fetch::QueryTime, 13),
            (Fetch::QueueTime, 5),
            (Fetch::ConnectTime, 7),
            (Fetch::ResponseTime, 11),
            (Fetch::DataTime, 13),
            (Fetch::ActiveTime, 39),
            (Fetch::TotalTime, 49),
            (Fetch::UserTime, 43),
            (Fetch::BytesFromClient, 7),
            (Fetch::BytesToClient, 9),
            (Fetch::Retries, 2),
            (Fetch::ServerQueuePlace, 1),
            (Fetch::BackendQueuePlace, 3),
            (Fetch::SentStatus, 404),
            (Fetch::RequestDate, 1),
        ] {
            assert_eq!(told(fetch), expected, "{fetch:?}");
        }
        let early = Account { phases: Phases { connected: None, responded: None, ..phases }, ..account };
        assert!(tell(Fetch::ConnectTime, &Arguments(&[]), Some(early)).is_none());
        assert!(tell(Fetch::TotalTime, &Arguments(&[]), None).is_none());
    }
}
