//! A process that forwards traffic under HAProxy's name, from its start to its end.
//!
//! Owns the order of things at the start (text sockets as the user who starts it, then the user of the
//! configuration, then the data plane, then the word that it serves) and what each signal does: SIGUSR1 finishes,
//! SIGTERM and SIGINT stop, SIGHUP tells how things stand, SIGUSR2 (and SIGHUP) reads the files again under `-W`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use regate_dataplane::admin::{AdminEndpoint, EndpointAddress, Inside};
use regate_dataplane::boot::{Node, Options, StartError};
use regate_dataplane::priority;
use regate_proto::config::directives::arguments::{Arguments as Words, Polarity};
use regate_proto::config::directives::read_socket;
use regate_proto::config::environment::Environment;
use regate_proto::config::lexer;
use regate_proto::model::{Global, Level, Row, SocketFile, StatsSocket, Subject};
use regate_proto::problem::{Code, Problem};
use regate_proto::wire::v1;
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::arguments::Arguments;
use super::files::{self, Loaded};
use super::messages::Messages;
use super::{daemon, identity, notify, places, status, version};
use crate::client;
use crate::shim::master::Reloading;
use crate::shim::{self, Listening, Master, MasterSocket, ShimOptions};
use crate::source;

/// Forwards traffic until told to stop; the exit status.
pub fn run(arguments: &Arguments, loaded: Loaded, messages: &mut Messages) -> u8 {
    match start(arguments, loaded, messages) {
        Ok(started) => started.serve(arguments, messages),
        Err(Told) => 1,
    }
}

/// The reason was told.
struct Told;

/// A process that serves.
struct Started {
    runtime: Runtime,
    node: Arc<Node>,
    sockets: Option<Listening>,
    signals: Option<Signals>,
    global: Global,
    folder: Folder,
    /// The process's own data plane.
    target: client::Target,
    /// What the clients of `-S` talk to.
    master: Option<Arc<Master>>,
    orders: Option<mpsc::Receiver<Reloading>>,
}

/// The signals that mean something. Taken before anything listens: who sees a listener may send one.
struct Signals {
    finish: Handler,
    terminate: Handler,
    interrupt: Handler,
    hangup: Handler,
    quit: Handler,
    reload: Option<Handler>,
}

type Handler = tokio::signal::unix::Signal;

/// Why a process ends.
enum End {
    /// Everything was finished.
    Finished,
    /// A signal asked for it.
    Signal(i32),
}

fn start(arguments: &Arguments, loaded: Loaded, messages: &mut Messages) -> Result<Started, Told> {
    if daemon::is_child() {
        daemon::leave_session();
    }
    let global = files::global(&loaded.rows);
    if arguments.master_socket && !arguments.master {
        messages.warning("a master CLI socket was defined, but master-worker mode (-W) is not enabled.");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        messages.alert(&format!("[haproxy.main()] Cannot start a runtime: {error}"));
        Told
    })?;
    let signals = {
        let _inside = runtime.enter();
        Signals::take(arguments.master).map_err(|error| {
            messages.alert(&format!("[haproxy.main()] Cannot wait for signals: {error}"));
            Told
        })?
    };
    let folder = Folder::name();
    let inside: Arc<OnceLock<Inside>> = Arc::default();
    let socket = master_socket(arguments, messages)?;
    let (master, orders) = Master::new(version::VERSION);
    let master_socket = socket.map(|socket| MasterSocket { socket, master: master.clone() });
    let (master, orders) = master_socket.as_ref().map(|_| (master, orders)).unzip();
    let target = shim::Target::inside(folder.endpoint(), inside.clone());
    let sockets = open_sockets(&runtime, &global, &loaded, target, master_socket, messages)?;
    let pidfile = Pidfile::open(arguments, &global, messages)?;
    match identity::assume(&global) {
        Ok(outcome) => outcome.warnings.iter().for_each(|warning| messages.warning(warning)),
        Err(reason) => {
            messages.alert(&format!("[haproxy.main()] {reason}"));
            return Err(Told);
        }
    }
    folder.create().map_err(|error| {
        messages.alert(&format!("[haproxy.main()] Cannot create {}: {error}", folder.path.display()));
        Told
    })?;
    messages.follow();
    let node = start_node(&global, &loaded, &folder, messages)?;
    // What follows on this thread is the text socket and signals; workers have begun as urgent as they are.
    priority::yield_to_traffic();
    // Set once, here.
    let _ = inside.set(node.inside().clone());
    pidfile.write(messages)?;
    let target = client::Target { endpoint: Some(folder.endpoint()), ..client::Target::default() };
    Ok(Started {
        runtime,
        node: Arc::new(node),
        sockets,
        signals: Some(signals),
        global,
        folder,
        target,
        master,
        orders,
    })
}

/// The socket of `-S`: an address and parameters of `stats socket`, separated by commas.
fn master_socket(arguments: &Arguments, messages: &mut Messages) -> Result<Option<StatsSocket>, Told> {
    let Some(text) = arguments.master_address.as_ref().filter(|_| arguments.master) else {
        return Ok(None);
    };
    let line: Vec<lexer::Word> = (1..)
        .zip(std::iter::once("-S").chain(text.split(',')))
        .map(|(column, text)| lexer::Word { text: text.to_owned(), line: 1, column, length: 1 })
        .collect();
    let variable = |name: &str| std::env::var(name).ok();
    let no_file = |_: &Path| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    let environment = Environment::new(&variable, &no_file);
    match read_socket(&mut Words::new(&line, 1, Polarity::Plain, &environment)) {
        Ok(socket) => Ok(Some(StatsSocket { level: socket.level.or(Some(Level::Admin)), ..socket })),
        Err(issue) => {
            messages.alert(&format!("[haproxy.main()] -S {text}: {}", issue.message));
            Err(Told)
        }
    }
}

fn start_node(
    global: &Global,
    loaded: &Loaded,
    folder: &Folder,
    messages: &mut Messages,
) -> Result<Node, Told> {
    let address = EndpointAddress::Unix { path: folder.socket(), file: SocketFile::default() };
    let options = Options {
        name: global.node.clone().unwrap_or_default(),
        rows: Some(loaded.rows.clone()),
        admin: vec![AdminEndpoint { address, level: Level::Admin }],
        ..Options::default()
    };
    Node::start(options).map_err(|error| {
        tell_start_error(&error, loaded, messages);
        Told
    })
}

/// Each address that cannot be listened on and each name that leads nowhere in HAProxy's words, and what that means.
fn tell_start_error(error: &StartError, loaded: &Loaded, messages: &mut Messages) {
    let StartError::Refused(problems) = error else {
        messages.alert(&format!("[haproxy.main()] {error}"));
        return;
    };
    let (mut listeners, mut servers) = (false, false);
    for problem in problems {
        match binding(problem, loaded) {
            Some(text) => {
                listeners = true;
                messages.alert(&text);
            }
            None => match naming(problem, loaded) {
                Some(text) => {
                    servers = true;
                    messages.alert(&text);
                }
                None => messages.alert(&format!("config : {problem}")),
            },
        }
    }
    messages.alert(if listeners {
        "[haproxy.main()] Some protocols failed to start their listeners! Exiting."
    } else if servers {
        "config : Failed to initialize server(s) addr."
    } else {
        "config : Fatal errors found in configuration."
    });
}

/// A problem of a bind, with the line that asks for it.
fn binding(problem: &Problem, loaded: &Loaded) -> Option<String> {
    let Some(Subject::Bind(at)) = &problem.subject else { return None };
    let address = loaded.rows.iter().find_map(|row| match row {
        Row::Bind(bind) if bind.at == *at => Some(bind.address.to_string()),
        _ => None,
    })?;
    let place = places::bind(&loaded.sources, at.frontend.as_str(), &address).unwrap_or_default();
    Some(format!("Binding [{place}] for frontend {}: {}", at.frontend, problem.detail))
}

/// A problem of a server's host name, with the line that has it.
fn naming(problem: &Problem, loaded: &Loaded) -> Option<String> {
    let Some(Subject::Server(at)) = problem.subject.as_ref().filter(|_| problem.code == Code::Impossible)
    else {
        return None;
    };
    let place = places::server(&loaded.sources, at.backend.as_str(), at.server.as_str()).unwrap_or_default();
    Some(format!("config : [{place}] : 'server {at}' : {}", problem.detail))
}

/// The `stats socket` lines, opened while the process is still the user who started it.
fn open_sockets(
    runtime: &Runtime,
    global: &Global,
    loaded: &Loaded,
    target: shim::Target,
    master: Option<MasterSocket>,
    messages: &mut Messages,
) -> Result<Option<Listening>, Told> {
    if global.stats_sockets.is_empty() && master.is_none() {
        return Ok(None);
    }
    let mut options = ShimOptions::new(target, global.stats_sockets.clone());
    options.environment = Some(std::env::vars_os().collect());
    options.master = master;
    if let Some(timeout) = global.stats_timeout {
        options.timeout = timeout.duration();
    }
    if let Some(maxconn) = global.stats_maxconn {
        options.maxconn = usize::try_from(maxconn).unwrap_or(usize::MAX);
    }
    let _inside = runtime.enter();
    shim::listen(options).map(Some).map_err(|error| {
        let place = places::stats_socket(&loaded.sources, &error.socket).unwrap_or_default();
        let reason = files::reason(&error.reason);
        let path = error.socket.strip_prefix("unix@");
        messages.alert(&match path {
            Some(path) => {
                format!("Binding [{place}] for frontend GLOBAL: cannot bind UNIX socket ({reason}) [{path}]")
            }
            None => {
                format!(
                    "Binding [{place}] for frontend GLOBAL: cannot bind socket ({reason}) for [{}]",
                    error.socket
                )
            }
        });
        messages.alert("[haproxy.main()] Some protocols failed to start their listeners! Exiting.");
        Told
    })
}

/// `-p` and `pidfile`, which count in the background and under `-W` only. Opened while the process is still the user
/// who started it, and written when it serves, so that a failed start leaves the file of a running process alone.
struct Pidfile {
    file: Option<(PathBuf, fs::File)>,
}

impl Pidfile {
    fn open(arguments: &Arguments, global: &Global, messages: &mut Messages) -> Result<Pidfile, Told> {
        let wanted = arguments.pidfile.clone().or_else(|| global.pidfile.as_ref().map(PathBuf::from));
        let Some(path) = wanted.filter(|_| daemon::is_child() || arguments.master) else {
            return Ok(Pidfile { file: None });
        };
        match fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
            Ok(file) => Ok(Pidfile { file: Some((path, file)) }),
            Err(error) => {
                let reason = files::reason(&error);
                messages
                    .alert(&format!("[haproxy.main()] Cannot create pidfile {} : {reason}", path.display()));
                Err(Told)
            }
        }
    }

    fn write(mut self, messages: &mut Messages) -> Result<(), Told> {
        let Some((path, mut file)) = self.file.take() else { return Ok(()) };
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(|error| {
            let reason = files::reason(&error);
            messages.alert(&format!("[haproxy.main()] Cannot write pidfile {} : {reason}", path.display()));
            Told
        })
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        // Not written: what this process has created goes.
        if let Some((path, file)) = &self.file
            && file.metadata().is_ok_and(|data| data.len() == 0)
        {
            let _ = fs::remove_file(path);
        }
    }
}

impl Signals {
    fn take(master: bool) -> std::io::Result<Signals> {
        Ok(Signals {
            finish: signal(SignalKind::user_defined1())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            reload: if master { Some(signal(SignalKind::user_defined2())?) } else { None },
        })
    }
}

impl Started {
    fn serve(mut self, arguments: &Arguments, messages: &mut Messages) -> u8 {
        let sockets = self.sockets.take();
        let Some(signals) = self.signals.take() else { return 1 };
        let orders = self.orders.take();
        let end = self.runtime.block_on(async {
            let (stop, stopped) = oneshot::channel::<()>();
            let sockets = tokio::spawn(async move {
                if let Some(sockets) = sockets {
                    sockets
                        .serve(async {
                            let _ = stopped.await;
                        })
                        .await;
                }
            });
            let end = self.follow(signals, orders, arguments, messages).await;
            let _ = stop.send(());
            let _ = tokio::time::timeout(PATIENCE, sockets).await;
            end
        });
        drop(self.folder);
        match end {
            End::Finished => 0,
            // A master ends with 0 when it was told to end, whatever its workers ended with.
            End::Signal(number) if arguments.master => {
                if number == Signal::TERM.as_raw() {
                    0
                } else {
                    128u8.saturating_add(number.unsigned_abs() as u8)
                }
            }
            End::Signal(number) => {
                // The process ends by the signal, as one without a handler does.
                let _ = signal_hook::low_level::emulate_default_handler(number);
                128u8.saturating_add(number.unsigned_abs() as u8)
            }
        }
    }

    /// Tells that it serves, then does what signals ask for until the data plane has ended.
    async fn follow(
        &self,
        mut signals: Signals,
        mut orders: Option<mpsc::Receiver<Reloading>>,
        arguments: &Arguments,
        messages: &mut Messages,
    ) -> End {
        let mut ended = self.ended();
        announce(arguments, messages);
        if let Some(master) = &self.master {
            master.note_start(messages.take_told());
        }
        loop {
            tokio::select! {
                _ = signals.finish.recv() => {
                    self.farewell(messages).await;
                    self.node.soft_stop();
                }
                _ = signals.terminate.recv() => {
                    self.stop(&mut ended).await;
                    return End::Signal(Signal::TERM.as_raw());
                }
                _ = signals.interrupt.recv() => {
                    self.stop(&mut ended).await;
                    return End::Signal(Signal::INT.as_raw());
                }
                _ = signals.hangup.recv() => match arguments.master {
                    true => self.reload(arguments, messages).await,
                    false => self.dump(messages).await,
                },
                () = next(&mut signals.reload) => self.reload(arguments, messages).await,
                done = next_order(&mut orders) => {
                    self.reload(arguments, messages).await;
                    // Who asked may have gone.
                    let _ = done.send(());
                }
                _ = signals.quit.recv() => self.tell_memory(messages).await,
                _ = &mut ended => return End::Finished,
            }
        }
    }

    /// Done when the data plane has ended by itself.
    fn ended(&self) -> oneshot::Receiver<()> {
        let (done, ended) = oneshot::channel();
        let node = Arc::clone(&self.node);
        std::thread::spawn(move || {
            node.wait();
            // Nobody may be waiting any more.
            let _ = done.send(());
        });
        ended
    }

    async fn stop(&self, ended: &mut oneshot::Receiver<()>) {
        self.node.hard_stop();
        let _ = tokio::time::timeout(PATIENCE, ended).await;
    }

    async fn statistics(&self) -> Vec<v1::StatisticsRow> {
        let Ok(mut client) = self.target.connect().await else { return Vec::new() };
        let question = v1::query::Question::Statistics(v1::StatisticsQuery::default());
        let answers = client.ask(question).await.unwrap_or_default();
        answers.into_iter().flat_map(|answer| answer.statistics).collect()
    }

    async fn farewell(&self, messages: &mut Messages) {
        for line in status::farewell(&self.statistics().await) {
            messages.event(&line);
        }
    }

    async fn dump(&self, messages: &mut Messages) {
        for line in status::dump(&self.statistics().await) {
            messages.event(&line);
        }
    }

    async fn tell_memory(&self, messages: &mut Messages) {
        let Ok(mut client) = self.target.connect().await else { return };
        let answers = client.ask(v1::query::Question::Info(v1::InfoQuery {})).await.unwrap_or_default();
        for info in answers.into_iter().filter_map(|answer| answer.info) {
            messages.event(&format!(
                "SIGQUIT: buffers: {} bytes allocated, {} used.",
                info.buffers_allocated_bytes, info.buffers_used_bytes
            ));
        }
    }

    /// Reads the files again and applies them in one step; what was in force stays when they cannot be used.
    async fn reload(&self, arguments: &Arguments, messages: &mut Messages) {
        let _ = messages.take_told();
        messages.notice("Reloading HAProxy");
        let _ = notify::tell("RELOADING=1\n");
        let success = self.apply_files(arguments, messages).await;
        match success {
            true => messages.notice("Loading success."),
            false => messages.event("Loading failure!"),
        }
        let told = messages.take_told();
        if let Some(master) = &self.master {
            master.note_reload(success, told);
        }
        let _ = notify::tell("READY=1\nSTATUS=Ready.\n");
    }

    async fn apply_files(&self, arguments: &Arguments, messages: &mut Messages) -> bool {
        let Ok(loaded) = files::load(arguments, messages) else { return false };
        if files::tell_remarks(&loaded, arguments, messages).is_err() {
            return false;
        }
        let global = files::global(&loaded.rows);
        if global.stats_sockets != self.global.stats_sockets || global.nbthread != self.global.nbthread {
            messages
                .event("'stats socket' and 'nbthread' stay as they were until the process is started again.");
        }
        let outcome = match self.target.connect().await {
            Ok(mut client) => client.commit(&source::puts(&loaded.rows), true, false).await,
            Err(failure) => Err(failure),
        };
        let refusal = match outcome.map(|reply| reply.result) {
            Ok(Some(v1::commit_reply::Result::Applied(_))) => return true,
            Ok(Some(v1::commit_reply::Result::Refused(refused))) => {
                crate::failure::Failure::told(refused).to_string()
            }
            Ok(None) => "the data plane gave no reply".to_owned(),
            Err(failure) => failure.to_string(),
        };
        refusal.lines().for_each(|line| messages.alert(&format!("config : {line}")));
        false
    }
}

/// Tells everybody who waits for it that this process serves: old processes, systemd, the caller of the daemon.
fn announce(arguments: &Arguments, messages: &mut Messages) {
    for (pids, signal) in [(&arguments.finish, Signal::USR1), (&arguments.terminate, Signal::TERM)] {
        for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
            // One that is gone needs no telling.
            let _ = kill_process(pid, signal);
        }
    }
    if arguments.master {
        messages.notice("Loading success.");
    }
    if arguments.notify
        && let Err(error) = notify::tell(&format!("READY=1\nMAINPID={}\nSTATUS=Ready.\n", std::process::id()))
    {
        messages.event(&format!("systemd cannot be told: {error}"));
    }
    if daemon::is_child()
        && let Err(error) = daemon::tell_ready()
    {
        messages.event(&format!("the caller cannot be told: {error}"));
    }
}

async fn next(signal: &mut Option<Handler>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The next order of a master's client.
async fn next_order(orders: &mut Option<mpsc::Receiver<Reloading>>) -> Reloading {
    match orders {
        Some(orders) => match orders.recv().await {
            Some(done) => done,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

/// A folder for the socket between the parts of this process, which nobody else may enter. Removed when dropped.
struct Folder {
    path: PathBuf,
}

impl Folder {
    /// A name that no other process uses; nothing is created yet.
    fn name() -> Folder {
        let parent = [Path::new("/run/regate")].into_iter().find(|path| path.is_dir()).map(Path::to_path_buf);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let name = format!("regate-{}-{:x}", std::process::id(), now.subsec_nanos());
        Folder { path: parent.unwrap_or_else(std::env::temp_dir).join(name) }
    }

    fn create(&self) -> std::io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(&self.path)
    }

    fn socket(&self) -> PathBuf {
        self.path.join("admin.sock")
    }

    fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It may not have been created.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// How long the end may take once everything was told to stop.
const PATIENCE: Duration = Duration::from_secs(5);
