//! `regate top` in a real terminal: keys drain a server, and then it drains; of a node, of a controller, of HAProxy.
//!
//! The terminal is tmux: it gives a pseudo-terminal of a known size, takes keys, and tells what the screen shows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use std::process::Command;

use regate_tests::harness::{Folder, Kind, Process, Proxy, Result, Screen, Trouble, node, wait};

/// Traffic comes over unix sockets, so that no port is needed.
const CONFIGURATION: &str = "global
    stats socket @folder@/admin.sock level admin
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
    server s2 127.0.0.1:2 weight 10
";

/// The line of the screen with this word in it, marked as changed by hand or not.
fn line<'a>(shown: &'a str, word: &str) -> &'a str {
    let is_word = |found: &str| found.trim_end_matches('*') == word;
    shown.lines().find(|line| line.split_whitespace().any(is_word)).unwrap_or_default()
}

/// How a server stands by the text socket.
fn status(proxy: &Proxy, server: &str) -> Result<String> {
    let table = proxy.ask("show stat")?;
    let found = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let row = found.into_iter().find(|cells| cells.get(1) == Some(&server));
    Ok(row.and_then(|cells| cells.get(17).map(|cell| (*cell).to_owned())).unwrap_or_default())
}

fn weight(proxy: &Proxy, server: &str) -> Result<String> {
    proxy.ask(&format!("get weight {server}")).map(|reply| reply.trim().to_owned())
}

/// What is the same at every target: keys drain a server, give it a weight, and undo what the keys did.
fn drain_and_weigh(screen: &Screen, place: &str, is_drained: impl Fn() -> Result<bool>) -> Result<()> {
    screen.wait_for("s2")?;
    // The frontend, the backend, the first server.
    screen.keys(&["j", "j", "d"])?;
    let asked = screen.wait_for("Change this?")?;
    assert!(asked.contains(&format!("app/s1 {place}: no check -> drain")), "{asked}");
    assert!(!is_drained()?, "nothing is done before it is confirmed");
    screen.keys(&["y"])?;
    screen.wait("the drain to show", |shown| line(shown, "s1").contains("DRAIN") && shown.contains('✓'))?;
    assert!(is_drained()?);
    Ok(())
}

#[test]
fn keys_drain_a_server_of_haproxy_and_of_its_double() -> Result<()> {
    for kind in Kind::BOTH {
        let proxy = Proxy::start(kind, CONFIGURATION)?;
        let socket = proxy.folder.join("admin.sock");
        let screen = Screen::open(110, 24)?;
        let program = node::regate()?;
        screen.run(&format!("{} top --haproxy {}", program.display(), socket.display()))?;
        let place = place_of(&proxy)?;
        drain_and_weigh(&screen, &place, || Ok(status(&proxy, "s1")? == "DRAIN"))?;

        screen.keys(&["j", "w"])?;
        screen.wait_for("0 to 256")?;
        screen.keys(&["5", "0", "Enter"])?;
        screen.wait_for(&format!("app/s2 {place}: weight 10 -> 50"))?;
        screen.keys(&["y"])?;
        screen.wait("the weight to show", |shown| line(shown, "s2").contains("50/10"))?;
        assert_eq!(weight(&proxy, "app/s2")?, "50 (initial 10)");

        screen.keys(&["g", "x"])?;
        screen.wait_for("frontend www")?;
        screen.keys(&["y"])?;
        screen.wait("the frontend to stop", |shown| {
            line(shown, "www").contains("PAUSED") || line(shown, "www").contains("STOP")
        })?;

        screen.keys(&["q"])?;
        screen.wait("the shell", |shown| shown.trim_end().ends_with('$'))?;
    }
    Ok(())
}

/// `at PRODUCT NODE`, as the target names itself.
fn place_of(proxy: &Proxy) -> Result<String> {
    let info = proxy.ask("show info")?;
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    Ok(format!("at {} {}", field("Name: "), field("node: ")).trim_end().to_owned())
}

/// A data plane on a folder of its own.
fn plane(name: &str, folder: &Folder, configuration: Option<&str>) -> Result<Process> {
    let endpoint = format!("unix://{}", folder.join(&format!("{name}.sock")).display());
    let mut launch = node::dataplane()?.args(["--name", name, "--workers", "1", "--admin", &endpoint]);
    if let Some(text) = configuration {
        let text = text.replace("@folder@", &folder.path().to_string_lossy());
        let file = folder.write(&format!("{name}.cfg"), text)?;
        launch = launch.args(["--config", &file.to_string_lossy()]);
    }
    let state = folder.join(&format!("{name}.state"));
    let mut process = launch.args(["--state-dir", &state.to_string_lossy()]).start()?;
    let socket = folder.join(&format!("{name}.sock"));
    process.wait_until("the data plane to listen", wait::PATIENCE, |_| {
        std::os::unix::net::UnixStream::connect(&socket).is_ok()
    })?;
    Ok(process)
}

/// What `regate` prints with these arguments.
fn regate(arguments: &[&str]) -> Result<String> {
    let output = Command::new(node::regate()?).args(arguments).env("LANG", "C.UTF-8").output()?;
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.success() {
        true => Ok(out.into_owned()),
        false => Err(Trouble::new(format!("regate {arguments:?}: {}: {error}", output.status))),
    }
}

/// A configuration without a text socket, for nodes that share a folder.
fn of_node(name: &str) -> String {
    let lines = CONFIGURATION.lines().filter(|line| !line.contains("stats socket"));
    lines.map(|line| format!("{}\n", line.replace("@folder@/www", &format!("@folder@/www-{name}")))).collect()
}

#[test]
fn keys_drain_a_server_of_a_node_and_undo_it_and_a_lost_node_comes_back() -> Result<()> {
    let folder = Folder::create()?;
    let mut process = plane("edge", &folder, Some(&of_node("edge")))?;
    let endpoint = format!("unix://{}", folder.join("edge.sock").display());
    let program = node::regate()?;
    let by_hand = || regate(&["diff", "--overlay", "--endpoint", &endpoint]);
    let screen = Screen::open(110, 24)?;
    screen.run(&format!("{} top --endpoint {endpoint} --interval 0.2", program.display()))?;
    drain_and_weigh(&screen, "on node edge", || Ok(by_hand()?.contains("state drain")))?;

    // The mark of what was changed by hand stands at the name.
    screen.wait("the mark", |shown| shown.contains("s1*"))?;
    screen.keys(&["u"])?;
    screen.wait_for("app/s1 on node edge: admin: state drain -> what files say")?;
    screen.keys(&["y"])?;
    screen.wait("the undoing to show", |shown| {
        shown.contains("no check") && !shown.contains("DRAIN") && shown.contains('✓')
    })?;
    assert_eq!(by_hand()?, "nothing was changed by hand\n");

    process.kill();
    screen.wait_for("trying again")?;
    screen.keys(&["d"])?;
    screen.wait_for("nothing can be changed while the target does not answer")?;
    let _process = plane("edge", &folder, None)?;
    screen.wait("the node to be back", |shown| {
        !shown.contains("trying again") && shown.contains("every 0.2 s")
    })?;

    // A signal ends it as a key does: the terminal is as it was before.
    let pane = screen.tmux(&["display-message", "-p", "#{pane_pid}"])?;
    let shell = String::from_utf8_lossy(&pane.stdout).trim().to_owned();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"))?;
    let top = children
        .split_whitespace()
        .next()
        .and_then(|pid| pid.parse().ok())
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(top.expect("a child of the shell"), rustix::process::Signal::TERM)?;
    screen.wait("the shell", |shown| shown.trim_end().ends_with('$') && !shown.contains("Servers"))?;
    screen.run("stty -a")?;
    screen.wait("an echoing terminal", |shown| shown.contains(" echo ") && shown.contains(" icanon "))?;
    Ok(())
}

#[test]
fn a_controller_shows_its_fleet_together_and_one_by_one() -> Result<()> {
    let folder = Folder::create()?;
    let _one = plane("one", &folder, None)?;
    let _two = plane("two", &folder, None)?;
    let listen = format!("unix://{}", folder.join("controller.sock").display());
    let place = |name: &str| format!("{name}=unix://{}", folder.join(&format!("{name}.sock")).display());
    let store = folder.join("store");
    let _controller = node::controlplane()?
        .args(["--store", &store.to_string_lossy(), "--listen", &listen])
        .args(["--node", &place("one"), "--node", &place("two")])
        .start()?;
    let current =
        || regate(&["nodes", "--endpoint", &listen]).is_ok_and(|table| table.matches("current").count() == 2);
    wait::until_true("both nodes to follow", wait::PATIENCE, current)?;
    // Nodes of one machine cannot share a path: a frontend without a bind is enough to look at.
    let text: String =
        of_node("x").lines().filter(|line| !line.contains("bind")).map(|line| format!("{line}\n")).collect();
    let file = folder.write("fleet.cfg", text)?;
    regate(&["apply", "-f", &file.to_string_lossy(), "--endpoint", &listen])?;
    wait::until_true("both nodes to follow", wait::PATIENCE, current)?;

    let screen = Screen::open(120, 30)?;
    screen.run(&format!("{} top --endpoint {listen} --interval 0.2", node::regate()?.display()))?;
    screen.wait_for("2 of 2 nodes reached")?;
    screen.wait("rows of all nodes", |shown| shown.matches(" s1 ").count() == 1)?;
    screen.keys(&["n"])?;
    screen.wait("rows of each node", |shown| {
        shown.contains("NODE") && shown.lines().filter(|line| line.contains(" s1 ")).count() == 2
    })?;
    screen.keys(&["/", "s", "1", "Space", "t", "w", "o", "Enter", "End", "m"])?;
    screen.wait_for("app/s1 on all nodes (one, two): no check -> maint")?;
    screen.keys(&["y"])?;
    screen.wait("both nodes to show it", |shown| shown.contains("MAINT") && shown.contains('✓'))?;
    screen.keys(&["Escape"])?;
    screen.wait("both nodes to show it", |shown| shown.matches("MAINT").count() == 2)?;
    Ok(())
}

#[test]
fn one_frame_as_text_needs_no_terminal() -> Result<()> {
    let proxy = Proxy::start(Kind::Haproxy, CONFIGURATION)?;
    let socket = proxy.folder.join("admin.sock");
    let socket = socket.to_string_lossy();
    proxy.ask("set server app/s2 state maint")?;
    let arguments = ["top", "--haproxy", &socket, "--once", "--interval", "0.1", "--width", "80"];
    let text = regate(&arguments)?;
    assert!(text.starts_with(" HAProxy 2."), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(line(&text, "s2").contains("■ MAINT"), "{text}");
    let text = regate(&[arguments.as_slice(), &["--problems"]].concat())?;
    assert!(line(&text, "s2").contains("MAINT") && line(&text, "s1").is_empty(), "{text}");

    let nobody =
        regate(&["top", "--haproxy", "/nowhere/admin.sock", "--once"]).map_err(|trouble| trouble.to_string());
    assert!(nobody.is_err_and(|told| told.contains("cannot reach /nowhere/admin.sock")));
    let no_terminal = regate(&["top", "--haproxy", &socket]).map_err(|trouble| trouble.to_string());
    assert!(no_terminal.is_err_and(|told| told.contains("--once prints one frame")));
    Ok(())
}
