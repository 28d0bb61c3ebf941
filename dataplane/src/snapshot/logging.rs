//! What is logged and where to, as the data path reads it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use regate_proto::model::{
    BackendSettings, FrontendSettings, Global, LogAddress, LogFormat, LogPlan as Wanted, LogTarget, Mode,
    Severity,
};
use regate_proto::rules::Format;
use regate_proto::state::State;

use super::format::{FormatPlan, Needs};
use crate::live::Live;

/// What a frontend logs, and where to.
#[derive(Debug)]
pub struct LogPlan {
    /// What lines say.
    pub format: LineFormat,
    /// The structured data of RFC 5424 headers.
    pub structured: Option<FormatPlan>,
    /// What lines about connections say that failed before they became sessions.
    pub errors: Option<FormatPlan>,
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
    /// What must be known for a line and is not free to know.
    pub needs: Needs,
}

/// What lines say.
#[derive(Debug)]
pub enum LineFormat {
    /// Source and destination.
    Plain,
    /// `option tcplog`.
    Tcp,
    /// `option httplog`.
    Http,
    /// `option httplog clf`.
    Clf,
    /// `option httpslog`.
    Https,
    /// What the user wrote.
    Custom(FormatPlan),
}

/// One destination.
#[derive(Debug)]
pub struct LogRoute {
    /// Its configuration; for a ring, dressed as the ring says.
    pub target: LogTarget,
    /// How many lines came by, of which a sample is sent.
    seen: AtomicU64,
}

impl LogRoute {
    /// The route to a target as it stands.
    pub fn new(target: LogTarget) -> LogRoute {
        LogRoute { target, seen: AtomicU64::new(0) }
    }

    /// The route to a target; a host name has been looked up before.
    fn to(target: &LogTarget, state: &State, live: &Live) -> LogRoute {
        let mut target = target.clone();
        match &target.address {
            LogAddress::Named { host, port } => {
                if let Some(ip) = live.host(host) {
                    target.address = LogAddress::Udp(SocketAddr::new(ip, *port));
                }
            }
            LogAddress::Ring(name) => {
                let row = state.ring(name);
                let syntax = row.and_then(|row| row.syntax);
                target.syntax = Some(syntax.unwrap_or(regate_proto::model::LogSyntax::Raw));
                target.length = row.and_then(|row| row.maxlen);
            }
            _ => {}
        }
        LogRoute::new(target)
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

    /// Whether the next line is one of the sample that is sent.
    pub fn takes_next(&self) -> bool {
        match &self.target.sample {
            None => true,
            Some(sample) => sample.takes(self.seen.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

impl LogPlan {
    /// A plan that says and sends this, and nothing else.
    pub fn new(format: LineFormat, mode: Mode, routes: Vec<LogRoute>) -> LogPlan {
        LogPlan {
            format,
            structured: None,
            errors: None,
            mode,
            routes,
            tag: "haproxy".to_owned(),
            host: None,
            skip_null: false,
            skip_normal: false,
            early: false,
            separate_errors: false,
            needs: Needs::default(),
        }
    }

    /// Whether lines name the address that the client connected to.
    pub fn shows_destination(&self) -> bool {
        self.needs.destination || matches!(self.format, LineFormat::Plain)
    }

    /// Where lines about the servers of a backend go; `None`: nowhere.
    pub(super) fn of_backend(
        state: &State,
        global: &Global,
        settings: &BackendSettings,
        mode: Mode,
        live: &Live,
    ) -> Option<LogPlan> {
        let client = FrontendSettings { log: settings.log.clone(), ..FrontendSettings::default() };
        // Without formats there is nothing to refuse.
        LogPlan::compile(state, global, &client, mode, live).ok().flatten()
    }

    /// The plan of a frontend; `None` when it logs nothing, the reason when it cannot.
    pub(super) fn compile(
        state: &State,
        global: &Global,
        settings: &FrontendSettings,
        mode: Mode,
        live: &Live,
    ) -> Result<Option<LogPlan>, String> {
        let Some(Wanted::To { global: with_global, targets }) = &settings.log else { return Ok(None) };
        let shared = if *with_global { global.log.as_slice() } else { &[] };
        let routes: Vec<LogRoute> =
            shared.iter().chain(targets).map(|target| LogRoute::to(target, state, live)).collect();
        if routes.is_empty() {
            return Ok(None);
        }
        let captures = [settings.request_captures.len(), settings.response_captures.len()];
        let line = |format: &Format| FormatPlan::of_line(format, captures);
        let optional = |format: &Option<Format>| format.as_ref().map(line).transpose();
        let format = match settings.log_format.as_ref().unwrap_or(&LogFormat::Plain) {
            LogFormat::Plain => LineFormat::Plain,
            LogFormat::Http | LogFormat::Clf | LogFormat::Https if mode == Mode::Tcp => LineFormat::Tcp,
            LogFormat::Tcp => LineFormat::Tcp,
            LogFormat::Http => LineFormat::Http,
            LogFormat::Clf => LineFormat::Clf,
            LogFormat::Https => LineFormat::Https,
            LogFormat::TcpClf => {
                let format = Format::parse(TCP_CLF).map_err(|mistake| mistake.to_string())?;
                LineFormat::Custom(line(&format)?)
            }
            LogFormat::Custom(format) => LineFormat::Custom(line(format)?),
        };
        let structured = optional(&settings.log_format_sd)?;
        let errors = optional(&settings.error_log_format)?;
        let custom = match &format {
            LineFormat::Custom(plan) => Some(plan),
            _ => None,
        };
        let needs =
            custom.into_iter().chain(&structured).fold(Needs::default(), |all, plan| all.or(plan.needs));
        Ok(Some(LogPlan {
            structured,
            errors,
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
            needs,
            ..LogPlan::new(format, mode, routes)
        }))
    }
}

/// `option tcplog clf`, as HAProxy 3.0 spells it.
const TCP_CLF: &str = "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U %ts-- \
                       %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ";
