//! Published examples whose rules and lists change while clients run: none of their requests may suffer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use regate_tests::harness::{Folder, Origin, Port, Process, RawClient, Result, node, wait};

/// The rate limit of HAProxy's documentation, with its table of a million entries.
const RATE_LIMIT: &str = "defaults
    mode http
    timeout connect 1s
    timeout client 20s
    timeout server 20s
frontend f
    bind 127.0.0.1:PORT accept-proxy
    stick-table type ip size 1m expire 15m store gpt0,http_req_rate(10s)
    http-request allow if { src -f WHITELIST }
    http-request track-sc0 src
    acl abuse src_http_req_rate ge LIMIT
    http-request sc-set-gpt0(0) 1 if abuse
    http-request deny if { sc0_get_gpt0 ge 1 }
    default_backend b
backend b
    server s 127.0.0.1:ORIGIN
";

/// A data plane and a text socket.
struct Bed {
    folder: Folder,
    endpoint: String,
    socket: PathBuf,
    _node: Process,
    _shim: Process,
}

impl Bed {
    fn start() -> Result<Bed> {
        let folder = Folder::create()?;
        let (admin, socket) = (folder.join("node"), folder.join("socket"));
        let endpoint = format!("unix://{}", admin.display());
        let state = folder.join("state").to_string_lossy().into_owned();
        let node = node::dataplane()?
            .args(["--state-dir", &state, "--admin", &endpoint, "--workers", "2"])
            .start()?;
        let shim = node::command()?
            .args(["shim", "--endpoint", &endpoint, "--socket", &socket.to_string_lossy()])
            .start()?;
        let bed = Bed { folder, endpoint, socket, _node: node, _shim: shim };
        wait::until_true("the node to answer", wait::PATIENCE, || {
            bed.ask("show info").is_ok_and(|text| text.starts_with("Name:"))
        })?;
        Ok(bed)
    }

    /// Makes a text the configuration, as an operator does.
    fn apply(&self, text: &str) -> Result<()> {
        let file = self.folder.write("proxy.cfg", text)?;
        let mut process = node::command()?
            .args(["apply", "--endpoint", &self.endpoint, "-f", &file.to_string_lossy()])
            .start()?;
        let status = process.wait_exit(wait::PATIENCE)?;
        assert!(status.success(), "{}", process.output());
        Ok(())
    }

    fn ask(&self, line: &str) -> Result<String> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(wait::PATIENCE))?;
        stream.write_all(format!("{line}\n").as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    }
}

/// Somebody who asks again and again, until told to stop.
struct Crowd {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Vec<u16>>>,
}

impl Crowd {
    fn start(port: u16, clients: &[&'static str]) -> Crowd {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let threads = clients.iter().copied().map(|client| {
            let (stop, answered) = (stop.clone(), answered.clone());
            std::thread::spawn(move || {
                let mut other = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match request(port, client) {
                        Ok(200) => {}
                        Ok(status) => other.push(status),
                        Err(_) => other.push(0),
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                other
            })
        });
        let threads = threads.collect();
        Crowd { stop, answered, threads }
    }

    /// Waits until some more were answered, so that what was done before is behind all of them.
    fn go_on(&self) -> Result<()> {
        let from = self.answered.load(Ordering::Relaxed);
        wait::until_true("the crowd to go on", wait::PATIENCE, || {
            self.answered.load(Ordering::Relaxed) >= from + 10
        })
    }

    /// What was answered besides 200.
    fn end(self) -> Vec<u16> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }
}

/// The status of a request from a client.
fn request(port: u16, client: &str) -> Result<u16> {
    let mut raw = RawClient::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    raw.send(format!(
        "PROXY TCP4 {client} 127.0.0.1 4000 80\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    ))?;
    let answer = raw.take_to_end()?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    Ok(text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0))
}

/// The statuses of so many requests from a client.
fn requests(port: u16, client: &str, count: usize) -> Result<Vec<u16>> {
    (0..count).map(|_| request(port, client)).collect()
}

#[test]
fn the_rate_limit_changes_while_clients_run() -> Result<()> {
    let (bed, port, origin) = (Bed::start()?, Port::reserve()?, Origin::start("s")?);
    let list = bed.folder.write("whitelist.lst", "10.1.0.0/16\n")?.to_string_lossy().into_owned();
    let text = |limit: u32| {
        RATE_LIMIT
            .replace("PORT", &port.to_string())
            .replace("ORIGIN", &origin.port().to_string())
            .replace("WHITELIST", &list)
            .replace("LIMIT", &limit.to_string())
    };
    bed.apply(&text(5))?;
    let number = port.number();
    let crowd = Crowd::start(number, &["10.1.0.1", "10.1.0.2"]);
    assert_eq!(requests(number, "10.0.0.1", 6)?, [200, 200, 200, 200, 403, 403]);

    // The limit goes up: who was refused stays so until the mark is taken away, others have more room.
    bed.apply(&text(60))?;
    crowd.go_on()?;
    assert_eq!(request(number, "10.0.0.1")?, 403, "the mark in the table outlives the change");
    assert_eq!(requests(number, "10.0.0.2", 20)?, [200; 20]);
    bed.ask("set table f key 10.0.0.1 data.gpt0 0")?;
    assert_eq!(request(number, "10.0.0.1")?, 200);

    // An address moves into the list of those who may ask as often as they like, and out of it again.
    assert_eq!(bed.ask(&format!("add acl {list} 10.0.0.3"))?, "\n");
    assert_eq!(requests(number, "10.0.0.3", 80)?, [200; 80]);
    assert_eq!(bed.ask(&format!("del acl {list} 10.0.0.3"))?, "\n");
    let seen = requests(number, "10.0.0.3", 62)?;
    assert_eq!((seen.first(), seen.last()), (Some(&200), Some(&403)), "{seen:?}");
    crowd.go_on()?;

    // And the limit goes down again.
    bed.apply(&text(5))?;
    assert_eq!(requests(number, "10.0.0.4", 6)?, [200, 200, 200, 200, 403, 403]);
    assert_eq!(crowd.end(), Vec::<u16>::new(), "somebody on the list was refused, or lost");
    Ok(())
}

#[test]
fn countries_are_logged_and_looked_up_anew_while_clients_run() -> Result<()> {
    let (bed, port, origin) = (Bed::start()?, Port::reserve()?, Origin::start("s")?);
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    sink.set_read_timeout(Some(wait::PATIENCE))?;
    let mut lines = String::new();
    // 1.0.0.0/24, 1.0.1.0/24, …: 200,000 prefixes.
    for at in 0..200_000_u32 {
        let network = std::net::Ipv4Addr::from(0x0100_0000 + (at << 8));
        writeln!(lines, "{network}/24 C{}", at % 200).unwrap();
    }
    let list = bed.folder.write("ip-country.lst", lines)?.to_string_lossy().into_owned();
    bed.apply(&format!(
        "global\n log 127.0.0.1:{} local0\ndefaults\n mode http\n log global\n timeout connect 1s\n timeout client 20s\n timeout server 20s\n\
         frontend f\n bind 127.0.0.1:{port} accept-proxy\n \
         log-format \"<%ci %[src,map_ip({list},none)]>\"\n default_backend b\nbackend b\n server s 127.0.0.1:{}\n",
        sink.local_addr()?.port(),
        origin.port()
    ))?;
    let number = port.number();
    let crowd = Crowd::start(number, &["1.0.5.9"]);
    // What the line of a request of this client says.
    let logged = |client: &str| -> Result<String> {
        assert_eq!(request(number, client)?, 200);
        loop {
            let mut line = [0; 4096];
            let length = sink.recv(&mut line)?;
            let line = String::from_utf8_lossy(&line[..length]).into_owned();
            let told = line.split('<').nth(2).or(line.split('<').nth(1)).unwrap_or_default();
            if let Some(country) = told.strip_prefix(&format!("{client} ")) {
                return Ok(country.trim_end().trim_end_matches('>').to_owned());
            }
        }
    };
    assert_eq!(logged("1.0.7.1")?, "C7");
    assert_eq!(logged("4.13.63.255")?, "C199");
    assert_eq!(logged("192.0.2.1")?, "none");
    assert_eq!(bed.ask(&format!("set map {list} 1.0.7.0/24 elsewhere"))?, "\n");
    assert_eq!(logged("1.0.7.1")?, "elsewhere");
    assert_eq!(bed.ask(&format!("add map {list} 1.0.7.0/28 nearer"))?, "\n");
    assert_eq!(bed.ask(&format!("add map {list} 192.0.2.0/24 new"))?, "\n");
    assert_eq!((logged("1.0.7.1")?, logged("192.0.2.1")?), ("nearer".to_owned(), "new".to_owned()));
    assert_eq!(logged("1.0.7.200")?, "elsewhere");
    assert_eq!(bed.ask(&format!("del map {list} 1.0.7.0/28"))?, "\n");
    assert_eq!(logged("1.0.7.1")?, "elsewhere");
    crowd.go_on()?;
    // All of it at once.
    assert!(bed.ask(&format!("prepare map {list}"))?.starts_with("New version created: 1"));
    assert_eq!(bed.ask(&format!("add map @1 {list} 0.0.0.0/0 everywhere"))?, "\n");
    assert_eq!(logged("1.0.7.1")?, "elsewhere");
    assert_eq!(bed.ask(&format!("commit map @1 {list}"))?, "\n");
    assert_eq!(logged("1.0.7.1")?, "everywhere");
    assert_eq!(crowd.end(), Vec::<u16>::new());
    Ok(())
}
