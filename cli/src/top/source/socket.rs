//! HAProxy's text socket: `show info`, `show stat`, `show servers state` and the commands that change servers.
//!
//! Owns the spelling of commands and the reading of replies (management manual 9.1 and 9.3). One connection for each
//! command, as `socat` does it: so it works with every version and with every double.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::failure::Failure;
use crate::top::errand::{Deed, Errand, Step};
use crate::top::sample::{Header, Kind, Place, Process, Row, Sample, TargetKind, Weights};
use crate::top::text::tame;

/// Where a text socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// `HOST:PORT`.
    Tcp(String),
}

/// A text socket.
pub struct Socket {
    address: Address,
}

impl Address {
    /// Reads a path, `unix@PATH`, or `[ipv4@|ipv6@]HOST:PORT`.
    pub fn parse(text: &str) -> Result<Address, String> {
        if let Some(path) = text.strip_prefix("unix@").or_else(|| text.strip_prefix("unix://")) {
            return Ok(Address::Unix(PathBuf::from(path)));
        }
        let inet = ["ipv4@", "ipv6@", "tcp@"].iter().find_map(|prefix| text.strip_prefix(prefix));
        let port = |text: &str| {
            text.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
            })
        };
        match inet {
            Some(rest) if port(rest) => Ok(Address::Tcp(rest.to_owned())),
            Some(_) => Err(format!("'{text}': a host and a port are expected, as in ipv4@127.0.0.1:9999")),
            None if text.contains('/') => Ok(Address::Unix(PathBuf::from(text))),
            None if port(text) => Ok(Address::Tcp(text.to_owned())),
            None => Err(format!("'{text}': the path of a socket (with a /) or HOST:PORT is expected")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "{}", path.display()),
            Address::Tcp(place) => f.write_str(place),
        }
    }
}

impl Socket {
    /// One that connects when it looks.
    pub fn new(address: Address) -> Socket {
        Socket { address }
    }

    /// Asks for everything that is shown.
    pub async fn look(&mut self, at: Duration) -> Result<Sample, Failure> {
        let info = self.command("show info").await?;
        let process = process(&info)
            .ok_or_else(|| self.strange("show info", &info, "lines such as 'Name: HAProxy' are expected"))?;
        let statistics = self.command("show stat").await?;
        let mut rows = rows(&statistics).ok_or_else(|| {
            self.strange("show stat", &statistics, "a header '# pxname,svname,…' is expected")
        })?;
        // Old versions and restricted sockets do not tell: then the table shows what the statistics say.
        let weights = weights(&self.command("show servers state").await?);
        for row in &mut rows {
            row.weights = weights.get(&row.key.place).copied();
        }
        Ok(Sample {
            at,
            target: TargetKind::Haproxy,
            revision: None,
            by_node: false,
            processes: vec![process],
            rows,
            by_hand: HashMap::new(),
        })
    }

    /// Sends a command for each step. The error tells which of them failed, and how the target says it.
    pub async fn carry(&mut self, errand: &Errand) -> Result<String, String> {
        let mut failed = Vec::new();
        for step in &errand.steps {
            let line = spell(step)?;
            let said = self.command(&line).await.map_err(|failure| failure.to_string())?;
            // Silence is consent, and so is a notice that it is so already.
            let said = tame(said.trim());
            if !said.is_empty() && !said.contains("already") {
                failed.push(format!("{}: {}", step.name(), said.trim()));
            }
        }
        let sentences = errand.sentences();
        match (failed.as_slice(), sentences.as_slice()) {
            ([], [only]) => Ok(only.clone()),
            ([], all) => Ok(format!("{} changed", all.len())),
            ([first], [_]) => Err(first.clone()),
            ([first, ..], all) => Err(format!("{} of {} refused; {first}", failed.len(), all.len())),
        }
    }

    /// Sends one line and reads until the other side closes.
    async fn command(&self, line: &str) -> Result<String, Failure> {
        let told = match &self.address {
            Address::Unix(path) => match UnixStream::connect(path).await {
                Ok(stream) => converse(stream, line).await,
                Err(error) => Err(error),
            },
            Address::Tcp(place) => match TcpStream::connect(place).await {
                Ok(stream) => converse(stream, line).await,
                Err(error) => Err(error),
            },
        };
        told.map_err(|error| Failure::unreachable(format!("cannot reach {}: {error}", self.address)))
    }

    fn strange(&self, command: &str, reply: &str, expected: &str) -> Failure {
        let first = reply.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
        let first: String = tame(first).chars().take(80).collect();
        Failure::unreachable(format!("{} answered '{command}' by '{first}': {expected}", self.address))
    }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, line: &str) -> std::io::Result<String> {
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    let mut bytes = Vec::new();
    let read = stream.take(LONGEST_REPLY).read_to_end(&mut bytes).await?;
    if u64::try_from(read).is_ok_and(|read| read >= LONGEST_REPLY) {
        return Err(std::io::Error::other(format!(
            "'{line}' was answered by more than {LONGEST_REPLY} bytes"
        )));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A step as a command; the error is a sentence.
fn spell(step: &Step) -> Result<String, String> {
    let (proxy, service) = (word(&step.place.proxy)?, word(&step.place.service)?);
    Ok(match &step.deed {
        Deed::State(state) => format!("set server {proxy}/{service} state {}", state.word()),
        Deed::Weight(weight) => format!("set server {proxy}/{service} weight {weight}"),
        Deed::Enabled(true) => format!("enable frontend {proxy}"),
        Deed::Enabled(false) => format!("disable frontend {proxy}"),
        Deed::Revert(_) => return Err("HAProxy does not keep what its files say".to_owned()),
    })
}

/// A name that is one word on the command line, whatever the target sent.
fn word(name: &str) -> Result<&str, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    match !name.is_empty() && name.chars().all(fits) {
        true => Ok(name),
        false => Err(format!("'{name}' is no name that a command can have")),
    }
}

/// The process, out of `show info`.
fn process(text: &str) -> Option<Process> {
    let fields: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let value = |name: &str| fields.get(name).map(|value| value.trim());
    let number = |name: &str| value(name).and_then(|value| value.parse::<u64>().ok());
    let name = value("Name")?;
    Some(Process {
        node: Arc::from(tame(value("node").unwrap_or_default())),
        product: tame(&format!("{name} {}", value("Version").unwrap_or_default())),
        trouble: None,
        revision: None,
        uptime: number("Uptime_sec").unwrap_or(0),
        workers: number("Nbthread").unwrap_or(0),
        connections: number("CurrConns").unwrap_or(0),
        connections_limit: number("Maxconn").unwrap_or(0),
        connections_rate: number("ConnRate").unwrap_or(0),
        connections_rate_max: number("MaxConnRate").unwrap_or(0),
        requests_total: number("CumReq").unwrap_or(0),
        idle: number("Idle_pct"),
        stopping: number("Stopping") == Some(1),
    })
}

/// The rows, out of `show stat`; `None` without a header.
fn rows(text: &str) -> Option<Vec<Row>> {
    let (first, rest) = text.split_once('\n')?;
    let header = Arc::new(Header::read(first)?);
    let mut proxy: Arc<str> = Arc::from("");
    let mut rows = Vec::new();
    for cells in (Records { rest }) {
        let Some(name) = header.value(&cells, "pxname").filter(|name| !name.is_empty()) else { continue };
        if *name != *proxy {
            proxy = Arc::from(name);
        }
        rows.extend(Row::csv(&header, cells, Arc::clone(&proxy)));
    }
    Some(rows)
}

/// Records of comma-separated values, tamed: quotes hold commas, line ends and doubled quotes (RFC 4180, 2).
struct Records<'a> {
    rest: &'a str,
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut cells = Vec::new();
        let mut cell = String::new();
        let mut is_quoted = false;
        let mut end = self.rest.len();
        let mut characters = self.rest.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' if is_quoted && matches!(characters.peek(), Some((_, '"'))) => {
                    characters.next();
                    cell.push('"');
                }
                '"' if is_quoted || cell.is_empty() => is_quoted = !is_quoted,
                ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
                '\n' if !is_quoted => {
                    end = at + 1;
                    break;
                }
                c if c.is_control() => cell.push(' '),
                c => cell.push(c),
            }
        }
        cells.push(cell);
        self.rest = self.rest.get(end..).unwrap_or_default();
        Some(cells)
    }
}

/// Weights, out of `show servers state`, whose second line names its columns.
fn weights(text: &str) -> HashMap<Place, Weights> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("# "));
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(' ').collect();
    let column = |name: &str| names.iter().position(|known| *known == name);
    let (Some(backend), Some(server), Some(set), Some(initial)) =
        (column("be_name"), column("srv_name"), column("srv_uweight"), column("srv_iweight"))
    else {
        return HashMap::new();
    };
    let mut found = HashMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| cells.get(at).and_then(|cell| cell.parse::<i64>().ok());
        let (Some(proxy), Some(service)) = (cells.get(backend), cells.get(server)) else { continue };
        let (Some(initial), Some(set)) = (number(initial), number(set)) else { continue };
        let place = Place { kind: Kind::Server, proxy: Arc::from(*proxy), service: Arc::from(*service) };
        found.insert(place, Weights { initial, set });
    }
    found
}

/// The longest reply that is read: far more than the statistics of 100,000 servers.
const LONGEST_REPLY: u64 = 256 << 20;

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
