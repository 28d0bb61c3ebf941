//! What is logged and where to, as the data path reads it.

use std::net::SocketAddr;

use regate_proto::model::{
    BackendSettings, FrontendSettings, Global, LogAddress, LogFormat, LogPlan as Wanted, LogTarget, Mode,
    Severity,
};

use crate::live::Live;

/// What a frontend logs, and where to.
#[derive(Debug, PartialEq, Eq)]
pub struct LogPlan {
    /// What lines say.
    pub format: LogFormat,
    /// What the frontend forwards.
    pub mode: Mode,
    /// Where lines go.
    pub routes: Vec<LogRoute>,
    /// The program name in headers.
    pub tag: String,
    /// The host name in headers, where it is wanted.
    pub host: Option<String>,
    /// Whether connections without data are not logged.
    pub skip_null: bool,
    /// Whether successful requests are not logged.
    pub skip_normal: bool,
    /// Whether lines are written when the answer's head is known.
    pub early: bool,
    /// Whether failures are logged with severity err.
    pub separate_errors: bool,
}

/// One destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRoute {
    /// Its configuration.
    pub target: LogTarget,
}

impl LogRoute {
    /// The route to a target; a host name has been looked up before.
    fn to(target: &LogTarget, live: &Live) -> LogRoute {
        let mut target = target.clone();
        if let LogAddress::Named { host, port } = &target.address
            && let Some(ip) = live.host(host)
        {
            target.address = LogAddress::Udp(SocketAddr::new(ip, *port));
        }
        LogRoute { target }
    }

    /// Longest line in bytes.
    pub fn length(&self) -> usize {
        self.target.length.unwrap_or(1024) as usize
    }

    /// The severity that a line of this severity is sent with; `None` when it is left out.
    pub fn severity(&self, line: Severity) -> Option<Severity> {
        let wanted = line <= self.target.highest.unwrap_or(Severity::Debug);
        wanted.then(|| line.max(self.target.lowest.unwrap_or(Severity::Emerg)))
    }
}

impl LogPlan {
    /// Whether lines name the address that the client connected to.
    pub fn shows_destination(&self) -> bool {
        self.format == LogFormat::Plain
    }

    /// Where lines about the servers of a backend go; `None`: nowhere.
    pub(super) fn of_backend(
        global: &Global,
        settings: &BackendSettings,
        mode: Mode,
        live: &Live,
    ) -> Option<LogPlan> {
        let client = FrontendSettings { log: settings.log.clone(), ..FrontendSettings::default() };
        LogPlan::compile(global, &client, mode, live)
    }

    /// The plan of a frontend; `None` when it logs nothing.
    pub(super) fn compile(
        global: &Global,
        settings: &FrontendSettings,
        mode: Mode,
        live: &Live,
    ) -> Option<LogPlan> {
        let Some(Wanted::To { global: with_global, targets }) = &settings.log else { return None };
        let shared = if *with_global { global.log.as_slice() } else { &[] };
        let routes: Vec<LogRoute> =
            shared.iter().chain(targets).map(|target| LogRoute::to(target, live)).collect();
        if routes.is_empty() {
            return None;
        }
        let format = match settings.log_format.unwrap_or(LogFormat::Plain) {
            LogFormat::Http | LogFormat::Clf if mode == Mode::Tcp => LogFormat::Tcp,
            format => format,
        };
        Some(LogPlan {
            format,
            mode,
            routes,
            tag: settings
                .log_tag
                .clone()
                .or_else(|| global.log_tag.clone())
                .unwrap_or_else(|| "haproxy".to_owned()),
            host: global.log_send_hostname.clone(),
            skip_null: settings.dontlognull.unwrap_or(false),
            skip_normal: settings.dontlog_normal.unwrap_or(false),
            early: settings.logasap.unwrap_or(false),
            separate_errors: settings.log_separate_errors.unwrap_or(false),
        })
    }
}
