//! Versions of lists that are being prepared and not in force yet (management manual 9.3 "prepare map").
//!
//! They belong to all connections together and are forgotten when the process ends: what is in force is kept by
//! Admin, and a version becomes that in one step.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use regate_proto::patterns::{Pack, Packer};

/// The versions of every list, by its name.
#[derive(Debug, Default)]
pub struct Versions(Mutex<HashMap<String, Prepared>>);

/// The versions of one list.
#[derive(Debug, Default)]
struct Prepared {
    current: u32,
    newest: u32,
    packers: BTreeMap<u32, Packer>,
}

impl Versions {
    /// The version in force.
    pub fn current(&self, list: &str) -> u32 {
        self.0.lock().get(list).map_or(0, |prepared| prepared.current)
    }

    /// The version that was prepared last.
    pub fn newest(&self, list: &str) -> u32 {
        self.0.lock().get(list).map_or(0, |prepared| prepared.newest)
    }

    /// Makes a new version, and gives its number.
    pub fn prepare(&self, list: &str) -> u32 {
        let mut lists = self.0.lock();
        let prepared = lists.entry(list.to_owned()).or_default();
        prepared.newest = prepared.newest.saturating_add(1);
        prepared.newest
    }

    /// Whether a version can be made the one in force.
    pub fn is_prepared(&self, list: &str, version: u32) -> bool {
        let lists = self.0.lock();
        lists.get(list).is_some_and(|prepared| version > prepared.current && version <= prepared.newest)
    }

    /// Looks at the entries of a version.
    pub fn read<R>(&self, list: &str, version: u32, look: impl FnOnce(&Pack) -> R) -> Option<R> {
        self.0.lock().get_mut(list)?.packers.get_mut(&version).map(|packer| look(packer.pack()))
    }

    /// Writes to the entries of a version; what is older than the one in force is never seen again, and not kept.
    pub fn write(&self, list: &str, version: u32, write: impl FnOnce(&mut Packer)) {
        let mut lists = self.0.lock();
        let prepared = lists.entry(list.to_owned()).or_default();
        if version > prepared.current && version <= prepared.newest {
            write(prepared.packers.entry(version).or_default());
        }
    }

    /// Removes the entries of a version.
    pub fn clear(&self, list: &str, version: u32) {
        if let Some(prepared) = self.0.lock().get_mut(list) {
            prepared.packers.remove(&version);
        }
    }

    /// A version is in force: it and those before are forgotten here.
    pub fn commit(&self, list: &str, version: u32) {
        if let Some(prepared) = self.0.lock().get_mut(list) {
            prepared.current = version;
            prepared.packers.retain(|other, _| *other > version);
        }
    }
}
