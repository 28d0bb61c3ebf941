//! The life of a TCP session: reach a server, relay both ways, account for it.

use super::clock::Timer;
use super::fault::Fault;
use super::key;
use super::relay::{self, Direction, End, Flow, Halt};
use super::session::Session;
use super::story::Story;
use super::upstream::{self, Held};
use crate::snapshot::Snapshot;

/// Serves a connection until both sides have closed.
pub(crate) async fn serve(mut session: Box<Session>) {
    let snapshot = session.worker.snapshot();
    session.renew(&snapshot);
    let mut story = Story::begin(&session);
    if let Err(fault) = pass(&mut session, &snapshot, &mut story).await {
        story.fault = Some(fault);
    }
    story.end(&session);
}

async fn pass<'a>(session: &mut Session, snapshot: &'a Snapshot, story: &mut Story<'a>) -> Result<(), Fault> {
    let name = session.frontend.default_backend.as_ref().ok_or(Fault::NoBackend)?;
    let backend = snapshot.backends.get(name).ok_or(Fault::NoBackend)?.as_ref();
    story.enter(session, backend);
    session.key = key::of_connection(session, backend).await;
    let way = upstream::reach(session, backend, false, Held::default(), &mut story.trail).await?;
    let mut upward = Flow::tunnel(&session.worker);
    let mut downward = Flow::tunnel(&session.worker);
    if let Some(early) = session.early.take() {
        let ready = early.len();
        upward.preload(early, ready);
    }
    let timer = Timer::new(&session.worker.clock);
    let tunnel = backend.tunnel_timeout;
    let plan = &session.frontend;
    let client = End::new(
        &session.stream,
        &session.timer,
        tunnel.unwrap_or(plan.client_timeout),
        plan.client_fin_timeout,
    );
    let server = End::new(
        &way.upstream.stream,
        &timer,
        tunnel.unwrap_or(backend.server_timeout),
        backend.server_fin_timeout,
    );
    let outcome = relay::exchange(&mut upward, &mut downward, &client, &server).await;
    story.bytes_in = upward.received;
    story.bytes_out = downward.sent;
    outcome.map_err(|(direction, halt)| match (direction, halt) {
        (Direction::Up, Halt::SenderSilent) | (Direction::Down, Halt::ReceiverSilent) => {
            Fault::ClientDataTimeout
        }
        (Direction::Up, Halt::ReceiverSilent) | (Direction::Down, Halt::SenderSilent) => {
            Fault::ServerDataTimeout
        }
        (Direction::Up, Halt::SenderGone) | (Direction::Down, Halt::ReceiverGone) => Fault::ClientAborted,
        _ => Fault::ServerAborted,
    })
}
