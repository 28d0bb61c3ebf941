//! What is logged with which severity, and that it arrives.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::net::UdpSocket;
use std::time::Duration;

use regate_proto::model::LogAddress;

use super::*;
use crate::proxy::record::{Phase, Termination};

struct Sink {
    socket: UdpSocket,
    log: LogSink,
    plan: LogPlan,
    frontend: Arc<FrontendLive>,
}

fn sink(change: impl FnOnce(&mut LogPlan)) -> Sink {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut plan = samples::plan(LineFormat::Http);
    plan.routes = vec![samples::route(LogAddress::Udp(socket.local_addr().unwrap()))];
    change(&mut plan);
    let live = Arc::new(Live::new(1));
    let frontend = live.frontend(&Name::new("fe").unwrap());
    Sink { socket, log: LogSink::new(live, Arc::default()), plan, frontend }
}

impl Sink {
    fn line(&self) -> String {
        let mut buffer = [0; 2048];
        let length = self.socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// The priority of the record's line, absent when it is left out.
    fn priority(&self, record: &Record) -> Option<String> {
        self.log.record(&self.frontend, &self.plan, record, None);
        if self.log.is_empty() {
            return None;
        }
        self.log.flush();
        self.line().split_once('>').map(|(priority, _)| priority.to_owned())
    }
}

fn changed(change: impl FnOnce(&mut Record)) -> Record {
    let mut record = samples::record();
    change(&mut record);
    record
}

#[test]
fn lines_arrive_in_order_one_a_datagram() {
    let sink = sink(|_| {});
    assert!(sink.log.is_empty());
    for status in 200..300 {
        sink.log.record(&sink.frontend, &sink.plan, &changed(|record| record.status = Some(status)), None);
    }
    assert!(!sink.log.is_empty());
    sink.log.flush();
    assert!(sink.log.is_empty());
    for status in 200..300 {
        let line = sink.line();
        assert!(line.starts_with("<134>Nov 2") && line.ends_with("\"GET / HTTP/1.1\"\n"), "{line}");
        assert!(line.contains(&format!("/120 {status} 54 - - ")), "{line}");
    }
    assert_eq!(sink.log.live.process.dropped_logs.load(Ordering::Relaxed), 0);
}

#[test]
fn failures_are_err_where_wanted_and_normal_ends_left_out_where_wanted() {
    let separate = sink(|plan| plan.separate_errors = true);
    let failures_only = sink(|plan| plan.skip_normal = true);
    let both = sink(|plan| (plan.separate_errors, plan.skip_normal) = (true, true));
    let ended = |cause| changed(move |record| record.termination = Termination::new(cause, Phase::Data));
    let cases = [
        (samples::record(), false),
        (changed(|record| record.status = Some(404)), false),
        (changed(|record| record.status = Some(500)), true),
        (changed(|record| record.retries = 1), true),
        (changed(|record| record.redispatched = true), true),
        (ended(Cause::Client), true),
        (ended(Cause::ServerTimeout), true),
        (ended(Cause::Proxy), true),
    ];
    for (record, failed) in cases {
        let err = |yes: bool| Some(if yes { "<131" } else { "<134" }.to_owned());
        assert_eq!(separate.priority(&record), err(failed), "{record:?}");
        assert_eq!(failures_only.priority(&record), failed.then(|| err(false)).flatten(), "{record:?}");
        assert_eq!(both.priority(&record), failed.then(|| err(true)).flatten(), "{record:?}");
    }
}

#[test]
fn connections_without_data_are_left_out_where_wanted() {
    let sink = sink(|plan| plan.skip_null = true);
    assert_eq!(sink.priority(&changed(|record| record.bytes_in = 0)), None);
    assert!(sink.priority(&changed(|record| record.bytes_out = 0)).is_some());
}

#[test]
fn the_plain_line_heeds_no_option_and_needs_a_request_in_http() {
    let mut sink = sink(|plan| {
        plan.format = LineFormat::Plain;
        (plan.skip_null, plan.skip_normal, plan.separate_errors) = (true, true, true);
    });
    let empty = changed(|record| {
        record.request_line.clear();
        (record.bytes_in, record.status) = (0, Some(500));
    });
    assert_eq!(sink.priority(&samples::record()).as_deref(), Some("<134"));
    assert_eq!(sink.priority(&empty), None);
    sink.plan.mode = Mode::Tcp;
    assert_eq!(sink.priority(&empty).as_deref(), Some("<134"));
}

#[test]
fn a_route_takes_its_severities() {
    let sink = sink(|plan| {
        plan.separate_errors = true;
        plan.routes[0].target.highest = Some(Severity::Err);
        plan.routes[0].target.lowest = Some(Severity::Warning);
    });
    assert_eq!(sink.priority(&samples::record()), None);
    assert_eq!(sink.priority(&changed(|record| record.status = Some(500))).as_deref(), Some("<132"));
}

#[test]
fn every_route_gets_the_line() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    other.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let sink = sink(|plan| plan.routes.push(samples::route(LogAddress::Udp(other.local_addr().unwrap()))));
    sink.log.record(&sink.frontend, &sink.plan, &samples::record(), None);
    sink.log.flush();
    let mut buffer = [0; 2048];
    let length = other.recv(&mut buffer).unwrap();
    assert_eq!(sink.line().as_bytes(), &buffer[..length]);
}

#[test]
fn refused_connections_are_errors_where_wanted() {
    let record = samples::record();
    let refusal = |has_data| Refusal {
        client: record.client,
        accepted_at: record.accepted_at,
        has_data,
        frontend: &record.frontend,
        bind: "1",
        bind_id: 1,
        reason: "Truncated PROXY protocol header received",
    };
    let mut sink = sink(|plan| (plan.separate_errors, plan.skip_null) = (true, true));
    sink.log.refuse(&sink.plan, &refusal(false), None, None);
    assert!(sink.log.is_empty());
    sink.log.refuse(&sink.plan, &refusal(true), None, None);
    sink.log.flush();
    let line = sink.line();
    assert!(
        line.starts_with("<131>") && line.ends_with("] fe/1: Truncated PROXY protocol header received\n"),
        "{line}"
    );
    sink.plan.format = LineFormat::Plain;
    sink.log.refuse(&sink.plan, &refusal(true), None, None);
    assert!(sink.log.is_empty());
}

#[test]
fn what_is_queued_leaves_when_it_has_waited_for_company() {
    let sink = sink(|_| {});
    let now = std::time::Instant::now();
    assert_eq!(sink.log.rest(now), None);
    sink.log.record(&sink.frontend, &sink.plan, &samples::record(), None);
    assert!(sink.log.rest(now).is_some_and(|rest| !rest.is_zero()));
    sink.log.turn(now);
    assert!(!sink.log.is_empty());
    sink.log.turn(now + 2 * FLUSH_DELAY);
    assert!(sink.log.is_empty());
    assert_eq!(sink.log.rest(now), None);
    assert!(sink.line().contains("GET /"));
}
