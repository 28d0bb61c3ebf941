//! Sets of changes: applied, laid ready, committed, taken back.

use regate_proto::change::{ChangeSet, Origin, Revision};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::State;
use regate_proto::wire::{self, v1};

use super::permission::{Asked, Caller};
use super::{Core, NODE_PATIENCE};
use crate::desired::{Answer, Done, StagedSet, Work};

/// A set that was handed to the writer, or never got there.
pub(super) enum Pending {
    Waiting(Answer),
    /// Durable; the node concerned still has its time.
    Kept(Done),
    Refused(Vec<Problem>),
}

impl Core {
    /// Hands a set to the writer; sets are taken in the order of these calls.
    pub(super) async fn submit(&self, caller: &Caller, set: Option<v1::ChangeSet>) -> Pending {
        let read = || -> Result<ChangeSet, Problem> {
            caller.may(Asked::Apply)?;
            let missing = || Problem::general(Code::Malformed, "change_set: missing");
            let mut set = ChangeSet::try_from(set.ok_or_else(missing)?)?;
            set.origin = caller.origin(set.origin);
            Ok(set)
        };
        match read() {
            Ok(set) => Pending::Waiting(self.desired.submit(Work::Set(set), false).await),
            Err(problem) => Pending::Refused(vec![problem]),
        }
    }

    /// What became of a set, once it is durable and the node concerned had its time. May be given up and asked
    /// again.
    pub(super) async fn finish(&self, caller: &Caller, pending: &mut Pending) -> Result<Done, Vec<Problem>> {
        if let Pending::Waiting(answer) = pending {
            *pending = match self.desired.answered(answer.await) {
                Ok(done) => Pending::Kept(done),
                Err(problems) => Pending::Refused(problems),
            };
        }
        match pending {
            Pending::Kept(done) => {
                self.follow_up(caller, done).await;
                Ok(done.clone())
            }
            Pending::Refused(problems) => Err(problems.clone()),
            Pending::Waiting(_) => Err(Vec::new()),
        }
    }

    /// Gives the node concerned its time.
    async fn follow_up(&self, caller: &Caller, done: &Done) {
        let own = caller.forwarded_by.as_deref().and_then(|name| self.registry.known_as(name));
        if let Some(node) = own.or_else(|| self.registry.only()) {
            node.reached(done.applied.revision, done.at + NODE_PATIENCE).await;
        }
    }

    /// Lays a set ready.
    pub(super) fn lay(&self, set: StagedSet) -> Result<v1::StageReply, Problem> {
        let change_count = set.changes.len() as u64;
        let ticket = self.staged.lock().lay(set, self.salt, std::time::Instant::now())?;
        Ok(v1::StageReply { ticket, change_count })
    }

    /// Commits what was laid ready.
    pub(super) async fn commit(
        &self,
        caller: &Caller,
        request: v1::CommitRequest,
    ) -> Result<v1::CommitReply, Problem> {
        let found = self.staged.lock().find(&request.ticket, request.dry_run, std::time::Instant::now());
        let set = found?;
        let replace = set.replace;
        Ok(self.carry_out(caller, set.into_work(), request.dry_run, replace).await)
    }

    /// Makes a new revision that holds what an older one held.
    pub(super) async fn rollback(
        &self,
        caller: &Caller,
        request: v1::RollbackRequest,
    ) -> Result<v1::CommitReply, Problem> {
        let revision = Revision(request.revision);
        let store = self.desired.store();
        let found = tokio::task::spawn_blocking(move || store.state_at(revision)).await;
        let found: Option<State> = match found {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(Problem::general(Code::Unavailable, error.to_string())),
            Err(error) => return Err(Problem::general(Code::Unavailable, error.to_string())),
        };
        let state = found.ok_or_else(|| {
            let detail = format!("revision {} is not, or no longer, at hand", revision.0);
            Problem::general(Code::NotFound, detail)
        })?;
        let mut origin = caller.origin(request.origin.map(Origin::from).unwrap_or_default());
        origin.door = format!("rollback to {} ({})", revision.0, origin.door);
        let work = Work::Become { origin, state: Box::new(state) };
        Ok(self.carry_out(caller, work, request.dry_run, true).await)
    }

    async fn carry_out(&self, caller: &Caller, work: Work, dry_run: bool, all: bool) -> v1::CommitReply {
        use v1::commit_reply::Result as Became;
        let done = match self.desired.carry_out(work, dry_run).await {
            Ok(done) => done,
            Err(problems) => {
                let refused = v1::Refused::from(problems.as_slice());
                return v1::CommitReply { result: Some(Became::Refused(refused)), ..Default::default() };
            }
        };
        if !dry_run {
            self.follow_up(caller, &done).await;
        }
        let changes = done.set.changes.iter().zip(&done.applied.outcomes);
        let changed: Vec<_> =
            changes.filter(|(_, outcome)| all || outcome.changed).map(|(change, _)| change).collect();
        let applied = v1::Applied { revision: done.applied.revision.0, outcomes: Vec::new() };
        v1::CommitReply {
            result: Some(Became::Applied(applied)),
            changes: changed.iter().take(CHANGES_TOLD).map(|change| (*change).into()).collect(),
            change_count: changed.len() as u64,
        }
    }
}

/// A set that comes in parts.
#[derive(Default)]
pub(super) struct Gathering {
    set: Option<StagedSet>,
}

impl Gathering {
    /// Takes a part.
    pub(super) fn take(&mut self, caller: &Caller, request: v1::StageRequest) -> Result<(), Problem> {
        use v1::stage_request::Part;
        let malformed = |detail: &str| Problem::general(Code::Malformed, detail);
        let size = prost::Message::encoded_len(&request);
        match (request.part, &mut self.set) {
            (Some(Part::Header(header)), None) => {
                self.set = Some(StagedSet {
                    origin: caller.origin(header.origin.map(Origin::from).unwrap_or_default()),
                    base: header.base.map(Revision),
                    replace: header.replace,
                    changes: Vec::new(),
                    size: 0,
                });
                Ok(())
            }
            (Some(Part::Chunk(chunk)), Some(set)) => {
                set.size = set.size.saturating_add(size);
                if set.size > StagedSet::LARGEST {
                    let detail =
                        format!("a set may have {} MiB, this one has more", StagedSet::LARGEST >> 20);
                    return Err(Problem::general(Code::OutOfRange, detail));
                }
                set.changes.extend(wire::model_changes(chunk.changes, set.changes.len())?);
                Ok(())
            }
            (Some(Part::Header(_)), Some(_)) => Err(malformed("header: only the first message has one")),
            (Some(Part::Chunk(_)), None) => Err(malformed("header: the first message must have one")),
            (None, _) => Err(malformed("part: header or chunk is expected")),
        }
    }

    /// The whole set.
    pub(super) fn finish(self) -> Result<StagedSet, Problem> {
        self.set.ok_or_else(|| Problem::general(Code::Malformed, "header: the first message must have one"))
    }
}

/// Changes that a reply lists.
pub(super) const CHANGES_TOLD: usize = 10_000;
