//! Commits the edits of lists that rules ask for.
//!
//! What waits is committed together: of several edits of one entry the last one counts, one that would change nothing
//! is left out, and the rest are sets of changes like those of anybody else, one for each rule, which go up to the
//! controller where the node has one. It must never make a worker wait: who has nothing to send to is told by a count.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use regate_proto::change::{Change, ChangeSet, Layer, Origin};
use regate_proto::problem::Problem;
use regate_proto::state::State;
use tokio::sync::mpsc;

use super::Context;
use super::permission::Caller;
use crate::live::{ListEdit, Wish};
use crate::store;

/// Commits what comes, until the services end; then what is left.
pub(super) async fn commit(context: Arc<Context>, mut queue: mpsc::Receiver<ListEdit>) {
    let mut teller = Teller::default();
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    loop {
        let mut batch = Vec::new();
        let ends = tokio::select! {
            () = context.closing.cancelled() => true,
            _ = interval.tick() => false,
            _ = queue.recv_many(&mut batch, MOST_TOGETHER) => false,
        };
        while ends
            && batch.len() < MOST_TOGETHER
            && let Ok(edit) = queue.try_recv()
        {
            batch.push(edit);
        }
        if !batch.is_empty() {
            let refused = carry_out(&context, &batch).await;
            batch.iter().for_each(|edit| context.live.edits.settle(edit));
            teller.refused(refused);
        }
        teller.tell(&context);
        if ends {
            return;
        }
    }
}

/// Commits edits; gives what was refused of them.
async fn carry_out(context: &Arc<Context>, batch: &[ListEdit]) -> Vec<(ListEdit, Vec<Problem>)> {
    let mut last: HashMap<(&str, &[u8]), &ListEdit> = HashMap::with_capacity(batch.len());
    for edit in batch {
        last.insert((edit.list.as_str(), &edit.key), edit);
    }
    let mut wanted: Vec<&ListEdit> = Vec::new();
    context.store.read(|current| {
        // In the order of the requests, so that lists grow in it.
        wanted.extend(batch.iter().filter(|edit| {
            let is_last = last
                .get(&(edit.list.as_str(), &*edit.key))
                .is_some_and(|last| std::ptr::eq::<ListEdit>(*last, *edit));
            is_last && changes(&current.state, edit)
        }));
    });
    let mut sets: Vec<(&Arc<str>, Vec<&ListEdit>)> = Vec::new();
    for edit in &wanted {
        match sets.iter_mut().find(|(origin, _)| *origin == &edit.origin) {
            Some((_, edits)) => edits.push(edit),
            None => sets.push((&edit.origin, vec![edit])),
        }
    }
    let mut pending = Vec::new();
    for (_, edits) in sets {
        pending.push((submit(context, &edits).await, edits));
    }
    let mut refused = Vec::new();
    for (pending, edits) in pending {
        match (store::outcome(pending).await, edits.as_slice()) {
            (Ok(_), _) => {}
            (Err(problems), [edit]) => refused.push(((*edit).clone(), problems)),
            // One that is refused takes the others of its rule with it: they are tried on their own.
            (Err(_), edits) => {
                for edit in edits {
                    let pending = submit(context, &[edit]).await;
                    if let Err(problems) = store::outcome(pending).await {
                        refused.push(((*edit).clone(), problems));
                    }
                }
            }
        }
    }
    let edits = &context.live.edits;
    edits.refused.fetch_add(refused.len() as u64, Ordering::Relaxed);
    edits.made.fetch_add(batch.len().saturating_sub(refused.len()) as u64, Ordering::Relaxed);
    refused
}

/// Gives the edits of one rule to the writer, or to the controller.
async fn submit(context: &Arc<Context>, edits: &[&ListEdit]) -> store::Pending {
    let actor = edits.first().map(|edit| edit.origin.to_string()).unwrap_or_default();
    let origin = Origin { actor, door: "rule".to_owned(), at: store::unix_millis() };
    let changes = edits.iter().map(|edit| Change::Edit(Layer::Overlay, edit.list.clone(), edit.edit()));
    let set = ChangeSet { base: None, origin, changes: changes.collect() };
    context.apply(&Caller::node(), set).await
}

/// Whether an edit would make a difference.
fn changes(state: &State, edit: &ListEdit) -> bool {
    let mut entries = state.entries_with(&edit.list, &edit.key).peekable();
    match &edit.wish {
        Wish::Absent => entries.peek().is_some(),
        Wish::Present(None) => entries.peek().is_none(),
        Wish::Present(value) => {
            entries.peek().is_none() || entries.any(|entry| entry.value != value.as_deref())
        }
    }
}

/// Tells what was lost or refused, once in a while.
#[derive(Default)]
struct Teller {
    told: Option<Instant>,
    lost: u64,
    refused: u64,
    example: Option<(ListEdit, Vec<Problem>)>,
}

impl Teller {
    fn refused(&mut self, mut refused: Vec<(ListEdit, Vec<Problem>)>) {
        self.refused = self.refused.saturating_add(refused.len() as u64);
        self.example = refused.pop().or(self.example.take());
    }

    fn tell(&mut self, context: &Context) {
        let lost = context.live.edits.lost.load(Ordering::Relaxed);
        let fresh = lost.saturating_sub(self.lost);
        let is_quiet = self.told.is_some_and(|told| told.elapsed() < PAUSE);
        if (fresh == 0 && self.refused == 0) || is_quiet {
            return;
        }
        if fresh > 0 {
            tracing::warn!(
                "{fresh} changes of lists that rules wanted are lost: they come faster than they can be kept"
            );
        }
        if let Some((edit, problems)) = self.example.take() {
            let reason = problems.first().map(ToString::to_string).unwrap_or_default();
            let key = String::from_utf8_lossy(&edit.key).into_owned();
            tracing::warn!(
                "{} changes of lists that rules wanted are refused; the last one is entry {key:?} of {} by {}: \
                 {reason}",
                self.refused,
                edit.list,
                edit.origin
            );
        }
        (self.told, self.lost, self.refused) = (Some(Instant::now()), lost, 0);
    }
}

/// Edits that are committed together at most.
const MOST_TOGETHER: usize = 4096;

/// The shortest time between two complaints.
const PAUSE: Duration = Duration::from_secs(1);
