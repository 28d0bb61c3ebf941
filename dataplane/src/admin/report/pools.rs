//! What memory is used for: buffers, tasks, tables, lists, rings.

use regate_proto::problem::Problem;
use regate_proto::wire::v1::Pool;

use super::super::permission::{Asked, Caller};
use super::Context;
use crate::live::{Live, StockTally, TaskKind, WorkerLive};
use crate::store::Current;

/// What memory is used for, a row for each kind of thing.
pub(in crate::admin) fn pools(context: &Context, caller: &Caller) -> Result<(u64, Vec<Pool>), Problem> {
    caller.may(Asked::Info)?;
    Ok(context.store.read(|current| (current.state.revision().0, all(current, &context.live))))
}

/// Bytes of all pools, and those of what is in use.
pub(in crate::admin) fn memory(current: &Current, live: &Live) -> (u64, u64) {
    let pools = all(current, live);
    let kept: u64 = pools.iter().map(|pool| pool.kept.saturating_mul(pool.object_bytes)).sum();
    let allocated: u64 = pools.iter().map(|pool| pool.allocated_bytes).sum();
    (allocated, allocated.saturating_sub(kept))
}

/// The rows, with the contents of tables and lists.
fn all(current: &Current, live: &Live) -> Vec<Pool> {
    let mut pools = vec![
        stock(live, "small_buffer", |worker| &worker.small_buffers),
        stock(live, "large_buffer", |worker| &worker.large_buffers),
        stock(live, "field_table", |worker| &worker.field_tables),
    ];
    for kind in TaskKind::ALL {
        let alive = live.over_workers(|worker| worker.tasks_of(kind).alive.now());
        let bytes = live.over_workers(|worker| worker.tasks_of(kind).bytes.now());
        pools.push(pool(&format!("{}_task", kind.word()), alive, bytes));
    }
    for table in live.tables.all() {
        pools.push(pool(&format!("table_{}", table.name), u64::from(table.used()), table.bytes()));
    }
    for ring in current.snapshot.rings.iter() {
        if let Some(held) = live.rings.find(&ring.name) {
            let (lines, bytes) = held.held();
            pools.push(pool(&format!("ring_{}", ring.name), lines, bytes));
        }
    }
    for list in current.state.lists() {
        let (_, list) = list;
        if list.name.is_inline() && !current.state.is_edited(&list.name) {
            continue;
        }
        let (mut entries, mut bytes) = (0, 0);
        for (_, run) in current.state.parts(&list.name) {
            entries += run.len() as u64;
            bytes += run.bytes() as u64;
        }
        pools.push(pool(&format!("list_{}", list.name), entries, bytes));
    }
    pools
}

fn stock(live: &Live, name: &str, of: fn(&WorkerLive) -> &StockTally) -> Pool {
    let sum = |what: fn(&StockTally) -> u64| live.over_workers(|worker| what(of(worker)));
    let (used, kept) = (sum(|stock| stock.used.now()), sum(|stock| stock.kept.now()));
    let object_bytes =
        live.each_worker().iter().map(|worker| of(worker).size.now()).max().unwrap_or_default();
    Pool {
        name: name.to_owned(),
        object_bytes,
        allocated: used.saturating_add(kept),
        allocated_bytes: used.saturating_add(kept).saturating_mul(object_bytes),
        used,
        kept,
        refused_total: sum(|stock| stock.refused.now()),
    }
}

/// Things that are as many as are in use.
fn pool(name: &str, count: u64, bytes: u64) -> Pool {
    Pool { name: name.to_owned(), allocated: count, allocated_bytes: bytes, used: count, ..Pool::default() }
}
