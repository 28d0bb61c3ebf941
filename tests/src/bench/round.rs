//! One round: a contestant started afresh, loaded as fast as it goes, then at a fixed rate.

use std::time::Duration;

use super::contestant::{Contestant, Mode, Rules, Running, Setting};
use super::load::{Pace, Plan, Tally};
use super::reactor::now;
use super::stage::Stage;
use crate::harness::process::CpuTime;
use crate::harness::{Process, Result};

/// What is sent and answered, under which configuration.
#[derive(Clone, Debug)]
pub struct Scene {
    /// HTTP or TCP.
    pub mode: Mode,
    /// Worker threads of the proxy.
    pub workers: usize,
    /// The proxy's cores.
    pub cores: Vec<usize>,
    /// One request, rendered.
    pub request: Vec<u8>,
    /// Bytes in an answer's body.
    pub size: usize,
    /// Connections of the client side.
    pub connections: usize,
    /// Whether every request has connections of its own on both sides.
    pub renews: bool,
    /// Servers of the backend, each a port of the origin.
    pub servers: usize,
}

/// How long and how often to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds of each contestant.
    pub rounds: usize,
    /// How long each part of a round is measured.
    pub span: Duration,
}

/// What one span of load cost.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// CPU of the proxy's whole process group.
    pub cpu: CpuTime,
    /// Seconds on the wall.
    pub seconds: f64,
    /// The load's own account.
    pub tally: Tally,
    /// Log lines that reached the sink.
    pub log_lines: u64,
}

/// A round's two spans.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// As fast as it goes, each connection sending its next request when it has the answer.
    pub full: Span,
    /// At the rate that is the same for all.
    pub fixed: Span,
}

impl Scene {
    /// Opens the stage and the setting that belong to it.
    pub fn open(&self) -> Result<(Stage, Setting)> {
        // Where the proxy leaves the load's core alone, the load need never sleep.
        let stage = Stage::open(self.servers, self.size, self.renews, !self.cores.contains(&LOAD_CORE))?;
        let setting = Setting {
            mode: self.mode,
            workers: self.workers,
            cores: self.cores.clone(),
            server_close: self.renews,
            limit: 4000,
            origins: stage.origin_ports()?,
            checked: 0,
            rules: Rules::default(),
            sink: stage.sink_port()?,
        };
        Ok((stage, setting))
    }

    /// The load on a started proxy at this pace.
    pub fn plan(&self, running: &Running, pace: Pace) -> Plan {
        Plan {
            target: running.port.address(),
            request: self.request.clone(),
            connections: self.connections,
            pace,
            renews: self.renews,
            sources: 0,
        }
    }

    /// Measures one contestant. Without a rate the second span is left out.
    pub fn measure(&self, contestant: Contestant, rate: Option<f64>, span: Duration) -> Result<Sample> {
        let (mut stage, setting) = self.open()?;
        let running = contestant.start(&setting)?;
        stage.load(self.plan(&running, Pace::Closed));
        let full = span_of(&mut stage, running.process(), span)?;
        let mut sample = Sample { full, fixed: Span::default() };
        if let Some(rate) = rate {
            stage.load(self.plan(&running, Pace::Open(rate)));
            sample.fixed = span_of(&mut stage, running.process(), span)?;
        }
        Ok(sample)
    }

    /// Half of what HAProxy does at full load, rounded: the fixed rate for every contestant.
    pub fn rate(&self) -> Result<f64> {
        let sample = self.measure(Contestant::Haproxy, None, Duration::from_millis(700))?;
        let half = sample.full.requests_per_second() / 2.0;
        let step = if half > 2000.0 { 1000.0 } else { 10.0 };
        Ok((half / step).floor().max(1.0) * step)
    }
}

impl Span {
    /// Microseconds of CPU per answered request.
    pub fn cpu_per_request(&self) -> f64 {
        per(self.cpu.total as f64 / 1000.0, self.tally.answered)
    }

    /// The part of it in user space: the exact sum, split as the kernel's ticks were.
    pub fn user_per_request(&self) -> f64 {
        self.cpu_per_request() * self.user_share()
    }

    /// The part of it in the kernel.
    pub fn system_per_request(&self) -> f64 {
        self.cpu_per_request() * (1.0 - self.user_share())
    }

    /// Answers per second.
    pub fn requests_per_second(&self) -> f64 {
        self.tally.answered as f64 / self.seconds
    }

    /// CPU time over wall time: 1 means that one core was busy throughout.
    pub fn busy(&self) -> f64 {
        self.cpu.total as f64 / 1e9 / self.seconds
    }

    /// A quantile of the latency in microseconds.
    pub fn latency(&self, share: f64) -> f64 {
        self.tally.latencies.quantile(share).as_nanos() as f64 / 1000.0
    }

    fn user_share(&self) -> f64 {
        self.cpu.user as f64 / ((self.cpu.user + self.cpu.system) as f64)
    }
}

/// Warms up, then measures one span of the stage's load.
pub fn span_of(stage: &mut Stage, process: &Process, time: Duration) -> Result<Span> {
    stage.run(WARM_UP)?;
    let before = process.cpu()?;
    let (start, lines) = (now(), stage.log_lines());
    stage.restart_tally();
    stage.run(time)?;
    let tally = stage.tally();
    let seconds = (now() - start) as f64 / 1e9;
    let after = process.cpu()?;
    let log_lines = stage.log_lines() - lines;
    let last = stage.finish()?;
    let cpu = CpuTime {
        total: after.total.saturating_sub(before.total),
        user: after.user.saturating_sub(before.user),
        system: after.system.saturating_sub(before.system),
    };
    // Answers after the span count for nothing, failures for what they are.
    let tally = Tally { failed: last.failed, first_failure: last.first_failure, ..tally };
    Ok(Span { cpu, seconds, tally, log_lines })
}

fn per(sum: f64, count: u64) -> f64 {
    if count == 0 { f64::NAN } else { sum / count as f64 }
}

/// The core of the load generator, the origin and the sink.
pub const LOAD_CORE: usize = 1;

/// Connections open, pools fill and caches warm in this time.
const WARM_UP: Duration = Duration::from_millis(400);
