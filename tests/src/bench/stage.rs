//! Load, origin, sink and changes on one thread, driven for a span of time.

use std::time::Duration;

use rustix::event::epoll::EventFlags;

use super::bulk::{Bulk, Receipt};
use super::change::{Account, Changes};
use super::flaps::Flaps;
use super::load::{Load, Plan, Tally};
use super::origin::Origin;
use super::reactor::{Reactor, Token, now};
use super::sink::Sink;
use crate::harness::{Proxy, Result, Trouble};

/// Everything round the proxy.
pub struct Stage {
    reactor: Reactor,
    origin: Origin,
    sink: Sink,
    load: Option<Load>,
    loads: u32,
    changes: Option<Changes>,
    bulk: Option<Bulk>,
    flaps: Option<Flaps>,
    ready: Vec<(Token, EventFlags)>,
}

impl Stage {
    /// A stage whose origin has so many ports and answers with bodies of `size` bytes; see [`Origin::open`],
    /// and for `polls` [`Reactor::new`].
    pub fn open(ports: usize, size: usize, closes: bool, polls: bool) -> Result<Self> {
        let reactor = Reactor::new(polls)?;
        let origin = Origin::open(&reactor, ORIGIN, ports, size, closes)?;
        let sink = Sink::open(&reactor, SINK)?;
        Ok(Self {
            reactor,
            origin,
            sink,
            load: None,
            loads: 0,
            changes: None,
            bulk: None,
            flaps: None,
            ready: Vec::new(),
        })
    }

    /// The origin's ports.
    pub fn origin_ports(&self) -> Result<Vec<u16>> {
        self.origin.ports()
    }

    /// The log sink's port.
    pub fn sink_port(&self) -> Result<u16> {
        self.sink.port()
    }

    /// How many log lines have come.
    pub fn log_lines(&self) -> u64 {
        self.sink.lines()
    }

    /// Begins a load in place of the one before, whose connections close.
    pub fn load(&mut self, plan: Plan) {
        // A new part number, so that an event of an old connection never reaches a new one.
        self.loads += 1;
        self.load = Some(Load::new(FIRST_LOAD + self.loads, plan));
    }

    /// Begins a series of changes on the proxy's text socket; `origin` is the port that added servers point to.
    pub fn change(&mut self, proxy: &Proxy, origin: u16) -> Result<()> {
        self.changes = Some(Changes::begin(&self.reactor, Token::new(CHANGES, 0), proxy, origin)?);
        Ok(())
    }

    /// How many changes have been answered so far.
    pub fn changes(&self) -> u64 {
        self.changes.as_ref().map_or(0, Changes::count)
    }

    /// Ends the series of changes and gives its account.
    pub fn end_changes(&mut self) -> Account {
        self.changes.take().map(|changes| changes.account()).unwrap_or_default()
    }

    /// Lets every port of the origin but the first come and go from now on.
    pub fn flap(&mut self, seed: u64) -> Result<()> {
        self.flaps = Some(Flaps::begin(self.origin.ports()?.len(), seed));
        Ok(())
    }

    /// Ends that; tells how often a port came or went. All are open again.
    pub fn end_flaps(&mut self) -> Result<u64> {
        let Some(flaps) = self.flaps.take() else { return Ok(0) };
        flaps.end(&self.reactor, &mut self.origin)
    }

    /// Sends these commands through the proxy's text socket and drives everything until they are answered.
    pub fn command(&mut self, proxy: &Proxy, commands: &[u8], deadline: Duration) -> Result<Receipt> {
        self.bulk = Some(Bulk::begin(&self.reactor, Token::new(BULK, 0), proxy, commands)?);
        self.run_until("the replies to all commands", deadline, |stage| {
            stage.bulk.as_ref().is_none_or(Bulk::is_over)
        })?;
        self.bulk.take().map(Bulk::receipt).ok_or_else(|| Trouble::new("there are no commands"))
    }

    /// Drives everything for this long.
    pub fn run(&mut self, time: Duration) -> Result<()> {
        let end = now() + time.as_nanos() as u64;
        while now() < end {
            self.turn(end)?;
        }
        Ok(())
    }

    /// Drives everything until `condition` holds; fails at the deadline.
    pub fn run_until(
        &mut self,
        what: &str,
        deadline: Duration,
        condition: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        let end = now() + deadline.as_nanos() as u64;
        while !condition(self) {
            if now() >= end {
                return Err(Trouble::new(format!("waited {deadline:?} in vain for {what}")));
            }
            self.turn((now() + 1_000_000).min(end))?;
        }
        Ok(())
    }

    /// Tallies from here on.
    pub fn restart_tally(&mut self) {
        if let Some(load) = &mut self.load {
            load.restart_tally();
        }
    }

    /// The tally so far.
    pub fn tally(&self) -> Tally {
        self.load.as_ref().map(|load| load.tally().clone()).unwrap_or_default()
    }

    /// Answers so far, without the cost of a whole tally.
    pub fn done(&self) -> u64 {
        self.load.as_ref().map_or(0, |load| load.tally().answered + load.tally().failed)
    }

    /// Sends nothing new and waits for the answers that are due; those that stay away count as failed.
    pub fn finish(&mut self) -> Result<Tally> {
        if let Some(load) = &mut self.load {
            load.stop();
        }
        let quiet = |stage: &Self| stage.load.as_ref().is_none_or(Load::is_quiet);
        let waited = self.run_until("the last answers", Duration::from_secs(5), quiet);
        let mut tally = self.tally();
        if let Err(trouble) = waited {
            tally.failed += 1;
            tally.first_failure.get_or_insert_with(|| trouble.to_string());
        }
        Ok(tally)
    }

    fn turn(&mut self, end: u64) -> Result<()> {
        let mut wake = end;
        if let Some(load) = &mut self.load {
            wake = wake.min(load.advance(&self.reactor)?);
        }
        if let Some(changes) = &mut self.changes {
            wake = wake.min(changes.advance()?);
        }
        if let Some(flaps) = &mut self.flaps {
            wake = wake.min(flaps.advance(&self.reactor, &mut self.origin)?);
        }
        let mut ready = std::mem::take(&mut self.ready);
        self.reactor.wait(wake, &mut ready)?;
        for (token, flags) in &ready {
            match token.part() {
                ORIGIN => self.origin.on_ready(&self.reactor, token.slot(), *flags)?,
                SINK => self.sink.on_ready(),
                CHANGES => {
                    if let Some(changes) = &mut self.changes {
                        changes.on_ready()?;
                    }
                }
                BULK => {
                    if let Some(bulk) = &mut self.bulk {
                        bulk.on_ready(&self.reactor, *token, *flags)?;
                    }
                }
                part => {
                    if let Some(load) = &mut self.load
                        && part == FIRST_LOAD + self.loads
                    {
                        load.on_ready(&self.reactor, token.slot(), *flags)?;
                    }
                }
            }
        }
        self.ready = ready;
        Ok(())
    }
}

const ORIGIN: u32 = 1;
const SINK: u32 = 2;
const CHANGES: u32 = 3;
const BULK: u32 = 4;
const FIRST_LOAD: u32 = 5;
