//! Programs that were written for HAProxy's socket, at HAProxy's and at Regate's: the same is seen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::process::Command;

use regate_tests::harness::oracle::{self, compare};
use regate_tests::harness::{Kind, Proxy, Result, Screen, Trouble, wait};

const CONFIGURATION: &str = "global
    stats socket @folder@/admin level admin
    maxconn 1000
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend www
    bind unix@@folder@/www
    default_backend app
backend app
    server s1 127.0.0.1:1 weight 10
    server s2 127.0.0.1:2 weight 10 disabled
";

/// What people type into a shell; `@` is the socket.
const LINES: &[&str] = &[
    "echo 'show stat' | socat stdio @ | cut -d , -f 1-2,5-10,34-36",
    "echo 'show stat' | socat stdio unix-connect:@ | grep ^app | cut -d , -f 1,2,18,19",
    "echo 'show info;show stat' | socat - UNIX-CONNECT:@ | grep -E '^(Maxconn:|app,s1)' | cut -d , -f 1,2,18",
    "echo 'get weight app/s1' | nc -U @",
    "echo 'get weight app/s1' | nc -N -U @",
    "printf 'prompt\\nset weight app/s1 50%%\\nget weight app/s1\\nquit\\n' | socat stdio @",
    "printf 'prompt\\nget weight app/s1\\nquit\\n' | nc -U @",
    "for w in 1 2 3 4 5; do echo \"set weight app/s1 $w\"; done | socat stdio @; echo 'get weight app/s1' | socat stdio @",
    "echo 'disable server app/s1; show servers state app' | socat stdio @ | cut -d ' ' -f 2,4,6,7",
    "echo 'enable server app/s1; enable server app/s2; show servers state app' | socat stdio @ | cut -d ' ' -f 2,4,6,7",
];

#[test]
fn lines_of_a_shell_print_the_same() -> Result<()> {
    for program in ["socat", "nc"] {
        oracle::program(program).ok_or_else(|| Trouble::new(format!("{program} is not installed")))?;
    }
    compare(|kind| {
        let proxy = Proxy::start(kind, CONFIGURATION)?;
        let socket = proxy.folder.join("admin").display().to_string();
        let mut seen = Vec::new();
        for line in LINES {
            let output =
                Command::new("timeout").args(["60", "sh", "-c", &line.replace('@', &socket)]).output()?;
            let (told, wrong) =
                (output.stdout.escape_ascii(), String::from_utf8_lossy(&output.stderr).into_owned());
            seen.push(format!("{line}: {:?} {told} {wrong}", output.status.code()));
        }
        Ok(seen)
    })
}

#[test]
fn the_keys_of_hatop_do_what_they_do_at_haproxy() -> Result<()> {
    let program =
        oracle::program("hatop").ok_or_else(|| Trouble::new("hatop is not installed: Debian's package"))?;
    for kind in Kind::BOTH {
        let proxy = Proxy::start(kind, CONFIGURATION)?;
        let screen = Screen::open(150, 40)?;
        screen.run(&format!("{} -s {}", program.display(), proxy.folder.join("admin").display()))?;
        screen.wait_for("HATop")?;
        screen.wait("the servers", |shown| shown.contains("s1") && shown.contains("s2"))?;
        // From the heading of the frontend to the first server.
        screen.keys(&["Down", "Down", "Down", "Down"])?;
        let reaches = |what: &str, line: &str, is_there: &dyn Fn(&str) -> bool| {
            wait::until(what, wait::PATIENCE, || {
                proxy.ask(line).ok().filter(|reply| is_there(reply)).map(drop)
            })
        };
        for (key, weight) in [("F8", 20), ("F7", 21), ("F5", 11), ("F4", 10)] {
            screen.keys(&[key])?;
            // It reckons from what it shows.
            let is_shown = |line: &str| line.split_whitespace().take(2).eq(["s1", &weight.to_string()]);
            screen.wait(&format!("{key} at {kind:?}"), |shown| shown.lines().any(is_shown))?;
            let reply = format!("{weight} (initial 10)\n\n");
            reaches(&format!("{key} at {kind:?}"), "get weight app/s1", &|told| told == reply)?;
        }
        for (key, admin) in [("F10", "1"), ("F9", "0")] {
            screen.keys(&[key])?;
            let is_so = |told: &str| {
                let row = told.lines().find(|line| line.contains(" s1 "));
                row.and_then(|row| row.split(' ').nth(6)) == Some(admin)
            };
            reaches(&format!("{key} at {kind:?}"), "show servers state app", &is_so)?;
        }
        screen.keys(&["5"])?;
        screen.wait_for("haproxy command line")?;
        screen.run("get weight app/s1")?;
        screen.wait_for("10 (initial 10)")?;
    }
    Ok(())
}
