//! What rules do with the entries of stick tables: tracking them, counting in them, and clients that stay with the
//! servers that they name (configuration manual 4.2 "http-request track-sc0", "sc-inc-gpc" and "stick on").

use super::{Condition, Mistake, Sample, Words};
use crate::model::{DataType, Name};

/// An entry that is held from now on, and in which is counted what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// The number of the tracker, 0 to [`Track::HIGHEST`].
    pub tracker: u8,
    /// The key of the entry.
    pub key: Sample,
    /// The table; absent: the one of the proxy at hand.
    pub table: Option<Name>,
}

/// A value of a tracked entry that a rule changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The name of the action, without its arguments.
    pub name: &'static str,
    /// What is changed.
    pub data: DataType,
    /// Which of the elements of an array.
    pub element: u8,
    /// The number of the tracker that holds the entry.
    pub tracker: u8,
    /// Whether the amount is added; otherwise it is written.
    pub adds: bool,
    /// How much. For `sc-inc-…` it is one, which is not written.
    pub amount: Amount,
}

/// A number, or a sample that gives one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// This one.
    Fixed(u32),
    /// A sample.
    Sample(Sample),
}

/// `stick …`: which server the clients of a backend stay with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stick {
    /// When it is looked at, and what for.
    pub kind: StickKind,
    /// The key of the entry.
    pub key: Sample,
    /// The table; absent: the one of the backend.
    pub table: Option<Name>,
    /// When; absent: always.
    pub condition: Option<Condition>,
}

/// What a `stick` rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StickKind {
    /// `stick on`: both of the next.
    On,
    /// `stick match`: leads a request to the server that the entry names.
    Match,
    /// `stick store-request`: notes the server of a request, under a key of the request.
    StoreRequest,
    /// `stick store-response`: notes the server of a request, under a key of the response.
    StoreResponse,
}

/// Actions that change a tracked entry: name, what they change, whether they add, whether the amount is written.
pub const TALLIES: &[(&str, DataType, bool, bool)] = &[
    ("sc-add-gpc", DataType::Gpc, true, true),
    ("sc-inc-gpc", DataType::Gpc, true, false),
    ("sc-inc-gpc0", DataType::Gpc0, true, false),
    ("sc-inc-gpc1", DataType::Gpc1, true, false),
    ("sc-set-gpt", DataType::Gpt, false, true),
    ("sc-set-gpt0", DataType::Gpt0, false, true),
];

impl Track {
    /// The highest number of a tracker.
    pub const HIGHEST: u8 = 99;

    /// The number of the tracker that an action's name says.
    pub fn number(name: &str) -> Option<u8> {
        let digits = name.strip_prefix("track-sc")?;
        let plain = digits == "0" || !digits.starts_with('0');
        digits.parse().ok().filter(|number| plain && *number <= Track::HIGHEST)
    }

    /// Reads what follows the name of the action; `key` takes the key.
    pub(super) fn read<'a>(tracker: u8, key: Sample, words: &mut Words<'a>) -> Result<Track, Mistake> {
        Ok(Track { tracker, key, table: read_table(words)? })
    }

    /// The words that read as this.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![format!("track-sc{}", self.tracker), self.key.to_string()];
        words.extend(table_words(self.table.as_ref()));
        words
    }
}

impl Tally {
    /// Reads `sc-inc-gpc0` with what stands between its parentheses; `amount` reads the amount where one is written.
    pub(super) fn read(
        name: &str,
        arguments: &str,
        words: &Words<'_>,
    ) -> Result<Option<(Tally, bool)>, Mistake> {
        let Some((name, data, adds, written)) = TALLIES.iter().find(|(known, ..)| *known == name) else {
            return Ok(None);
        };
        let wrong = |help: &str| {
            words
                .wrong(format!("'{arguments}' is not acceptable between the parentheses of '{name}'"))
                .expecting(format!("{help} is expected"))
        };
        let number = |text: &str, highest: u8, help: &str| {
            text.trim().parse::<u8>().ok().filter(|number| *number <= highest).ok_or_else(|| wrong(help))
        };
        let (element, tracker) = match (data.row().array, arguments.split_once(',')) {
            (true, Some((element, tracker))) => (number(element, 99, "an element from 0 to 99")?, tracker),
            (true, None) => return Err(wrong("'<element>,<tracker>'")),
            (false, None) => (0, arguments),
            (false, Some(_)) => return Err(wrong("the number of a tracker")),
        };
        let tracker = number(tracker, Track::HIGHEST, "the number of a tracker from 0 to 99")?;
        let tally = Tally { name, data: *data, element, tracker, adds: *adds, amount: Amount::Fixed(1) };
        Ok(Some((tally, *written)))
    }

    /// The words that read as this.
    pub fn words(&self) -> Vec<String> {
        let first = match self.data.row().array {
            true => format!("{}({},{})", self.name, self.element, self.tracker),
            false => format!("{}({})", self.name, self.tracker),
        };
        let written = TALLIES.iter().any(|(known, .., written)| *known == self.name && *written);
        let amount = match &self.amount {
            Amount::Fixed(number) => number.to_string(),
            Amount::Sample(sample) => sample.to_string(),
        };
        std::iter::once(first).chain(written.then_some(amount)).collect()
    }
}

impl Stick {
    /// Reads what stands after `stick on` and its kin.
    pub fn parse(kind: StickKind, words: &mut Words<'_>) -> Result<Stick, Mistake> {
        use super::Checkpoint;
        let word = words.take("a sample that gives the key")?;
        let key = words.place(Sample::parse(word))?;
        let place = match kind {
            StickKind::StoreResponse => Checkpoint::StickStore,
            _ => Checkpoint::UseServer,
        };
        if !key.row.reach.covers(place) {
            let message = format!("fetch '{}' has no meaning in {place}", key.row.name);
            return Err(words.wrong(message));
        }
        let table = read_table(words)?;
        Ok(Stick { kind, key, table, condition: Condition::parse(words)? })
    }

    /// The words that read as this, after those of its kind.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![self.key.to_string()];
        words.extend(table_words(self.table.as_ref()));
        words.extend(self.condition.iter().flat_map(Condition::words));
        words
    }
}

impl StickKind {
    /// Every kind.
    pub const ALL: [StickKind; 4] =
        [StickKind::On, StickKind::Match, StickKind::StoreRequest, StickKind::StoreResponse];

    /// The words of its directive.
    pub fn words(self) -> &'static str {
        match self {
            StickKind::On => "stick on",
            StickKind::Match => "stick match",
            StickKind::StoreRequest => "stick store-request",
            StickKind::StoreResponse => "stick store-response",
        }
    }

    /// Whether it leads requests to servers.
    pub fn matches(self) -> bool {
        matches!(self, StickKind::On | StickKind::Match)
    }

    /// Whether it notes servers under a key of the request.
    pub fn stores_of_request(self) -> bool {
        matches!(self, StickKind::On | StickKind::StoreRequest)
    }
}

fn read_table(words: &mut Words<'_>) -> Result<Option<Name>, Mistake> {
    if !words.accept("table") {
        return Ok(None);
    }
    let name = words.take("the name of a table")?;
    Name::new(name).map(Some).map_err(|bad| words.wrong(format!("'{name}': {bad}")))
}

fn table_words(table: Option<&Name>) -> impl Iterator<Item = String> {
    table.into_iter().flat_map(|name| ["table".to_owned(), name.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trackers_have_numbers() {
        let of = Track::number;
        assert_eq!([of("track-sc0"), of("track-sc12"), of("track-sc99")], [Some(0), Some(12), Some(99)]);
        let none = ["track-sc", "track-sc100", "track-sc01", "track-scx", "track"];
        assert!(none.into_iter().all(|name| of(name).is_none()));
    }
}
