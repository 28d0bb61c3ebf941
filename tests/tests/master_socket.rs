//! The socket of a master (`-S`): what its clients hear from Regate, which is its own worker, and from HAProxy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use regate_tests::harness::proxy::Setting;
use regate_tests::harness::{Kind, Proxy, Result, wait};

const CONFIGURATION: &str = "global
    stats socket @folder@/admin level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend fe
    bind unix@@folder@/fe
    default_backend be
backend be
    server s1 127.0.0.1:1
";

/// What a client writes before it closes its side; `@worker@` stands for the id of the worker's process.
const CONVERSATIONS: &[&str] = &[
    "@1 show cli level\n",
    "@!@worker@ show backend\n",
    "@1;show backend\n",
    "@1\nshow backend\n@\nshow cli level\n",
    "@9 show version\n",
    "@9\n",
    "@!999999999 show info\n",
    "@foo show info\nshow cli level\n",
    "@1\n",
    "@\n",
    "@master\n",
    "@master show cli level\n",
    "@1 show backend",
    "prompt\n@1\nshow backend\n@\nexpert-mode on\nexperimental-mode on\nmcli-debug-mode on\n@1\n",
    "prompt\n@1 show cli level; show cli level\n",
    "prompt\nprompt\nshow cli level\n",
    "operator\nshow cli level\n@1 show cli level\n",
    "@1 operator\n@1 show cli level\n",
    "@1 set weight be/s1 7\n@1 get weight be/s1\n",
    "operator\n@1 set weight be/s1 8\n",
    "operator;mcli-debug-mode on\n",
    "mcli-debug-mode on\nmcli-debug-mode\n",
    "user\nreload\n",
    "quit\nshow cli level\n",
    "@1 quit\nshow cli level\n",
    "@1 add map foo <<\na b\n\nshow cli level\n",
];

struct Scene {
    proxy: Proxy,
    worker: String,
}

impl Scene {
    fn start(kind: Kind) -> Result<Scene> {
        let arguments = ["-W", "-S", "unix@master.sock"].map(str::to_owned).to_vec();
        let proxy = Proxy::start_with(kind, CONFIGURATION, &Setting { arguments, ..Setting::default() })?;
        let mut scene = Scene { proxy, worker: String::new() };
        let told = wait::until("the master to know its worker", wait::PATIENCE, || {
            let told = scene.say("show proc\n").ok()?;
            told.contains("worker ").then_some(told)
        })?;
        let line = told.lines().skip_while(|line| *line != "# workers").nth(1).unwrap();
        scene.worker = line.split_whitespace().next().unwrap().to_owned();
        Ok(scene)
    }

    fn say(&self, lines: &str) -> Result<String> {
        let mut stream = UnixStream::connect(self.proxy.folder.join("master.sock"))?;
        stream.set_read_timeout(Some(wait::PATIENCE))?;
        stream.write_all(lines.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply)?;
        Ok(String::from_utf8_lossy(&reply).into_owned())
    }

    fn converse(&self) -> Result<Vec<(String, String)>> {
        let one = |lines: &&str| {
            let reply = self.say(&lines.replace("@worker@", &self.worker))?;
            Ok(((*lines).to_owned(), reply.replace(&self.worker, "@worker@")))
        };
        CONVERSATIONS.iter().map(one).collect()
    }
}

#[test]
fn clients_of_a_master_hear_what_haproxy_s_do() -> Result<()> {
    let theirs = Scene::start(Kind::Haproxy)?.converse()?;
    let ours = Scene::start(Kind::Regate)?.converse()?;
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert_eq!(ours, theirs);
    }
    Ok(())
}

#[test]
fn files_are_read_again_by_a_word() -> Result<()> {
    let mut scene = Scene::start(Kind::Regate)?;
    let version = "3.5.0-regate-";
    let processes = |scene: &Scene| -> Result<Vec<String>> {
        let told = scene.say("show proc\n")?;
        let fields = |line: &str| line.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
        assert!(told.contains(version), "{told}");
        Ok(told.lines().map(fields).collect())
    };
    let pid = scene.proxy.process.pid().to_string();
    let before = processes(&scene)?;
    assert_eq!(before[0], "#<PID> <type> <reloads> <uptime>");
    assert_eq!(before[1], format!("{pid} master 0 [failed:"));
    assert!(before[2] == "# workers" && before[3].starts_with(&format!("{pid} worker 0 ")), "{before:?}");
    assert!(scene.say("show startup-logs\n")?.contains("Loading success."));
    let file = scene.proxy.folder.join("proxy.cfg");
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, text.replace("server s1 127.0.0.1:1", "server s2 127.0.0.1:1 weight 5"))?;
    let told = scene.say("reload\n")?;
    assert!(told.starts_with("Success=1\n--\n") && told.contains("Loading success."), "{told}");
    assert_eq!(scene.say("@1 get weight be/s2\n")?, "5 (initial 5)\n\n");
    std::fs::write(&file, text.replace("server s1", "serveur s1"))?;
    let told = scene.say("reload\n")?;
    assert!(told.starts_with("Success=0\n--\n") && told.contains("unknown keyword 'serveur'"), "{told}");
    assert_eq!(scene.say("@1 get weight be/s2\n")?, "5 (initial 5)\n\n");
    assert!(scene.say("show startup-logs\n")?.contains("unknown keyword 'serveur'"));
    assert_eq!(scene.say("prompt\n")?, "master[ReloadFailed]> ");
    assert_eq!(processes(&scene)?[1], format!("{pid} master 2 [failed:"));
    // By signal it is the same.
    std::fs::write(&file, &text)?;
    scene.proxy.signal(rustix::process::Signal::USR2)?;
    wait::until_true("the files to be read again", wait::PATIENCE, || {
        scene.say("prompt\n").is_ok_and(|prompt| prompt == "master> ")
    })?;
    assert_eq!(scene.say("@@1 get weight be/s1;show cli level\n")?, "1 (initial 1)\n\nadmin\n\n");
    assert!(scene.say("@1 show sess\n")?.contains(" fe=GLOBAL "));
    scene.proxy.stop()?;
    Ok(())
}

#[test]
fn a_master_s_socket_has_the_level_and_mode_that_are_asked_for() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let arguments = ["-W", "-S", "unix@master.sock,level,operator,mode,600"].map(str::to_owned).to_vec();
    let proxy = Proxy::start_with(Kind::Regate, CONFIGURATION, &Setting { arguments, ..Setting::default() })?;
    let scene = Scene { proxy, worker: String::new() };
    assert_eq!(scene.say("show cli level\n@1 set weight be/s1 3\n")?, "operator\n\nPermission denied\n\n");
    let mode = std::fs::metadata(scene.proxy.folder.join("master.sock"))?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    Ok(())
}
