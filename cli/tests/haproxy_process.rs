//! A process under HAProxy's name, from start to end: signals, exit statuses, the background, pid files, taking over
//! from an old process, a port that is taken. What HAProxy does is asked of HAProxy itself in the same test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("regate-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Which program runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Theirs,
    Ours,
}

impl Kind {
    const BOTH: [Kind; 2] = [Kind::Theirs, Kind::Ours];

    fn command(self, folder: &Folder, line: &str) -> Command {
        let program = match self {
            Kind::Theirs => std::env::var_os("REGATE_ORACLE").unwrap_or_else(|| "/usr/sbin/haproxy".into()),
            Kind::Ours => env!("CARGO_BIN_EXE_regate").into(),
        };
        let mut command = Command::new(program);
        command.arg0("haproxy").args(line.split_whitespace()).current_dir(&folder.0);
        command
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(self, folder: &Folder, line: &str) -> Running {
        Running(Some(self.command(folder, line).spawn().unwrap()), format!("{self:?} {line}"))
    }
}

/// A process that is killed when the test is done with it.
struct Running(Option<Child>, String);

impl Running {
    fn signal(&self, signal: Signal) {
        let id = self.0.as_ref().unwrap().id();
        send(i32::try_from(id).unwrap(), signal);
    }

    fn end(mut self) -> (ExitStatus, String) {
        let child = self.0.take().unwrap();
        let last = Background(i32::try_from(child.id()).unwrap());
        let waiter = std::thread::spawn(move || child.wait_with_output().unwrap());
        until(&format!("the end of {:?}", self.1), || waiter.is_finished());
        drop(last);
        let Output { status, stderr, .. } = waiter.join().unwrap();
        (status, String::from_utf8_lossy(&stderr).into_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A process in the background, killed when the test is done with it.
struct Background(i32);

impl Drop for Background {
    fn drop(&mut self) {
        if is_alive(self.0) {
            send(self.0, Signal::KILL);
        }
    }
}

fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[expect(clippy::disallowed_methods, reason = "a test's own thread waits between two looks at a condition")]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn listens(port: u16) -> bool {
    TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok()
}

/// The status line of a request; empty when nobody answers.
fn ask(port: u16) -> String {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return String::new() };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.lines().next().unwrap_or_default().to_owned()
}

/// A configuration with one frontend and a server that nobody is.
fn configuration(port: u16, global: &str) -> String {
    format!(
        "global\n{global}\ndefaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 1s\nfrontend f\n bind 127.0.0.1:{port}\n default_backend b\nbackend b\n"
    )
}

/// How a process ends by a signal: its exit code or the signal, and whether its proxies said farewell.
fn end_by(kind: Kind, line: &str, signal: Signal) -> (Option<i32>, Option<i32>, bool) {
    let folder = Folder::new(&format!("signals-{kind:?}"));
    let port = free_port();
    folder.write("a.cfg", &configuration(port, ""));
    let running = kind.start(&folder, line);
    until("the frontend", || listens(port));
    assert_eq!(ask(port), "HTTP/1.1 503 Service Unavailable");
    running.signal(signal);
    let (status, said) = running.end();
    assert!(!listens(port), "{line} {signal:?}");
    (status.code(), status.signal(), said.contains(" stopped (cumulated conns: FE:"))
}

#[test]
fn signals_end_it_as_they_end_haproxy() {
    for signal in [Signal::USR1, Signal::TERM, Signal::INT] {
        let [theirs, ours] = Kind::BOTH.map(|kind| end_by(kind, "-db -f a.cfg", signal));
        assert_eq!(ours, theirs, "{signal:?}");
    }
}

#[test]
fn a_master_s_options_end_it_as_haproxy_s_master_ends() {
    // As observed; asking HAProxy here would be a race, since its master loses signals while it gets ready.
    for (signal, code, farewell) in
        [(Signal::USR1, 0, true), (Signal::TERM, 0, false), (Signal::INT, 130, false)]
    {
        assert_eq!(end_by(Kind::Ours, "-W -db -f a.cfg", signal), (Some(code), None, farewell), "{signal:?}");
    }
}

#[test]
fn hangup_tells_how_things_stand_and_ends_nothing() {
    let told = Kind::BOTH.map(|kind| {
        let folder = Folder::new(&format!("hangup-{kind:?}"));
        let port = free_port();
        folder.write("a.cfg", &format!("{} retries 0\n server s1 127.0.0.1:1\n", configuration(port, "")));
        let running = kind.start(&folder, "-db -f a.cfg");
        until("the frontend", || listens(port));
        assert!(ask(port).starts_with("HTTP/1.1 503"));
        running.signal(Signal::HUP);
        assert!(ask(port).starts_with("HTTP/1.1 503"));
        running.signal(Signal::USR1);
        let (_, said) = running.end();
        let lines: Vec<String> = said
            .lines()
            .filter(|line| line.contains("SIGHUP") && !line.contains("<HTTPCLIENT>"))
            .map(|line| line.split_once(" : ").unwrap().1.split(" Conn: ").next().unwrap().to_owned())
            .collect();
        lines
    });
    assert_eq!(told[0].len(), 4, "{told:?}");
    assert_eq!(told[1], told[0]);
}

#[test]
fn the_background_a_pid_file_and_an_heir() {
    for kind in Kind::BOTH {
        let folder = Folder::new(&format!("background-{kind:?}"));
        let port = free_port();
        folder.write("a.cfg", &configuration(port, ""));
        let first = kind.command(&folder, "-D -p pid -f a.cfg").output().unwrap();
        assert!(first.status.success(), "{kind:?}: {first:?}");
        assert!(first.stdout.is_empty() && first.stderr.is_empty(), "{kind:?}: {first:?}");
        // It serves already when the caller returns.
        assert!(ask(port).starts_with("HTTP/1.1 503"), "{kind:?}");
        let old = Background(folder.read("pid").trim().parse().unwrap());
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", old.0)).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        assert_eq!(fields[3], old.0.to_string(), "{kind:?}: it leads a session of its own");
        for descriptor in [0, 1, 2] {
            let target = std::fs::read_link(format!("/proc/{}/fd/{descriptor}", old.0)).unwrap();
            assert_eq!(target, Path::new("/dev/null"), "{kind:?}");
        }
        let line = format!("-D -p pid -f a.cfg -sf {}", old.0);
        let second = kind.command(&folder, &line).output().unwrap();
        assert!(second.status.success(), "{kind:?}: {second:?}");
        let new = Background(folder.read("pid").trim().parse().unwrap());
        assert_ne!(new.0, old.0);
        until("the end of the old process", || !is_alive(old.0));
        assert!(ask(port).starts_with("HTTP/1.1 503"), "{kind:?}");
        send(new.0, Signal::TERM);
        until("the end of the new process", || !is_alive(new.0));
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_its_line() {
    let folder = Folder::new("taken");
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = holder.local_addr().unwrap().port();
    folder.write("a.cfg", &configuration(port, ""));
    folder.write("pid", "4242\n");
    for line in ["-db -f a.cfg", "-D -p pid -f a.cfg", "-W -db -p other -f a.cfg"] {
        let said = Kind::BOTH.map(|kind| {
            let output = kind.command(&folder, line).output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let alerts: Vec<String> = text
                .lines()
                .filter(|line| line.starts_with("[ALERT]"))
                .map(|line| line.split_once(" : ").unwrap().1.to_owned())
                .collect();
            (output.status.code(), alerts)
        });
        assert_eq!(said[1], said[0], "{line}");
        assert_eq!(folder.read("pid"), "4242\n", "{line}: a failed start leaves the pid file alone");
        assert!(!folder.0.join("other").exists(), "{line}");
    }
}

#[test]
fn the_text_socket_answers_and_files_are_read_again_under_a_master_s_options() {
    let folder = Folder::new("reload");
    let (port, more) = (free_port(), free_port());
    let socket = folder.0.join("x.sock");
    let global = format!(" stats socket {} level admin\n", socket.display());
    folder.write("a.cfg", &configuration(port, &global));
    let notified = UnixDatagram::bind(folder.0.join("notify")).unwrap();
    notified.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = Kind::Ours.command(&folder, "-Ws -db -f a.cfg");
    command.env("NOTIFY_SOCKET", folder.0.join("notify"));
    let running = Running(Some(command.spawn().unwrap()), "ours".to_owned());
    let mut buffer = [0; 256];
    let mut told = || {
        let length = notified.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert!(told().starts_with("READY=1\n"));
    assert!(ask(port).starts_with("HTTP/1.1 503"));
    let info = {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(b"show info\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert!(info.contains("\nPid: "), "{info}");

    let text =
        format!("{}frontend g\n bind 127.0.0.1:{more}\n default_backend b\n", configuration(port, &global));
    folder.write("a.cfg", &text);
    running.signal(Signal::USR2);
    assert!(told().starts_with("RELOADING=1\n"));
    assert!(told().starts_with("READY=1\n"));
    assert!(ask(more).starts_with("HTTP/1.1 503"));

    folder.write("a.cfg", "nonsense\n");
    running.signal(Signal::USR2);
    assert!(told().starts_with("RELOADING=1\n"));
    assert!(told().starts_with("READY=1\n"));
    assert!(ask(port).starts_with("HTTP/1.1 503") && ask(more).starts_with("HTTP/1.1 503"));
    running.signal(Signal::TERM);
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("parsing [a.cfg:1]") && said.contains("Loading failure!"), "{said}");
}

#[test]
fn the_user_of_the_configuration_is_taken_and_low_ports_stay_possible() {
    if !rustix::process::geteuid().is_root() {
        // Only root can become somebody else.
        return;
    }
    let folder = Folder::new("user");
    let port = free_port();
    let socket = folder.0.join("x.sock");
    let global = format!(" user nobody\n group nogroup\n stats socket {} level admin\n", socket.display());
    folder.write("a.cfg", &configuration(port, &global));
    let running = Kind::Ours.start(&folder, "-db -f a.cfg");
    until("the frontend", || listens(port));
    assert!(ask(port).starts_with("HTTP/1.1 503"));
    let id = running.0.as_ref().unwrap().id();
    for task in std::fs::read_dir(format!("/proc/{id}/task")).unwrap() {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        assert!(status.contains("\nUid:\t65534\t65534\t65534\t65534\n"), "{status}");
        // 1 << 10 is CAP_NET_BIND_SERVICE, and all that is left.
        assert!(status.contains("\nCapPrm:\t0000000000000400\n"), "{status}");
    }
    // The socket belongs to who started it, and leads to a data plane of another user.
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(b"show info\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("\nPid: "), "{text}");
    running.signal(Signal::USR1);
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(0), "{said}");
}
