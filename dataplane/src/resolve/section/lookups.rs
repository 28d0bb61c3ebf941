//! What rules ask a section: the address of a host, once.

use std::collections::BTreeSet;
use std::net::IpAddr;

use regate_proto::model::AddressFamily;

use super::{Asked, Kept, Key, Section, WantedKey};
use crate::live::Lookup;
use crate::resolve::question::Question;
use crate::resolve::records::Records;

impl Section {
    /// Answers a rule: with what is known of the host, or else when the name servers have answered.
    ///
    /// A name is asked for once for all who wait for it. What servers need is known all the time; what rules alone ask
    /// for is forgotten with the answer.
    pub(super) fn look(&mut self, lookup: Lookup) {
        let name = lookup.host.trim_end_matches('.').to_ascii_lowercase();
        let wanted = match lookup.family {
            AddressFamily::V4 => WantedKey::V4,
            AddressFamily::V6 => WantedKey::V6,
        };
        let key = Key { name, wanted };
        let now = self.now();
        let waiting = self.names.values().map(|asked| asked.waiting.len()).sum::<usize>();
        match self.names.get_mut(&key) {
            Some(asked) => {
                if let (Some(ip), None) = (asked.choice(wanted), asked.question.asks()) {
                    // Who does not wait any more needs no answer.
                    let _ = lookup.answer.send(ip);
                    return;
                }
                if waiting < MOST_WAITING {
                    asked.waiting.push(lookup.answer);
                    if asked.question.hasten() {
                        self.agenda.insert((now, key));
                    }
                }
            }
            None if waiting < MOST_WAITING => {
                self.agenda.insert((0, key.clone()));
                let question = Question::new(wanted.wanted());
                let records = Kept::Addresses(Records::new(now));
                let (users, waiting) = (BTreeSet::new(), vec![lookup.answer]);
                self.names.insert(key, Asked { question, records, users, waiting });
            }
            None => {}
        }
        self.begin_due();
    }

    /// Answers the rules that wait for a name whose round is over; `valid` tells whether it was answered.
    pub(super) fn answer(&mut self, key: &Key, valid: bool) {
        let Some(asked) = self.names.get_mut(key) else { return };
        let ip = asked.choice(key.wanted).filter(|_| valid);
        for answer in asked.waiting.drain(..) {
            if let Some(ip) = ip {
                let _ = answer.send(ip);
            }
        }
        if asked.users.is_empty() {
            self.names.remove(key);
        }
    }
}

impl Asked {
    /// The address that a rule gets: of the family that is wanted, or else of the other.
    fn choice(&self, wanted: WantedKey) -> Option<IpAddr> {
        let Kept::Addresses(records) = &self.records else { return None };
        let family = if wanted == WantedKey::V4 { AddressFamily::V4 } else { AddressFamily::V6 };
        let liked = records.iter().find(|ip| AddressFamily::of(**ip) == family);
        liked.or_else(|| records.iter().next()).copied()
    }
}

/// Rules of one section that wait for answers at most; those beyond find no address.
const MOST_WAITING: usize = 16_384;
