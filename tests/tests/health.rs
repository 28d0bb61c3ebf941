//! Checks and agents, held against HAProxy's: the same configuration and the same scripted origins under both, and the
//! columns of `show stat`, the state file and the log lines compared.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use regate_tests::harness::{Kind, Port, Proxy, Result, wait};

/// What an origin does with each connection.
#[derive(Clone)]
enum Act {
    /// Closes at once.
    Close,
    /// Accepts and says nothing.
    Hang,
    /// Reads what is sent first, closes.
    Listen,
    /// A dialogue: says a piece, or with `None` waits for one; then stays until the peer has gone.
    Talk(Vec<Option<Vec<u8>>>),
    /// As `Talk`, and closes.
    TalkAndClose(Vec<Option<Vec<u8>>>),
    /// Reads what is sent first, and answers with it as the body.
    Echo,
    /// Waits for something, then says a byte at a time, for ever.
    Drip,
    /// Waits for something, then talks for ever.
    Flood,
}

/// A scripted origin.
struct Double {
    port: u16,
    act: Arc<Mutex<Act>>,
    stop: Arc<AtomicBool>,
}

impl Double {
    fn start(act: Act) -> Double {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (act, stop) = (Arc::new(Mutex::new(act)), Arc::new(AtomicBool::new(false)));
        let (script, over) = (act.clone(), stop.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(std::result::Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (act, over) = (script.lock().unwrap().clone(), over.clone());
                std::thread::spawn(move || play(stream, &act, &over));
            }
        });
        Double { port, act, stop }
    }

    fn become_(&self, act: Act) {
        *self.act.lock().unwrap() = act;
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// Plays a script on one connection; a peer that has gone ends it.
fn play(mut stream: TcpStream, act: &Act, over: &AtomicBool) {
    let mut piece = [0; 4096];
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut talk = |stream: &mut TcpStream, steps: &[Option<Vec<u8>>]| {
        for step in steps {
            match step {
                Some(bytes) => {
                    let _ = stream.write_all(bytes);
                }
                None => {
                    let _ = stream.read(&mut piece);
                }
            }
        }
    };
    match act {
        Act::Close => {}
        Act::Hang => talk(&mut stream, &[None, None]),
        Act::Listen => talk(&mut stream, &[None]),
        Act::Talk(steps) => {
            talk(&mut stream, steps);
            talk(&mut stream, &[None]);
        }
        Act::TalkAndClose(steps) => {
            talk(&mut stream, steps);
            let _ = stream.shutdown(Shutdown::Write);
            talk(&mut stream, &[None]);
        }
        Act::Echo => {
            let mut said = [0; 4096];
            let count = stream.read(&mut said).unwrap_or(0);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {count}\r\n\r\n");
            let answer = [head.as_bytes(), said.get(..count).unwrap_or_default()].concat();
            talk(&mut stream, &[Some(answer), None]);
        }
        Act::Drip => {
            talk(&mut stream, &[None]);
            while !over.load(Ordering::Relaxed) && stream.write_all(b"x").is_ok() {
                wait::pause(Duration::from_millis(20));
            }
        }
        Act::Flood => {
            talk(&mut stream, &[None]);
            while !over.load(Ordering::Relaxed) && stream.write_all(&[b'x'; 65_536]).is_ok() {}
        }
    }
}

/// Says this once it was asked.
fn answers(bytes: &[u8]) -> Act {
    Act::Talk(vec![None, Some(bytes.to_vec())])
}

/// Says these, waiting for something between them; then stays.
fn talks(pieces: &[&[u8]]) -> Act {
    let pieces = pieces.iter().map(|piece| (!piece.is_empty()).then(|| piece.to_vec()));
    Act::Talk(pieces.collect())
}

fn greets_and_closes(bytes: &[u8]) -> Act {
    Act::TalkAndClose(vec![Some(bytes.to_vec())])
}

fn http(status: &str, headers: &str, body: &str) -> Act {
    let length = body.len();
    answers(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}").as_bytes())
}

/// What `show stat` says of a server, without what differs from run to run.
type Shown = (String, String, String, String);

/// The rows of `show stat` by proxy and server.
fn statistics(proxy: &Proxy) -> Result<BTreeMap<(String, String), BTreeMap<String, String>>> {
    let csv = proxy.ask("show stat")?;
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap().trim_start_matches("# ").split(',').collect();
    let mut rows = BTreeMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let mut fields = fields(line).into_iter();
        let row: BTreeMap<String, String> =
            names.iter().map(|name| (*name).to_owned()).zip(fields.by_ref()).collect();
        rows.insert((row["pxname"].clone(), row["svname"].clone()), row);
    }
    Ok(rows)
}

/// The fields of a line of CSV, quoted ones included.
fn fields(line: &str) -> Vec<String> {
    let (mut found, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => found.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    found.push(field);
    found
}

/// What is shown of every server of these backends once none is checked for the first time or under way.
fn settled(proxy: &Proxy, backends: &[&str]) -> Result<BTreeMap<String, Shown>> {
    let mut known: BTreeMap<String, Shown> = BTreeMap::new();
    wait::until_true("every server to be checked", DEADLINE, || {
        let Ok(rows) = statistics(proxy) else { return false };
        for name in backends {
            let row = &rows[&((*name).to_owned(), "s".to_owned())];
            let (status, finding) = (row["status"].clone(), row["check_status"].clone());
            let wavers = status.contains('/') || finding.starts_with('*') || finding == "INI";
            if !wavers && !known.contains_key(*name) {
                let shown = (status, finding, row["check_code"].clone(), row["last_chk"].clone());
                known.insert((*name).to_owned(), shown);
            }
        }
        known.len() == backends.len()
    })?;
    Ok(known)
}

/// One row: a name, the backend's lines, what its origin does, and the parameters of the server.
struct Case {
    name: &'static str,
    lines: &'static [&'static str],
    act: Option<Act>,
    parameters: &'static str,
}

fn case(name: &'static str, lines: &'static [&'static str], act: Act) -> Case {
    Case { name, lines, act: Some(act), parameters: "check" }
}

const HTTP: &str = "option httpchk";
const TCP: &str = "option tcp-check";

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let greeting: &[u8] = b"\x2e\0\0\0\x0a5.5.5-test\0\x01\0\0\0abcdefgh\0\xff\xf7\x08\x02\0\x7f\x80\x15\0\0\0\0\0\0\0\0\0\0ijk";
    let denied: &[u8] = b"\x16\0\0\x02\xff\x15\x04#28000Access denied";
    let hello = || http("200 OK", "X-A: a, b\r\n", "hello");
    vec![
        case("l4-ok", &[], Act::Hang),
        Case { name: "l4-con", lines: &[], act: None, parameters: "check" },
        case("h-200", &[HTTP], hello()),
        case("h-302", &[HTTP], http("302 Found", "", "")),
        case("h-404", &[HTTP], http("404 Not Found", "", "")),
        case("h-500", &[HTTP], http("500 Oh no", "", "")),
        case("h-503-bare", &[HTTP], answers(b"HTTP/1.1 503\r\n\r\n")),
        case("h-garbage", &[HTTP], answers(b"garbage here\r\n\r\n")),
        case("h-hang", &[HTTP], Act::Hang),
        case("h-drip", &[HTTP], Act::Drip),
        case("h-flood", &[HTTP], Act::Flood),
        case("h-close", &[HTTP], Act::Listen),
        case("h-half", &[HTTP], Act::TalkAndClose(vec![None, Some(b"HTTP/1.1 200 OK\r\nX: y\r\n".to_vec())])),
        case("h-disable", &[HTTP, "http-check disable-on-404"], http("404 Not Found", "", "")),
        case("h-string", &[HTTP, "http-check expect string hello"], hello()),
        case("h-string-no", &[HTTP, "http-check expect string nothere"], hello()),
        case("h-string-not", &[HTTP, "http-check expect ! string hello"], hello()),
        case("h-rstring", &[HTTP, "http-check expect rstring h.llo"], hello()),
        case("h-rstring-no", &[HTTP, "http-check expect rstring x.llo"], hello()),
        case("h-status", &[HTTP, "http-check expect status 200-299"], hello()),
        case("h-status-no", &[HTTP, "http-check expect status 204"], hello()),
        case("h-status-not", &[HTTP, "http-check expect ! status 200"], hello()),
        case("h-rstatus-no", &[HTTP, "http-check expect rstatus ^3"], hello()),
        case("h-hdr", &[HTTP, "http-check expect hdr name x-a value b"], hello()),
        case("h-fhdr-no", &[HTTP, "http-check expect fhdr name x-a value b"], hello()),
        case("h-hdr-beg", &[HTTP, "http-check expect hdr name -m beg X- value -m end b"], hello()),
        case("h-hdr-none", &[HTTP, "http-check expect hdr name x-z"], hello()),
        case("h-comment", &[HTTP, "http-check comment first", "http-check expect status 204 comment \"want 204\""], hello()),
        case("h-on-error", &[HTTP, "http-check expect status 204 on-error \"bad one\" error-status L7RSP"], hello()),
        case("h-on-success", &[HTTP, "http-check expect status 200 on-success \"good one\" ok-status L7OKC"], hello()),
        case("h-chunked", &[HTTP, "http-check expect string oh-yes"], answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\noh-\r\n3\r\nyes\r\n0\r\n\r\n")),
        case("h-two", &[HTTP, "http-check connect", "http-check send uri /a", "http-check expect status 200", "http-check connect", "http-check send uri /b", "http-check expect status 204"], hello()),
        case("tcp-bare", &[TCP], Act::Hang),
        case("h-formats", &[HTTP, "http-check send meth POST uri-lf /%[srv_name]?x=%[int(3)] ver HTTP/1.1 hdr X-Name %[be_name] body-lf b=%[str(a)]%%", "http-check expect status 200 on-success %[res.body,crc32]"], Act::Echo),
        case("h-formats-plain", &[HTTP, "http-check send meth PUT uri /%[x] body 100%", "http-check expect status 200 on-success %[res.body,crc32]"], Act::Echo),
        case("h-variable", &[HTTP, "http-check set-var(check.a) str(hel),concat(lo)", "http-check send hdr X %[var(check.a)]", "http-check expect string-lf %[var(check.a)]"], hello()),
        case("h-variable-gone", &[HTTP, "http-check set-var(check.a) str(hello)", "http-check unset-var(check.a)", "http-check expect string-lf x%[var(check.a)]"], hello()),
        case("h-variable-kept", &[HTTP, "http-check connect", "http-check send uri /a", "http-check expect status 200", "http-check set-var(check.a) res.hdr(x-a)", "http-check connect", "http-check send uri /b", "http-check expect status 204 on-error <%[var(check.a)]>"], hello()),
        case("h-hdr-format", &[HTTP, "http-check expect hdr name-lf x-%[str(a)] value-lf %[str(b)]"], hello()),
        case("h-hdr-format-no", &[HTTP, "http-check expect hdr name-lf x-%[str(a)] value-lf -m beg %[str(zz)]"], hello()),
        case("h-on-error-format", &[HTTP, "http-check expect status 204 on-error \"got %[status] %[res.hdr(x-a)] from %[srv_name]\""], hello()),
        case("h-status-code", &[HTTP, "http-check expect status 204 status-code int(299)"], hello()),
        case("h-status-code-passed", &[HTTP, "http-check expect status 200 status-code status,add(1)"], hello()),
        case("tcp-connect", &[TCP, "tcp-check connect"], Act::Hang),
        case("tcp-send", &[TCP, "tcp-check send abc"], Act::Hang),
        case("tcp-pong", &[TCP, "tcp-check send PING\\r\\n", "tcp-check expect string +PONG"], answers(b"+PONG\r\n")),
        case("tcp-no-pong", &[TCP, "tcp-check send PING\\r\\n", "tcp-check expect string +PONG comment \"ping pong\""], answers(b"-ERR\r\n")),
        case("tcp-many", &[TCP, "tcp-check connect", "tcp-check comment greeting", "tcp-check expect rstring ^220", "tcp-check send-binary 414243", "tcp-check expect binary 0102"], talks(&[b"220 x\r\n", b"", b"\x01\x02"])),
        case("tcp-not", &[TCP, "tcp-check expect ! string bad"], talks(&[b"this is bad\r\n"])),
        case("tcp-rbinary", &[TCP, "tcp-check expect rbinary ^3232"], talks(&[b"220"])),
        case("tcp-rbinary-letters", &[TCP, "tcp-check expect rbinary ^4F"], talks(&[b"OK"])),
        case("tcp-binary-closed", &[TCP, "tcp-check expect binary 0102"], greets_and_closes(b"bar")),
        case("tcp-rbinary-closed", &[TCP, "tcp-check expect rbinary ^99"], greets_and_closes(b"bar")),
        case("tcp-regex-closed", &[TCP, "tcp-check expect rstring ^foo"], greets_and_closes(b"bar")),
        case("tcp-regex-not", &[TCP, "tcp-check expect ! rstring ^b"], greets_and_closes(b"bar")),
        case("tcp-regex-hang", &[TCP, "tcp-check expect rstring x"], Act::Hang),
        case("tcp-hang", &[TCP, "tcp-check expect string foo"], Act::Hang),
        case("tcp-closed", &[TCP, "tcp-check expect string foo"], Act::Close),
        case("tcp-comment-closed", &[TCP, "tcp-check comment \"c one\"", "tcp-check expect string foo"], greets_and_closes(b"fo")),
        case("tcp-on-success", &[TCP, "tcp-check expect string 220 on-success fine ok-status L7OKC"], talks(&[b"220 x\r\n"])),
        case("tcp-on-error", &[TCP, "tcp-check expect string x on-error \"my err\" error-status L7STS comment cc"], greets_and_closes(b"bar")),
        case("tcp-formats", &[TCP, "tcp-check send-lf %[str(PING)]\\r\\n", "tcp-check expect string-lf +%[str(PONG)] on-success %[res.len]"], answers(b"+PONG\r\n")),
        case("tcp-formats-no", &[TCP, "tcp-check send-lf %[str(PING)]", "tcp-check expect string-lf %[str(nope)]"], greets_and_closes(b"bar")),
        case("tcp-formats-hang", &[TCP, "tcp-check expect string-lf %[str(nope)]"], Act::Hang),
        case("tcp-binary-formats", &[TCP, "tcp-check send-binary-lf %[str(abc),hex]", "tcp-check expect binary-lf %[str(+PONG),hex]"], answers(b"+PONG\r\n")),
        case("tcp-binary-formats-no", &[TCP, "tcp-check expect binary-lf %[str(nope),hex]"], greets_and_closes(b"bar")),
        case("tcp-variable", &[TCP, "tcp-check set-var(check.a) str(PO)", "tcp-check connect", "tcp-check send x", "tcp-check set-var-fmt(check.b) +%[var(check.a)]NG", "tcp-check expect string-lf %[var(check.b)]"], answers(b"+PONG\r\n")),
        case("tcp-late", &[TCP, "tcp-check expect string x tout-status L6TOUT"], Act::Hang),
        case("tcp-min", &[TCP, "tcp-check expect min-recv 10 string 220"], talks(&[b"220 x\r\n"])),
        case("tcp-flood", &[TCP, "tcp-check send x", "tcp-check expect string foo"], Act::Flood),
        case("ssl", &["option ssl-hello-chk"], answers(b"\x16\x03\0\0\x04\x02\0\0\0")),
        case("ssl-alert", &["option ssl-hello-chk"], answers(b"\x15\x03\0\0\x02\x02\x28")),
        case("ssl-no", &["option ssl-hello-chk"], answers(b"HTTP/1.0 400 Bad\r\n\r\n")),
        case("smtp", &["option smtpchk"], talks(&[b"220 hi\r\n", b"", b"250 ok\r\n", b"", b"221 bye\r\n"])),
        case("smtp-ehlo", &["option smtpchk EHLO my.dom"], talks(&[b"220 hi\r\n", b"", b"250-a\r\n250 ok\r\n", b"", b"221 bye\r\n"])),
        case("smtp-no", &["option smtpchk"], talks(&[b"554 go away\r\n"])),
        case("smtp-garbage", &["option smtpchk"], talks(&[b"xx\r\n"])),
        case("smtp-hello-no", &["option smtpchk"], talks(&[b"220 hi\r\n", b"", b"500 no\r\n"])),
        case("mysql", &["option mysql-check"], talks(&[greeting])),
        case("mysql-full", &["option mysql-check"], talks(&[b"\x17\0\0\0\xff\x10\x04Too many connections"])),
        case("mysql-user", &["option mysql-check user hap"], talks(&[greeting, b"", b"\x03\0\0\x02\0\0\0"])),
        case("mysql-old", &["option mysql-check user hap pre-41"], talks(&[greeting, b"", b"\x03\0\0\x02\0\0\0"])),
        case("mysql-denied", &["option mysql-check user hap"], talks(&[greeting, b"", denied])),
        case("mysql-short", &["option mysql-check"], talks(&[b"\x05\0"])),
        case("pgsql", &["option pgsql-check user pg"], answers(b"R\0\0\0\x08\0\0\0\0")),
        case("pgsql-md5", &["option pgsql-check user pg"], answers(b"R\0\0\0\x0c\0\0\0\x05abcd")),
        case("pgsql-fatal", &["option pgsql-check user pg"], answers(b"E\0\0\0\x20SFATAL\0C28000\0Mno such user\0\0")),
        case("pgsql-garbage", &["option pgsql-check user pg"], answers(b"zzzzzzzzzzzzz")),
        case("redis", &["option redis-check"], answers(b"+PONG\r\n")),
        case("redis-no", &["option redis-check"], answers(b"-NOAUTH Authentication required.\r\n")),
        case("ldap", &["option ldap-check"], answers(&[0x30, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0])),
        case("ldap-no", &["option ldap-check"], answers(&[0x30, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 50, 4, 0, 4, 0])),
        case("ldap-garbage", &["option ldap-check"], answers(b"nope nope nope nope")),
        case("spop-hang", &["option spop-check"], Act::Hang),
    ]
}

/// The same checks of the same origins find the same, and leave the servers in the same state.
#[test]
fn every_kind_of_check_finds_what_haproxy_finds() -> Result<()> {
    let (mut doubles, mut ports) = (Vec::new(), Vec::new());
    let mut text = preamble("");
    let cases = cases();
    for case in &cases {
        let port = match &case.act {
            Some(act) => {
                let double = Double::start(act.clone());
                let port = double.port;
                doubles.push(double);
                port
            }
            None => {
                let port = Port::reserve()?;
                let number = port.number();
                ports.push(port);
                number
            }
        };
        text.push_str(&format!("backend {}\n", case.name));
        case.lines.iter().for_each(|line| text.push_str(&format!("    {line}\n")));
        text.push_str(&format!("    server s 127.0.0.1:{port} {}\n", case.parameters));
    }
    let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
    let oracle = Proxy::start(Kind::Haproxy, &text)?;
    let regate = Proxy::start(Kind::Regate, &text)?;
    let (theirs, ours) = (settled(&oracle, &names)?, settled(&regate, &names)?);
    let differences: Vec<String> = names
        .iter()
        .filter(|name| theirs[**name] != ours[**name])
        .map(|name| format!("{name}\n  haproxy {:?}\n  regate  {:?}", theirs[*name], ours[*name]))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

fn preamble(defaults: &str) -> String {
    format!(
        "global\n    stats socket @folder@/s level admin\n    spread-checks 0\ndefaults\n    mode tcp\n    \
         timeout connect 1s\n    timeout client 5s\n    timeout server 5s\n    timeout check 300ms\n    \
         default-server inter 150ms fastinter 100ms downinter 100ms rise 2 fall 3\n{defaults}"
    )
}

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// Collects log lines by UDP.
struct Log {
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    fn start() -> Log {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        std::thread::spawn(move || {
            let mut line = [0; 4096];
            while let Ok(count) = socket.recv(&mut line) {
                kept.lock().unwrap().push(String::from_utf8_lossy(&line[..count]).trim().to_owned());
            }
        });
        Log { port, lines }
    }

    /// The lines about servers, from their priority on, without date and durations.
    fn about_servers(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        let bare = |line: &String| {
            let (priority, rest) = line.split_once('>')?;
            let text = rest.split_once("]: ").map_or(rest, |(_, text)| text);
            let ours = ["Server ", "Backup Server ", "Health check", "Agent check", "backend ", "proxy "];
            if !ours.iter().any(|word| text.starts_with(word)) {
                return None;
            }
            let mut text = text.to_owned();
            while let Some(at) = text.find("duration: ").map(|at| at + "duration: ".len()) {
                let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
                if digits == 0 {
                    break;
                }
                text.replace_range(at..at + digits, "N");
            }
            Some(format!("{priority}> {text}"))
        };
        lines.iter().filter_map(bare).collect()
    }
}

/// Waits until a server's status is this.
fn until_status(proxy: &Proxy, backend: &str, server: &str, wanted: &str) -> Result<()> {
    let key = (backend.to_owned(), server.to_owned());
    let mut last = String::new();
    let seen = wait::until_true(&format!("{backend}/{server} to be {wanted:?}"), DEADLINE, || {
        let Ok(rows) = statistics(proxy) else { return false };
        last.clone_from(&rows[&key]["status"]);
        last == wanted
    });
    seen.map_err(|trouble| trouble.while_doing(format_args!("the last was {last:?}")))
}

/// The state columns of a server in `show servers state`: operational, administrative, and those of its checks.
fn state(proxy: &Proxy, backend: &str) -> Result<Vec<String>> {
    let reply = proxy.ask(&format!("show servers state {backend}"))?;
    let row = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        // In progress is a matter of the moment, and so is a result that is not there meanwhile.
        let mask = words[13].parse::<u32>().unwrap() & !1;
        let agent = words[14].parse::<u32>().unwrap() & !1;
        format!(
            "{} {} {} {} {} {} {mask} {agent}",
            words[3], words[5], words[6], words[7], words[10], words[12]
        )
    };
    Ok(reply
        .lines()
        .filter(|line| line.split(' ').count() == 25 && !line.starts_with('#'))
        .map(row)
        .collect())
}

/// What is done to both proxies, one after the other, and what must come of it.
enum Step {
    /// The origin behaves so from now on.
    Origin(Act),
    /// Said to the socket.
    Say(&'static str),
    /// This server comes to this status.
    Until(&'static str, &'static str),
    /// This server comes to this weight.
    UntilWeight(&'static str, &'static str),
    /// The state of this backend's servers is noted.
    Note(&'static str),
}

/// Carries steps out against one program; gives what it said, noted and logged.
fn story(kind: Kind, text: &str, steps: &[Step]) -> Result<(Vec<String>, Vec<String>)> {
    // An origin that begins as the first step says is so before anybody asks it.
    let first = match steps.first() {
        Some(Step::Origin(act)) => act.clone(),
        _ => http("200 OK", "", ""),
    };
    let origin = Double::start(first);
    let log = Log::start();
    let text = text
        .replace("@origin@", &format!("127.0.0.1:{}", origin.port))
        .replace("@port@", &origin.port.to_string())
        .replace("@log@", &format!("127.0.0.1:{}", log.port));
    let mut proxy = Proxy::start(kind, &text)?;
    let mut said = Vec::new();
    for step in steps {
        match step {
            Step::Origin(act) => origin.become_(act.clone()),
            Step::Say(line) => said.push(format!("{line}: {}", proxy.ask(line)?.trim_end())),
            Step::Until(at, status) => {
                let (backend, server) = at.split_once('/').unwrap();
                until_status(&proxy, backend, server, status)?;
            }
            Step::UntilWeight(at, weight) => {
                let (backend, server) = at.split_once('/').unwrap();
                let key = (backend.to_owned(), server.to_owned());
                wait::until_true(&format!("{at} to weigh {weight}"), DEADLINE, || {
                    statistics(&proxy).is_ok_and(|rows| rows[&key]["weight"] == *weight)
                })?;
            }
            Step::Note(backend) => said.extend(state(&proxy, backend)?),
        }
    }
    proxy.stop()?;
    // Lines are on their way for a moment.
    let began = Instant::now();
    let mut lines = log.about_servers();
    wait::until_true("the log to be quiet", DEADLINE, || {
        let now = log.about_servers();
        let quiet = now == lines && began.elapsed() > Duration::from_millis(100);
        lines = now;
        quiet
    })?;
    Ok((said, lines))
}

/// Tells what differs between two lists.
fn compare(what: &str, theirs: &[String], ours: &[String]) {
    assert_eq!(theirs, ours, "{what}\n  haproxy {theirs:#?}\n  regate  {ours:#?}");
}

/// The same story under both.
fn same_story(defaults: &str, body: &str, steps: &[Step]) -> Result<()> {
    let text = format!("{}{body}", preamble(defaults));
    let (theirs, ours) = (story(Kind::Haproxy, &text, steps)?, story(Kind::Regate, &text, steps)?);
    compare("replies and states", &theirs.0, &ours.0);
    compare("log lines", &theirs.1, &ours.1);
    Ok(())
}

const LOGGED: &str = "    log @log@ local0\n";

#[test]
fn a_server_goes_down_and_comes_up_as_haproxy_s_does() -> Result<()> {
    let body = "backend b\n    mode http\n    option httpchk\n    http-check disable-on-404\n    server s @origin@ check\n";
    same_story(
        LOGGED,
        body,
        &[
            Step::Until("b/s", "UP"),
            Step::Note("b"),
            Step::Origin(http("404 Not Found", "", "")),
            Step::Until("b/s", "NOLB"),
            Step::Note("b"),
            Step::Origin(http("200 OK", "", "")),
            Step::Until("b/s", "UP"),
            Step::Origin(http("500 Bad", "", "")),
            Step::Until("b/s", "DOWN"),
            Step::Note("b"),
            Step::Origin(http("200 OK", "", "")),
            Step::Until("b/s", "UP"),
            Step::Note("b"),
        ],
    )
}

#[test]
fn every_result_is_logged_where_that_is_wanted() -> Result<()> {
    let defaults = format!("{LOGGED}    option log-health-checks\n");
    let body = "backend b\n    mode http\n    option httpchk\n    server s @origin@ check\n";
    same_story(
        &defaults,
        body,
        &[
            Step::Until("b/s", "UP"),
            Step::Origin(http("500 Bad", "", "")),
            Step::Until("b/s", "DOWN"),
            Step::Origin(http("200 OK", "", "")),
            Step::Until("b/s", "UP"),
        ],
    )
}

#[test]
fn administrators_and_followers_are_heeded_as_haproxy_does() -> Result<()> {
    let body = "backend b\n    server s @origin@ check\n    server t 127.0.0.1:1 track b/s\nbackend c\n    \
                server u 127.0.0.1:1 track b/t\n    server n 127.0.0.1:1\n";
    same_story(
        LOGGED,
        body,
        &[
            Step::Until("b/s", "UP"),
            Step::Until("c/u", "UP"),
            Step::Say("set server b/s state maint"),
            Step::Until("b/t", "MAINT (via b/s)"),
            Step::Until("c/u", "MAINT (via b/t)"),
            Step::Note("b"),
            Step::Note("c"),
            Step::Say("set server b/s state drain"),
            Step::Until("b/s", "DRAIN"),
            Step::Note("b"),
            Step::Say("set server b/s state ready"),
            Step::Until("b/s", "UP"),
            Step::Until("c/u", "UP"),
            Step::Note("b"),
            Step::Say("set server b/t health up"),
            Step::Say("set server c/n health down"),
            Step::Until("c/n", "DOWN"),
            Step::Note("c"),
            Step::Say("set server c/n health stopping"),
            Step::Until("c/n", "NOLB"),
            Step::Say("set server c/n health up"),
            Step::Until("c/n", "no check"),
            Step::Say("disable health b/s"),
            Step::Until("b/s", "no check"),
            Step::Note("b"),
            Step::Say("enable health b/s"),
            Step::Until("b/s", "UP"),
            Step::Say("enable health c/n"),
            Step::Say("enable agent c/n"),
            Step::Say("set server c/n agent up"),
            Step::Say("set server c/n check-port 1"),
            Step::Say("set server c/n check-addr 127.0.0.1"),
            Step::Say("set server b/s check-port x"),
            Step::Say("set server b/s check-port 70000"),
            Step::Say("set server b/s check-addr x"),
        ],
    )
}

fn agent(words: &str) -> Act {
    Act::TalkAndClose(vec![Some(words.as_bytes().to_vec())])
}

#[test]
fn an_agent_is_heeded_as_haproxy_does() -> Result<()> {
    let body =
        "backend b\n    server s 127.0.0.1:1 weight 10 agent-check agent-inter 100ms agent-port @port@\n";
    let steps = [
        Step::Origin(agent("up 50%\n")),
        Step::UntilWeight("b/s", "5"),
        Step::Origin(agent("down # my reason\n")),
        Step::Until("b/s", "DOWN (agent)"),
        Step::Note("b"),
        Step::Origin(agent("up\n")),
        Step::Until("b/s", "no check"),
        Step::Origin(agent("drain\n")),
        Step::Until("b/s", "DRAIN (agent)"),
        Step::Note("b"),
        Step::Origin(agent("ready\n")),
        Step::Until("b/s", "no check"),
        Step::Origin(agent("maint\n")),
        Step::Until("b/s", "MAINT"),
        Step::Note("b"),
        Step::Origin(agent("up ready 100%\n")),
        Step::Until("b/s", "no check"),
        Step::Origin(agent("stopped #bye\n")),
        Step::Until("b/s", "DOWN (agent)"),
        Step::Origin(agent("UP,maxconn:30 40% # hello there\n")),
        Step::Until("b/s", "no check"),
        Step::Say("disable agent b/s"),
        Step::Say("set server b/s agent down"),
        Step::Say("set server b/s agent-port 7"),
        Step::Say("enable agent b/s"),
        Step::Say("set server b/s agent-send hi"),
        Step::Origin(agent("down\n")),
        Step::Until("b/s", "DOWN (agent)"),
    ];
    same_story(&format!("{LOGGED}    option log-health-checks\n"), body, &steps)
}

/// What the data path notices counts where it is to count.
#[test]
fn traffic_that_fails_counts_as_a_check() -> Result<()> {
    for (observe, on_error, expected) in [
        ("layer4", "mark-down", "DOWN"),
        ("layer7", "mark-down", "DOWN"),
        ("layer7", "fail-check", "UP 2/3"),
        ("layer7", "sudden-death", "UP 1/3"),
    ] {
        let mut shown = Vec::new();
        for kind in Kind::BOTH {
            let (origin, checked) = (Double::start(http("500 Bad", "", "")), Double::start(Act::Hang));
            let (refusing, port) = (Port::reserve()?, Port::reserve()?);
            let target = if observe == "layer4" { refusing.number() } else { origin.port };
            let text = format!(
                "global\n    stats socket @folder@/s level admin\ndefaults\n    mode http\n    retries 0\n    \
                 timeout connect 1s\n    timeout client 5s\n    timeout server 5s\nlisten b\n    bind {}\n    \
                 server s 127.0.0.1:{target} check inter 60s port {} observe {observe} error-limit 3 on-error {on_error}\n",
                port.address(),
                checked.port,
            );
            let proxy = Proxy::start(kind, &text)?;
            until_status(&proxy, "b", "s", "UP")?;
            for _ in 0..3 {
                let mut client = TcpStream::connect(port.address())?;
                client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
                let mut reply = Vec::new();
                client.read_to_end(&mut reply)?;
            }
            let row = |proxy: &Proxy| {
                let rows = statistics(proxy).ok()?;
                let row = &rows[&("b".to_owned(), "s".to_owned())];
                let wanted = ["status", "check_status", "last_chk", "hanafail", "chkfail"];
                (row["hanafail"] == "1").then(|| wanted.map(|name| row[name].clone()))
            };
            shown.push(wait::until("failures to count", DEADLINE, || row(&proxy))?);
        }
        assert_eq!(shown[0], shown[1], "{observe} {on_error}");
        assert_eq!(shown[1][0], expected, "{observe} {on_error}");
    }
    Ok(())
}

/// Programs are checks where the process allows it.
#[test]
fn programs_are_checks_as_haproxy_s_are() -> Result<()> {
    let mut shown = Vec::new();
    for kind in Kind::BOTH {
        let folder = regate_tests::harness::Folder::create()?;
        let mut text =
            preamble("").replace("global\n", "global\n    external-check\n    insecure-fork-wanted\n");
        let names = ["ok", "bad", "slow"];
        for (name, body) in names.iter().zip(["exit 0", "exit 3", "exec tail -f /dev/null"]) {
            let path = folder.write(name, format!("#!/bin/sh\n{body}\n"))?;
            std::process::Command::new("chmod").arg("755").arg(&path).status()?;
            text.push_str(&format!(
                "backend {name}\n    option external-check\n    external-check command {}\n    \
                 external-check path /usr/bin:/bin\n    server s 127.0.0.1:81 check inter 1s\n",
                path.display()
            ));
        }
        shown.push(settled(&Proxy::start(kind, &text)?, &names)?);
    }
    assert_eq!(shown[0], shown[1]);
    Ok(())
}

/// `on-marked-down shutdown-sessions`: who is connected to a server that goes down is let go.
#[test]
fn sessions_of_a_server_that_goes_down_are_cut() -> Result<()> {
    for kind in Kind::BOTH {
        let (origin, checked) = (Double::start(Act::Hang), Double::start(Act::Hang));
        let port = Port::reserve()?;
        let text = format!(
            "{}listen b\n    bind {}\n    server s 127.0.0.1:{} check port {} on-marked-down shutdown-sessions\n",
            preamble(""),
            port.address(),
            origin.port,
            checked.port
        );
        let proxy = Proxy::start(kind, &text)?;
        until_status(&proxy, "b", "s", "UP")?;
        let mut client = TcpStream::connect(port.address())?;
        client.write_all(b"x")?;
        wait::until_true("the session to be there", DEADLINE, || {
            statistics(&proxy).is_ok_and(|rows| rows[&("b".to_owned(), "s".to_owned())]["scur"] == "1")
        })?;
        proxy.ask("set server b/s health down")?;
        client.set_read_timeout(Some(DEADLINE))?;
        assert!(matches!(client.read(&mut [0; 8]), Ok(0) | Err(_)), "{kind:?}");
    }
    Ok(())
}
