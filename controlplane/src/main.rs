//! `regate-controlplane`: the controller as a program of its own.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use regate_controlplane::admin::{AdminEndpoint, TlsFiles};
use regate_controlplane::boot::{Controller, Options};
use regate_controlplane::fleet::dial::NodeEndpoint;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps what every data plane of a fleet is to be, in numbered revisions, and brings them there.
#[derive(Parser, Debug)]
#[command(name = "regate-controlplane", version)]
struct Arguments {
    /// Folder that the desired state is kept in; created when it is missing.
    #[arg(long, value_name = "FOLDER", env = "REGATE_STORE")]
    store: PathBuf,

    /// Where the admin services listen; may be given several times: unix:///PATH?mode=0660&user=U&group=G,
    /// https://ADDRESS:PORT, or http://LOOPBACK:PORT with --insecure; each with level=user|operator|admin.
    #[arg(long, value_name = "ENDPOINT", required = true)]
    listen: Vec<String>,

    /// A node: its name and where its admin services listen (unix:///PATH, https://HOST:PORT); may be given several
    /// times.
    #[arg(long, value_name = "NAME=ENDPOINT")]
    node: Vec<String>,

    /// Name of this controller, as nodes learn it.
    #[arg(long, value_name = "NAME", default_value = "controller")]
    name: String,

    /// Where nodes reach this controller. Default: the first place that it listens at.
    #[arg(long, value_name = "ENDPOINT")]
    advertise: Option<String>,

    /// Lets nodes change themselves while the controller cannot be reached; that is undone when it can be again.
    #[arg(long)]
    allow_local: bool,

    /// Own certificate with its chain, in PEM; read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key", requires = "tls_ca")]
    tls_certificate: Option<PathBuf>,

    /// Private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,

    /// Certificates of the authorities that the other side's certificates come from, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_ca: Option<PathBuf>,

    /// Permits TCP without TLS, on loopback only.
    #[arg(long)]
    insecure: bool,

    /// Builds a damaged store anew from its newest checkpoint and journal; the damaged one is moved aside.
    #[arg(long)]
    restore: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sled=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let options = options(arguments)?;
    // Signals are taken before anything listens, so that none ends the process in an unclean way.
    let signals = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("starting: {error}"))?;
    let (mut terminate, mut interrupt) = {
        let _inside = signals.enter();
        let listen = |kind| {
            tokio::signal::unix::signal(kind).map_err(|error| format!("listening for signals: {error}"))
        };
        let kinds =
            (tokio::signal::unix::SignalKind::terminate(), tokio::signal::unix::SignalKind::interrupt());
        (listen(kinds.0)?, listen(kinds.1)?)
    };
    let controller = Controller::start(options).map_err(|error| error.to_string())?;
    for endpoint in controller.admin() {
        tracing::info!("listening at {endpoint}");
    }
    let stopper = controller.stopper();
    signals.block_on(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stopper.cancelled() => {}
        }
    });
    controller.stop();
    controller.wait()
}

fn options(arguments: Arguments) -> Result<Options, String> {
    let tls = match (arguments.tls_certificate, arguments.tls_key, arguments.tls_ca) {
        (Some(certificate), Some(key), Some(authorities)) => Some(TlsFiles { certificate, key, authorities }),
        _ => None,
    };
    let listen = |text: &String| AdminEndpoint::parse(text, tls.as_ref(), arguments.insecure);
    let node = |text: &String| {
        let (name, endpoint) =
            text.split_once('=').ok_or_else(|| format!("--node {text}: NAME=ENDPOINT is expected"))?;
        if name.is_empty() {
            return Err(format!("--node {text}: NAME=ENDPOINT is expected, the name is empty"));
        }
        Ok((name.to_owned(), NodeEndpoint::parse(endpoint, tls.as_ref(), arguments.insecure)?))
    };
    let nodes = arguments.node.iter().map(node).collect::<Result<Vec<_>, String>>()?;
    let names: std::collections::BTreeSet<&String> = nodes.iter().map(|(name, _)| name).collect();
    if names.len() < nodes.len() {
        return Err("--node: two nodes have the same name".to_owned());
    }
    Ok(Options {
        admin: arguments.listen.iter().map(listen).collect::<Result<_, _>>()?,
        nodes,
        name: arguments.name,
        store_dir: arguments.store,
        restore: arguments.restore,
        advertise: arguments.advertise,
        allow_local: arguments.allow_local,
    })
}
