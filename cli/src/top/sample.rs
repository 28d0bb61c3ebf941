//! What a target told at one moment: its processes and the rows of its statistics, whatever kind of target it is.
//!
//! Owns the numbers that the table reads ([`Figure`]) and how rows stand ([`Standing`]). Holds no rates: those need
//! two moments, see `board.rs`. Read next: `source.rs`, which makes samples.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use regate_proto::change::{Field, Overlay};
use regate_proto::statistics::{COLUMNS, Line, Value};
use regate_proto::wire::v1;
use v1::Condition;

use super::text::tame;

/// What a target told.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// When, counted from the start of the program.
    pub at: Duration,
    /// What kind of target it is.
    pub target: TargetKind,
    /// The revision that is desired (of a controller) or in force (of a node). Absent for HAProxy.
    pub revision: Option<u64>,
    /// Whether rows say which node they are from.
    pub by_node: bool,
    /// The processes: one, or the nodes of a controller.
    pub processes: Vec<Process>,
    /// Rows of statistics, in the order of the target.
    pub rows: Vec<Row>,
    /// What was changed by hand, by row.
    pub by_hand: HashMap<Place, Vec<ByHand>>,
}

/// What kind of target is watched, which decides what can be done there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetKind {
    /// A data plane.
    #[default]
    Node,
    /// A controller with its fleet: a change holds on every node.
    Controller,
    /// HAProxy's text socket.
    Haproxy,
}

/// One process that forwards traffic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// The name of its node; empty when it does not say.
    pub node: Arc<str>,
    /// The product with its version.
    pub product: String,
    /// Why nothing more is known of it, or how it lags behind. Absent: all is well.
    pub trouble: Option<String>,
    /// The revision in force there. Absent: it has none, or did not say.
    pub revision: Option<u64>,
    /// Seconds since its start.
    pub uptime: u64,
    /// Its workers.
    pub workers: u64,
    /// Client connections now.
    pub connections: u64,
    /// Most client connections at a time.
    pub connections_limit: u64,
    /// Connections in the last second.
    pub connections_rate: u64,
    /// Highest `connections_rate`.
    pub connections_rate_max: u64,
    /// HTTP requests since the start.
    pub requests_total: u64,
    /// Share of time in which the workers waited, in percent.
    pub idle: Option<u64>,
    /// Whether a soft stop goes on.
    pub stopping: bool,
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A frontend.
    Frontend,
    /// A bind of a frontend.
    Listener,
    /// A backend.
    Backend,
    /// A server of a backend.
    Server,
}

/// A proxy or service by name, whatever the node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// What it is.
    pub kind: Kind,
    /// The proxy.
    pub proxy: Arc<str>,
    /// The server or bind; for a proxy as a whole what the target calls it.
    pub service: Arc<str>,
}

/// What identifies a row from one sample to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The node, where rows say theirs.
    pub node: Option<Arc<str>>,
    /// The place.
    pub place: Place,
}

/// One row of statistics.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is.
    pub key: Key,
    /// How it stands.
    pub standing: Standing,
    /// How it stands, in the words of the target.
    pub status: String,
    /// Its weights, for servers where they are known.
    pub weights: Option<Weights>,
    figures: Figures,
    record: Record,
}

/// The weights of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// The one that files declare.
    pub initial: i64,
    /// The one that was set last, by files or by hand.
    pub set: i64,
}

/// How a row stands, as far as the table tells one from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It serves nothing: its checks failed, or it was stopped.
    Down,
    /// It serves, and its checks are on the way to say that it does not.
    Failing,
    /// A frontend that is at its limit.
    Full,
    /// An administrator took it out.
    Maintenance,
    /// It takes nothing new because its checks or its agent say so.
    Stopping,
    /// It takes nothing new because an administrator said so.
    Draining,
    /// A frontend that does not listen for the time being.
    Paused,
    /// What it says is not known to this program.
    Unknown,
    /// It takes traffic and is not checked.
    Unchecked,
    /// It takes traffic.
    Up,
}

/// Something that was changed by hand on top of what files say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    /// The field.
    pub field: Field,
    /// What it is now, in words.
    pub value: String,
    /// Who made it so.
    pub origin: String,
}

/// Numbers that the table, its rates and its filters read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
pub enum Figure {
    /// Requests that wait.
    Queue,
    /// Sessions now.
    Sessions,
    /// Highest number of sessions.
    SessionsMax,
    /// Most sessions allowed.
    SessionsLimit,
    /// Sessions since the start.
    SessionsTotal,
    /// Bytes from clients since the start.
    BytesIn,
    /// Bytes to clients since the start.
    BytesOut,
    /// Failed connection attempts since the start.
    ConnectErrors,
    /// Invalid answers since the start.
    ResponseErrors,
    /// Answers 5xx since the start.
    Answers5xx,
    /// HTTP requests since the start.
    RequestsTotal,
    /// Sessions in the last second.
    SessionRate,
    /// Weight in force.
    Weight,
    /// Weight as it was set.
    UserWeight,
    /// Seconds since the last change of state.
    LastChange,
    /// Mean time until answers begin, in milliseconds.
    ResponseTime,
    /// The code of the last check.
    CheckCode,
    /// How long the last check took, in milliseconds.
    CheckDuration,
    /// Share of the weight in a slow start, in percent.
    Throttle,
    /// 1 for a backup server.
    Backup,
}

/// The names of figures among the columns of `show stat`, in the order of [`Figure`].
const FIGURES: [&str; 20] = [
    "qcur",
    "scur",
    "smax",
    "slim",
    "stot",
    "bin",
    "bout",
    "econ",
    "eresp",
    "hrsp_5xx",
    "req_tot",
    "rate",
    "weight",
    "uweight",
    "lastchg",
    "rtime",
    "check_code",
    "check_duration",
    "throttle",
    "bck",
];

type Figures = [Option<i64>; FIGURES.len()];

/// A row as it came, for whatever else is asked of it.
#[derive(Clone, Debug)]
enum Record {
    Typed(Box<v1::StatisticsRow>),
    Csv(Arc<Header>, Box<[Box<str>]>),
}

/// The header of a list of statistics: where each column stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    names: Vec<String>,
    figures: [Option<usize>; FIGURES.len()],
}

impl Row {
    /// A row of the contract. `None` for a kind that is not known here.
    pub fn typed(row: v1::StatisticsRow, node: Option<Arc<str>>, proxy: Arc<str>) -> Option<Row> {
        let kind = match row.kind() {
            v1::StatisticsKind::Frontend => Kind::Frontend,
            v1::StatisticsKind::Backend => Kind::Backend,
            v1::StatisticsKind::Server => Kind::Server,
            v1::StatisticsKind::Listener => Kind::Listener,
            v1::StatisticsKind::Unspecified => return None,
        };
        let standing = row.status.as_ref().map_or(Standing::Unknown, Standing::of);
        let line = Line { row: &row, counted: false };
        let mut figures = Figures::default();
        for (figure, position) in figures.iter_mut().zip(positions()) {
            *figure = position
                .and_then(|at| COLUMNS.get(at))
                .and_then(|column| (column.value)(&line))
                .and_then(|value| integer(&value));
        }
        let status = typed_value(&row, "status").unwrap_or_default();
        let place = Place { kind, proxy, service: Arc::from(tame(&row.service)) };
        Some(Row {
            key: Key { node, place },
            standing,
            status: tame(&status),
            weights: None,
            figures,
            record: Record::Typed(Box::new(row)),
        })
    }

    /// A row of `show stat`. `None` for one that says nothing this program knows.
    pub fn csv(header: &Arc<Header>, cells: Vec<String>, proxy: Arc<str>) -> Option<Row> {
        let value = |name| header.value(&cells, name);
        let kind = match value("type")? {
            "0" => Kind::Frontend,
            "1" => Kind::Backend,
            "2" => Kind::Server,
            "3" => Kind::Listener,
            _ => return None,
        };
        let status = value("status").unwrap_or_default().to_owned();
        let mut figures = Figures::default();
        for (figure, position) in figures.iter_mut().zip(header.figures) {
            *figure = position.and_then(|at| cells.get(at)).and_then(|cell| cell.parse().ok());
        }
        let place = Place { kind, proxy, service: Arc::from(value("svname")?) };
        let cells: Box<[Box<str>]> = cells.into_iter().map(String::into_boxed_str).collect();
        Some(Row {
            key: Key { node: None, place },
            standing: Standing::read(&status),
            status,
            weights: None,
            figures,
            record: Record::Csv(Arc::clone(header), cells),
        })
    }

    /// A number; `None` where there is none for this row.
    pub fn figure(&self, figure: Figure) -> Option<i64> {
        self.figures[figure as usize]
    }

    /// A column of `show stat` by its name, as text; `None` where it is empty.
    pub fn column(&self, name: &str) -> Option<Cow<'_, str>> {
        match &self.record {
            Record::Typed(row) => typed_value(row, name).map(|text| Cow::Owned(tame(&text))),
            Record::Csv(header, cells) => {
                let at = header.names.iter().position(|known| known == name)?;
                cells.get(at).map(|cell| Cow::Borrowed(&**cell)).filter(|cell| !cell.is_empty())
            }
        }
    }

    /// Every column that says something: its name, its value and what it means (empty for columns that this program
    /// has no words for).
    pub fn columns(&self) -> Vec<(String, String, &'static str)> {
        match &self.record {
            Record::Typed(row) => {
                let line = Line { row, counted: false };
                let shown = COLUMNS.iter().filter_map(|column| {
                    let value = (column.value)(&line)?;
                    Some((column.name.to_owned(), tame(&plain(&value)), column.about))
                });
                shown.filter(|(_, value, _)| !value.is_empty()).collect()
            }
            Record::Csv(header, cells) => {
                let shown = header.names.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
                shown.map(|(name, cell)| (name.clone(), cell.to_string(), about(name))).collect()
            }
        }
    }

    /// The weight that was set last, whatever drains or warms up the server meanwhile.
    pub fn set_weight(&self) -> Option<i64> {
        let set = self.weights.map(|weights| weights.set);
        set.or_else(|| self.figure(Figure::UserWeight)).or_else(|| self.figure(Figure::Weight))
    }

    /// Whether it is a server that takes new traffic.
    pub fn serves(&self) -> bool {
        let stands = matches!(self.standing, Standing::Up | Standing::Unchecked | Standing::Failing);
        self.key.place.kind == Kind::Server && stands && self.figure(Figure::Weight) != Some(0)
    }
}

impl Standing {
    /// How a row of the contract stands.
    pub fn of(status: &v1::Status) -> Standing {
        match status.condition() {
            Condition::Up | Condition::Open if status.step.is_some() => Standing::Failing,
            Condition::Up | Condition::Open => Standing::Up,
            Condition::Unchecked => Standing::Unchecked,
            Condition::Down | Condition::Stopped => Standing::Down,
            Condition::Full => Standing::Full,
            Condition::Paused | Condition::Waiting => Standing::Paused,
            Condition::Stopping => Standing::Stopping,
            Condition::Drain => Standing::Draining,
            Condition::Maintenance | Condition::Unresolved => Standing::Maintenance,
            Condition::Unspecified => Standing::Unknown,
        }
    }

    /// How a row stands by the text of `show stat` (management manual 9.1, column 17).
    pub fn read(status: &str) -> Standing {
        match status.split(' ').next().unwrap_or_default() {
            "UP" if status.contains('/') && !status.contains('(') => Standing::Failing,
            "UP" | "OPEN" => Standing::Up,
            "no" => Standing::Unchecked,
            "DOWN" | "STOP" => Standing::Down,
            "FULL" => Standing::Full,
            "PAUSED" | "WAITING" => Standing::Paused,
            "NOLB" => Standing::Stopping,
            "DRAIN" => Standing::Draining,
            "MAINT" => Standing::Maintenance,
            _ => Standing::Unknown,
        }
    }

    /// Whether somebody should look at it.
    pub fn is_problem(self) -> bool {
        self < Standing::Unchecked
    }
}

impl Header {
    /// Reads the first line of `show stat`. `None` when it is none.
    pub fn read(line: &str) -> Option<Header> {
        let names: Vec<String> =
            line.strip_prefix("# ")?.trim_end().trim_end_matches(',').split(',').map(str::to_owned).collect();
        let place = |name: &str| names.iter().position(|known| known == name);
        for needed in ["pxname", "svname", "type"] {
            place(needed)?;
        }
        Some(Header { figures: FIGURES.map(place), names })
    }

    /// A cell of a row, by the name of its column.
    pub fn value<'a>(&self, cells: &'a [String], name: &str) -> Option<&'a str> {
        let at = self.names.iter().position(|known| known == name)?;
        cells.get(at).map(String::as_str)
    }
}

/// Where the figures stand among the columns of the contract.
fn positions() -> &'static [Option<usize>; FIGURES.len()] {
    static POSITIONS: std::sync::LazyLock<[Option<usize>; FIGURES.len()]> = std::sync::LazyLock::new(|| {
        FIGURES.map(|name| COLUMNS.iter().position(|column| column.name == name))
    });
    &POSITIONS
}

fn typed_value(row: &v1::StatisticsRow, name: &str) -> Option<String> {
    let line = Line { row, counted: false };
    let column = COLUMNS.iter().find(|column| column.name == name)?;
    (column.value)(&line).map(|value| plain(&value)).filter(|text| !text.is_empty())
}

fn plain(value: &Value<'_>) -> String {
    let mut text = String::new();
    value.plain(&mut text);
    text
}

fn integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::U32(number) => Some(i64::from(*number)),
        Value::U64(number) => i64::try_from(*number).ok(),
        Value::S32(number) => Some(i64::from(*number)),
        Value::Float(_) | Value::Text(_) => None,
    }
}

/// What a column means, when it is one of those that are known.
fn about(name: &str) -> &'static str {
    COLUMNS.iter().find(|column| column.name == name).map_or("", |column| column.about)
}

impl From<&Overlay> for ByHand {
    fn from(overlay: &Overlay) -> ByHand {
        ByHand {
            field: overlay.field(),
            value: tame(&crate::describe::overlay_value(overlay)),
            origin: tame(&crate::describe::origin(&overlay.origin)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn every_figure_has_its_column() {
        for (name, position) in FIGURES.iter().zip(positions()) {
            assert!(position.is_some(), "{name}");
        }
        assert_eq!(FIGURES[Figure::Backup as usize], "bck");
        assert_eq!(FIGURES[Figure::Weight as usize], "weight");
        assert_eq!(FIGURES[Figure::RequestsTotal as usize], "req_tot");
    }

    #[test]
    fn the_words_of_the_status_column_are_known() {
        for (text, standing) in [
            ("UP", Standing::Up),
            ("UP 1/3", Standing::Failing),
            ("UP (2/3)", Standing::Up),
            ("DOWN 1/2", Standing::Down),
            ("DOWN (agent)", Standing::Down),
            ("NOLB", Standing::Stopping),
            ("MAINT (via b/s)", Standing::Maintenance),
            ("MAINT(via)", Standing::Unknown),
            ("DRAIN 1/3", Standing::Draining),
            ("no check", Standing::Unchecked),
            ("OPEN", Standing::Up),
            ("FULL", Standing::Full),
            ("STOP", Standing::Down),
            ("", Standing::Unknown),
        ] {
            assert_eq!(Standing::read(text), standing, "{text}");
        }
    }

    #[test]
    fn a_row_tells_columns_by_name_whatever_its_source() {
        let typed = v1::StatisticsRow {
            proxy: "app".into(),
            service: "s1\u{1b}[2J".into(),
            kind: v1::StatisticsKind::Server.into(),
            status: Some(v1::Status { condition: Condition::Drain.into(), ..Default::default() }),
            sessions_current: Some(7),
            weight: Some(10),
            ..Default::default()
        };
        let row = Row::typed(typed, None, Arc::from("app")).unwrap();
        assert_eq!(&*row.key.place.service, "s1 [2J", "what comes from elsewhere cannot steer the terminal");
        assert_eq!((row.standing, row.status.as_str()), (Standing::Draining, "DRAIN"));
        assert_eq!((row.figure(Figure::Sessions), row.figure(Figure::Queue)), (Some(7), None));
        assert!(
            row.columns()
                .iter()
                .any(|(name, value, about)| name == "weight" && value == "10" && !about.is_empty())
        );

        let header = Arc::new(Header::read("# pxname,svname,scur,status,weight,type,own,-,\n").unwrap());
        let cells = ["app", "s1", "7", "DRAIN", "10", "2", "5", "-"].map(str::to_owned).to_vec();
        let row = Row::csv(&header, cells, Arc::from("app")).unwrap();
        assert_eq!((row.standing, row.figure(Figure::Sessions)), (Standing::Draining, Some(7)));
        assert_eq!(row.column("own").as_deref(), Some("5"));
        assert_eq!(row.figure(Figure::Queue), None);
        assert_eq!(Header::read("Unknown command"), None);
    }
}
