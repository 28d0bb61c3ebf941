//! Fetches of the process, its proxies and servers (configuration manual 7.3.2).

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use regate_proto::model::{Admin, Name};
use regate_proto::rules::Argument;

use super::{Arguments, View};
use crate::live::FrontendLive;
use crate::sample::Value;
use crate::snapshot::{BackendPlan, ServerPlan, UNITS};

/// The backend that the first argument names, or the one at hand.
pub(super) fn backend<'a>(arguments: &Arguments<'_>, view: &View<'a>) -> Option<&'a BackendPlan> {
    match arguments.name(0) {
        Some(name) => named(name, view),
        None => view.backend.or_else(|| named(&view.frontend?.name, view)),
    }
}

/// What is observed of the frontend that the first argument names, or of the one at hand.
pub(super) fn frontend<'a>(arguments: &Arguments<'_>, view: &View<'a>) -> Option<&'a FrontendLive> {
    match arguments.name(0) {
        Some(name) => view.snapshot.frontends.get(name).map(|frontend| &*frontend.live),
        None => Some(&view.frontend?.live),
    }
}

/// The server that the first argument names, with its backend.
pub(super) fn server<'a>(
    arguments: &Arguments<'_>,
    view: &View<'a>,
) -> Option<(&'a BackendPlan, &'a ServerPlan)> {
    let Some(Argument::Server(backend, server)) = arguments.0.first() else { return None };
    let backend = match backend {
        Some(backend) => named(backend, view)?,
        None => view.backend.or_else(|| named(&view.frontend?.name, view))?,
    };
    Some((backend, &**backend.server(server)?))
}

/// How many servers can be used.
pub(super) fn usable(backend: &BackendPlan) -> i64 {
    takers(backend).count() as i64
}

/// How many requests wait, for any server and for each alone.
pub(super) fn queued(backend: &BackendPlan) -> i64 {
    let tied: i64 = backend.servers.iter().map(|server| i64::from(server.live.queue.length())).sum();
    i64::from(backend.live.queue.length()) + tied
}

/// The same for each server that can be used; twice as many where there is none.
pub(super) fn queued_on_average(backend: &BackendPlan) -> i64 {
    match (queued(backend), usable(backend)) {
        (queued, 0) => queued * 2,
        (queued, servers) => (queued + servers - 1) / servers,
    }
}

/// How many more its servers take; -1 where one of them has no limit.
pub(super) fn room(backend: &BackendPlan) -> i64 {
    let rooms = takers(backend).map(|server| server_room(backend, server));
    rooms.fold(0, |sum, room| if sum < 0 || room < 0 { -1 } else { sum + room })
}

/// How many more its servers take or let wait; -1 where one of them has no limit.
pub(super) fn slots(backend: &BackendPlan) -> i64 {
    let up = backend.servers.iter().filter(|server| server.is_up());
    let slots = up.map(|server| {
        let (most, waiting) = (server.maxconn_in_force(), server.maxqueue);
        if most == 0 || waiting == 0 {
            return -1;
        }
        let served = i64::from(most) - i64::from(server.live.sessions.now());
        served + i64::from(waiting) - i64::from(server.live.queue.length())
    });
    slots.fold(0, |sum, slots| if sum < 0 || slots < 0 { -1 } else { sum + slots })
}

/// How many more a server takes; -1 where it has no limit.
pub(super) fn server_room(backend: &BackendPlan, server: &ServerPlan) -> i64 {
    match server.limit(&backend.live) {
        0 => -1,
        limit => (i64::from(limit) - i64::from(server.live.sessions.now())).max(0),
    }
}

/// The weight of a server by what it takes now, in the unit of the configuration.
pub(super) fn weight(server: &ServerPlan, view: &View<'_>) -> i64 {
    let warming = i64::from(server.effective_weight(view.now));
    match server.is_eligible() {
        true => (warming + UNITS as i64 - 1) / UNITS as i64,
        false => i64::from(server.weight_in_force()),
    }
}

/// The time since the Unix epoch in a unit, with an offset in that unit.
pub(super) fn date<'a>(arguments: &Arguments<'_>) -> Option<Value<'a>> {
    let now = in_unit(SystemTime::now(), arguments.text(1))?;
    Some(Value::Int(now.wrapping_add(arguments.int(0).unwrap_or(0))))
}

/// A time since the Unix epoch: in seconds, `ms` milliseconds or `us` microseconds.
pub(super) fn in_unit(time: SystemTime, unit: Option<&str>) -> Option<i64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(match unit {
        Some("us") => since.as_micros(),
        Some("ms") => since.as_millis(),
        _ => u128::from(since.as_secs()),
    })
    .ok()
}

/// A rule by its file and line.
pub(super) fn placed<'a>((file, line): (&str, u32)) -> Value<'a> {
    Value::Str(format!("{file}:{line}").into_bytes().into())
}

/// The microseconds of the present second.
pub(super) fn micros<'a>() -> Option<Value<'a>> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(Value::Int(since.subsec_micros().into()))
}

/// The name of the machine.
pub(super) fn hostname() -> &'static [u8] {
    static NAME: LazyLock<Vec<u8>> = LazyLock::new(|| rustix::system::uname().nodename().to_bytes().to_vec());
    NAME.as_slice()
}

/// A variable of the environment.
pub(super) fn environment<'a>(name: &str) -> Option<Value<'a>> {
    use std::os::unix::ffi::OsStringExt;
    std::env::var_os(name).map(|value| Value::text(value.into_vec()))
}

/// Whether a server serves: nobody keeps it out of service, and its checks do not either.
pub(super) fn is_up(server: &ServerPlan) -> bool {
    server.is_up() && server.admin_in_force() != Admin::Maint
}

/// The servers that can be used: backups only where nobody else can.
fn takers(backend: &BackendPlan) -> impl Iterator<Item = &ServerPlan> {
    let eligible = |backup: bool| {
        let servers = backend.servers.iter().map(|server| &**server);
        servers.filter(move |server| server.backup == backup && server.is_eligible())
    };
    let has_first = eligible(false).next().is_some();
    let most = if has_first || backend.picker.plan().all_backups { usize::MAX } else { 1 };
    eligible(!has_first).take(most)
}

fn named<'a>(name: &Name, view: &View<'a>) -> Option<&'a BackendPlan> {
    view.snapshot.backends.get(name).map(AsRef::as_ref)
}
