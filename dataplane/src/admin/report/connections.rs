//! The connections to each server, in use and idle.

use regate_proto::change::Revision;
use regate_proto::problem::Problem;
use regate_proto::wire::v1;

use super::super::permission::{Asked, Caller};
use super::super::query::{gather, name, state_row};
use super::super::view::ServerFacts;
use super::Context;

/// The connections to the servers that are wanted, by place of backend and server.
pub(in crate::admin) fn connections(
    context: &Context,
    caller: &Caller,
    query: v1::ServersConnectionsQuery,
) -> Result<(Revision, impl Iterator<Item = v1::ServerConnections> + Send + use<>), Problem> {
    caller.may(Asked::ServerStates)?;
    let backend = query.backend.as_deref().map(|text| name("backend", text)).transpose()?;
    let (revision, facts) = context.store.read(|current| {
        let facts = gather(current, backend.as_ref(), None)?;
        Ok::<_, Problem>((current.state.revision(), facts))
    })?;
    let now = context.live.process.now();
    Ok((revision, facts.into_iter().filter_map(move |facts| row(facts, now))))
}

fn row(facts: ServerFacts, now: u64) -> Option<v1::ServerConnections> {
    let plan = facts.plan.clone()?;
    let state = state_row(facts, now);
    let live = &plan.live;
    let idle: Vec<u64> = live.idle.parts().collect();
    let sum = |parts: &mut dyn Iterator<Item = u64>| parts.fold(0, u64::wrapping_add);
    let idle_safe = sum(&mut live.idle_safe.parts());
    let all = sum(&mut idle.iter().copied());
    Some(v1::ServerConnections {
        backend_id: state.backend_id,
        backend: state.backend,
        server_id: state.server_id,
        server: state.server,
        address: state.address,
        port: state.port,
        purge_delay_ms: plan.pool_purge_delay,
        served: live.sessions.now(),
        used: live.connections_used.now(),
        used_max: live.connections_used.highest(),
        needed: sum(&mut live.needed.parts()),
        idle_private: sum(&mut live.idle_private.parts()),
        // Counted apart, and not at one instant.
        idle_unsafe: all.saturating_sub(idle_safe),
        idle_safe,
        idle_limit: plan.pool_max_conn,
        idle_counts: idle,
    })
}
