//! `regate run` as a new user meets it: what it prints works when it is pasted, and a second start goes on from what
//! was changed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(60);

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `regate run` in a folder, killed when dropped.
struct Run {
    child: Child,
    greeting: String,
}

impl Run {
    /// Starts it and reads what it prints up to its last line.
    fn start(folder: &Path, port: u16) -> Run {
        let mut child = regate(folder, &["run", "--port", &port.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut greeting = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            greeting.push_str(&line);
            greeting.push('\n');
            if line.starts_with("Ctrl-C") {
                return Run { child, greeting };
            }
        }
        panic!("it ended before it said that it runs: {:?}\n{greeting}", child.wait());
    }

    fn end(mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn regate(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regate"));
    command.args(words).current_dir(folder).env_remove("REGATE_ENDPOINT").stdin(Stdio::null());
    command
}

/// What a command prints; its status must be 0.
fn said(folder: &Path, words: &[&str]) -> String {
    let output = regate(folder, words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn ask(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().last().unwrap_or_default().to_owned()
}

/// The word after this one, in the line that has it.
fn after<'a>(text: &'a str, word: &str) -> &'a str {
    let rest = text.split_once(word).unwrap_or_else(|| panic!("{word:?} is not in\n{text}")).1;
    rest.split_whitespace().next().unwrap()
}

#[test]
fn everything_printed_works_and_lasts() {
    let folder = Folder(std::env::temp_dir().join(format!("regate-run-{}", std::process::id())));
    let here = folder.0.as_path();
    std::fs::create_dir_all(here).unwrap();
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = holder.local_addr().unwrap().port();

    let run = Run::start(here, taken);
    let note = format!("Note: 127.0.0.1:{taken} is taken, so the frontend listens on ");
    assert!(run.greeting.contains(&note), "{}", run.greeting);
    let address = after(&run.greeting, "frontend www").to_owned();
    let mut answers = [ask(&address), ask(&address)];
    answers.sort();
    assert_eq!(answers, ["s1 answers GET /", "s2 answers GET /"]);

    let socket = here.join(after(&run.greeting, "socat stdio "));
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(b"set server app/s1 weight 5\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert_eq!(reply, "\n");
    assert!(said(here, &["get", "servers"]).contains("5 (initial 1)"));
    assert!(said(here, &["diff", "--overlay"]).contains("server app/s1  weight 5"));
    let turns: Vec<String> = (0..12).map(|_| ask(&address)).collect();
    assert_eq!(turns.iter().filter(|turn| turn.starts_with("s1")).count(), 10, "{turns:?}");

    let file = after(&run.greeting, " apply -f ").to_owned();
    let output = regate(here, &["diff", "-f", &file]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("+ frontend more to app\n"), "{output:?}");
    assert!(said(here, &["apply", "-f", &file]).contains("revision 3: 2 changes"));
    assert_eq!(said(here, &["diff", "-f", &file]), "nothing is different\n");
    let more = run
        .greeting
        .lines()
        .filter_map(|line| line.trim().strip_prefix("curl -s http://"))
        .next_back()
        .unwrap();
    assert!(ask(more.trim_end_matches('/')).ends_with(" answers GET /"));

    let history = said(here, &["history"]);
    assert_eq!(history.lines().count(), 4, "{history}");
    assert!(said(here, &["nodes"]).contains("current"));
    run.end();
    assert!(TcpStream::connect(&address).is_err());

    let again = Run::start(here, taken);
    assert!(again.greeting.contains("frontend more"), "{}", again.greeting);
    assert_eq!(after(&again.greeting, "frontend www"), address);
    assert!(said(here, &["get", "servers"]).contains("5 (initial 1)"));
    let more = after(&again.greeting, "frontend more").to_owned();
    assert!(ask(&more).ends_with(" answers GET /"));
    let back = said(here, &["rollback", "1"]);
    assert!(back.contains("- frontend more"), "{back}");
    assert!(said(here, &["diff", "--overlay"]).contains("nothing was changed by hand"));
    again.end();
}

#[test]
fn a_folder_in_use_is_refused_with_a_sentence() {
    let folder = Folder(std::env::temp_dir().join(format!("regate-run-twice-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).unwrap();
    let run = Run::start(&folder.0, 1);
    let second = regate(&folder.0, &["run"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.starts_with("regate: another 'regate run' uses the folder "), "{said}");
    run.end();
}
