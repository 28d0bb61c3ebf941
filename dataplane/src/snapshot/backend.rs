//! Backends and servers as the data path reads them.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use regate_proto::model::{
    Admin, Backend, BackendSettings, Balance, Guid, HttpConnection, HttpReuse, Millis, Mode, Name, Probes,
    ProxyHeader, RetryOn, Row, Server, ServerAddress, ServerConduct, ServerHost, ServerPort, ServerRef,
    ServerSettings, Source, Subject, Weight,
};
use regate_proto::problem::Problem;
use regate_proto::state::{State, Touched};

use super::SamplePlan;
use super::checks::{CheckPlan, ServerCheckPlan};
use super::frontend::{ErrorPages, ForwardPlan};
use super::index::Index;
use super::manner::{self, ServerManner, located, target};
use super::naming::{self, Lookups, Naming};
use super::persistence::{self, CookiePlan};
use super::rules::{self, RulesPlan};
use crate::balance::{BalancePlan, Fit, Key, Picker, UNITS};
use crate::live::{BackendLive, Live, Operational, ServerLive, limit_between};

/// A backend as the data path reads it. Times are in milliseconds, 0 meaning no limit.
#[derive(Debug)]
pub struct BackendPlan {
    /// Its name.
    pub name: Name,
    /// Its number in statistics.
    pub id: u32,
    /// What it is called whatever becomes of its name.
    pub guid: Option<Guid>,
    /// Whether it is one half of a `listen` section.
    pub listen: bool,
    /// What it forwards.
    pub mode: Mode,
    /// Longest time for a connection to a server.
    pub connect_timeout: u32,
    /// Longest silence of a server.
    pub server_timeout: u32,
    /// Longest silence of a half-closed server.
    pub server_fin_timeout: u32,
    /// Longest wait for a free slot of a server.
    pub queue_timeout: u32,
    /// Longest silence of a tunnel; `None` keeps the sides' own timeouts.
    pub tunnel_timeout: Option<u32>,
    /// What happens to connections between requests.
    pub connection: HttpConnection,
    /// When a connection may be used by another client.
    pub reuse: HttpReuse,
    /// How the client's address is added to requests.
    pub forwardfor: Option<ForwardPlan>,
    /// The address that clients connected to in a header.
    pub originalto: Option<ForwardPlan>,
    /// Whether bodies are awaited before rules look at requests.
    pub buffers_requests: bool,
    /// The cookie of the remote desktop protocol that names the server's address.
    pub rdp_cookie: Option<Box<str>>,
    /// Connection attempts after the first.
    pub retries: u32,
    /// When another server is tried, see [`regate_proto::model::BackendSettings::redispatch`].
    pub redispatch: i32,
    /// What a request is tried again for.
    pub retry_on: RetryOn,
    /// The cookie that names a client's server.
    pub cookie: Option<CookiePlan>,
    /// Whether a server that a client names is tried although it is down.
    pub forces_persistence: bool,
    /// Connections at which servers with a dynamic limit take the most; `None` follows the frontends.
    pub fullconn: Option<u32>,
    /// Whether requests of clients that left are not sent.
    pub abort_on_close: bool,
    /// Whether a client is sent to the server that it was last on.
    pub prefer_last_server: bool,
    /// Whether the response parser is relaxed.
    pub accept_unsafe: bool,
    /// Whether TCP keep-alive probes are sent.
    pub tcp_keep_alive: bool,
    /// What those are like.
    pub probes: Probes,
    /// How messages are treated.
    pub conduct: ServerConduct,
    /// Where traffic goes that nothing leads to one of the servers, if not to the one that the algorithm picks.
    pub dispatch: Option<Arc<ServerPlan>>,
    /// Members of headers that connections to some server start from.
    pub foreign_headers: Vec<(String, i32)>,
    /// Whether rules and frontends may choose it.
    pub published: bool,
    /// What replaces the built-in error pages.
    pub error_pages: ErrorPages,
    /// What requests are balanced by, where a sample says it.
    pub hashed: Option<SamplePlan>,
    /// What it does with requests and responses.
    pub rules: Arc<RulesPlan>,
    /// Its servers, in the order of listings.
    pub servers: Vec<Arc<ServerPlan>>,
    /// Where each server stands among them.
    index: Arc<Index>,
    /// Chooses among them; the same in the next plan, as long as the algorithm is.
    pub picker: Arc<Picker>,
    /// How its servers are checked.
    pub checks: Arc<CheckPlan>,
    /// What is observed of it.
    pub live: Arc<BackendLive>,
}

/// A server as the data path reads it.
#[derive(Debug)]
pub struct ServerPlan {
    /// Its name.
    pub name: Name,
    /// Whether it is where traffic goes that leads to no server: nobody is told its name.
    pub is_nameless: bool,
    /// Its number in statistics.
    pub id: u32,
    /// What it is called whatever becomes of its name.
    pub guid: Option<Guid>,
    /// Its place in listings.
    pub order: u32,
    /// Where it is reached.
    pub target: Target,
    /// What its host name asks of the resolution, if it has one.
    pub naming: Option<Box<Naming>>,
    /// Its seat in the backend's picker.
    pub seat: u32,
    /// Its weight.
    pub weight: Weight,
    /// Its weight before somebody changed it by hand.
    pub initial_weight: Weight,
    /// Milliseconds in which its share grows to the whole after it came back, 0 for none.
    pub slowstart: u32,
    /// Most connections at a time, 0 for no limit.
    pub maxconn: u32,
    /// Connections that it takes at least, while the limit follows the backend's load; 0: it does not.
    pub minconn: u32,
    /// Most requests that wait for this server alone, 0 for no limit.
    pub maxqueue: u32,
    /// Its name in the backend's cookie.
    pub cookie: Option<String>,
    /// Whether it serves only when no other server can.
    pub backup: bool,
    /// What an administrator asks of it.
    pub admin: Admin,
    /// The PROXY protocol header that connections to it begin with.
    pub send_proxy: Option<ProxyHeader>,
    /// What is particular about it and connections to it, if anything is.
    pub manner: Option<Box<ServerManner>>,
    /// Most idle connections kept, all workers together; `None` for no limit.
    pub pool_max_conn: Option<u32>,
    /// Milliseconds in which half of the superfluous idle connections are closed.
    pub pool_purge_delay: u32,
    /// Requests after which a connection is not used again; `None` for no limit.
    pub max_reuse: Option<u32>,
    /// Whether stick tables never note it.
    pub non_stick: bool,
    /// How it is checked; `None` when it is not.
    pub checks: Option<Arc<ServerCheckPlan>>,
    /// What is observed of it.
    pub live: Arc<ServerLive>,
}

/// Where a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This address.
    Inet(SocketAddr),
    /// This IP (`None`: the one that the client connected to) at the client's destination port plus an offset.
    Mapped(Option<IpAddr>, i32),
    /// The address that the client connected to, at this port.
    Transparent(u16),
    /// Where its host name leads now, at this port unless a service record gives another.
    Named(ServerPort),
    /// A unix stream socket.
    Unix(String),
    /// A unix stream socket in the abstract namespace.
    Abstract(String),
}

impl BackendPlan {
    /// The server with this name.
    pub fn server(&self, name: &Name) -> Option<&Arc<ServerPlan>> {
        self.servers.get(self.index.place(name)?)
    }

    /// The servers that a client's cookie names, in the order of listings.
    pub fn named_by_cookie(&self, value: &[u8]) -> impl Iterator<Item = &Arc<ServerPlan>> {
        let places = std::str::from_utf8(value).map(|value| self.index.places_of_cookie(value));
        places.unwrap_or_default().into_iter().filter_map(|place| self.servers.get(place))
    }

    /// The first server at this address.
    pub fn server_at(&self, address: SocketAddr) -> Option<&Arc<ServerPlan>> {
        self.servers
            .iter()
            .find(|server| matches!(server.place().as_deref(), Some(Target::Inet(at)) if *at == address))
    }

    /// The server of which this is observed, if it is in the plan.
    pub fn server_of(&self, live: &Arc<ServerLive>) -> Option<&Arc<ServerPlan>> {
        let place = self.index.place_of_seat(live.seat_number())?;
        self.servers.get(place).filter(|server| Arc::ptr_eq(&server.live, live))
    }

    /// The server for a new request: the best by the algorithm. One with `room`, unless the key alone decides:
    /// what is tied to a server waits for it.
    pub fn pick(&self, key: Key, room: impl Fn(&ServerPlan) -> bool) -> Option<&Arc<ServerPlan>> {
        let at = |seat: u32| self.servers.get(self.index.place_of_seat(seat)?);
        let seat = self.picker.pick(key, |seat| match at(seat) {
            None => Fit::Unknown,
            Some(server) if room(server) => Fit::Free,
            Some(_) => Fit::Busy,
        })?;
        at(seat)
    }

    /// Lets those who wait for a server see what became of it: how much it takes now, and from whom. To be called
    /// whenever its state, its limits or its share of traffic changed.
    pub fn settle_queue(&self, server: &ServerPlan) {
        let limits = (server.minconn, server.maxconn_in_force());
        server.live.room.set(limits, server.is_eligible(), server.is_up());
        if !server.is_up() {
            server.live.queue.grant_all();
        }
        self.live.feed(&server.live);
    }

    /// The effective weight of a server while it warms up. Along a list servers have all of their weight at once.
    pub fn warming_weight(&self, server: &ServerPlan, now: u64) -> Option<u32> {
        let listed = self.picker.plan().is_listed();
        server.is_warming(now).then(|| server.effective_weight(if listed { u64::MAX } else { now }))
    }

    /// The servers whose plans are new since another plan of this backend, each with the one that it had there.
    pub fn changed_since<'a>(
        &'a self,
        before: &'a BackendPlan,
    ) -> impl Iterator<Item = (&'a Arc<ServerPlan>, Option<&'a Arc<ServerPlan>>)> {
        // Where one came or went, those behind it all stand that much farther.
        let mut shift = 0_isize;
        self.servers.iter().enumerate().filter_map(move |(at, server)| {
            let near = at.checked_add_signed(shift).and_then(|at| before.servers.get(at));
            if near.is_some_and(|near| Arc::ptr_eq(near, server)) {
                return None;
            }
            let place = before.index.place_of_seat(server.seat);
            let known = place.and_then(|place| before.servers.get(place));
            let known = known.filter(|known| Arc::ptr_eq(&known.live, &server.live));
            if let Some(place) = place.filter(|_| known.is_some()) {
                shift = place as isize - at as isize;
            }
            (!known.is_some_and(|known| Arc::ptr_eq(known, server))).then_some((server, known))
        })
    }

    /// The servers of another plan of this backend that are not here.
    pub fn gone_since<'a>(&'a self, before: &'a BackendPlan) -> impl Iterator<Item = &'a Arc<ServerPlan>> {
        before.index.missing_in(&self.index).filter_map(|place| before.servers.get(place))
    }

    /// Whether both plans have the same servers at the same places.
    pub(super) fn has_places_of(&self, other: &BackendPlan) -> bool {
        Arc::ptr_eq(&self.index, &other.index)
    }
}

impl ServerPlan {
    /// Whether new traffic may be balanced to it.
    pub fn is_eligible(&self) -> bool {
        self.admin_in_force() == Admin::Ready
            && self.weight_in_force() > 0
            && self.live.health.operational() == Operational::Running
            && self.is_located()
    }

    /// What is asked of it: by its configuration, its agent, or the server that it follows.
    pub fn admin_in_force(&self) -> Admin {
        self.live.health.admin(self.admin)
    }

    /// Its weight: the agent's word, or else the configuration's.
    pub fn weight_in_force(&self) -> u16 {
        self.live.health.agent_weight().unwrap_or_else(|| self.own_weight().get())
    }

    /// Most connections at a time, 0 for no limit: the agent's word, or else the configuration's.
    pub fn maxconn_in_force(&self) -> u32 {
        self.live.health.agent_maxconn().unwrap_or(self.maxconn)
    }

    /// Its weight: that of its service record where it has one that counts, or else the one that its row says.
    pub fn own_weight(&self) -> Weight {
        let of_record = self.naming.as_ref().and_then(|_| self.live.location.weight());
        of_record.unwrap_or(self.weight)
    }

    /// Whether it has an address: a server whose host name leads nowhere is in maintenance by resolution.
    pub fn is_located(&self) -> bool {
        self.naming.is_none() || self.live.location.is_usable()
    }

    /// Where it is reached now; nothing while its host name leads nowhere. Never [`Target::Named`].
    pub fn place(&self) -> Option<Cow<'_, Target>> {
        let Target::Named(port) = &self.target else { return Some(Cow::Borrowed(&self.target)) };
        let (ip, of_record) = self.live.location.place()?;
        Some(Cow::Owned(match (of_record, port) {
            (Some(port), _) => Target::Inet(SocketAddr::new(ip, port)),
            (None, port) => located(ip, *port),
        }))
    }

    /// Whether it takes what is tied to it: traffic of clients that it served before.
    pub fn is_up(&self) -> bool {
        self.admin_in_force() != Admin::Maint
            && self.live.health.operational() != Operational::Stopped
            && self.is_located()
    }

    /// Most connections now, 0 for no limit.
    pub fn limit(&self, backend: &BackendLive) -> u32 {
        self.live.room.warmed(limit_between(self.minconn, self.maxconn_in_force(), backend))
    }

    /// Its share of traffic now, relative to its peers: its weight in sixteenths, 0 when it takes nothing new.
    /// While it warms up that grows from one sixteenth on. `now` on the process's clock.
    pub fn effective_weight(&self, now: u64) -> u32 {
        if !self.is_eligible() {
            return 0;
        }
        let whole = u64::from(self.weight_in_force()) * UNITS;
        let (part, of) = self.warmth(now);
        (whole * part / of.max(1)).max(1) as u32
    }

    /// Whether it came back so lately that its share still grows (configuration manual 5.2 "slowstart").
    pub fn is_warming(&self, now: u64) -> bool {
        let (part, of) = self.warmth(now);
        part < of && self.is_eligible()
    }

    /// How much of its share, and of its limit, a server takes that came back lately: a part, and the whole of it.
    pub fn warmth(&self, now: u64) -> (u64, u64) {
        let whole = u64::from(self.slowstart).max(1);
        match self.live.risen.load(Ordering::Relaxed) {
            0 => (whole, whole),
            risen => (now.saturating_sub(risen).min(whole), whole),
        }
    }
}

/// Compiles one backend; servers that did not change are shared with the plan before.
pub(super) fn compile(
    state: &State,
    row: &Backend,
    previous: Option<&Arc<BackendPlan>>,
    (live, lookups): (&Live, &Lookups),
    touched: &Touched,
) -> Result<BackendPlan, Vec<Problem>> {
    let settings = state.backend_settings(row);
    let observed = live.backend(&row.name);
    let subject = Subject::Backend(row.name.clone());
    let mode = settings.mode.unwrap_or(Mode::Tcp);
    let untouched = previous.filter(|_| !touched.contains(&subject) && !touched.contains(&Subject::Global));
    let checks = match untouched {
        Some(plan) => plan.checks.clone(),
        None => {
            let compiled = CheckPlan::compile(state, &settings, mode, (&subject, live));
            Arc::new(compiled.map_err(|problem| vec![problem])?)
        }
    };
    let rules = match untouched {
        Some(plan) => plan.rules.clone(),
        None => {
            let rules = state.rules_in_force(&subject, &settings.rules);
            let plan = RulesPlan::compile(&rules.with_own_table(&row.name), mode, &subject);
            Arc::new(plan.map_err(|reasons| rules::problems(&subject, reasons))?)
        }
    };
    let compiler = Compiler::new(state, &settings, (live, lookups), &observed, &checks);
    let (servers, index) = match untouched.zip(few_touched(row, touched)) {
        Some((plan, few)) => touched_alone(state, plan, &compiler, &few)?,
        None => {
            let servers = every_server(state, row, untouched, &compiler, touched)?;
            let index = Arc::new(Index::of(&servers));
            (servers, index)
        }
    };
    let dispatch =
        manner::dispatch(&settings, live, &subject, previous.and_then(|plan| plan.dispatch.as_ref()));
    let foreign_headers = manner::foreign_headers(&servers, dispatch.as_deref());
    let mode = settings.mode.unwrap_or(Mode::Tcp);
    let balance = BalancePlan::of(&settings, mode);
    let hashed = match &settings.balance {
        Some(Balance::Hash(sample)) => {
            let compiled = SamplePlan::compile(sample);
            Some(compiled.map_err(|reason| rules::problems(&subject, vec![reason]))?)
        }
        _ => None,
    };
    let picker = match previous.filter(|previous| *previous.picker.plan() == balance) {
        Some(previous) => previous.picker.clone(),
        None => {
            let picker = Picker::new(balance, observed.clone());
            let now = live.process.now();
            servers.iter().for_each(|server| picker.enroll(server, now));
            Arc::new(picker)
        }
    };
    let millis = |value: Option<Millis>| value.map(Millis::get);
    let connect_timeout = millis(settings.timeout_connect).unwrap_or(0);
    let server_timeout = millis(settings.timeout_server).unwrap_or(0);
    Ok(BackendPlan {
        name: row.name.clone(),
        id: row.id,
        guid: row.guid.clone(),
        listen: row.listen,
        mode,
        connect_timeout,
        server_timeout,
        server_fin_timeout: millis(settings.timeout_server_fin).unwrap_or(server_timeout),
        queue_timeout: millis(settings.timeout_queue).unwrap_or(connect_timeout),
        tunnel_timeout: millis(settings.timeout_tunnel),
        connection: settings.http_connection.unwrap_or(HttpConnection::KeepAlive),
        reuse: settings.http_reuse.unwrap_or(HttpReuse::Safe),
        forwardfor: ForwardPlan::of_client(&settings.forwardfor),
        originalto: ForwardPlan::of_destination(&settings.originalto),
        buffers_requests: settings.buffer_request.unwrap_or(false),
        rdp_cookie: settings.persistence.rdp_cookie.as_ref().map(|name| name.as_str().into()),
        retries: settings.retries.unwrap_or(DEFAULT_RETRIES),
        redispatch: settings.redispatch.unwrap_or(0),
        retry_on: settings.retry_on.unwrap_or(RetryOn::DEFAULT),
        cookie: CookiePlan::compile(&settings.persistence).filter(|_| settings.mode == Some(Mode::Http)),
        forces_persistence: settings.persistence.force.unwrap_or(false),
        fullconn: settings.fullconn.filter(|full| *full != 0),
        abort_on_close: settings.abortonclose.unwrap_or(false),
        prefer_last_server: settings.prefer_last_server.unwrap_or(false),
        accept_unsafe: settings.accept_unsafe_response.unwrap_or(false),
        tcp_keep_alive: settings.srvtcpka.unwrap_or(false),
        probes: settings.probes.clone(),
        conduct: settings.conduct.clone(),
        dispatch,
        foreign_headers,
        published: !settings.unpublished.unwrap_or(false),
        error_pages: ErrorPages::compile(&settings.error_pages, &settings.error_sections)
            .map_err(|reason| rules::problems(&subject, vec![reason]))?,
        rules,
        hashed,
        servers,
        index,
        picker,
        checks,
        live: observed,
    })
}

/// Servers in the order of listings, and where they stand.
type Listing = (Vec<Arc<ServerPlan>>, Arc<Index>);

/// The touched servers of a backend, unless there are many.
fn few_touched<'a>(row: &Backend, touched: &'a Touched) -> Option<Vec<&'a ServerRef>> {
    let first = Subject::Server(ServerRef { backend: row.name.clone(), server: Name::new("-").ok()? });
    let mine = touched.range(first..).map_while(|subject| match subject {
        Subject::Server(at) if at.backend == row.name => Some(at),
        _ => None,
    });
    let few: Vec<&ServerRef> = mine.take(FEW + 1).collect();
    (few.len() <= FEW).then_some(few)
}

/// The servers of the plan before, with these few compiled anew, put where they belong, or left out: a change of
/// one server among thousands looks at that one alone.
fn touched_alone(
    state: &State,
    previous: &BackendPlan,
    compiler: &Compiler<'_>,
    few: &[&ServerRef],
) -> Result<Listing, Vec<Problem>> {
    let (mut servers, mut index) = (previous.servers.clone(), previous.index.clone());
    let mut problems = Vec::new();
    for at in few {
        let compiled = match state.server(at).map(|server| compiler.server(server)).transpose() {
            Ok(compiled) => compiled.map(Arc::new),
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let known = index.place(&at.server);
        let before = known.and_then(|place| servers.get(place)).cloned();
        let seen = |plan: &ServerPlan| (plan.order, plan.id, plan.seat);
        let stays = before.as_ref().zip(compiled.as_ref()).is_some_and(|(before, compiled)| {
            seen(before) == seen(compiled) && before.cookie == compiled.cookie
        });
        if let (true, Some(place), Some(compiled)) = (stays, known, &compiled) {
            servers[place] = compiled.clone();
            continue;
        }
        if let (Some(place), Some(before)) = (known, before) {
            Arc::make_mut(&mut index).remove(&before, place);
            servers.remove(place);
        }
        if let Some(compiled) = compiled {
            let own = (compiled.order, compiled.id);
            let place = servers.partition_point(|other| (other.order, other.id) < own);
            Arc::make_mut(&mut index).insert(&compiled, place);
            servers.insert(place, compiled);
        }
    }
    if problems.is_empty() { Ok((servers, index)) } else { Err(problems) }
}

fn every_server(
    state: &State,
    row: &Backend,
    previous: Option<&Arc<BackendPlan>>,
    compiler: &Compiler<'_>,
    touched: &Touched,
) -> Result<Vec<Arc<ServerPlan>>, Vec<Problem>> {
    let (mut servers, mut problems) = (Vec::new(), Vec::new());
    for server in state.servers(&row.name) {
        let known = previous.and_then(|plan| plan.server(&server.at.server));
        match known.filter(|_| !touched.contains(&Subject::Server(server.at.clone()))) {
            Some(plan) => servers.push(plan.clone()),
            None => match compiler.server(server) {
                Ok(plan) => servers.push(Arc::new(plan)),
                Err(problem) => problems.push(problem),
            },
        }
    }
    if problems.is_empty() { Ok(servers) } else { Err(problems) }
}

/// What servers of a backend are compiled with.
struct Compiler<'a> {
    state: &'a State,
    default: &'a ServerSettings,
    /// The key of dynamic cookie values, where they are wanted.
    cookie_key: Option<&'a str>,
    live: &'a Live,
    lookups: &'a Lookups,
    backend: &'a BackendLive,
    checks: &'a CheckPlan,
    /// Where connections start from, unless a server says otherwise.
    source: Option<&'a Source>,
}

impl<'a> Compiler<'a> {
    fn new(
        state: &'a State,
        settings: &'a BackendSettings,
        (live, lookups): (&'a Live, &'a Lookups),
        backend: &'a BackendLive,
        checks: &'a CheckPlan,
    ) -> Compiler<'a> {
        let persistence = &settings.persistence;
        let said = persistence.cookie.as_ref().is_some_and(|cookie| cookie.dynamic);
        let dynamic = persistence.dynamic.unwrap_or(said);
        let cookie_key = persistence.dynamic_key.as_deref().filter(|_| dynamic);
        let source = settings.source.as_deref();
        Compiler {
            state,
            default: &settings.default_server,
            cookie_key,
            live,
            lookups,
            backend,
            checks,
            source,
        }
    }

    fn server(&self, server: &Server) -> Result<ServerPlan, Problem> {
        let settings = server.settings.over(self.default);
        let disabled = settings.disabled == Some(true);
        let live = self.live.server(&server.at);
        let (target, naming) = match &server.address {
            ServerAddress::Inet { host: ServerHost::Named(name), port } => {
                let named = (name.as_str(), *port);
                let naming = naming::compile(server, named, &settings, self.live, &live, self.lookups)?;
                (Target::Named(*port), Some(Box::new(naming)))
            }
            address => (target(address), None),
        };
        // A value that stands for the address of a name is that of the address when the server was last changed.
        let first = naming.as_ref().and_then(|naming| Some(located(naming.initial.ip?, naming.port)));
        let own = settings.cookie.as_ref().map(|cookie| cookie.to_string());
        let cookie = own.or_else(|| {
            self.cookie_key.and_then(|key| persistence::dynamic_value(key, first.as_ref().unwrap_or(&target)))
        });
        let minconn = settings.minconn.unwrap_or(0);
        let initial = match self.state.initial(&Subject::Server(server.at.clone())) {
            Some(Row::Server(initial)) => initial,
            _ => server,
        };
        let follows = settings.checks.agent == Some(true) && settings.checks.agent_host.is_none();
        let agent_host = match follows && settings.checks.host.is_some() {
            true => initial.settings.over(self.default).checks.host,
            false => settings.checks.agent_host.clone(),
        };
        let checks = ServerCheckPlan::compile(server, &settings, agent_host.as_ref(), &target, self.checks)?;
        Ok(ServerPlan {
            name: server.at.server.clone(),
            is_nameless: false,
            id: server.id,
            guid: server.guid.clone(),
            order: server.order,
            target,
            naming,
            seat: self.backend.seats.seat(&live),
            weight: settings.weight.unwrap_or(Weight::DEFAULT),
            initial_weight: initial.settings.over(self.default).weight.unwrap_or(Weight::DEFAULT),
            slowstart: settings.slowstart.map_or(0, Millis::get),
            maxconn: settings.maxconn.unwrap_or(0).max(minconn),
            minconn,
            maxqueue: settings.maxqueue.unwrap_or(0),
            cookie,
            backup: settings.backup.unwrap_or(false),
            admin: server.admin.unwrap_or(if disabled { Admin::Maint } else { Admin::Ready }),
            send_proxy: manner::header(&settings),
            manner: ServerManner::compile(&settings, self.source),
            pool_max_conn: settings.pool_max_conn.and_then(|limit| u32::try_from(limit).ok()),
            pool_purge_delay: settings.pool_purge_delay.map_or(DEFAULT_PURGE_DELAY, Millis::get),
            max_reuse: settings.max_reuse.and_then(|limit| u32::try_from(limit).ok()),
            non_stick: settings.non_stick.unwrap_or(false),
            checks,
            live,
        })
    }
}

const DEFAULT_RETRIES: u32 = 3;
const DEFAULT_PURGE_DELAY: u32 = 5000;
/// Servers up to which a change is worked into the plan before, one by one.
const FEW: usize = 64;
