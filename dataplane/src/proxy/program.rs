//! Checks by programs (configuration manual 4.2 "external-check command").
//!
//! A program may take its time, so a thread of its own waits for each, no longer than the check may take.

use std::future::poll_fn;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, pidfd_open};

use crate::check::Program;
use crate::live::{Finding, Outcome};
use crate::snapshot::{BackendPlan, ServerPlan, Target};

/// Where the thread leaves what it found.
#[derive(Debug, Default)]
struct Slot {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

/// Runs a program for a server; what it exits with is the result. It is killed when `limit` milliseconds are over.
pub(super) async fn run(
    program: &Program,
    backend: &BackendPlan,
    server: &ServerPlan,
    limit: u32,
) -> Outcome {
    let command = command(program, backend, server);
    let slot = Arc::new(Mutex::new(Slot::default()));
    let theirs = slot.clone();
    let thread = std::thread::Builder::new().name("check".to_owned()).spawn(move || {
        let outcome = wait_for(command, Duration::from_millis(u64::from(limit)));
        let mut slot = theirs.lock();
        slot.outcome = Some(outcome);
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    });
    if let Err(error) = thread {
        return Outcome::with(Finding::SocketError, 0, format!("no thread: {error}"));
    }
    poll_fn(|context| {
        let mut slot = slot.lock();
        match slot.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    })
    .await
}

fn command(program: &Program, backend: &BackendPlan, server: &ServerPlan) -> Command {
    let (address, port) = match server.place().as_deref() {
        Some(Target::Inet(address)) => (address.ip().to_string(), address.port().to_string()),
        Some(Target::Unix(path)) => (path.clone(), "NOT_USED".to_owned()),
        Some(Target::Abstract(name)) => (name.clone(), "NOT_USED".to_owned()),
        _ => ("NOT_USED".to_owned(), "NOT_USED".to_owned()),
    };
    let protocol = match &server.target {
        Target::Unix(_) | Target::Abstract(_) => "unix",
        _ => "tcp",
    };
    let mut command = Command::new(&program.command);
    command.args(["NOT_USED", "NOT_USED", &address, &port]);
    if !program.whole_environment {
        command.env_clear();
    }
    command.envs([
        ("HAPROXY_PROXY_NAME", backend.name.to_string()),
        ("HAPROXY_PROXY_ID", backend.id.to_string()),
        ("HAPROXY_PROXY_ADDR", String::new()),
        ("HAPROXY_PROXY_PORT", String::new()),
        ("HAPROXY_SERVER_NAME", server.name.to_string()),
        ("HAPROXY_SERVER_ID", server.id.to_string()),
        ("HAPROXY_SERVER_ADDR", address),
        ("HAPROXY_SERVER_PORT", port),
        ("HAPROXY_SERVER_MAXCONN", server.maxconn_in_force().to_string()),
        ("HAPROXY_SERVER_CURCONN", server.live.sessions.now().to_string()),
        ("HAPROXY_SERVER_SSL", "0".to_owned()),
        ("HAPROXY_SERVER_PROTO", protocol.to_owned()),
    ]);
    if let Some(path) = &program.path {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn wait_for(mut command: Command, limit: Duration) -> Outcome {
    let deadline = Instant::now() + limit;
    // HAProxy's code for a program that cannot be started.
    let Ok(mut child) = command.spawn() else {
        return Outcome::with(Finding::ProgramFailed, 255, "");
    };
    let handle = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let handle = handle.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    if let Some(handle) = handle {
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        // Interrupted or not, the child says below whether it has ended.
        let _ = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&wait));
    }
    if let Ok(Some(status)) = child.try_wait() {
        return outcome(status);
    }
    // A child that has just ended needs no killing, and is waited for all the same.
    let _ = child.kill();
    let _ = child.wait();
    Outcome::bare(Finding::ProgramTimeout)
}

fn outcome(status: ExitStatus) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(0), _) => Outcome::bare(Finding::ProgramPassed),
        (Some(code), _) => Outcome::with(Finding::ProgramFailed, code.unsigned_abs(), ""),
        _ => Outcome::with(Finding::ProgramFailed, u32::MAX, ""),
    }
}
