//! Where the servers of a plan stand: by seat, name and cookie. One that comes or goes costs no look at the others.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use regate_proto::model::Name;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::ServerPlan;

/// Where each server stands in [`super::BackendPlan::servers`]. Names and cookies lead to seats, which stay.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    by_seat: Vec<u32>,
    by_name: Named<Name, u32>,
    /// Several servers may have the same name in the cookie.
    by_cookie: Named<Arc<str>, SmallVec<[u32; 2]>>,
}

impl Index {
    /// The index of these servers.
    pub(super) fn of(servers: &[Arc<ServerPlan>]) -> Index {
        let mut index = Index::default();
        index.by_name.reserve(servers.len());
        for (place, server) in (0..).zip(servers) {
            index.seat(server, place);
        }
        index
    }

    /// The place of the server with this name.
    pub(super) fn place(&self, name: &Name) -> Option<usize> {
        self.by_name.get(name).and_then(|seat| self.place_of_seat(*seat))
    }

    /// The place of the server on this seat.
    pub(super) fn place_of_seat(&self, seat: u32) -> Option<usize> {
        self.by_seat.get(seat as usize).filter(|place| **place != NO_PLACE).map(|place| *place as usize)
    }

    /// The places of the servers that a cookie names, in the order of listings.
    pub(super) fn places_of_cookie(&self, value: &str) -> SmallVec<[usize; 2]> {
        let seats = self.by_cookie.get(value).into_iter().flatten();
        let mut places: SmallVec<[usize; 2]> = seats.filter_map(|seat| self.place_of_seat(*seat)).collect();
        places.sort_unstable();
        places
    }

    /// The places here of the servers that the other has not.
    pub(super) fn missing_in(&self, other: &Index) -> impl Iterator<Item = usize> {
        let places = (0..).zip(&self.by_seat).filter(|(_, place)| **place != NO_PLACE);
        places.filter(|(seat, _)| other.place_of_seat(*seat).is_none()).map(|(_, place)| *place as usize)
    }

    /// Takes in a server that was put at this place among the others.
    pub(super) fn insert(&mut self, server: &ServerPlan, place: usize) {
        let place = place as u32;
        for other in self.by_seat.iter_mut().filter(|other| **other != NO_PLACE && **other >= place) {
            *other += 1;
        }
        self.seat(server, place);
    }

    /// Takes out a server that stood at this place.
    pub(super) fn remove(&mut self, server: &ServerPlan, place: usize) {
        self.by_name.remove(&server.name);
        if let Some(value) = &server.cookie
            && let Some(seats) = self.by_cookie.get_mut(value.as_str())
        {
            seats.retain(|seat| *seat != server.seat);
            if seats.is_empty() {
                self.by_cookie.remove(value.as_str());
            }
        }
        if let Some(own) = self.by_seat.get_mut(server.seat as usize) {
            *own = NO_PLACE;
        }
        let place = place as u32;
        for other in self.by_seat.iter_mut().filter(|other| **other != NO_PLACE && **other > place) {
            *other -= 1;
        }
    }

    fn seat(&mut self, server: &ServerPlan, place: u32) {
        let seat = server.seat as usize;
        if self.by_seat.len() <= seat {
            self.by_seat.resize(seat + 1, NO_PLACE);
        }
        self.by_seat[seat] = place;
        self.by_name.insert(server.name.clone(), server.seat);
        if let Some(value) = &server.cookie {
            self.by_cookie.entry(Arc::from(value.as_str())).or_default().push(server.seat);
        }
    }
}

/// Things by the words that an administrator chose for them, under a short hash.
pub type Named<K, V> = HashMap<K, V, BuildHasherDefault<Words>>;

/// Hashes words that nobody else chooses (XXH3).
#[derive(Clone, Copy, Debug, Default)]
pub struct Words(u64);

impl Hasher for Words {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// What ends a word.
    fn write_u8(&mut self, end: u8) {
        self.0 = self.0.wrapping_add(u64::from(end)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// A seat whose server is not in the plan.
const NO_PLACE: u32 = u32::MAX;
