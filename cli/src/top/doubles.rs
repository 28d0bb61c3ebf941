//! Samples, boards and models for tests, made of what `show stat` would say.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::board::Board;
use super::model::{Effect, Model, Setup};
use super::sample::{ByHand, Header, Key, Kind, Place, Process, Row, Sample, TargetKind, Weights};
use super::text::Signs;

/// A row: proxy, service, type, status, then `column=value` of `show stat`.
pub fn row(words: &str) -> Row {
    row_on(None, words)
}

/// The same, of a node.
pub fn row_on(node: Option<&str>, words: &str) -> Row {
    let mut words = words.split(' ');
    let mut next = || words.next().unwrap().replace('_', " ");
    let (proxy, service, kind, status) = (next(), next(), next(), next());
    let mut names = vec!["pxname".to_owned(), "svname".to_owned(), "type".to_owned(), "status".to_owned()];
    let kind = match kind.as_str() {
        "frontend" => "0",
        "backend" => "1",
        "server" => "2",
        _ => "3",
    };
    let mut cells = vec![proxy.clone(), service, kind.to_owned(), status];
    for (name, value) in words.filter_map(|word| word.split_once('=')) {
        names.push(name.to_owned());
        cells.push(value.to_owned());
    }
    let header = Arc::new(Header::read(&format!("# {},\n", names.join(","))).unwrap());
    let mut row = Row::csv(&header, cells, Arc::from(proxy)).unwrap();
    row.key.node = node.map(Arc::from);
    row
}

/// A process with this name, after so many requests.
pub fn process(node: &str, requests_total: u64) -> Process {
    Process {
        node: Arc::from(node),
        product: "Regate 0.1.0".to_owned(),
        uptime: 274_000,
        workers: 2,
        connections: 12,
        connections_limit: 2000,
        connections_rate: 3,
        connections_rate_max: 40,
        requests_total,
        idle: Some(87),
        ..Process::default()
    }
}

/// A node's sample at a second.
pub fn sample(second: u64, rows: &[&str]) -> Sample {
    Sample {
        at: Duration::from_secs(second),
        target: TargetKind::Node,
        revision: Some(812),
        processes: vec![process("edge-1", 1000 * second)],
        rows: rows.iter().map(|words| row(words)).collect(),
        ..Sample::default()
    }
}

/// Two samples, a second apart, as one board.
pub fn board(first: &[&str], second: &[&str]) -> Board {
    Board::advance(Some(&Board::advance(None, sample(1, first))), sample(2, second))
}

/// The key of a row.
pub fn key(kind: Kind, proxy: &str, service: &str) -> Key {
    Key { node: None, place: place(kind, proxy, service) }
}

/// A place.
pub fn place(kind: Kind, proxy: &str, service: &str) -> Place {
    Place { kind, proxy: Arc::from(proxy), service: Arc::from(service) }
}

/// A model without colours that shows a board.
pub fn model(board: Board) -> Model {
    let mut model = Model::new(setup());
    model.show(Arc::new(board));
    model.fit(10);
    model
}

/// What does not change while the program runs.
pub fn setup() -> Setup {
    Setup {
        target: "unix:///run/regate/admin.sock".to_owned(),
        read_only: false,
        signs: Signs::Unicode,
        colours: false,
        interval: "1 s".to_owned(),
    }
}

/// Presses keys one after the other: characters, or `<Enter>`, `<Esc>` …; the last effect.
pub fn press(model: &mut Model, keys: &str) -> Option<Effect> {
    let mut effect = None;
    let mut rest = keys;
    while let Some(first) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).and_then(|(name, rest)| {
            let code = match name {
                "Enter" => KeyCode::Enter,
                "Esc" => KeyCode::Esc,
                "Up" => KeyCode::Up,
                "Down" => KeyCode::Down,
                "Left" => KeyCode::Left,
                "Right" => KeyCode::Right,
                "PgDn" => KeyCode::PageDown,
                "PgUp" => KeyCode::PageUp,
                "End" => KeyCode::End,
                "Backspace" => KeyCode::Backspace,
                _ => return None,
            };
            Some((code, rest))
        });
        let (code, after) = named.unwrap_or((KeyCode::Char(first), &rest[first.len_utf8()..]));
        effect = model.press(KeyEvent::from(code));
        rest = after;
    }
    effect
}

/// Two proxies with servers that stand in many ways.
pub fn usual() -> Board {
    let rows = |seconds: u64| {
        let (requests, errors) = (120 * seconds, 3 * seconds);
        vec![
            format!("www FRONTEND frontend OPEN scur=12 smax=90 slim=2000 bin={} bout={} req_tot={requests} rate=7 mode=http", 9_000 * seconds, 1_200_000 * seconds),
            format!("app s1 server UP scur=5 smax=40 slim=100 qcur=0 bin=0 bout={} req_tot={} econ=0 eresp=0 weight=10 uweight=10 lastchg=274000 rtime=12 rate=4 check_status=L7OK check_code=200 check_duration=1 hrsp_5xx=0 addr=192.0.2.1:80", 600_000 * seconds, 80 * seconds),
            format!("app s2 server UP_1/3 scur=3 smax=40 slim=100 qcur=2 bin=0 bout={} req_tot={} econ=0 eresp=0 weight=5 uweight=5 lastchg=9000 rtime=95 rate=2 check_status=L4TOUT check_duration=2001 hrsp_5xx=0 addr=192.0.2.2:80", 300_000 * seconds, 40 * seconds),
            format!("app s3 server DOWN scur=0 smax=2 slim=100 qcur=0 bin=0 bout=0 req_tot=0 econ={errors} eresp=0 weight=10 uweight=10 lastchg=42 rtime=0 rate=0 check_status=L4CON check_duration=0 hrsp_5xx=0 addr=192.0.2.3:80"),
            "app s4 server MAINT scur=0 smax=2 slim=100 qcur=0 bin=0 bout=0 req_tot=0 econ=0 eresp=0 weight=10 uweight=10 lastchg=4000 rtime=0 rate=0 bck=1 hrsp_5xx=0".to_owned(),
            format!("app BACKEND backend UP scur=8 smax=80 slim=200 qcur=2 bin=0 bout={} req_tot={requests} econ={errors} eresp=0 weight=15 uweight=15 lastchg=274000 rtime=40 rate=6 hrsp_5xx=0", 900_000 * seconds),
            "static-files s1 server no_check scur=0 smax=1 qcur=0 bin=0 bout=0 req_tot=0 econ=0 eresp=0 weight=1 uweight=1 lastchg=274000 rtime=0 rate=0 hrsp_5xx=0".to_owned(),
            "static-files BACKEND backend UP scur=0 smax=1 slim=200 qcur=0 bin=0 bout=0 req_tot=0 econ=0 eresp=0 weight=1 uweight=1 lastchg=274000 rtime=0 rate=0 hrsp_5xx=0".to_owned(),
        ]
    };
    let (first, second) = (rows(1), rows(2));
    let words = |rows: &'static [String]| -> Vec<&'static str> { rows.iter().map(String::as_str).collect() };
    let (first, second) = (words(first.leak()), words(second.leak()));
    let first = Board::advance(None, sample(1, &first));
    let mut second = sample(2, &second);
    for row in &mut second.rows {
        if &*row.key.place.service == "s2" {
            row.weights = Some(Weights { initial: 10, set: 5 });
        }
    }
    let change = ByHand {
        field: regate_proto::change::Field::Weight,
        value: "weight 5".to_owned(),
        origin: "command, uid=0".to_owned(),
    };
    second.by_hand.insert(place(Kind::Server, "app", "s2"), vec![change]);
    Board::advance(Some(&first), second)
}
