//! `regate-dataplane`: a node on its own.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use regate_dataplane::admin::{AdminEndpoint, TlsFiles};
use regate_dataplane::boot::{Node, Options};
use regate_proto::config::{self, Environment, SourceFile};
use regate_proto::model::Row;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Forwards HTTP and TCP traffic, and is changed while it runs through gRPC.
///
/// SIGUSR1 stops once what is in flight is done; SIGTERM and SIGINT stop at once.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The node's name [default: the host's name].
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// Folder that keeps the last good state; without it nothing is kept.
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
    /// Configuration that becomes the spec, YAML or haproxy.cfg; several of the latter are read as one. What was
    /// changed by hand stays. Without it the node starts from its folder, or empty.
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// Where the admin services listen: `unix:///PATH?mode=0660&level=admin`, `https://ADDRESS:PORT`, or with
    /// `--insecure` `http://LOOPBACK:PORT`. Options: level (user, operator, admin), and for unix sockets mode, user,
    /// group.
    #[arg(long, value_name = "ENDPOINT")]
    admin: Vec<String>,
    /// Own certificate with its chain, for `https://` endpoints and the controller.
    #[arg(long, value_name = "PEM", requires = "admin_tls_key")]
    admin_tls_certificate: Option<PathBuf>,
    /// Private key of the certificate.
    #[arg(long, value_name = "PEM", requires = "admin_tls_authorities")]
    admin_tls_key: Option<PathBuf>,
    /// Authorities whose certificates are accepted from the other side.
    #[arg(long, value_name = "PEM", requires = "admin_tls_certificate")]
    admin_tls_authorities: Option<PathBuf>,
    /// Permits admin endpoints without TLS, on loopback.
    #[arg(long)]
    insecure: bool,
    /// Number of workers [default: global nbthread, or else the cores available].
    #[arg(long, value_name = "NUMBER")]
    workers: Option<usize>,
    /// Serves metrics for Prometheus at this address and port, whatever the configuration says.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Goes on from the last revision that can be read when the state on disk is damaged.
    #[arg(long)]
    recover: bool,
    /// Forgets the controller that managed the node last.
    #[arg(long)]
    release: bool,
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("REGATE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .finish()
        .with(regate_dataplane::notes::Notes)
        .init();
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            tracing::error!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let files =
        match (arguments.admin_tls_certificate, arguments.admin_tls_key, arguments.admin_tls_authorities) {
            (Some(certificate), Some(key), Some(authorities)) => {
                Some(TlsFiles { certificate, key, authorities })
            }
            _ => None,
        };
    let parse = |text: &String| AdminEndpoint::parse(text, files.as_ref(), arguments.insecure);
    let options = Options {
        name: arguments.name,
        state_dir: arguments.state_dir,
        rows: read(&arguments.config)?,
        admin: arguments.admin.iter().map(parse).collect::<Result<_, _>>()?,
        metrics: arguments.metrics,
        workers: arguments.workers,
        recover: arguments.recover,
        release: arguments.release,
    };
    if options.admin.is_empty() && options.rows.is_none() && options.state_dir.is_none() {
        return Err(
            "there is nothing to serve and no way to change that: --admin or --config is expected".to_owned()
        );
    }
    // Signals are taken before anything is open, so that none is lost.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let entered = runtime.enter();
    let take = |kind| signal(kind).map_err(|error| format!("signals cannot be taken: {error}"));
    let mut soft = take(SignalKind::user_defined1())?;
    let (mut term, mut int) = (take(SignalKind::terminate())?, take(SignalKind::interrupt())?);
    drop(entered);
    let node = Arc::new(Node::start(options).map_err(|error| error.to_string())?);
    for endpoint in node.admin() {
        tracing::info!("admin services at {endpoint}");
    }
    if let Some(address) = node.metrics() {
        tracing::info!("metrics at http://{address}/metrics");
    }
    let stopped = node.clone();
    runtime.spawn(async move {
        loop {
            tokio::select! {
                _ = soft.recv() => stopped.soft_stop(),
                _ = term.recv() => stopped.hard_stop(),
                _ = int.recv() => stopped.hard_stop(),
            }
        }
    });
    let ending = node.wait();
    tracing::info!("ended: {ending:?}");
    Ok(())
}

/// The rows of configuration files; every error at once.
fn read(files: &[PathBuf]) -> Result<Option<Vec<Row>>, String> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut sources = Vec::new();
    for path in files {
        let length = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
        if length > LONGEST_FILE {
            return Err(format!(
                "{}: {length} bytes are too many: at most {LONGEST_FILE} are read",
                path.display()
            ));
        }
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let source = SourceFile::from_bytes(&path.display().to_string(), bytes);
        sources.push(source.map_err(|diagnostic| diagnostic.to_string())?);
    }
    let variable = |name: &str| std::env::var(name).ok();
    let file = |path: &Path| std::fs::read(path);
    match config::read(&sources, &Environment::new(&variable, &file)) {
        Ok(loaded) => {
            loaded.remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
            Ok(Some(loaded.rows))
        }
        Err(diagnostics) => {
            let lines: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
            Err(lines.join("\n"))
        }
    }
}

/// Bytes of the largest configuration file that is read.
const LONGEST_FILE: u64 = 64 << 20;
