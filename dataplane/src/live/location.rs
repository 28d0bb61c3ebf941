//! Where the host names of servers lead, what they led to before a restart, and how name servers answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use regate_proto::model::Weight;

/// Where the host name of one server leads now. Written by the resolution alone, read by the data path.
#[derive(Debug, Default)]
pub struct Location {
    found: ArcSwapOption<Found>,
    /// Whether there is an address: what the choice of servers asks, without touching the rest.
    usable: AtomicBool,
}

/// What was found for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name that the server declares.
    pub name: String,
    /// The address; nothing while there is none.
    pub ip: Option<IpAddr>,
    /// The service record that the address comes from.
    pub record: Option<ServiceRecord>,
    /// The weight of the last service record, which stays when the record goes.
    pub weight: Option<Weight>,
    /// Whether a service record was ever given to the server.
    pub was_given: bool,
}

/// What a service record says (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceRecord {
    /// The host that serves.
    pub target: String,
    /// At this port.
    pub port: u16,
}

/// The counters of a name server, as HAProxy names them (management manual 9.3 "show resolvers").
#[derive(Debug, Default)]
pub struct NameserverLive {
    /// Queries sent.
    pub sent: AtomicU64,
    /// Queries that could not be sent.
    pub send_errors: AtomicU64,
    /// Valid answers.
    pub valid: AtomicU64,
    /// Answers that gave a server another address.
    pub updates: AtomicU64,
    /// Answers that lead to another name and to no address.
    pub cnames: AtomicU64,
    /// Answers whose chain of names is broken.
    pub cname_errors: AtomicU64,
    /// Answers without a record of the kind that was asked for.
    pub empty: AtomicU64,
    /// Answers that the name does not exist.
    pub nx: AtomicU64,
    /// Queries that were not answered in time.
    pub timeouts: AtomicU64,
    /// Queries that were refused.
    pub refused: AtomicU64,
    /// Answers with another error.
    pub other: AtomicU64,
    /// Answers that are no valid message, or not to the question.
    pub invalid: AtomicU64,
    /// Answers larger than what is accepted.
    pub too_big: AtomicU64,
    /// Answers that were cut short.
    pub truncated: AtomicU64,
    /// Answers that came when the question was settled.
    pub outdated: AtomicU64,
}

/// The name servers of one section, in the order of the section.
#[derive(Clone, Debug)]
pub struct SectionLive {
    /// The section's name.
    pub name: String,
    /// Name servers and their counters.
    pub nameservers: Vec<(String, Arc<NameserverLive>)>,
}

impl Location {
    /// What was found last.
    pub fn found(&self) -> Option<Arc<Found>> {
        self.found.load_full()
    }

    /// The address, and the port where a service record gives one.
    pub fn place(&self) -> Option<(IpAddr, Option<u16>)> {
        let found = self.found.load();
        let found = found.as_ref()?;
        Some((found.ip?, found.record.as_ref().map(|record| record.port)))
    }

    /// The weight that a service record gives.
    pub fn weight(&self) -> Option<Weight> {
        self.found.load().as_ref()?.weight
    }

    /// Whether there is an address.
    pub fn is_usable(&self) -> bool {
        self.usable.load(Ordering::Relaxed)
    }

    /// Notes what is found now; gives what was before.
    pub fn put(&self, found: Found) -> Option<Arc<Found>> {
        let usable = found.ip.is_some();
        let before = self.found.swap(Some(Arc::new(found)));
        self.usable.store(usable, Ordering::Relaxed);
        before
    }
}

impl Found {
    /// A name of which nothing is known.
    pub fn nothing(name: &str) -> Found {
        Found { name: name.to_owned(), ip: None, record: None, weight: None, was_given: false }
    }
}

impl NameserverLive {
    /// Sets every counter to 0.
    pub fn clear(&self) {
        for counter in [
            &self.sent,
            &self.send_errors,
            &self.valid,
            &self.updates,
            &self.cnames,
            &self.cname_errors,
            &self.empty,
            &self.nx,
            &self.timeouts,
            &self.refused,
            &self.other,
            &self.invalid,
            &self.too_big,
            &self.truncated,
            &self.outdated,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}
