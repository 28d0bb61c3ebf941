//! The command line under HAProxy's name, beside Debian's HAProxy: the same arguments and files, the same exit
//! status, the same words on standard output, complaints about the same lines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of its own for each test, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("regate-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn haproxy() -> PathBuf {
    let path =
        std::env::var_os("REGATE_ORACLE").map_or_else(|| PathBuf::from("/usr/sbin/haproxy"), PathBuf::from);
    assert!(path.is_file(), "{}: Debian's package haproxy is needed, or REGATE_ORACLE", path.display());
    path
}

fn run(program: &Path, folder: &Path, line: &str) -> Output {
    Command::new(program)
        .arg0("haproxy")
        .args(line.split_whitespace())
        .current_dir(folder)
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn both(folder: &Folder, line: &str) -> [Output; 2] {
    [run(&haproxy(), &folder.0, line), run(Path::new(env!("CARGO_BIN_EXE_regate")), &folder.0, line)]
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Labels of messages, in order, without the notices that name version and program.
fn labels(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| line.starts_with('['))
        .map(|line| line.split('(').next().unwrap_or_default().to_owned())
        .filter(|label| !label.starts_with("[NOTICE]"))
        .collect()
}

/// The `file:line` that alerts and warnings name.
fn places(output: &Output) -> BTreeSet<String> {
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter_map(|line| line.split_once(": config : ")?.1.split_once('[')?.1.split_once(']'))
        .map(|(place, _)| place.to_owned())
        .collect()
}

const GOOD: &str = "\
defaults
  mode http
  timeout client 1s
  timeout server 1s
  timeout connect 1s
frontend f
  bind 127.0.0.1:18181
  default_backend b
backend b
  server s1 127.0.0.1:18182
";

fn files(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("good.cfg", GOOD);
    folder.write("warning.cfg", "frontend f\n mode http\n bind 127.0.0.1:18181\n default_backend b\nbackend b\n mode http\n server s 127.0.0.1:1\n");
    folder.write("bad.cfg", "defaults\n mode http\n timeoot client 1s\n mode wrong\nfrontend f\n bind 127.0.0.1:18181\n foo bar\nbackend b\n server s1 127.0.0.1:1 weight 999\n");
    folder.write(
        "silent.cfg",
        "backend b\n mode http\n timeout server 1s\n timeout connect 1s\n server s1 127.0.0.1:1\n",
    );
    folder.write("socket.cfg", "global\n stats socket /tmp/regate-never.sock\n");
    folder.write("off.cfg", "frontend f\n disabled\n bind 127.0.0.1:18181\n timeout client 1s\n");
    folder.write("empty.cfg", "");
    folder.write("folder/20.cfg", GOOD.split_once("backend b").unwrap().0);
    folder.write(
        "folder/30.cfg",
        "backend b\n timeout server 1s\n timeout connect 1s\n mode http\n server s1 127.0.0.1:18182\n",
    );
    folder.write("folder/.hidden.cfg", "nonsense\n");
    folder.write("folder/notes.txt", "nonsense\n");
    std::fs::create_dir_all(folder.0.join("nothing")).unwrap();
    folder
}

#[test]
fn a_check_ends_and_speaks_as_haproxy_s() {
    let folder = files("check");
    for line in [
        "-c -f good.cfg",
        "-c -V -f good.cfg",
        "-c -q -f good.cfg",
        "-c -D -f good.cfg",
        "-cq -f good.cfg",
        "-c -- good.cfg",
        "-c -f folder",
        "-c -C folder -f 20.cfg -f 30.cfg",
        "-c -Ws -p x.pid -n 5 -N 7 -L me -m 900 -f good.cfg -sf 1 2 -db",
        "-c -x /run/nowhere.sock -dM -dr -dV -de -dp -dS -dG -dR -f good.cfg",
        "-c -f warning.cfg",
        "-c -q -f warning.cfg",
        "-c -dW -f warning.cfg",
        "-c -f bad.cfg",
        "-c -q -f bad.cfg",
        "-c -f silent.cfg",
        "-c -f socket.cfg",
        "-c -f off.cfg",
        "-c -f empty.cfg",
        "-c -f missing.cfg",
        "-c -C nowhere -f good.cfg",
        "-c -sf 1x -f good.cfg",
        "-f silent.cfg -db",
        "-f missing.cfg -D",
        "-f bad.cfg -D",
        "-cc defined(PATH)",
        "-cc defined(NO_SUCH_VARIABLE)",
        "-cc foo(",
        "-cc bogus(1)",
        "-cc version_atleast(2.4)",
        "-cc version_atleast(99.0)",
        "-cc !defined(PATH)||streq(a,a)",
    ] {
        let [theirs, ours] = both(&folder, line);
        let said = String::from_utf8_lossy(&ours.stderr).into_owned();
        assert_eq!(ours.status.code(), theirs.status.code(), "{line}\n{said}");
        assert_eq!(out(&ours), out(&theirs), "{line}\n{said}");
        assert_eq!(labels(&ours).is_empty(), labels(&theirs).is_empty(), "{line}\n{said}");
    }
}

#[test]
fn complaints_are_about_the_same_lines() {
    let folder = files("places");
    for line in ["-c -f bad.cfg", "-c -f good.cfg -f bad.cfg"] {
        let [theirs, ours] = both(&folder, line);
        assert_eq!(places(&ours), places(&theirs), "{line}\n{}", String::from_utf8_lossy(&ours.stderr));
        let last = |output: &Output| {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let lines: Vec<String> = text
                .lines()
                .map(|line| line.split_once(" : ").map_or("", |(_, rest)| rest).to_owned())
                .collect();
            lines.into_iter().rev().take(2).collect::<Vec<_>>()
        };
        assert_eq!(last(&ours), last(&theirs), "{line}");
    }
}

#[test]
fn wrong_command_lines_show_the_usage_where_haproxy_does() {
    let folder = files("usage");
    for line in ["", "-c", "-Z", "-c --", "-h", "--help", "-c -f good.cfg stray", "-x", "-f nothing -c"] {
        let [theirs, ours] = both(&folder, line);
        assert_eq!(ours.status.code(), theirs.status.code(), "{line}");
        for output in [&theirs, &ours] {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(text.contains("Usage : haproxy [-f <cfgfile|cfgdir>]* [ -vdVD ]"), "{line}: {text}");
            assert!(out(output).starts_with("HAProxy version "), "{line}: {}", out(output));
        }
    }
}

#[test]
fn versions_have_haproxy_s_shape() {
    let folder = Folder::new("version");
    for line in ["-v", "-vv"] {
        let [theirs, ours] = both(&folder, line);
        assert_eq!(ours.status.code(), theirs.status.code());
        let ours = out(&ours);
        let first = ours.lines().next().unwrap();
        assert!(
            first.starts_with("HAProxy version 3.5.0-regate-") && first.contains(" - Regate "),
            "{first}"
        );
        let date = first.split_whitespace().nth(3).unwrap();
        assert!(date.len() == 10 && date.matches('/').count() == 2, "{date}");
        let heads = |text: &str| -> BTreeSet<String> {
            let wanted = [
                "Status",
                "Running on",
                "Build options",
                "Feature list",
                "Default settings",
                "Available polling systems",
                "Total",
                "Available multiplexer protocols",
                "Available services",
                "Available filters",
            ];
            text.lines()
                .filter_map(|line| line.split_once(':').map(|(head, _)| head.trim().to_owned()))
                .filter(|head| wanted.contains(&head.as_str()))
                .collect()
        };
        assert_eq!(heads(&ours), heads(&out(&theirs)), "{line}");
    }
}
