//! What is counted, for Prometheus: as an answer of the data path, and at a door of its own.
//!
//! The door is a small HTTP/1 server beside the data path: it answers GET and HEAD of any target with the metrics, so
//! that they are there whatever the configuration says. Which metrics there are is `regate_proto::statistics`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use regate_proto::statistics::prometheus::{METRICS, Wanted, process_metrics, scope, table_metrics};
use regate_proto::wire::v1::{Condition, StatisticsKind as Kind, StatisticsRow};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::options::decode;
use super::{Gone, Sheet, rows};
use crate::admin::Context;
use crate::inquiry::{Body, Piece};

/// Where metrics are served beside the data path.
#[derive(Debug)]
pub(in crate::admin) struct Door {
    listener: TcpListener,
}

/// What of the metrics is wanted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Choice {
    /// Words of scopes; empty for all.
    scopes: Vec<String>,
    wanted: Wanted,
    without_maintenance: bool,
}

/// Opens a door.
pub(in crate::admin) async fn listen(address: SocketAddr) -> Result<Door, String> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("metrics at {address}: {error}"))?;
    Ok(Door { listener })
}

impl Door {
    /// Where it is, with the port that the kernel chose.
    pub(in crate::admin) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serves whoever comes.
    pub(in crate::admin) async fn serve(self, context: Arc<Context>, closing: CancellationToken) {
        let room = Arc::new(Semaphore::new(MOST_CLIENTS));
        loop {
            let Ok(turn) = room.clone().acquire_owned().await else { return };
            let stream = tokio::select! {
                () = closing.cancelled() => return,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!("metrics: a connection could not be accepted: {error}");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            let (context, closing) = (context.clone(), closing.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = closing.cancelled() => {}
                    _ = tokio::time::timeout(PATIENCE, greet(context, stream)) => {}
                }
                drop(turn);
            });
        }
    }
}

/// Answers the data path, or the door.
pub(super) async fn answer(context: &Arc<Context>, query: &[u8], mut sheet: Sheet) -> Result<(), Gone> {
    let Some(choice) = Choice::parse(query) else {
        let page =
            "<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n";
        let lines = format!(
            "content-length: {}\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n",
            page.len()
        );
        return sheet.whole(400, lines, page).await;
    };
    let lines = "cache-control: no-cache\r\ncontent-type: text/plain; version=0.0.4\r\n";
    sheet.head(200, lines.to_owned(), Body::Endless).await?;
    if choice.covers("global") {
        let info = context.store.read(|current| context.describe(current));
        process_metrics(&info, &choice.wanted, &mut sheet.text);
    }
    let aggregates = choice.covers("backend");
    let kinds = [Kind::Frontend, Kind::Listener, Kind::Backend, Kind::Server];
    let mut all: HashMap<i32, Vec<StatisticsRow>> = HashMap::new();
    for (at, row) in rows(context, &[], true).enumerate() {
        let is_server = row.kind() == Kind::Server;
        if choice.covers(scope(row.kind())) || (aggregates && is_server) {
            all.entry(row.kind).or_default().push(row);
        }
        if at % 512 == 511 {
            tokio::task::yield_now().await;
        }
    }
    let none = Vec::new();
    let servers = all.get(&(Kind::Server as i32)).unwrap_or(&none);
    let mut by_backend: HashMap<&str, Vec<&StatisticsRow>> = HashMap::new();
    servers.iter().for_each(|row| by_backend.entry(row.proxy.as_str()).or_default().push(row));
    for kind in kinds.into_iter().filter(|kind| choice.covers(scope(*kind))) {
        let shown: Vec<&StatisticsRow> =
            all.get(&(kind as i32)).unwrap_or(&none).iter().filter(|row| choice.shows(row)).collect();
        for metric in METRICS.iter().filter(|metric| metric.has(kind)) {
            if choice.wanted.covers(scope(kind), metric.name) {
                let servers = |backend: &str| by_backend.get(backend).cloned().unwrap_or_default();
                metric.write(kind, shown.iter().copied(), &servers, &mut sheet.text);
                sheet.spill().await?;
            }
        }
    }
    if choice.covers("sticktable") {
        let tables: Vec<(String, String, u64, u64)> = context.store.read(|current| {
            let tables = current.snapshot.tables.plans().iter();
            tables
                .map(|plan| {
                    let kind = plan.shape.key.word().to_owned();
                    (plan.name().to_string(), kind, u64::from(plan.shape.size), u64::from(plan.table.used()))
                })
                .collect()
        });
        table_metrics(&tables, &choice.wanted, &mut sheet.text);
    }
    sheet.end().await
}

impl Choice {
    /// Reads a query; `None` where it asks for a scope that there is not.
    fn parse(query: &[u8]) -> Option<Choice> {
        let mut choice = Choice::default();
        let mut all = false;
        for field in query.split(|byte| *byte == b'&').filter(|field| !field.is_empty()) {
            let at = memchr::memchr(b'=', field).unwrap_or(field.len());
            let value = decode(field.get(at + 1..).unwrap_or_default());
            let value = String::from_utf8_lossy(&value).into_owned();
            match field.get(..at).unwrap_or_default() {
                b"scope" if value == "*" => all = true,
                // A scope without a name asks for nothing, until another asks for something.
                b"scope" if value.is_empty() => choice.scopes.push(String::new()),
                b"scope" if SCOPES.contains(&value.as_str()) => choice.scopes.push(value),
                b"scope" => return None,
                b"metrics" => choice.wanted = Wanted::parse(&value),
                b"no-maint" => choice.without_maintenance = true,
                // Counters of modules are among the others: there are none besides.
                _ => {}
            }
        }
        if all {
            choice.scopes.clear();
        }
        Some(choice)
    }

    fn covers(&self, scope: &str) -> bool {
        self.scopes.is_empty() || self.scopes.iter().any(|known| known == scope)
    }

    fn shows(&self, row: &StatisticsRow) -> bool {
        let condition = row.status.as_ref().map(|status| status.condition());
        let maintained = matches!(condition, Some(Condition::Maintenance | Condition::Unresolved));
        !(self.without_maintenance && row.kind() == Kind::Server && maintained)
    }
}

/// Serves one client of the door: one request, one answer.
async fn greet(context: Arc<Context>, mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() >= LONGEST_HEAD || stream.read_buf(&mut head).await? == 0 {
            return stream.write_all(BAD).await;
        }
    }
    let mut words = head.split(|byte| *byte == b' ' || *byte == b'\r');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !matches!(method, b"GET" | b"HEAD") {
        return stream.write_all(BAD).await;
    }
    let query = memchr::memchr(b'?', target).and_then(|at| target.get(at + 1..)).unwrap_or_default().to_vec();
    let (answer, mut pieces) = mpsc::channel(2);
    let sheet = Sheet { text: String::new(), answer };
    tokio::spawn(async move {
        // The client may go before its answer is whole.
        let _ = self::answer(&context, &query, sheet).await;
    });
    while let Some(piece) = pieces.recv().await {
        match piece {
            Piece::Head { status, lines, .. } => {
                let reason = if status == 200 { "OK" } else { "Bad request" };
                stream.write_all(format!("HTTP/1.1 {status} {reason}\r\n").as_bytes()).await?;
                stream.write_all(&lines).await?;
                stream.write_all(b"connection: close\r\n\r\n").await?;
                if method == b"HEAD" {
                    break;
                }
            }
            Piece::Body(bytes) => stream.write_all(&bytes).await?,
            Piece::End => break,
        }
    }
    stream.shutdown().await
}

/// The words of the parameter `scope`.
const SCOPES: [&str; 6] = ["global", "frontend", "listener", "backend", "server", "sticktable"];

/// Clients of a door at a time.
const MOST_CLIENTS: usize = 16;

/// How long a client of a door may take for everything.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a door rests when the system gives it no connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Bytes of a request's head at a door.
const LONGEST_HEAD: usize = 8 << 10;

const BAD: &[u8] = b"HTTP/1.1 400 Bad request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_is_wanted() {
        assert_eq!(Choice::parse(b""), Some(Choice::default()));
        let scopes = |query: &[u8]| Choice::parse(query).map(|choice| choice.scopes.join("+"));
        assert_eq!(scopes(b"scope=global&scope=server").as_deref(), Some("global+server"));
        assert_eq!(scopes(b"scope=server&scope=*").as_deref(), Some(""));
        assert_eq!(scopes(b"scope=servers"), None);
        assert!(
            Choice::parse(b"scope=&no-maint")
                .is_some_and(|choice| !choice.covers("server") && choice.without_maintenance)
        );
    }
}
