//! How servers are checked, as the data path reads it.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use regate_proto::model::{
    BackendSettings, ExternalChecks, InitState, Millis, Mode, Observe, OnError, Paused, Server, ServerHost,
    ServerPort, ServerRef, ServerSettings, Subject,
};
use regate_proto::problem::{Code, Problem};

use super::{LogPlan, Target};
use crate::check::Script;
use crate::live::Live;
use regate_proto::state::State;

/// How the servers of a backend are checked. Times are in milliseconds.
#[derive(Debug)]
pub struct CheckPlan {
    /// What a check does.
    pub script: Arc<Script>,
    /// Longest time for a connection; 0 for none but the interval.
    pub connect_timeout: u32,
    /// Longest time for what follows the connection; `None`: the interval bounds the whole.
    pub timeout: Option<u32>,
    /// Whether every change of a result is logged.
    pub logs_results: bool,
    /// Where lines about servers go.
    pub log: Option<LogPlan>,
    /// Percent of the interval by which checks are moved at random.
    pub spread: u32,
    /// Longest time over which the first checks are spread.
    pub max_spread: Option<u32>,
}

/// How one server is checked. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerCheckPlan {
    /// Whether it is checked.
    pub check: bool,
    /// Whether an agent is asked.
    pub agent: bool,
    /// What rests by hand.
    pub paused: Paused,
    /// Time between two checks while the server is settled up.
    pub inter: u32,
    /// While it goes up or down.
    pub fast_inter: u32,
    /// While it is down.
    pub down_inter: u32,
    /// Passed checks that bring it up.
    pub rise: u32,
    /// Failed checks that bring it down.
    pub fall: u32,
    /// The port that is checked; `None`: the server's.
    pub port: Option<u16>,
    /// The host that is checked; `None`: the server's.
    pub host: Option<IpAddr>,
    /// Whether checks begin with the PROXY protocol header.
    pub send_proxy: bool,
    /// The agent's host; `None`: the server's.
    pub agent_host: Option<IpAddr>,
    /// The agent's port.
    pub agent_port: u16,
    /// Time between two questions to the agent.
    pub agent_inter: u32,
    /// What the agent is sent first.
    pub agent_send: Vec<u8>,
    /// Which traffic counts as checks.
    pub observe: Option<Observe>,
    /// What happens when traffic has failed too often.
    pub on_error: OnError,
    /// Failures in a row that are too often.
    pub error_limit: u32,
    /// Whether sessions are cut when it goes down.
    pub shutdown_sessions: bool,
    /// Whether sessions of backup servers are cut when it comes up.
    pub shutdown_backup_sessions: bool,
    /// The server that it follows.
    pub track: Option<ServerRef>,
    /// How it begins.
    pub init: InitState,
}

impl CheckPlan {
    /// The checks of a backend, unless they cannot work.
    pub(super) fn compile(
        state: &State,
        settings: &BackendSettings,
        mode: Mode,
        (subject, live): (&Subject, &Live),
    ) -> Result<CheckPlan, Problem> {
        let global = &state.global();
        let external = global.checks.external.map(|kind| kind == ExternalChecks::WholeEnvironment);
        let script = Script::compile(&settings.checks, external)
            .map_err(|reason| Problem::about(Code::Unsuitable, subject, reason))?;
        Ok(CheckPlan {
            script: Arc::new(script),
            connect_timeout: settings.timeout_connect.map_or(0, Millis::get),
            timeout: settings.checks.timeout.map(Millis::get).filter(|timeout| *timeout != 0),
            logs_results: settings.checks.log == Some(true),
            log: LogPlan::of_backend(state, global, settings, mode, live),
            spread: global.checks.spread.unwrap_or(0),
            max_spread: global.checks.max_spread.map(Millis::get),
        })
    }
}

impl ServerCheckPlan {
    /// The checks of a server; `None` when nobody asks for any, and nothing of their kind. An agent without an address
    /// of its own is where the files say that checks go, wherever these were sent since.
    pub(super) fn compile(
        server: &Server,
        settings: &ServerSettings,
        agent_host: Option<&ServerHost>,
        target: &Target,
        plan: &CheckPlan,
    ) -> Result<Option<Arc<ServerCheckPlan>>, Problem> {
        let checks = &settings.checks;
        let check = checks.check == Some(true);
        let agent = checks.agent == Some(true);
        if !check && !agent && checks.track.is_none() {
            return Ok(None);
        }
        let subject = || Subject::Server(server.at.clone());
        let has_port = match target {
            Target::Inet(address) => address.port() != 0,
            Target::Unix(_) | Target::Abstract(_) => true,
            Target::Named(ServerPort::Fixed(port)) => *port != 0,
            Target::Named(ServerPort::Mapped(_)) | Target::Mapped(..) | Target::Transparent(_) => false,
        };
        if check && !has_port && checks.port.is_none() && !plan.script.names_port() {
            let detail = "it has neither service port nor check port, nor a rule 'connect' with a port";
            return Err(Problem::about(Code::Unsuitable, &subject(), detail));
        }
        let host = |host: &Option<ServerHost>| host.as_ref().map(|host| resolve(server, host)).transpose();
        let millis = |span: Option<Millis>| span.map(Millis::get).filter(|span| *span != 0);
        let inter = millis(checks.inter).unwrap_or(DEFAULT_INTER);
        let elsewhere = checks.host.is_some() || checks.port.is_some();
        Ok(Some(Arc::new(ServerCheckPlan {
            check,
            agent,
            paused: server.paused,
            inter,
            fast_inter: millis(checks.fastinter).unwrap_or(inter),
            down_inter: millis(checks.downinter).unwrap_or(inter),
            rise: checks.rise.unwrap_or(2),
            fall: checks.fall.unwrap_or(3),
            port: checks.port,
            host: host(&checks.host)?,
            send_proxy: checks
                .send_proxy
                .unwrap_or_else(|| !elsewhere && settings.send_proxy.flatten().is_some()),
            agent_host: host(&agent_host.cloned())?,
            agent_port: checks.agent_port.or(checks.port).unwrap_or(0),
            agent_inter: millis(checks.agent_inter).unwrap_or(inter),
            agent_send: checks.agent_send.clone().unwrap_or_default().into_bytes(),
            observe: checks.observe.filter(|_| check),
            on_error: checks.on_error.unwrap_or(OnError::FailCheck),
            error_limit: checks.error_limit.unwrap_or(10),
            shutdown_sessions: checks.shutdown_sessions == Some(true),
            shutdown_backup_sessions: checks.shutdown_backup_sessions == Some(true),
            track: checks.track.as_ref().map(|track| ServerRef {
                backend: track.backend.clone().unwrap_or_else(|| server.at.backend.clone()),
                server: track.server.clone(),
            }),
            init: checks.init_state.unwrap_or(InitState::Up),
        })))
    }
}

/// The address of a host that is checked.
fn resolve(server: &Server, host: &ServerHost) -> Result<IpAddr, Problem> {
    let name = match host {
        ServerHost::Ip(ip) => return Ok(*ip),
        ServerHost::Named(name) => name.as_str(),
    };
    let subject = Subject::Server(server.at.clone());
    let refused = |reason: String| {
        Problem::about(Code::Impossible, &subject, format!("could not resolve address '{name}': {reason}"))
    };
    let mut found = (name, 0u16).to_socket_addrs().map_err(|error| refused(error.to_string()))?;
    found.next().map(|address| address.ip()).ok_or_else(|| refused("the name has no address".to_owned()))
}

/// Milliseconds between two checks.
const DEFAULT_INTER: u32 = 2000;
