//! The columns of the table: what each is called, how wide it is, what it shows, by what it sorts.
//!
//! A row per column; the screen takes as many as fit, the most needed first.

use super::board::Entry;
use super::sample::{Figure, Kind, Standing};
use super::text::{self, Signs};

/// A column after the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// The node.
    Node,
    /// How it stands.
    Status,
    /// Sessions now.
    Sessions,
    /// Highest number of sessions.
    SessionsMax,
    /// Most sessions allowed.
    SessionsLimit,
    /// Requests per second.
    Requests,
    /// Their history.
    Trend,
    /// Sessions per second.
    SessionRate,
    /// Bytes per second from clients.
    BytesIn,
    /// Bytes per second to clients.
    BytesOut,
    /// Requests that wait.
    Queue,
    /// Errors per second.
    Errors,
    /// Answers 5xx per second.
    Answers5xx,
    /// Time until answers begin.
    ResponseTime,
    /// Weight.
    Weight,
    /// The last check.
    Check,
    /// Time since the last change of state.
    LastChange,
}

/// How a cell is meant; the theme makes colours of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As text is.
    #[default]
    Plain,
    /// Less important.
    Faint,
    /// More important.
    Strong,
    /// All is well.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// Put so by somebody.
    Asked,
    /// A measure at work.
    Busy,
}

/// A cell.
pub struct Cell {
    /// What it says.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// What columns are sorted by.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Rank {
    /// Nothing: always last.
    Missing,
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// A column in the table of columns.
pub struct Traits {
    /// Which one.
    pub column: Column,
    /// Its head.
    pub title: &'static str,
    /// Characters that it takes.
    pub width: u16,
    /// Which columns come first where there is little room: 0 before all others.
    pub need: u8,
    /// Whether its cells stand at the right.
    pub is_right: bool,
    /// What it shows, for the help.
    pub about: &'static str,
}

impl Column {
    /// What is known of it.
    pub fn traits(self) -> &'static Traits {
        // Every column has its row, which a test holds.
        COLUMNS.iter().find(|row| row.column == self).unwrap_or(&COLUMNS[0])
    }

    /// What it shows of a row.
    pub fn cell(self, entry: &Entry, signs: Signs) -> Cell {
        let row = &entry.row;
        let figure = |figure| row.figure(figure);
        match self {
            Column::Node => cell(row.key.node.as_deref().unwrap_or_default(), Tone::Plain),
            Column::Status => status(entry, signs),
            Column::Sessions => match (figure(Figure::Sessions), figure(Figure::SessionsLimit)) {
                (Some(now), Some(limit)) if limit > 0 && now >= limit => cell(number(now), Tone::Bad),
                (now, _) => amount(now, number),
            },
            Column::SessionsMax => faint(figure(Figure::SessionsMax).map(number)),
            Column::SessionsLimit => {
                faint(figure(Figure::SessionsLimit).filter(|limit| *limit > 0).map(number))
            }
            Column::Requests => {
                pace(figure(Figure::RequestsTotal), entry.pace.requests, text::rate, Tone::Strong)
            }
            Column::Trend => cell(signs.curve(&entry.trend, usize::from(self.traits().width)), Tone::Busy),
            Column::SessionRate => match figure(Figure::SessionRate) {
                Some(rate) => amount(Some(rate), number),
                None => pace(figure(Figure::SessionsTotal), entry.pace.sessions, text::rate, Tone::Plain),
            },
            Column::BytesIn => pace(figure(Figure::BytesIn), entry.pace.bytes_in, text::bytes, Tone::Plain),
            Column::BytesOut => {
                pace(figure(Figure::BytesOut), entry.pace.bytes_out, text::bytes, Tone::Plain)
            }
            Column::Queue => match figure(Figure::Queue) {
                Some(waiting) if waiting > 0 => cell(number(waiting), Tone::Warn),
                waiting => amount(waiting, number),
            },
            Column::Errors => pace(figure(Figure::ConnectErrors), entry.pace.errors, text::rate, Tone::Bad),
            Column::Answers5xx => {
                pace(figure(Figure::Answers5xx), entry.pace.answers_5xx, text::rate, Tone::Bad)
            }
            Column::ResponseTime => amount(figure(Figure::ResponseTime), |time| text::millis(time as f64)),
            Column::Weight => weight(entry),
            Column::Check => check(entry),
            Column::LastChange => match figure(Figure::LastChange) {
                Some(age) if age < 60 => cell(text::age(age.unsigned_abs()), Tone::Plain),
                age => faint(age.map(|age| text::age(age.unsigned_abs()))),
            },
        }
    }

    /// What it is sorted by.
    pub fn rank(self, entry: &Entry) -> Rank {
        let row = &entry.row;
        let number = |figure| row.figure(figure).map_or(Rank::Missing, |number| Rank::Number(number as f64));
        let pace = |pace: Option<f64>| pace.map_or(Rank::Missing, Rank::Number);
        match self {
            Column::Node => row.key.node.as_ref().map_or(Rank::Missing, |node| Rank::Text(node.to_string())),
            // Falling order, which comes first, shows what is worst at the top.
            Column::Status => Rank::Number(-f64::from(row.standing as u8)),
            Column::Sessions => number(Figure::Sessions),
            Column::SessionsMax => number(Figure::SessionsMax),
            Column::SessionsLimit => number(Figure::SessionsLimit),
            Column::Requests | Column::Trend => pace(entry.pace.requests.or(entry.pace.sessions)),
            Column::SessionRate => number(Figure::SessionRate),
            Column::BytesIn => pace(entry.pace.bytes_in),
            Column::BytesOut => pace(entry.pace.bytes_out),
            Column::Queue => number(Figure::Queue),
            Column::Errors => pace(entry.pace.errors),
            Column::Answers5xx => pace(entry.pace.answers_5xx),
            Column::ResponseTime => number(Figure::ResponseTime),
            Column::Weight => number(Figure::Weight),
            Column::Check => {
                row.column("check_status").map_or(Rank::Missing, |text| Rank::Text(text.into_owned()))
            }
            // The newest change first.
            Column::LastChange => match number(Figure::LastChange) {
                Rank::Number(age) => Rank::Number(-age),
                other => other,
            },
        }
    }
}

/// The columns that fit into a width beside a name of at least `name` characters, in the order of the table.
pub fn fitting(width: u16, name: u16, with_node: bool) -> Vec<Column> {
    let mut wanted: Vec<&Traits> =
        COLUMNS.iter().filter(|traits| with_node || traits.column != Column::Node).collect();
    wanted.sort_by_key(|traits| traits.need);
    let mut rest = width.saturating_sub(name);
    let mut chosen: Vec<Column> = Vec::new();
    for traits in wanted {
        let taken = traits.width + 1;
        if taken > rest {
            break;
        }
        rest -= taken;
        chosen.push(traits.column);
    }
    COLUMNS.iter().map(|traits| traits.column).filter(|column| chosen.contains(column)).collect()
}

fn cell(text: impl Into<String>, tone: Tone) -> Cell {
    Cell { text: text.into(), tone }
}

fn number(number: i64) -> String {
    text::count(number as f64)
}

/// A number: nothing where there is none, faint where it is zero.
fn amount(value: Option<i64>, show: impl Fn(i64) -> String) -> Cell {
    match value {
        None => cell("", Tone::Plain),
        Some(0) => cell(show(0), Tone::Faint),
        Some(value) => cell(show(value), Tone::Plain),
    }
}

/// A rate: nothing where nothing is counted, a dash where it is not known yet.
fn pace(counter: Option<i64>, value: Option<f64>, show: fn(f64) -> String, tone: Tone) -> Cell {
    match value {
        None if counter.is_none() => cell("", Tone::Plain),
        None => cell("-", Tone::Faint),
        Some(value) => match show(value) {
            zero if zero == "0" && value == 0.0 => cell(zero, Tone::Faint),
            text => cell(text, tone),
        },
    }
}

fn faint(text: Option<String>) -> Cell {
    cell(text.unwrap_or_default(), Tone::Faint)
}

/// A symbol and the words of the target: never a colour alone.
fn status(entry: &Entry, signs: Signs) -> Cell {
    let standing = entry.row.standing;
    let shown = if entry.row.status.is_empty() { "?" } else { &entry.row.status };
    cell(format!("{} {shown}", symbol(standing, signs)), tone(standing))
}

/// The symbol of a standing.
pub fn symbol(standing: Standing, signs: Signs) -> &'static str {
    match standing {
        Standing::Up => signs.pick("●", "+"),
        Standing::Unchecked => signs.pick("○", "o"),
        Standing::Failing => signs.pick("▽", "v"),
        Standing::Down => signs.pick("▼", "X"),
        Standing::Full => signs.pick("◆", "F"),
        Standing::Maintenance => signs.pick("■", "M"),
        Standing::Stopping => signs.pick("◌", "n"),
        Standing::Draining => signs.pick("◐", "D"),
        Standing::Paused => signs.pick("□", "p"),
        Standing::Unknown => signs.pick("◇", "?"),
    }
}

/// A word for a standing, for counts.
pub fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Up => "up",
        Standing::Unchecked => "no check",
        Standing::Failing => "failing",
        Standing::Down => "down",
        Standing::Full => "full",
        Standing::Maintenance => "maint",
        Standing::Stopping => "nolb",
        Standing::Draining => "drain",
        Standing::Paused => "paused",
        Standing::Unknown => "unknown",
    }
}

/// The tone of a standing.
pub fn tone(standing: Standing) -> Tone {
    match standing {
        Standing::Up => Tone::Good,
        Standing::Unchecked => Tone::Plain,
        Standing::Down => Tone::Bad,
        Standing::Failing | Standing::Full | Standing::Stopping | Standing::Unknown => Tone::Warn,
        Standing::Maintenance | Standing::Draining | Standing::Paused => Tone::Asked,
    }
}

/// The weight in force, and the declared one where it is another: `5/10`.
fn weight(entry: &Entry) -> Cell {
    let row = &entry.row;
    let Some(now) = row.figure(Figure::Weight) else { return cell("", Tone::Plain) };
    if row.key.place.kind == Kind::Backend {
        return cell(now.to_string(), Tone::Faint);
    }
    // A server that drains has no weight in force; the one that it will have again is worth more.
    let set = row.set_weight().unwrap_or(now);
    let backup = if row.figure(Figure::Backup) == Some(1) { "b" } else { "" };
    match row.weights {
        Some(weights) if weights.initial != set => {
            cell(format!("{set}/{}{backup}", weights.initial), Tone::Asked)
        }
        _ => cell(format!("{set}{backup}"), Tone::Plain),
    }
}

fn check(entry: &Entry) -> Cell {
    let row = &entry.row;
    let Some(status) = row.column("check_status") else { return cell("", Tone::Plain) };
    // A star says that the next check is under way: it would make the cell blink.
    let status = status.trim_start_matches("* ");
    let code = row.figure(Figure::CheckCode).filter(|code| *code > 0);
    let time = row.figure(Figure::CheckDuration);
    let parts = [
        Some(status.to_owned()),
        code.map(|code| code.to_string()),
        time.map(|time| text::millis(time as f64)),
    ];
    let words: Vec<String> = parts.into_iter().flatten().collect();
    let good = status.contains("OK") || matches!(status, "INI" | "UNK");
    cell(words.join(" "), if good { Tone::Faint } else { Tone::Bad })
}

/// The columns, in the order in which they stand.
#[rustfmt::skip]
pub static COLUMNS: &[Traits] = &[
    Traits { column: Column::Node, title: "NODE", width: 8, need: 2, is_right: false, about: "node that the row is from" },
    Traits { column: Column::Status, title: "STATUS", width: 10, need: 0, is_right: false, about: "how it stands, in the words of the target" },
    Traits { column: Column::Sessions, title: "CUR", width: 5, need: 3, is_right: true, about: "sessions now" },
    Traits { column: Column::SessionsMax, title: "MAX", width: 5, need: 13, is_right: true, about: "most sessions at a time so far" },
    Traits { column: Column::SessionsLimit, title: "LIMIT", width: 5, need: 12, is_right: true, about: "most sessions allowed at a time (maxconn, fullconn)" },
    Traits { column: Column::Requests, title: "REQ/S", width: 6, need: 1, is_right: true, about: "HTTP requests per second, between two looks" },
    Traits { column: Column::Trend, title: "HISTORY", width: 12, need: 11, is_right: false, about: "REQ/S (or sessions) of the last looks; the top is the highest shown" },
    Traits { column: Column::SessionRate, title: "SES/S", width: 5, need: 15, is_right: true, about: "sessions in the last second, as the target counts" },
    Traits { column: Column::BytesIn, title: "IN/S", width: 5, need: 9, is_right: true, about: "bytes per second from clients" },
    Traits { column: Column::BytesOut, title: "OUT/S", width: 5, need: 6, is_right: true, about: "bytes per second to clients" },
    Traits { column: Column::Queue, title: "QUEUE", width: 5, need: 5, is_right: true, about: "requests that wait for a server" },
    Traits { column: Column::Errors, title: "ERR/S", width: 5, need: 4, is_right: true, about: "failed connections to servers and invalid answers per second (econ, eresp)" },
    Traits { column: Column::Answers5xx, title: "5XX/S", width: 5, need: 10, is_right: true, about: "answers with status 5xx per second" },
    Traits { column: Column::ResponseTime, title: "RESP", width: 5, need: 7, is_right: true, about: "mean time until an answer begins" },
    Traits { column: Column::Weight, title: "WEIGHT", width: 7, need: 8, is_right: true, about: "weight, and the declared one where it is another; b: a backup server" },
    Traits { column: Column::Check, title: "CHECK", width: 14, need: 14, is_right: false, about: "last check: result, code, how long it took" },
    Traits { column: Column::LastChange, title: "SINCE", width: 6, need: 16, is_right: true, about: "time since the state changed" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_one_row_and_a_need_of_its_own() {
        let mut needs: Vec<u8> = COLUMNS.iter().map(|row| row.need).collect();
        needs.sort_unstable();
        needs.dedup();
        assert_eq!(needs.len(), COLUMNS.len());
        for row in COLUMNS {
            assert_eq!(row.column.traits().title, row.title);
            assert!(row.title.len() <= usize::from(row.width), "{}", row.title);
        }
    }

    #[test]
    fn the_most_needed_columns_stay_where_there_is_little_room() {
        let titles = |width| -> Vec<&str> {
            fitting(width, 12, false).into_iter().map(|column| column.traits().title).collect()
        };
        assert_eq!(titles(31), ["STATUS", "REQ/S"]);
        assert_eq!(titles(10), Vec::<&str>::new());
        assert_eq!(
            titles(80),
            ["STATUS", "CUR", "REQ/S", "IN/S", "OUT/S", "QUEUE", "ERR/S", "5XX/S", "RESP", "WEIGHT"]
        );
        assert_eq!(titles(300).len(), COLUMNS.len() - 1);
        assert_eq!(fitting(300, 12, true).len(), COLUMNS.len());
    }
}
