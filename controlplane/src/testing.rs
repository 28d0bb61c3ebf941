//! What tests of this crate share: a seeded source of changes, folders, a store in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use regate_proto::change::{Change, ChangeSet, Layer, Origin, Revision, Setting};
use regate_proto::model::{
    Backend, Name, Row, Server, ServerAddress, ServerHost, ServerPort, ServerRef, ServerSettings, Subject,
    Weight,
};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::{Digest, State};
use regate_proto::wire::{self, v1};

use crate::desired::{Entry, Group, Store, StoreError};

/// Numbers that follow from a seed (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn backend(text: &str, description: Option<String>) -> Row {
    Row::Backend(Backend {
        name: name(text),
        id: 0,
        order: 0,
        guid: None,
        from: None,
        listen: false,
        disabled: false,
        description,
        settings: Box::default(),
    })
}

pub(crate) fn server(backend: &str, server: &str, port: u16) -> Row {
    Row::Server(Server {
        at: at(backend, server),
        id: 0,
        order: 0,
        guid: None,
        address: ServerAddress::Inet {
            host: ServerHost::Ip([127, 0, 0, 1].into()),
            port: ServerPort::Fixed(port),
        },
        admin: None,
        paused: Default::default(),
        settings: ServerSettings::default(),
    })
}

pub(crate) fn at(backend: &str, server: &str) -> ServerRef {
    ServerRef { backend: name(backend), server: name(server) }
}

pub(crate) fn put(row: Row) -> Change {
    Change::Put(Layer::Spec, row)
}

pub(crate) fn weight(backend: &str, server: &str, weight: u64) -> Change {
    Change::set_server(&name(backend), &name(server), Setting::Weight(Weight::new(weight).unwrap()))
}

pub(crate) fn set(changes: Vec<Change>) -> ChangeSet {
    let origin = Origin { actor: "uid=0 pid=1".to_owned(), door: "test".to_owned(), at: 1 };
    ChangeSet { base: None, origin, changes }
}

/// A set that may or may not fit the state that it meets.
pub(crate) fn random_set(dice: &mut Dice) -> ChangeSet {
    let backend_name = format!("be{}", dice.below(5));
    let server_name = format!("s{}", dice.below(6));
    let subject = Subject::Server(at(&backend_name, &server_name));
    let changes = match dice.below(12) {
        0 | 1 => {
            let long = dice.once_in(4).then(|| "x".repeat(dice.below(200_000) as usize));
            vec![put(backend(&backend_name, long))]
        }
        2..=4 => vec![put(server(&backend_name, &server_name, dice.below(60_000) as u16))],
        5 => vec![Change::Put(Layer::Overlay, server(&backend_name, &server_name, 1))],
        6 => vec![Change::Delete(Layer::Spec, subject)],
        7 => vec![Change::Delete(Layer::Overlay, subject)],
        8 => vec![Change::Revert(subject, None)],
        9 => vec![Change::Adopt(subject, None)],
        _ => vec![weight(&backend_name, &server_name, dice.below(257))],
    };
    set(changes)
}

/// A folder that goes with its value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn create() -> Folder {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rgc-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A store that keeps everything in memory, and fails when told to.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) entries: Mutex<Vec<Entry>>,
    pub(crate) fails: std::sync::atomic::AtomicBool,
}

impl Store for Memory {
    fn load(&self) -> Result<State, StoreError> {
        let newest = self.entries.lock().last().map_or(Revision(0), |entry| entry.revision);
        Ok(self.state_at(newest)?.unwrap())
    }

    fn commit(&self, group: &Group<'_>) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Failed("told to".to_owned()));
        }
        self.entries.lock().extend_from_slice(group.entries);
        Ok(())
    }

    fn settle(&self, _: &State) -> Result<(), StoreError> {
        Ok(())
    }

    fn entries(&self, newest: Revision, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let entries = self.entries.lock();
        Ok(entries.iter().rev().filter(|entry| entry.revision <= newest).take(limit).cloned().collect())
    }

    fn state_at(&self, revision: Revision) -> Result<Option<State>, StoreError> {
        let mut state = State::default();
        for entry in self.entries.lock().iter().take_while(|entry| entry.revision <= revision) {
            state.apply(&entry.set).unwrap();
        }
        Ok((state.revision() == revision).then_some(state))
    }
}

/// A data plane, as far as a controller can see: a state that follows.
#[derive(Default)]
pub(crate) struct Follower {
    pub(crate) state: State,
    /// Changes that were begun and not committed.
    pub(crate) begun: Option<(v1::Begin, Vec<Change>)>,
    /// How many of the next commits it cannot carry out.
    pub(crate) stubborn: u64,
}

impl Follower {
    pub(crate) fn hello(&self, node: &str) -> v1::FromNode {
        say(v1::from_node::Message::Hello(v1::Hello {
            node: node.to_owned(),
            version: "0.0.0".to_owned(),
            revision: self.state.revision().0,
            digest: Some(self.state.digest().into()),
            managed_by: None,
        }))
    }

    pub(crate) fn hear(&mut self, message: v1::FromController) -> Option<v1::FromNode> {
        use v1::from_controller::Message;
        match message.message.unwrap() {
            Message::Welcome(_) => None,
            Message::Begin(begin) => {
                self.begun = Some((begin, Vec::new()));
                None
            }
            Message::Part(part) => {
                let (_, changes) = self.begun.as_mut().expect("a part belongs to a begin");
                let more = wire::model_changes(part.changes, changes.len()).unwrap();
                changes.extend(more);
                None
            }
            Message::Commit(commit) => Some(self.commit(&commit)),
        }
    }

    fn commit(&mut self, commit: &v1::CommitParts) -> v1::FromNode {
        let (begin, changes) = self.begun.take().expect("a commit belongs to a begin");
        let refuse = |code| {
            let problems = vec![(&Problem::general(code, "no")).into()];
            say(v1::from_node::Message::Refused(v1::NodeRefused { revision: commit.revision, problems }))
        };
        if !begin.full && begin.base != self.state.revision().0 {
            return refuse(Code::Conflict);
        }
        if self.stubborn > 0 {
            self.stubborn -= 1;
            return refuse(Code::Impossible);
        }
        let mut next = if begin.full { State::default() } else { self.state.clone() };
        let set = ChangeSet { base: None, origin: Origin::default(), changes };
        if next.apply(&set).is_err() || Digest::from(commit.digest.unwrap()) != next.digest() {
            return refuse(Code::Conflict);
        }
        next.renumber(Revision(commit.revision));
        self.state = next;
        say(v1::from_node::Message::Applied(v1::NodeApplied {
            revision: self.state.revision().0,
            digest: Some(self.state.digest().into()),
        }))
    }
}

fn say(message: v1::from_node::Message) -> v1::FromNode {
    v1::FromNode { message: Some(message) }
}
