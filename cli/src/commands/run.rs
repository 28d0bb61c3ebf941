//! `regate run`: everything in one process, on embedded defaults, in a folder of its own.
//!
//! Owns the order of things: data plane, controller with that data plane as its only node, demo web servers, text
//! socket, and then the words about what listens where. What was changed in an earlier run is kept by the
//! controller's store, and the demo servers listen again where that configuration expects them.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use regate_controlplane::admin as controller_admin;
use regate_controlplane::boot::{self as controller_boot, Controller};
use regate_controlplane::fleet::dial::NodeEndpoint;
use regate_dataplane::admin::{AdminEndpoint, EndpointAddress};
use regate_dataplane::boot::{Node, Options};
use regate_dataplane::priority;
use regate_proto::change::{Change, Layer, Setting};
use regate_proto::config::{self, SourceFile};
use regate_proto::model::{
    BindAddress, Level, Name, Row, ServerAddress, ServerHost, ServerPort, ServerRef, SocketFile, StatsSocket,
    Subject,
};
use regate_proto::problem::Problem;
use regate_proto::wire::{self, v1};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::client::{Client, Target};
use crate::demo::Demo;
use crate::failure::Failure;
use crate::shim::{self, ShimOptions};
use crate::{source, terminal};

/// Arguments of `regate run`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The folder that keeps the controller's store, the node's state and the sockets
    #[arg(long, value_name = "FOLDER", default_value = DATA)]
    data: PathBuf,
    /// The port of the demo's frontend; another one is taken when it is not free. Counts at the first start only
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Serves metrics for Prometheus at this address and port
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Applies this configuration (YAML or haproxy.cfg) at the start, in place of the demo
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Where the parts of one process meet.
struct Places {
    data: PathBuf,
    admin: PathBuf,
    controller: PathBuf,
    socket: PathBuf,
    example: PathBuf,
}

/// What is said at the start.
#[derive(Debug, Default)]
struct Welcome {
    /// Sentences about what is otherwise than expected.
    remarks: Vec<String>,
    /// Demo servers with their addresses.
    servers: Vec<(String, SocketAddr)>,
}

/// Runs until a signal ends it.
pub fn execute(arguments: Arguments) -> Result<u8, Failure> {
    tell_warnings();
    let places = Places::create(&arguments.data)?;
    let given = if arguments.files.is_empty() { None } else { Some(source::load(&arguments.files)?) };
    let node = Node::start(Options {
        name: NODE.to_owned(),
        state_dir: Some(places.data.join("node")),
        admin: vec![AdminEndpoint {
            address: EndpointAddress::Unix { path: places.admin.clone(), file: SocketFile::default() },
            level: Level::Admin,
        }],
        metrics: arguments.metrics,
        ..Options::default()
    })
    .map_err(|error| Failure::refused(format!("the data plane does not start: {error}")))?;
    let controller = Controller::start(controller_boot::Options {
        name: "controller".to_owned(),
        store_dir: places.data.join("controller"),
        restore: false,
        admin: vec![controller_admin::AdminEndpoint {
            address: controller_admin::EndpointAddress::Unix {
                path: places.controller.clone(),
                file: SocketFile::default(),
            },
            level: Level::Admin,
        }],
        nodes: vec![(NODE.to_owned(), NodeEndpoint::Unix(places.admin.clone()))],
        advertise: None,
        allow_local: false,
    })
    .map_err(|error| Failure::refused(format!("the controller does not start: {error}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("shim")
        .on_thread_start(priority::yield_to_traffic)
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(format!("cannot start a runtime: {error}")))?;
    let outcome = runtime.block_on(serve(&arguments, &places, given, &node));
    drop(runtime);
    if outcome.is_err() {
        node.hard_stop();
    }
    node.wait();
    controller.stop();
    let ended = controller.wait();
    outcome?;
    ended.map_err(Failure::refused)?;
    Ok(0)
}

/// Everything that runs beside the two planes, until a signal comes and the data plane was told to stop.
async fn serve(
    arguments: &Arguments,
    places: &Places,
    given: Option<Vec<Row>>,
    node: &Node,
) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::refused(format!("cannot wait for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut finish = signal(SignalKind::user_defined1()).map_err(cannot)?;
    let target = Target { endpoint: Some(endpoint(&places.controller)), ..Target::default() };
    let mut client = target.connect().await?;
    let mut welcome = Welcome::default();
    match given {
        Some(rows) => {
            commit(&mut client, &rows).await?;
        }
        None => demo(arguments, &mut client, &mut welcome).await?,
    }
    let revision = settle(&mut client, &mut welcome).await?;
    let listening = open_socket(places)?;
    write_example(places, &mut client, &mut welcome).await?;
    let rows = super::diff::rows(&mut client, false).await?;
    terminal::print(&greet(places, &welcome, &rows, revision));
    listening
        .serve(async {
            tokio::select! {
                _ = interrupt.recv() => node.hard_stop(),
                _ = terminate.recv() => node.hard_stop(),
                _ = finish.recv() => node.soft_stop(),
            }
        })
        .await;
    Ok(())
}

/// Starts the demo servers where the configuration expects them, and at the first start writes that configuration.
async fn demo(arguments: &Arguments, client: &mut Client, welcome: &mut Welcome) -> Result<(), Failure> {
    let rows = super::diff::rows(client, false).await?;
    let first = rows.is_empty();
    let mut moved = Vec::new();
    for (at, name) in DEMO_SERVERS.iter().enumerate() {
        let found = demo_server(&rows, name);
        if !first && found.is_none() {
            // It was taken out of the configuration.
            continue;
        }
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, DEMO_PORT.saturating_add(at as u16)));
        let wanted = found.unwrap_or(usual);
        let server = Demo::bind(name, wanted).await.map_err(|error| {
            Failure::refused(format!("the demo web server {name} cannot listen: {error}"))
        })?;
        let address = server
            .address()
            .map_err(|error| Failure::refused(format!("the demo web server {name}: {error}")))?;
        tokio::spawn(server.serve());
        if !first && address != wanted {
            welcome
                .remarks
                .push(format!("{wanted} is taken, so the demo web server {name} listens on {address}."));
            moved.push(Change::Set(Layer::Spec, demo_subject(name)?, Setting::Port(address.port())));
        }
        welcome.servers.push(((*name).to_owned(), address));
    }
    if first {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
        let frontend = free(wanted)?;
        if frontend != wanted {
            welcome.remarks.push(format!("{wanted} is taken, so the frontend listens on {frontend}."));
        }
        commit(client, &demo_rows(frontend, &welcome.servers)?).await?;
    } else if !moved.is_empty() {
        client.apply(wire::wire_changes(&moved)).await?;
    }
    Ok(())
}

async fn commit(client: &mut Client, rows: &[Row]) -> Result<(), Failure> {
    let reply = client.commit(&source::puts(rows), true, false).await?;
    match reply.result {
        Some(v1::commit_reply::Result::Refused(refused)) => Err(Failure::told(refused)),
        _ => Ok(()),
    }
}

/// Waits until the data plane has what the controller has, and gives the revision; a refusal is a remark.
async fn settle(client: &mut Client, welcome: &mut Welcome) -> Result<u64, Failure> {
    let began = Instant::now();
    loop {
        let mut nodes = client.controller.nodes(v1::NodesRequest {}).await?.into_inner();
        let mut status = v1::NodeStatus::Unreachable;
        let mut revision = 0;
        let mut problems = Vec::new();
        while let Some(node) = nodes.message().await? {
            (status, revision) = (node.status(), node.revision);
            problems = node.refused.map(Vec::<Problem>::from).unwrap_or_default();
        }
        match status {
            v1::NodeStatus::Current => return Ok(revision),
            v1::NodeStatus::Refused => {
                for problem in &problems {
                    welcome.remarks.push(format!("The data plane refuses the configuration: {problem}."));
                }
                return Ok(revision);
            }
            _ if began.elapsed() > PATIENCE => {
                return Err(Failure::unreachable(
                    "the data plane did not take the configuration within 30 seconds",
                ));
            }
            _ => tokio::time::sleep(LOOK).await,
        }
    }
}

fn open_socket(places: &Places) -> Result<shim::Listening, Failure> {
    let whom = shim::Target::unix(&places.controller)
        .map_err(|error| Failure::refused(format!("{}: {error}", places.controller.display())))?;
    let socket = StatsSocket {
        address: BindAddress::Unix(places.socket.display().to_string()),
        level: Some(Level::Admin),
        severity: None,
        volatile: false,
        file: SocketFile { mode: Some(0o600), ..SocketFile::default() },
    };
    let options = ShimOptions::new(whom, vec![socket]);
    shim::listen(options).map_err(|error| Failure::refused(error.to_string()))
}

/// Writes what is declared plus one more frontend to a file, to be applied by who tries things out.
async fn write_example(places: &Places, client: &mut Client, welcome: &mut Welcome) -> Result<(), Failure> {
    let rows = super::diff::rows(client, true).await?;
    let more = |row: &Row| row.subject().to_string() == format!("frontend {EXAMPLE}");
    let has_app = rows.iter().any(|row| row.subject().to_string() == "backend app");
    if welcome.servers.is_empty() || !has_app || (rows.iter().any(more) && places.example.exists()) {
        return Ok(());
    }
    let address = free(SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)))?;
    let declared = super::convert::write(&rows, super::convert::Form::Haproxy)?;
    let text = format!(
        "{declared}\nfrontend {EXAMPLE}\n    mode http\n    bind {address}\n    timeout client 30s\n    default_backend app\n"
    );
    let source = SourceFile::new("more.cfg", text);
    let loaded = source::read(std::slice::from_ref(&source))
        .map_err(|found| Failure::refused(crate::report::render(&[source], &found, false)))?;
    let text = super::convert::write(&loaded.rows, super::convert::Form::Yaml)?;
    std::fs::write(
        &places.example,
        format!("# What was declared when this was written, and a frontend '{EXAMPLE}'.\n{text}"),
    )
    .map_err(|error| Failure::refused(format!("cannot write {}: {error}", places.example.display())))
}

/// What listens where, and what to try.
fn greet(places: &Places, welcome: &Welcome, rows: &[Row], revision: u64) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "regate".to_owned());
    let shown = |path: &Path| {
        let relative = path.strip_prefix(std::env::current_dir().unwrap_or_default());
        relative.map_or_else(|_| path.display().to_string(), |path| format!("./{}", path.display()))
    };
    let endpoint = if shown(&places.data) == DATA {
        String::new()
    } else {
        format!(" --endpoint {}", endpoint(&places.controller))
    };
    let binds: Vec<(String, String)> = rows
        .iter()
        .filter_map(|row| match row {
            Row::Bind(bind) => Some((bind.at.frontend.to_string(), bind.address.to_string())),
            _ => None,
        })
        .collect();
    let mut text = String::from("Regate runs.\n");
    for remark in &welcome.remarks {
        let _ = writeln!(text, "Note: {remark}");
    }
    text.push('\n');
    for (frontend, address) in &binds {
        let _ = writeln!(text, "  frontend {frontend:<15} {address}");
    }
    for (name, address) in &welcome.servers {
        let _ = writeln!(text, "  demo web server {name:<8} {address}");
    }
    let _ = writeln!(text, "  text socket              {}", shown(&places.socket));
    let _ = writeln!(text, "  controller               {}", shown(&places.controller));
    let _ = writeln!(text, "  data plane               {}", shown(&places.admin));
    let _ = writeln!(text, "  kept in                  {}\n", shown(&places.data));
    let url = binds.first().map(|(_, address)| format!("http://{address}/"));
    let Some(url) = url.filter(|_| !welcome.servers.is_empty()) else { return text };
    let more = std::fs::read_to_string(&places.example).ok().and_then(|text| example_address(&text));
    let _ = writeln!(text, "Five things to try in another terminal, in this folder:\n");
    let _ = writeln!(text, "1. The servers take turns:\n   for i in 1 2 3 4 5 6; do curl -s {url}; done");
    let _ = writeln!(
        text,
        "2. Give one more of them, through HAProxy's text socket, and look again:\n   echo \"set server app/s1 weight 5\" | socat stdio {}",
        shown(&places.socket)
    );
    let _ = writeln!(
        text,
        "3. See what is in force, and what was changed by hand:\n   {program}{endpoint} get servers\n   {program}{endpoint} diff --overlay"
    );
    if let Some(more) = more {
        let _ = writeln!(
            text,
            "4. Open another port, from a file; what was changed by hand stays:\n   {program}{endpoint} apply -f {}\n   curl -s http://{more}/",
            shown(&places.example)
        );
    }
    let _ = writeln!(
        text,
        "5. Go back to where it is now:\n   {program}{endpoint} history\n   {program}{endpoint} rollback {revision}\n"
    );
    text.push_str("Ctrl-C ends it; a second start goes on from what was changed.\n");
    text
}

/// Where the example's frontend listens.
fn example_address(text: &str) -> Option<SocketAddr> {
    let source = SourceFile::new("more.yaml", text);
    let loaded = source::read(&[source]).ok()?;
    loaded.rows.iter().find_map(|row| match row {
        Row::Bind(bind) if bind.at.frontend.as_str() == EXAMPLE => bind.address.to_string().parse().ok(),
        _ => None,
    })
}

/// The demo's configuration.
fn demo_rows(frontend: SocketAddr, servers: &[(String, SocketAddr)]) -> Result<Vec<Row>, Failure> {
    let mut text = format!(
        "defaults:\n  mode: http\n  timeout: {{ client: 30s, connect: 5s, server: 30s }}\n\
         frontends:\n- name: www\n  binds: ['{frontend}']\n  default_backend: app\n\
         backends:\n- name: app\n  balance: roundrobin\n  servers:\n"
    );
    for (name, address) in servers {
        let _ = writeln!(text, "  - {{ name: {name}, address: '{address}' }}");
    }
    let source = SourceFile::new("demo.yaml", text);
    let environment = config::Environment::new(&|_| None, &|_| Err(std::io::ErrorKind::NotFound.into()));
    config::read_yaml(&source, &environment).map(|loaded| loaded.rows).map_err(|found| {
        Failure::refused(crate::report::render(std::slice::from_ref(&source), &found, false))
    })
}

/// Where the configuration expects a demo server, when that is a loopback address.
fn demo_server(rows: &[Row], name: &str) -> Option<SocketAddr> {
    rows.iter().find_map(|row| match row {
        Row::Server(server) if server.at.backend.as_str() == "app" && server.at.server.as_str() == name => {
            match &server.address {
                ServerAddress::Inet { host: ServerHost::Ip(ip), port: ServerPort::Fixed(port) }
                    if ip.is_loopback() =>
                {
                    Some(SocketAddr::new(*ip, *port))
                }
                _ => None,
            }
        }
        _ => None,
    })
}

fn demo_subject(name: &str) -> Result<Subject, Failure> {
    let checked = |text: &str| Name::new(text).map_err(|error| Failure::refused(error.to_string()));
    Ok(Subject::Server(ServerRef { backend: checked("app")?, server: checked(name)? }))
}

/// The address when its port is free, or else the same address with a port that is.
fn free(wanted: SocketAddr) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind(wanted).or_else(|_| TcpListener::bind((wanted.ip(), 0)));
    listener
        .and_then(|listener| listener.local_addr())
        .map_err(|error| Failure::refused(format!("no port of {} is free: {error}", wanted.ip())))
}

fn endpoint(path: &Path) -> String {
    format!("unix://{}", path.display())
}

/// Warnings of the planes go to standard error; `RUST_LOG` asks for more.
fn tell_warnings() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    // A second call in one process keeps the first.
    let shown = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = shown.finish().with(regate_dataplane::notes::Notes).try_init();
}

impl Places {
    fn create(data: &Path) -> Result<Places, Failure> {
        let cannot = |error: std::io::Error| {
            Failure::refused(format!("cannot use the folder {}: {error}", data.display()))
        };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(cannot)?;
        let data = std::fs::canonicalize(data).map_err(cannot)?;
        let places = Places {
            admin: data.join("admin.sock"),
            controller: data.join("controller.sock"),
            socket: data.join("haproxy.sock"),
            example: data.join("more.yaml"),
            data,
        };
        match std::os::unix::net::UnixStream::connect(&places.controller) {
            Ok(_) => Err(Failure::refused(format!(
                "another 'regate run' uses the folder {}: end it, or choose another folder with --data",
                places.data.display()
            ))),
            Err(_) => Ok(places),
        }
    }
}

/// The folder without `--data`.
const DATA: &str = "./regate-data";
/// The name of the one data plane.
const NODE: &str = "node";
/// The demo web servers of the backend `app`.
const DEMO_SERVERS: [&str; 2] = ["s1", "s2"];
/// The port of the first one, when it is free.
const DEMO_PORT: u16 = 9101;
/// The frontend that the example file adds.
const EXAMPLE: &str = "more";
/// How long the data plane may take to accept the first configuration.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);
