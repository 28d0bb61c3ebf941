//! What a server's host name asks of the resolution, and where the server begins; and where log targets and binds
//! with host names are.
//!
//! A name without resolvers is resolved once, by the system, when it is put in force; the address is kept for as long
//! as the name stays. With resolvers the system is asked at the start of the node alone: later they answer faster
//! than a change may wait.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use regate_proto::model::{
    AddressFamily, BindAddress, BindHost, InitAddr, LogAddress, LogPlan, Name, NamingSettings, Row, Server,
    ServerAddress, ServerHost, ServerPort, ServerSettings, Subject, is_service_name,
};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::{State, Touched};

use crate::live::{Found, Live, ServerLive};

/// What a server's host name asks of the resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The name, of a host or of a service.
    pub name: String,
    /// The port, where no service record gives one.
    pub port: ServerPort,
    /// Who resolves it while traffic runs.
    pub resolvers: Option<Name>,
    /// The family of addresses that is preferred.
    pub prefer: AddressFamily,
    /// Networks whose addresses are preferred.
    pub networks: Vec<(IpAddr, u8)>,
    /// Whether the address may be that of a peer with the same name.
    pub may_share: bool,
    /// Whether the weights of service records count.
    pub heeds_weights: bool,
    /// Where the server begins, if nothing was found for this name yet.
    pub initial: Found,
}

impl Naming {
    /// Whether both ask for the same in the same way, so that what was found for one holds for the other.
    pub fn asks_as(&self, other: &Naming) -> bool {
        let asked = |naming: &Naming| {
            let Naming { name, port, resolvers, prefer, networks, may_share, heeds_weights, .. } =
                naming.clone();
            (name, port, resolvers, prefer, networks, may_share, heeds_weights)
        };
        asked(self) == asked(other)
    }
}

/// What the system said about names, asked for all of them at the same time.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    found: HashMap<String, Result<Vec<IpAddr>, String>>,
    /// Whether the node is starting.
    first: bool,
}

impl Lookups {
    /// Asks for the names of touched servers for which the system is to be asked.
    pub(super) fn gather(state: &State, touched: &Touched, live: &Live, first: bool) -> Lookups {
        let mut names: Vec<String> = touched
            .iter()
            .filter_map(|subject| match subject {
                Subject::Server(at) => state.server(at),
                _ => None,
            })
            .filter_map(|server| {
                let ServerAddress::Inet { host: ServerHost::Named(name), .. } = &server.address else {
                    return None;
                };
                let settings = state.server_settings(server);
                let needed = needs_system(server, name, &settings.naming, live, first);
                needed.then(|| name.clone())
            })
            .collect();
        names.extend(
            touched
                .iter()
                .flat_map(|subject| plain_hosts(state, subject))
                .filter(|name| live.host(name).is_none()),
        );
        names.sort_unstable();
        names.dedup();
        Lookups { found: look_up(names), first }
    }

    /// Notes where the log targets and the binds of touched rows are; gives those that lead nowhere.
    pub(super) fn place_hosts(&self, state: &State, touched: &Touched, live: &Live) -> Vec<Problem> {
        let mut problems = Vec::new();
        for subject in touched {
            for name in plain_hosts(state, subject).into_iter().filter(|name| live.host(name).is_none()) {
                match self.find(&name).map(|found| found.first().copied()) {
                    Ok(Some(ip)) => live.note_host(&name, ip),
                    Ok(None) => {}
                    Err(why) => {
                        let what = if matches!(subject, Subject::Bind(_)) { "bind" } else { "log" };
                        let detail = format!("{what}: could not resolve address '{name}': {why}");
                        problems.push(Problem::about(Code::Impossible, subject, detail));
                    }
                }
            }
        }
        problems
    }

    fn find(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        // A name that was not gathered belongs to a server that was not touched: it had its address.
        self.found.get(name).cloned().unwrap_or_else(|| ask_system(name))
    }
}

/// Where a named server begins, and what its name asks for.
pub(super) fn compile(
    server: &Server,
    (name, port): (&str, ServerPort),
    settings: &ServerSettings,
    live: &Live,
    own: &ServerLive,
    lookups: &Lookups,
) -> Result<Naming, Problem> {
    let naming = &settings.naming;
    Ok(Naming {
        name: name.to_owned(),
        port,
        resolvers: naming.resolvers.clone(),
        prefer: naming.resolve_prefer.unwrap_or(AddressFamily::V6),
        networks: naming.resolve_net.clone().unwrap_or_default(),
        may_share: naming.allow_dup_ip.unwrap_or(false),
        heeds_weights: !naming.ignore_weight,
        initial: initial(server, name, naming, live, own, lookups)?,
    })
}

fn initial(
    server: &Server,
    name: &str,
    naming: &NamingSettings,
    live: &Live,
    own: &ServerLive,
    lookups: &Lookups,
) -> Result<Found, Problem> {
    if let Some(found) = own.location.found() {
        if found.name == name {
            return Ok((*found).clone());
        }
        if naming.resolvers.is_some() && found.record.is_none() && !is_service_name(name) {
            // Until the new name is resolved, the server stays where it was.
            return Ok(Found { ip: found.ip, ..Found::nothing(name) });
        }
    }
    let mut reason = None;
    for source in sources(naming) {
        match source {
            InitAddr::Last => {
                if let Some(found) = live.remembered(&server.at).filter(|found| found.name == name) {
                    return Ok(found);
                }
            }
            InitAddr::Libc if is_service_name(name) => {}
            InitAddr::Libc if naming.resolvers.is_some() && !lookups.first => {}
            InitAddr::Libc => match lookups.find(name) {
                Ok(found) => {
                    let of_family = |ip: &&IpAddr| {
                        naming.resolve_prefer.is_none_or(|family| AddressFamily::of(**ip) == family)
                    };
                    let ip = found.iter().find(of_family).or(found.first()).copied();
                    return Ok(Found { ip, ..Found::nothing(name) });
                }
                Err(why) => reason = Some(why),
            },
            InitAddr::Unset => return Ok(Found::nothing(name)),
            InitAddr::Ip(ip) => return Ok(Found { ip: Some(*ip), ..Found::nothing(name) }),
        }
    }
    if naming.resolvers.is_some() {
        if reason.is_some() {
            tracing::warn!("server {}: could not resolve address '{name}', it begins without one", server.at);
        }
        return Ok(Found::nothing(name));
    }
    let why = match (reason, is_service_name(name)) {
        (Some(reason), _) => format!(": {reason}"),
        (None, true) => ": service records need 'resolvers'".to_owned(),
        (None, false) => String::new(),
    };
    let subject = Subject::Server(server.at.clone());
    Err(Problem::about(Code::Impossible, &subject, format!("could not resolve address '{name}'{why}")))
}

/// The host names of a row that are resolved once: those of its log targets, that of a bind.
fn plain_hosts(state: &State, subject: &Subject) -> Vec<String> {
    let plan = |plan: &Option<LogPlan>| match plan {
        Some(LogPlan::To { targets, .. }) => targets.clone(),
        _ => Vec::new(),
    };
    let targets = match state.row(subject).map(AsRef::as_ref) {
        Some(Row::Global(row)) => row.log.clone(),
        Some(Row::Defaults(row)) => [plan(&row.frontend.log), plan(&row.backend.log)].concat(),
        Some(Row::Frontend(row)) => plan(&row.settings.log),
        Some(Row::Backend(row)) => plan(&row.settings.log),
        Some(Row::Bind(row)) => match &row.address {
            BindAddress::Inet { host: BindHost::Named(name), .. } => return vec![name.clone()],
            _ => return Vec::new(),
        },
        _ => Vec::new(),
    };
    let named = targets.into_iter().filter_map(|target| match target.address {
        LogAddress::Named { host, .. } => Some(host),
        _ => None,
    });
    named.collect()
}

/// Whether the system is to be asked for the name.
fn needs_system(server: &Server, name: &str, naming: &NamingSettings, live: &Live, first: bool) -> bool {
    if is_service_name(name) || (naming.resolvers.is_some() && !first) {
        return false;
    }
    if live.server(&server.at).location.found().is_some_and(|found| found.name == name) {
        return false;
    }
    for source in sources(naming) {
        match source {
            InitAddr::Last if live.remembered(&server.at).is_some_and(|found| found.name == name) => {
                return false;
            }
            InitAddr::Last => {}
            InitAddr::Libc => return true,
            InitAddr::Unset | InitAddr::Ip(_) => return false,
        }
    }
    false
}

fn sources(naming: &NamingSettings) -> &[InitAddr] {
    naming.init_addr.as_deref().unwrap_or(&[InitAddr::Last, InitAddr::Libc])
}

/// Asks the system for names, several at a time.
fn look_up(names: Vec<String>) -> HashMap<String, Result<Vec<IpAddr>, String>> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(HashMap::new());
    std::thread::scope(|scope| {
        for _ in 0..names.len().min(MOST_AT_ONCE) {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let addresses = ask_system(name);
                    found.lock().insert(name.clone(), addresses);
                }
            });
        }
    });
    found.into_inner()
}

fn ask_system(name: &str) -> Result<Vec<IpAddr>, String> {
    let found = (name, 0_u16).to_socket_addrs().map_err(|error| error.to_string())?;
    let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    if addresses.is_empty() { Err("the name has no address".to_owned()) } else { Ok(addresses) }
}

/// Names that the system is asked for at the same time.
const MOST_AT_ONCE: usize = 16;

#[cfg(test)]
#[path = "naming_tests.rs"]
mod tests;
