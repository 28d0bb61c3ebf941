//! Debian's haproxy as an oracle, for tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test double")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::double::Folder;

/// A haproxy with the configuration that the double has; it forwards nothing.
pub struct Oracle {
    child: Child,
    folder: Folder,
}

impl Oracle {
    /// Starts one and waits until it listens.
    pub fn start() -> Oracle {
        let folder = Folder::create();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let text = format!(
            "global\n stats socket {} level admin\ndefaults\n mode http\n timeout connect 1s\n timeout client 1s\n \
             timeout server 1s\nfrontend fe\n bind unix@{}\n option socket-stats\n default_backend be\nbackend be\n \
             server s1 127.0.0.1:1 weight 10\n server s2 127.0.0.1:1 disabled\nlisten li\n bind unix@{}\n \
             server a 127.0.0.1:1\n",
            at("sock"),
            at("fe"),
            at("li")
        );
        let file = folder.path().join("cfg");
        std::fs::write(&file, text).unwrap();
        let child = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's haproxy is installed");
        let oracle = Oracle { child, folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while oracle.connect().is_err() {
            assert!(Instant::now() < deadline, "haproxy does not listen");
            std::thread::yield_now();
        }
        oracle
    }

    /// What a line is answered with.
    pub fn ask(&self, line: &str) -> String {
        let mut stream = self.connect().unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    fn connect(&self) -> std::io::Result<UnixStream> {
        UnixStream::connect(self.folder.path().join("sock"))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
