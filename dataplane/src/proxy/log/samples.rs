//! Records and plans for the tests of this module.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::time::{Duration, Instant, UNIX_EPOCH};

use regate_proto::model::{Facility, LogAddress, LogTarget, Mode, Name};

use super::Record;
use crate::proxy::record::Termination;
use crate::snapshot::{LineFormat, LogPlan, LogRoute};

/// 22/Nov/2026:14:03:07 in UTC.
pub(super) const SECONDS: i64 = 1_795_356_187;

pub(super) fn route(address: LogAddress) -> LogRoute {
    let facility = Facility::from_word("local0").unwrap();
    LogRoute::new(LogTarget {
        address,
        length: None,
        syntax: None,
        sample: None,
        facility,
        highest: None,
        lowest: None,
    })
}

pub(super) fn plan(format: LineFormat) -> LogPlan {
    LogPlan::new(format, Mode::Http, vec![route(LogAddress::Udp(([127, 0, 0, 1], 514).into()))])
}

/// `GET / HTTP/1.1` answered by be/s1 with 200, 54 bytes, accepted 2 ms before its first byte.
pub(super) fn record() -> Record {
    let at = UNIX_EPOCH + Duration::from_secs(SECONDS as u64);
    let accepted = Instant::now();
    let started = accepted + Duration::from_millis(2);
    let after = |millis| Some(started + Duration::from_millis(millis));
    Record {
        client: Some(([10, 0, 1, 2], 33317).into()),
        destination: Some(([10, 0, 3, 31], 8012).into()),
        bind_id: 1,
        accepted_at: at + Duration::from_millis(5),
        accepted,
        started_at: at + Duration::from_millis(7),
        started,
        received: after(10),
        dequeued: after(10),
        connected: after(40),
        responded: after(109),
        ended: after(120),
        request_line: b"GET / HTTP/1.1".to_vec(),
        status: Some(200),
        bytes_out: 54,
        bytes_in: 80,
        frontend: Name::new("fe").unwrap(),
        backend: Some(Name::new("be").unwrap()),
        server: Some(Name::new("s1").unwrap()),
        service: None,
        level: None,
        termination: Termination::NORMAL,
        cookies: None,
        retries: 0,
        redispatched: false,
        concurrent: [1, 1, 0, 0],
        queued: [0, 0],
        server_address: Some(([10, 0, 4, 1], 8080).into()),
        source: Some(([10, 0, 3, 1], 41234).into()),
        handshake: 1,
        request_number: 12,
        unique_id: None,
        captured: [0, 0],
        captures: crate::fetch::Captures::default(),
    }
}
