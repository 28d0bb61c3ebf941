//! Whole configurations in which everything that is pointed to exists.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::Index;

use super::rules;
use super::{
    backend_settings, bind, frontend_settings, global, http_errors, mode, name, pick, resolvers, ring,
    server, server_settings, text, userlist, word,
};
use crate::model::{
    Backend, BackendSettings, Bind, BindRef, Defaults, Frontend, FrontendSettings, Global, Guid, HttpErrors,
    Mode, Name, Paused, Resolvers, Ring, Row, Server, ServerAddress, ServerHost, ServerPort, ServerRef,
    ServerSettings, Userlist,
};

/// The rows of a whole configuration as a reader of text gives them: in the order of a file, places set, numbers
/// only where they are forced, what both halves of a section share equal in both, no error pages from files.
/// The state accepts them.
pub fn configuration() -> BoxedStrategy<Vec<Row>> {
    let routes = prop_oneof![2 => mode().prop_map(Some), 1 => Just(None)];
    // Boxed, since generators of so many fields do not fit a test's stack side by side.
    let parts = (vec(defaults_part().boxed(), 0..=3), vec(proxy_part().boxed(), 0..=5));
    let sections = (
        vec(resolvers().boxed(), 0..=2),
        vec(ring().boxed(), 0..=2),
        vec(userlist().boxed(), 0..=2),
        vec(http_errors(false).boxed(), 0..=2),
    );
    (of(global()), sections, parts, routes)
        .prop_map(|(global, (resolvers, rings, userlists, errors), (defaults, proxies), routes)| {
            let mut rows = Plan::over(&defaults, &proxies, routes).rows(global, defaults, proxies);
            rows.extend(resolvers.into_iter().enumerate().map(|(at, row)| {
                let name = Name::new(&format!("{}-{at}", row.name)).unwrap_or(row.name);
                Row::Resolvers(Resolvers { name, order: place(at), ..row })
            }));
            rows.extend(userlists.into_iter().enumerate().map(|(at, row)| {
                let name = Name::new(&format!("{}-{at}", row.name)).unwrap_or(row.name);
                Row::Userlist(Userlist { name, order: place(at), ..row })
            }));
            rows.extend(errors.into_iter().enumerate().map(|(at, row)| {
                let name = Name::new(&format!("{}-{at}", row.name)).unwrap_or(row.name);
                Row::HttpErrors(HttpErrors { name, order: place(at), ..row })
            }));
            rows.extend(rings.into_iter().enumerate().map(|(at, row)| {
                let name = Name::new(&format!("{}-{at}", row.name)).unwrap_or(row.name);
                Row::Ring(Ring { name, order: place(at), ..row })
            }));
            rows
        })
        .boxed()
}

/// What becomes defaults once names are known.
#[derive(Clone, Debug)]
struct DefaultsPart {
    name: Name,
    from: Option<Index>,
    default_backend: Option<Index>,
    disabled: bool,
    frontend: FrontendSettings,
    backend: BackendSettings,
}

/// What becomes a frontend, a backend or both once names are known.
#[derive(Clone, Debug)]
struct ProxyPart {
    name: Name,
    shape: Shape,
    forced: bool,
    from: Option<Index>,
    default_backend: Option<Index>,
    disabled: bool,
    description: Option<String>,
    frontend: FrontendSettings,
    backend: BackendSettings,
    binds: Vec<Bind>,
    servers: Vec<Server>,
    /// Servers of one name after the others: how many, and what they have in common.
    template: (u32, String, ServerSettings),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Frontend,
    Backend,
    Listen,
}

fn defaults_part() -> BoxedStrategy<DefaultsPart> {
    (
        name(),
        of(any::<Index>()),
        of(any::<Index>()),
        any::<bool>(),
        frontend_settings(false).boxed(),
        backend_settings(false).boxed(),
    )
        .prop_map(|(name, from, default_backend, disabled, frontend, backend)| DefaultsPart {
            name,
            from,
            default_backend,
            disabled,
            frontend,
            backend,
        })
        .boxed()
}

fn proxy_part() -> BoxedStrategy<ProxyPart> {
    let shape = proptest::sample::select(vec![Shape::Frontend, Shape::Backend, Shape::Listen]);
    (
        (name(), shape, any::<bool>(), of(any::<Index>()), of(any::<Index>()), any::<bool>(), of(text())),
        frontend_settings(false).boxed(),
        backend_settings(false).boxed(),
        vec(bind(), 0..=3),
        vec(server().boxed(), 0..=4),
        (0..=3_u32, word(), server_settings().boxed()),
    )
        .prop_map(|(head, frontend, backend, binds, servers, template)| {
            let (name, shape, forced, from, default_backend, disabled, description) = head;
            ProxyPart {
                name,
                shape,
                forced,
                from,
                default_backend,
                disabled,
                description,
                frontend,
                backend,
                binds,
                servers,
                template,
            }
        })
        .boxed()
}

/// Names and the one mode of everything that is routed, which the rows are made to agree with.
struct Plan {
    /// The mode of every proxy; `None` when no frontend has a default backend and modes are free.
    routes: Option<Mode>,
    backends: Vec<Name>,
    defaults: Vec<Name>,
    proxies: Vec<Name>,
}

impl Plan {
    fn over(defaults: &[DefaultsPart], proxies: &[ProxyPart], routes: Option<Mode>) -> Plan {
        let unique =
            |(at, name): (usize, &Name)| Name::new(&format!("{name}-{at}")).unwrap_or_else(|_| name.clone());
        let named: Vec<Name> = proxies.iter().map(|part| &part.name).enumerate().map(unique).collect();
        let backends = proxies
            .iter()
            .zip(&named)
            .filter(|(part, _)| part.shape != Shape::Frontend)
            .map(|(_, name)| name.clone())
            .collect();
        let defaults = defaults.iter().map(|part| &part.name).enumerate().map(unique).collect();
        Plan { routes, backends, defaults, proxies: named }
    }

    fn rows(&self, global: Option<Global>, defaults: Vec<DefaultsPart>, proxies: Vec<ProxyPart>) -> Vec<Row> {
        let mut rows: Vec<Row> = global.into_iter().map(Row::Global).collect();
        for (at, part) in defaults.into_iter().enumerate() {
            rows.push(Row::Defaults(self.defaults(at, part)));
        }
        for (at, part) in proxies.into_iter().enumerate() {
            rows.extend(self.proxy(at, part));
        }
        rows
    }

    fn defaults(&self, at: usize, mut part: DefaultsPart) -> Defaults {
        part.frontend.default_backend = self.default_backend(part.default_backend);
        part.frontend.mode = self.agreed(part.frontend.mode, false);
        part.backend.default_server.checks.track = None;
        part.frontend.table = None;
        part.frontend.capture_cookie = None;
        part.frontend.request_captures.clear();
        part.frontend.response_captures.clear();
        part.backend.table = None;
        part.backend.dispatch = None;
        rules::defaults(&mut part.frontend.rules, &mut part.backend.rules);
        share(&part.frontend, &mut part.backend);
        Defaults {
            name: self.defaults[at].clone(),
            order: place(at),
            from: pick(part.from, &self.defaults[..at]),
            disabled: part.disabled,
            frontend: part.frontend.into(),
            backend: part.backend.into(),
        }
    }

    fn proxy(&self, at: usize, mut part: ProxyPart) -> Vec<Row> {
        let name = self.proxies[at].clone();
        let id = if part.forced { 1000 + place(at) } else { 0 };
        let from = pick(part.from, &self.defaults);
        let listen = part.shape == Shape::Listen;
        let description = part.description;
        let guid = part.forced.then(|| Guid::new(&format!("proxy-{at}")).ok()).flatten();
        part.frontend.mode = self.agreed(part.frontend.mode, true);
        part.backend.mode = self.agreed(part.backend.mode, true);
        part.backend.default_server.checks.track = None;
        part.frontend.default_backend = self.default_backend(part.default_backend).filter(|_| !listen);
        if listen {
            part.frontend.table = None;
            share(&part.frontend, &mut part.backend);
        }
        let mut rows = Vec::new();
        if part.shape != Shape::Backend {
            rows.push(Row::Frontend(Frontend {
                name: name.clone(),
                id,
                order: place(at),
                guid: guid.clone(),
                from: from.clone(),
                listen,
                disabled: part.disabled,
                description: description.clone(),
                settings: part.frontend.into(),
            }));
            rows.extend(
                part.binds.into_iter().enumerate().map(|(at, bind)| Row::Bind(placed_bind(&name, at, bind))),
            );
        }
        if part.shape != Shape::Frontend {
            rows.push(Row::Backend(Backend {
                name: name.clone(),
                id,
                order: place(at),
                guid: guid.clone(),
                from,
                listen,
                disabled: part.disabled,
                description,
                settings: part.backend.into(),
            }));
            let servers = part.servers.into_iter().enumerate();
            rows.extend(servers.map(|(at, server)| Row::Server(placed_server(&name, at, server))));
            let taken = rows.iter().filter(|row| matches!(row, Row::Server(_))).count();
            rows.extend(templated(&name, taken, part.template).map(Row::Server));
        }
        rows
    }

    fn default_backend(&self, wanted: Option<Index>) -> Option<Name> {
        self.routes.and_then(|_| pick(wanted, &self.backends))
    }

    /// A mode that agrees with the one of everything that is routed; spelled out where it must be.
    fn agreed(&self, mode: Option<Mode>, proxy: bool) -> Option<Mode> {
        match self.routes {
            None => mode,
            Some(Mode::Http) if proxy => Some(Mode::Http),
            Some(common) => mode.map(|_| common),
        }
    }
}

/// Settings that a section with both halves says once.
fn share(frontend: &FrontendSettings, backend: &mut BackendSettings) {
    backend.mode = frontend.mode;
    backend.http_connection = frontend.http_connection;
    backend.forwardfor.clone_from(&frontend.forwardfor);
    backend.originalto.clone_from(&frontend.originalto);
    backend.buffer_request = frontend.buffer_request;
    backend.log.clone_from(&frontend.log);
    backend.nolinger = frontend.nolinger;
    backend.conduct.header_names = frontend.conduct.header_names;
    backend.error_pages.clone_from(&frontend.error_pages);
    rules::share(&frontend.rules, &mut backend.rules);
}

fn placed_bind(frontend: &Name, at: usize, mut bind: Bind) -> Bind {
    let name = Name::new(&format!("{}-{at}", bind.at.bind)).unwrap_or(bind.at.bind);
    bind.at = BindRef { frontend: frontend.clone(), bind: name };
    // With and without the end that the first bind of a line has.
    bind.guid = bind.guid.and_then(|_| Guid::new(&format!("bind.{frontend}.{at}-{}", bind.order % 2)).ok());
    bind.id = if bind.id % 3 == 1 { 100 + place(at) } else { 0 };
    bind.order = place(at);
    bind
}

fn placed_server(backend: &Name, at: usize, mut server: Server) -> Server {
    let name = Name::new(&format!("{}-{at}", server.at.server)).unwrap_or(server.at.server);
    server.at = ServerRef { backend: backend.clone(), server: name };
    server.guid = server.guid.and_then(|_| Guid::new(&format!("server.{backend}.{at}")).ok());
    server.id = if server.id % 3 == 1 { 100 + place(at) } else { 0 };
    server.order = place(at);
    server.admin = None;
    server.paused = Paused::default();
    server.settings.checks.track = None;
    server
}

fn templated(
    backend: &Name,
    taken: usize,
    (count, host, mut settings): (u32, String, ServerSettings),
) -> impl Iterator<Item = Server> {
    settings.checks.track = None;
    let named = (5..5 + count).filter_map(|number| Name::new(&format!("web{number}")).ok());
    named.enumerate().map(move |(at, server)| Server {
        at: ServerRef { backend: backend.clone(), server },
        id: 0,
        order: place(taken + at),
        guid: None,
        address: ServerAddress::Inet { host: ServerHost::Named(host.clone()), port: ServerPort::Fixed(80) },
        admin: None,
        paused: Paused::default(),
        settings: settings.clone(),
    })
}

/// The place of the thing at this position of a file, from 1.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1)
}
