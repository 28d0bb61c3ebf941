//! Queues, limits and retries, under HAProxy and under Regate: the same servers in the same order, the same
//! answers, the same letters and counts in the log and in the statistics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::UdpSocket;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Answer, HttpClient, Kind, Origin, Port, Proxy, Result, Step, Trouble, wait};

/// A queue situation: a backend, and requests that come one after the other while no server answers.
struct Jam {
    name: &'static str,
    /// The backend's lines; `A` and `B` stand for the origins' addresses.
    backend: &'static str,
    /// The cookie of each request, or nothing.
    requests: &'static [&'static str],
}

const C1: &str = "S=c1";
const TIED: &str =
    " cookie S insert indirect\n server s1 A cookie c1 maxconn 1\n server s2 B cookie c2 maxconn 1\n";

const JAMS: &[Jam] = &[
    Jam { name: "one place", backend: " server s1 A maxconn 1\n", requests: &["", "", "", ""] },
    Jam {
        name: "a place on each of two",
        backend: " server s1 A maxconn 1\n server s2 B maxconn 1\n",
        requests: &["", "", "", "", ""],
    },
    Jam {
        name: "the fewest connections, with queues",
        backend: " balance leastconn\n server s1 A maxconn 1 maxqueue 2\n server s2 B maxconn 1 maxqueue 1\n",
        requests: &[""; 6],
    },
    Jam { name: "two places", backend: " server s1 A maxconn 2\n", requests: &["", "", "", ""] },
    Jam {
        name: "a bound that concerns nobody",
        backend: " server s1 A maxconn 1 maxqueue 1\n",
        requests: &["", "", "", ""],
    },
    Jam { name: "all tied to one", backend: TIED, requests: &[C1, C1, C1, C1] },
    Jam { name: "tied and free", backend: TIED, requests: &[C1, "", C1, "", C1, ""] },
    Jam {
        name: "a full queue",
        backend: " cookie S insert indirect\n server s1 A cookie c1 maxconn 1 maxqueue 1\n server s2 B cookie c2 maxconn 1\n",
        requests: &[C1, C1, C1, C1],
    },
    Jam {
        name: "a full queue that may be left",
        backend: " cookie S insert indirect\n option redispatch\n server s1 A cookie c1 maxconn 1 maxqueue 1\n server s2 B cookie c2 maxconn 1\n",
        requests: &[C1, C1, C1, C1],
    },
    Jam {
        name: "time runs out for all",
        backend: " timeout queue 50ms\n server s1 A maxconn 1\n",
        requests: &["", "", ""],
    },
    Jam {
        name: "time runs out for who is tied",
        backend: " cookie S insert indirect\n timeout queue 50ms\n server s1 A cookie c1 maxconn 1\n server s2 B cookie c2\n",
        requests: &[C1, C1, "", C1],
    },
    Jam {
        name: "a limit that follows the load",
        backend: " fullconn 10\n server s1 A minconn 1 maxconn 5\n",
        requests: &[""; 7],
    },
    Jam { name: "the least alone", backend: " fullconn 10\n server s1 A minconn 2\n", requests: &[""; 4] },
    Jam {
        name: "a least above the most",
        backend: " fullconn 10\n server s1 A minconn 3 maxconn 2\n",
        requests: &[""; 4],
    },
];

#[test]
fn queues_are_haproxys() -> Result<()> {
    compare(|kind| JAMS.iter().map(|jam| jam.observe(kind)).collect())
}

/// An answer that a server gives to one connection.
#[derive(Clone, Copy)]
enum Way {
    /// It closes without a word.
    Empty,
    /// It begins a response and closes.
    Cut,
    /// It says what is no response.
    Junk,
    /// It says nothing.
    Hang,
    /// It answers with this status.
    Says(u16),
}
use Way::{Cut, Empty, Hang, Junk, Says};

/// A retry situation: a backend, and what its two servers do before they answer well.
struct Trial {
    backend: &'static str,
    first: &'static [Way],
    second: &'static [Way],
    /// The size of the request's body.
    body: usize,
}

const fn trial(backend: &'static str, first: &'static [Way]) -> Trial {
    Trial { backend, first, second: &[], body: 0 }
}

const fn pair(backend: &'static str, first: &'static [Way], second: &'static [Way]) -> Trial {
    Trial { backend, first, second, body: 0 }
}

const fn post(backend: &'static str, first: &'static [Way], body: usize) -> Trial {
    Trial { backend, first, second: &[], body }
}

const TRIALS: &[Trial] = &[
    trial(" server s1 A\n", &[Empty]),
    trial(" retry-on none\n server s1 A\n", &[Empty]),
    trial(" retry-on conn-failure\n server s1 A\n", &[Empty]),
    trial(" retry-on empty-response\n server s1 A\n", &[Empty, Empty]),
    trial(" retry-on empty-response\n server s1 A\n", &[Cut]),
    trial(" retry-on junk-response\n server s1 A\n", &[Empty]),
    trial(" retry-on junk-response\n server s1 A\n", &[Cut]),
    trial(" retry-on junk-response\n server s1 A\n", &[Junk, Junk]),
    trial(" server s1 A\n", &[Junk]),
    trial(" server s1 A\n", &[Hang]),
    trial(" retry-on response-timeout\n server s1 A\n", &[Hang]),
    trial(" retry-on response-timeout\n retries 1\n server s1 A\n", &[Hang, Hang]),
    trial(" retry-on all-retryable-errors\n server s1 A\n", &[Empty, Junk, Says(502)]),
    trial(" retry-on all-retryable-errors\n server s1 A\n", &[Says(404)]),
    trial(" retry-on all-retryable-errors\n server s1 A\n", &[Says(501)]),
    trial(" retry-on 401 403 404 408 425\n server s1 A\n", &[Says(401), Says(403), Says(408)]),
    trial(" retry-on 404 425 501\n server s1 A\n", &[Says(404), Says(425), Says(501)]),
    trial(" retry-on 500 503 504\n server s1 A\n", &[Says(500), Says(503), Says(504)]),
    trial(" retry-on 503\n server s1 A\n", &[Says(500)]),
    trial(" retry-on 500\n server s1 A\n", &[Says(500), Says(500), Says(500), Says(500)]),
    trial(" retry-on 500\n retries 1\n server s1 A\n", &[Says(500), Says(500)]),
    trial(" retry-on 500\n retries 0\n server s1 A\n", &[Says(500)]),
    trial(" retry-on empty-response\n server s1 A\n", &[Empty, Empty, Empty, Empty]),
    trial(" retry-on junk-response\n server s1 A\n", &[Junk, Junk, Junk, Junk]),
    pair(" retry-on 500\n server s1 A\n server s2 B\n", &[Says(500), Says(500)], &[]),
    pair(
        " retry-on 500\n option redispatch\n server s1 A\n server s2 B\n",
        &[Says(500), Says(500)],
        &[Says(500)],
    ),
    pair(
        " retry-on 500\n option redispatch 1\n server s1 A\n server s2 B\n",
        &[Says(500), Says(500)],
        &[Says(500)],
    ),
    pair(" retry-on 500\n option redispatch 2\n server s1 A\n server s2 B\n", &[Says(500)], &[]),
    pair(
        " retry-on 500\n option redispatch 2\n server s1 A\n server s2 B backup\n",
        &[Says(500), Says(500)],
        &[],
    ),
    post(" retry-on 500\n server s1 A\n", &[Says(500)], 10),
    post(" retry-on 500\n server s1 A\n", &[Says(500)], 10_000),
    post(" retry-on 500\n server s1 A\n", &[Says(500)], 20_000),
    post(" retry-on empty-response\n server s1 A\n", &[Empty], 10),
    trial(" retries 1\n timeout connect 100ms\n server s1 DEAD\n", &[]),
    trial(" retry-on none\n server s1 DEAD\n", &[]),
    trial(" retry-on 500\n server s1 DEAD\n", &[]),
    trial(" retries 0\n server s1 DEAD\n", &[]),
    pair(" option redispatch\n server s1 DEAD\n server s2 B\n", &[], &[]),
    pair(" option redispatch 2\n timeout connect 100ms\n server s1 DEAD\n server s2 B\n", &[], &[]),
    pair(" option redispatch\n retries 0\n server s1 DEAD\n server s2 B\n", &[], &[]),
    pair(" option redispatch 1\n timeout connect 50ms\n retries 2\n server s1 DEAD\n", &[], &[]),
    pair(" balance leastconn\n option redispatch 2\n server s1 DEAD\n server s2 B\n", &[], &[]),
    pair(" balance static-rr\n option redispatch 2\n server s1 DEAD\n server s2 B\n", &[], &[]),
];

#[test]
fn retries_are_haproxys() -> Result<()> {
    compare(|kind| {
        let stages: Vec<Stage> = TRIALS.iter().map(|trial| trial.stage()).collect::<Result<_>>()?;
        let backends: Vec<String> =
            TRIALS.iter().zip(&stages).map(|(trial, stage)| stage.place(trial.backend)).collect();
        let proxied = Proxied::start(kind, &backends, "timeout server 300ms")?;
        TRIALS
            .iter()
            .zip(&stages)
            .enumerate()
            .map(|(at, (trial, stage))| trial.observe(&proxied, at, stage))
            .collect()
    })
}

#[test]
fn who_leaves_is_not_served_where_that_is_asked_for() -> Result<()> {
    compare(|kind| {
        let mut seen = Vec::new();
        for (option, leaves) in [("option abortonclose", true), ("no option abortonclose", false)] {
            let gate = Gate::new();
            let stage = Stage::start()?;
            gate.guard(&stage.origins[0]);
            let backends = [stage.place(" server s1 A maxconn 1\n")];
            let proxied = Proxied::start(kind, &backends, option)?;
            let first = proxied.send(0, "/first", "");
            proxied.wait_for(0, "scur", "BACKEND", 1)?;
            let mut second = HttpClient::connect(proxied.binds[0].address())?;
            second.send("GET /second HTTP/1.1\r\nHost: h\r\n\r\n")?;
            proxied.wait_for(0, "qcur", "BACKEND", 1)?;
            drop(second);
            if leaves {
                proxied.wait_for(0, "qcur", "BACKEND", 0)?;
            }
            gate.open();
            first.join().expect("a client");
            let lines = proxied.lines(0, 2)?;
            seen.push(format!("{lines:?} {:?}", proxied.columns(0, &["cli_abrt", "qcur", "econ"])?));
        }
        Ok(seen)
    })
}

/// A server that is put out of service sends its queue elsewhere, and one that comes takes from it.
#[test]
fn a_queue_follows_the_servers() -> Result<()> {
    for kind in Kind::BOTH {
        let gate = Gate::new();
        let stage = Stage::start()?;
        stage.origins.iter().for_each(|origin| gate.guard(origin));
        let backend = stage.place(
            " cookie S insert indirect\n option redispatch\n server s1 A cookie c1 maxconn 1\n server s2 B cookie c2 maxconn 1 disabled\n",
        );
        let proxied = Proxied::start(kind, &[backend], "")?;
        let mut clients = Vec::new();
        for (number, cookie) in ["", C1, ""].iter().enumerate() {
            clients.push(proxied.send(0, "/", cookie));
            proxied.wait_for(0, "scur", "BACKEND", number as u32 + 1)?;
        }
        proxied.wait_for(0, "qcur", "BACKEND", 1)?;
        proxied.wait_for(0, "qcur", "s1", 1)?;
        // What waits for any server goes to the new one at once.
        proxied.proxy.ask("set server b0/s2 state ready")?;
        proxied.wait_for(0, "scur", "s2", 1)?;
        // What waits for the one that goes looks for another.
        proxied.proxy.ask("set server b0/s1 state maint")?;
        proxied.wait_for(0, "qcur", "s1", 0)?;
        gate.open();
        let statuses: Vec<u16> =
            clients.into_iter().map(|client| client.join().expect("a client").0).collect();
        assert_eq!(statuses, [200, 200, 200], "{kind:?}");
        assert_eq!(stage.origins[1].requests().len(), 2, "{kind:?}");
    }
    Ok(())
}

impl Jam {
    /// Everything that can be seen of it, as text.
    fn observe(&self, kind: Kind) -> Result<String> {
        let gate = Gate::new();
        let stage = Stage::start()?;
        stage.origins.iter().for_each(|origin| gate.guard(origin));
        let proxied = Proxied::start(kind, &[stage.place(self.backend)], "")?;
        let mut clients: Vec<JoinHandle<(u16, Vec<u8>)>> = Vec::new();
        for (number, cookie) in self.requests.iter().enumerate() {
            clients.push(proxied.send(0, &format!("/{number}"), cookie));
            // Each stands in its place, or has been turned away, before the next comes.
            wait::until_true("the request to stand in its place", wait::PATIENCE, || {
                let gone = clients.iter().filter(|client| client.is_finished()).count() as u32;
                proxied.column(0, "scur", "BACKEND").is_ok_and(|now| now + gone == number as u32 + 1)
            })?;
        }
        let gone = || clients.iter().filter(|client| client.is_finished()).count();
        let settle = || {
            wait::until_true("everybody to be held or to wait", wait::PATIENCE, || {
                proxied.is_settled(gate.held(), clients.len() - gone()).unwrap_or(false)
            })
        };
        let mut seen = format!("{}\n", self.name);
        if !self.backend.contains("timeout queue") {
            settle()?;
            let columns = proxied.columns(0, &["qcur", "qmax", "scur", "smax", "slim", "qlimit"])?;
            writeln!(seen, "  full {columns:?}").expect("a string");
        } else {
            proxied.wait_for(0, "qcur", "BACKEND", 0)?;
            proxied.wait_for(0, "qcur", "s1", 0)?;
        }
        // One after the other, the longest there first, so that each place is given on by itself.
        loop {
            settle()?;
            let before = gone();
            if before == clients.len() {
                break;
            }
            gate.release_first();
            wait::until_true("an answer", wait::PATIENCE, || gone() > before)?;
        }
        let answers: Vec<(u16, String)> = clients
            .into_iter()
            .map(|client| client.join().expect("a client"))
            .map(|(status, body)| (status, String::from_utf8_lossy(&body).into_owned()))
            .collect();
        let lines = proxied.lines(0, answers.len())?;
        let columns = proxied
            .columns(0, &["qcur", "qmax", "smax", "econ", "eresp", "wretr", "wredis", "lbtot", "stot"])?;
        for (line, answer) in lines.iter().zip(&answers) {
            writeln!(seen, "  {line} {answer:?}").expect("a string");
        }
        write!(seen, "  after {columns:?}").expect("a string");
        Ok(seen)
    }
}

impl Trial {
    fn stage(&self) -> Result<Stage> {
        let stage = Stage::start()?;
        for (origin, ways) in stage.origins.iter().zip([self.first, self.second]) {
            ways.iter().for_each(|way| origin.script(way.steps()));
        }
        Ok(stage)
    }

    fn observe(&self, proxied: &Proxied, at: usize, stage: &Stage) -> Result<String> {
        let body = vec![b'x'; self.body];
        let mut client = HttpClient::connect(proxied.binds[at].address())?;
        let method = if self.body > 0 { "POST" } else { "GET" };
        let exchange = client.request(method, "/", &[("Connection", "close")], &body)?;
        let lines = proxied.lines(at, 1)?;
        let received: Vec<Vec<usize>> = stage
            .origins
            .iter()
            .map(|origin| origin.received().iter().filter(|bytes| !bytes.is_empty()).map(Vec::len).collect())
            .collect();
        let connections: Vec<usize> = received.iter().map(Vec::len).collect();
        let columns = proxied.columns(
            at,
            &["econ", "eresp", "wretr", "wredis", "stot", "lbtot", "hrsp_2xx", "hrsp_5xx", "req_tot"],
        )?;
        Ok(format!(
            "{:?} {:?} {} {:?}\n  {lines:?}\n  whole {} sent {connections:?}\n  {columns:?}",
            self.backend,
            self.body,
            exchange.status,
            exchange.text(),
            // What is larger than is held need not have arrived when the answer comes.
            self.body > 10_000 || received.iter().flatten().all(|length| *length > self.body),
        ))
    }
}

impl Way {
    fn steps(self) -> Vec<Step> {
        let mut steps = vec![Step::ReadUntil(b"\r\n\r\n".to_vec())];
        match self {
            Way::Empty => {}
            Way::Cut => steps.push(Step::Send(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec())),
            Way::Junk => steps.push(Step::Send(b"garbage\r\n\r\n".to_vec())),
            Way::Hang => steps.push(Step::Hold),
            Way::Says(status) => {
                let text = format!(
                    "HTTP/1.1 {status} Scripted\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbad"
                );
                steps.push(Step::Send(text.into_bytes()));
                steps.push(Step::ReadToEnd);
            }
        }
        steps
    }
}

/// Two origins and a closed port.
struct Stage {
    origins: Vec<Origin>,
    dead: Port,
}

impl Stage {
    fn start() -> Result<Stage> {
        Ok(Stage { origins: vec![Origin::start("alpha")?, Origin::start("beta")?], dead: Port::reserve()? })
    }

    /// A backend's lines with addresses in the place of letters.
    fn place(&self, text: &str) -> String {
        text.split(' ')
            .map(|word| {
                let (word, rest) = word.split_at(word.find('\n').unwrap_or(word.len()));
                let port = match word {
                    "A" => self.origins[0].port(),
                    "B" => self.origins[1].port(),
                    "DEAD" => self.dead.number(),
                    word => return format!("{word}{rest}"),
                };
                format!("127.0.0.1:{port}{rest}")
            })
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Holds the answers of origins back until they are released.
#[derive(Clone)]
struct Gate(Arc<(Mutex<Held>, Condvar)>);

/// The targets of the requests that are held, and whether nobody is held any more.
#[derive(Default)]
struct Held {
    targets: BTreeSet<String>,
    open: bool,
}

impl Gate {
    fn new() -> Gate {
        Gate(Arc::new((Mutex::default(), Condvar::new())))
    }

    fn guard(&self, origin: &Origin) {
        let (gate, name) = (self.clone(), origin.name().to_owned());
        origin.answer_by(move |request| {
            let (held, changed) = &*gate.0;
            let mut held = held.lock().expect("a lock");
            held.targets.insert(request.target.clone());
            let is_held = |held: &mut Held| !held.open && held.targets.contains(&request.target);
            drop(changed.wait_timeout_while(held, wait::PATIENCE, is_held).expect("a lock"));
            Answer::text(&name)
        });
    }

    /// How many requests are held.
    fn held(&self) -> usize {
        self.0.0.lock().expect("a lock").targets.len()
    }

    /// Lets the request with the lowest target go.
    fn release_first(&self) {
        self.0.0.lock().expect("a lock").targets.pop_first();
        self.0.1.notify_all();
    }

    /// Lets everybody go, also who is yet to come.
    fn open(&self) {
        self.0.0.lock().expect("a lock").open = true;
        self.0.1.notify_all();
    }
}

/// A running proxy with a frontend for each backend, and a sink for its log.
struct Proxied {
    proxy: Proxy,
    binds: Vec<Port>,
    sink: UdpSocket,
}

impl Proxied {
    fn start(kind: Kind, backends: &[String], defaults: &str) -> Result<Proxied> {
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        sink.set_read_timeout(Some(wait::PATIENCE))?;
        let mut text = format!(
            "global\n maxconn 1000\n log 127.0.0.1:{} local0\n stats socket @folder@/socket level admin\n\
             defaults\n mode http\n log global\n option httplog\n timeout connect 500ms\n timeout client 10s\n timeout queue 10s\n timeout server 5s\n {defaults}\n",
            sink.local_addr()?.port()
        );
        let mut binds = Vec::new();
        for (at, backend) in backends.iter().enumerate() {
            let bind = Port::reserve()?;
            write!(
                text,
                "frontend f{at}\n bind 127.0.0.1:{}\n default_backend b{at}\nbackend b{at}\n{backend}",
                bind.number()
            )
            .map_err(|error| Trouble::new(error.to_string()))?;
            binds.push(bind);
        }
        Ok(Proxied { proxy: Proxy::start(kind, &text)?, binds, sink })
    }

    /// Sends a request from a thread of its own; gives status and body.
    fn send(&self, at: usize, target: &str, cookie: &str) -> JoinHandle<(u16, Vec<u8>)> {
        let (address, target, cookie) = (self.binds[at].address(), target.to_owned(), cookie.to_owned());
        std::thread::spawn(move || {
            let mut client = HttpClient::connect(address).expect("a connection");
            let mut headers = vec![("Connection", "close")];
            if !cookie.is_empty() {
                headers.push(("Cookie", &cookie));
            }
            let exchange = client.request("GET", &target, &headers, b"").expect("an answer");
            (exchange.status, exchange.body)
        })
    }

    /// Target, server, what was reached, letters, retries and queues of so many lines, sorted: threads send theirs
    /// when it suits them.
    fn lines(&self, at: usize, count: usize) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        while lines.len() < count {
            let mut line = [0; 4096];
            let length = self.sink.recv(&mut line)?;
            let line = String::from_utf8_lossy(&line[..length]).into_owned();
            let Some((_, text)) = line.split_once("]: ") else { continue };
            let fields: Vec<&str> = text.split(' ').collect();
            if fields.get(2) != Some(&format!("f{at}").as_str()) {
                continue;
            }
            let reached: String =
                fields[4].split('/').map(|time| if time == "-1" { '-' } else { '+' }).collect();
            let retries = fields[10].rsplit('/').next().unwrap_or_default();
            let target = fields.get(13).copied().unwrap_or_default();
            lines.push(format!(
                "{target} {} {reached} {} {} {retries} {}",
                fields[3], fields[5], fields[9], fields[11]
            ));
        }
        lines.sort();
        Ok(lines)
    }

    fn rows(&self, at: usize) -> Result<Vec<BTreeMap<String, String>>> {
        let reply = self.proxy.ask("show stat")?;
        let mut lines = reply.lines();
        let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
        let rows = lines.map(|line| {
            names.iter().map(|name| (*name).to_owned()).zip(line.split(',').map(str::to_owned)).collect()
        });
        let mine =
            |row: &BTreeMap<String, String>| row.get("pxname").is_some_and(|name| *name == format!("b{at}"));
        Ok(rows.filter(mine).collect())
    }

    /// These columns of each server and of the backend.
    fn columns(&self, at: usize, names: &[&str]) -> Result<Vec<String>> {
        let rows = self.rows(at)?;
        Ok(rows
            .iter()
            .map(|row| {
                let values: Vec<String> = names.iter().map(|name| format!("{name}={}", row[*name])).collect();
                format!("{}: {}", row["svname"], values.join(" "))
            })
            .collect())
    }

    fn column(&self, at: usize, column: &str, service: &str) -> Result<u32> {
        let rows = self.rows(at)?;
        let row = rows.iter().find(|row| row["svname"] == service);
        row.and_then(|row| row[column].parse().ok())
            .ok_or_else(|| Trouble::new(format!("there is no number {column} of {service}")))
    }

    /// Whether each of so many clients is held by a server or waits for one, and no server that somebody waits for
    /// has a free place.
    fn is_settled(&self, held: usize, clients: usize) -> Result<bool> {
        let rows = self.rows(0)?;
        let number = |row: &BTreeMap<String, String>, column: &str| row[column].parse::<usize>().ok();
        let queued: usize = rows.iter().filter_map(|row| number(row, "qcur")).sum();
        let shared = rows.iter().find(|row| row["svname"] == "BACKEND").and_then(|row| number(row, "qcur"));
        let servers = rows.iter().filter(|row| row["svname"] != "BACKEND");
        // Alone, a server gives its places on in one order only; what it takes may depend on the load.
        let full = servers.clone().count() == 1
            || servers.clone().all(|row| {
                let waited_for = number(row, "qcur") > Some(0) || shared > Some(0);
                !waited_for || number(row, "slim").is_some_and(|limit| number(row, "scur") >= Some(limit))
            });
        let busy: usize = servers.filter_map(|row| number(row, "scur")).sum();
        let present = rows.iter().find(|row| row["svname"] == "BACKEND").and_then(|row| number(row, "scur"));
        Ok(full && busy == held && held + queued == clients && present == Some(clients))
    }

    fn wait_for(&self, at: usize, column: &str, service: &str, value: u32) -> Result<()> {
        let what = format!("{column} of b{at}/{service} to be {value}");
        wait::until_true(&what, wait::PATIENCE, || {
            self.column(at, column, service).is_ok_and(|now| now == value)
        })
    }
}
