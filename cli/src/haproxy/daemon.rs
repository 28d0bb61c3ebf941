//! Going into the background, without a fork of this program's own making: it starts itself again as a child that
//! leads a session of its own, waits until that one serves or ends, and ends the same way.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::messages::Messages;

/// Whether this process is the one in the background.
pub fn is_child() -> bool {
    std::env::var_os(MARK).is_some_and(|mark| mark == "1")
}

/// Starts this program again with the same arguments, in the background; returns once that one serves (0), or with
/// the status that it ended with.
pub fn detach(words: &[OsString], messages: &mut Messages) -> u8 {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            messages.alert(&format!("Cannot fork: the path of this program is unknown: {error}"));
            return 1;
        }
    };
    let mut command = Command::new(program);
    command.arg0("haproxy").args(words).env(MARK, "1").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            messages.alert(&format!("Cannot fork: {error}"));
            return 1;
        }
    };
    // The child closes the pipe when it serves, after this word, or when it ends.
    let mut told = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        let mut pipe = pipe.take(LONGEST);
        let _ = pipe.read_to_end(&mut told);
    }
    if told.ends_with(READY) {
        return 0;
    }
    match child.wait() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        Err(_) => 1,
    }
}

/// In the child, before any thread: leaves the caller's session and terminal.
pub fn leave_session() {
    // It fails only for the leader of a process group, which a child that was just started is not.
    let _ = rustix::process::setsid();
}

/// In the child: tells the caller that this one serves, and lets go of what it inherited.
pub fn tell_ready() -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(READY)?;
    out.flush()?;
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// The environment variable that tells the child what it is.
const MARK: &str = "REGATE_DAEMON";

/// What the child says when it serves.
const READY: &[u8] = b"ready\n";

/// Bytes read of a child: it says one word.
const LONGEST: u64 = 4096;
