//! Commands about stick tables and their entries.

use regate_proto::model::{DataForm, DataType, Level, Table, TableKey};
use regate_proto::wire::v1;
use v1::act_request::Action;
use v1::query::Question;

use super::{rest, word};
use crate::shim::lex::{Command, Word};
use crate::shim::plan::{Ending, Plan, Reply, Step};
use crate::shim::render::tables::{Entries, Tables};
use crate::shim::sentence::{self, About};
use crate::shim::session::Session;

/// `show table`: every table, or the entries of one.
pub fn show(command: &Command) -> Step {
    let Some(name) = word(command, 2) else {
        return Plan::list(Question::Tables(v1::TablesQuery { table: None }), Tables::default()).into();
    };
    let words = rest(command, 3).to_vec();
    on_table(name, move |table| match meant(&table, &words, sentence::SHOWN_KEYS) {
        Err(reply) => reply.into(),
        Ok(Some(Meant::Key(key, _))) => entries(&table, v1::EntriesQuery { key: Some(key), ..query(&table) }),
        Ok(Some(Meant::Number(id, _))) => {
            let query = v1::EntriesQuery { id: Some(id), ..query(&table) };
            Plan::ask_first(Question::Entries(query.clone()), move |ending| match is_there(&ending) {
                true => entries(&table, query),
                false => Reply::error(sentence::NO_SUCH_ENTRY).into(),
            })
            .into()
        }
        Ok(Some(Meant::Filters(filters))) => entries(&table, v1::EntriesQuery { filters, ..query(&table) }),
        Ok(None) if words.is_empty() => entries(&table, query(&table)),
        Ok(None) => Reply::error(sentence::SHOW_TABLE_USAGE).into(),
    })
}

/// `set table`: writes values of an entry.
pub fn set(session: &mut Session, command: &Command) -> Step {
    let Some(name) = word(command, 2) else { return Reply::error(sentence::SET_TABLE_USAGE).into() };
    let words = rest(command, 3).to_vec();
    // Whether there is such a table is told at every level.
    let may = session.level >= Level::Operator;
    if may && let Some(step) = written_at_once(&name, &words) {
        return step;
    }
    let by_content = words.first().is_some_and(|word| word.bytes().starts_with(b"data."));
    on_table(name, move |table| match meant(&table, &words, sentence::INSERTED_KEYS) {
        _ if by_content => Reply::error(sentence::NOT_BY_CONTENT).into(),
        Err(reply) => reply.into(),
        Ok(Some(Meant::Key(..) | Meant::Number(..))) if !may => Reply::error(sentence::DENIED).into(),
        Ok(Some(Meant::Key(key, values))) => write(&table, key, &values),
        Ok(Some(Meant::Number(id, values))) => {
            entry_of(&table.clone(), id, move |key| write(&table, key, &values))
        }
        Ok(None) if words.is_empty() => Reply::Nothing.into(),
        Ok(Some(Meant::Filters(_)) | None) => Reply::error(sentence::SET_TABLE_USAGE).into(),
    })
}

/// `clear table`: removes entries.
pub fn clear(session: &mut Session, command: &Command) -> Step {
    let Some(name) = word(command, 2) else { return Reply::error(sentence::CLEAR_TABLE_USAGE).into() };
    let words = rest(command, 3).to_vec();
    let may = session.level >= Level::Operator;
    on_table(name, move |table| match meant(&table, &words, sentence::REMOVED_KEYS) {
        Err(reply) => reply.into(),
        Ok(Some(_)) if !may => Reply::error(sentence::DENIED).into(),
        Ok(None) if words.is_empty() && !may => Reply::error(sentence::DENIED).into(),
        Ok(Some(Meant::Key(key, _))) => remove(&table, Some(key), Vec::new()),
        Ok(Some(Meant::Number(id, _))) => {
            entry_of(&table.clone(), id, move |key| remove(&table, Some(key), Vec::new()))
        }
        Ok(Some(Meant::Filters(filters))) => remove(&table, None, filters),
        Ok(None) if words.is_empty() => remove(&table, None, Vec::new()),
        Ok(None) => Reply::error(sentence::CLEAR_TABLE_USAGE).into(),
    })
}

/// Which entries a command means.
enum Meant {
    /// The one with this key, and the words after it.
    Key(Vec<u8>, Vec<Word>),
    /// The one with this number, and the words after it.
    Number(u64, Vec<Word>),
    /// Those that all of these fit.
    Filters(Vec<v1::EntryFilter>),
}

/// A table as commands need it.
#[derive(Clone)]
struct Named {
    name: String,
    table: Table,
}

/// Finds a table, and goes on with it.
fn on_table(name: String, then: impl FnOnce(Named) -> Step + Send + 'static) -> Step {
    let question = Question::Tables(v1::TablesQuery { table: Some(name) });
    Plan::ask_first(question, move |ending| match ending {
        Ending::Answered(answer) => {
            let view = answer.tables.into_iter().next();
            let found = view.and_then(|view| Some((view.name, Table::try_from(view.table?).ok()?)));
            match found {
                Some((name, table)) => then(Named { name, table }),
                None => sentence::out_of_place().into(),
            }
        }
        Ending::Refused(problems) => sentence::refusal(About::Table, &problems).into(),
        _ => sentence::out_of_place().into(),
    })
    .into()
}

/// Reads which entries are meant; nothing when the words say none of the ways.
fn meant(of: &Named, words: &[Word], keys: &'static str) -> Result<Option<Meant>, Reply> {
    let Some(first) = words.first() else { return Ok(None) };
    let after = || words.get(2..).unwrap_or_default().to_vec();
    let first = first.text();
    if first == "key" {
        let Some(key) = words.get(1) else { return Err(Reply::error(sentence::NEED_KEY)) };
        if matches!(of.table.key, TableKey::Binary(_)) {
            return Err(Reply::error(format!("{keys} {}", sentence::KEY_TYPES)));
        }
        let key = of.table.key.parse(key.bytes()).ok_or_else(|| Reply::error(sentence::BAD_KEY))?;
        return Ok(Some(Meant::Key(key, after())));
    }
    if first == "ptr" {
        let number = words.get(1).and_then(|word| {
            let text = word.text();
            u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
        });
        return match number {
            Some(number) => Ok(Some(Meant::Number(number, after()))),
            None => Err(Reply::error(sentence::NEED_POINTER)),
        };
    }
    if !first.starts_with("data.") {
        return Ok(None);
    }
    let mut filters = Vec::new();
    if let (Some(_), Some(before)) = (words.get(3 * MOST_FILTERS), words.get(3 * MOST_FILTERS - 1)) {
        return Err(sentence::extra_filter(FIRST_FILTER + 3 * MOST_FILTERS + 1, &before.text()));
    }
    for (at, words) in (1..).zip(words.chunks(3)) {
        filters.push(filter(of, words).map_err(|fault| sentence::bad_filter(at, fault))?);
    }
    Ok(Some(Meant::Filters(filters)))
}

/// A filter of three words; the sentence of what is wrong.
fn filter(of: &Named, words: &[Word]) -> Result<v1::EntryFilter, &'static str> {
    if let [alone] = words
        && !alone.bytes().starts_with(b"data.")
    {
        return Err(sentence::NEED_COMPARISON);
    }
    let (data, element) = stored(of, words.first()).map_err(|fault| fault.sentence())?;
    let comparison = match words.get(1).map(Word::text).as_deref() {
        Some("eq") => v1::Comparison::Eq,
        Some("ne") => v1::Comparison::Ne,
        Some("le") => v1::Comparison::Le,
        Some("ge") => v1::Comparison::Ge,
        Some("lt") => v1::Comparison::Lt,
        Some("gt") => v1::Comparison::Gt,
        _ => return Err(sentence::NEED_COMPARISON),
    };
    let value = words.get(2).and_then(number).ok_or(sentence::NEED_COMPARED)?;
    Ok(v1::EntryFilter {
        data: data.name().to_owned(),
        element: u32::from(element),
        comparison: comparison.into(),
        value,
    })
}

/// Why a word names no data of a table.
enum NotStored {
    Unknown,
    Absent,
    Element,
}

impl NotStored {
    fn sentence(self) -> &'static str {
        match self {
            NotStored::Unknown => sentence::UNKNOWN_DATA,
            NotStored::Absent => sentence::DATA_NOT_STORED,
            NotStored::Element => sentence::BAD_ELEMENT,
        }
    }
}

/// The kind of data that a word names, when the table stores it.
fn stored(of: &Named, word: Option<&Word>) -> Result<(DataType, u8), NotStored> {
    let (data, element) = named(word.ok_or(NotStored::Unknown)?)?;
    match of.table.stored(data) {
        None => Err(NotStored::Absent),
        Some(stored) if element >= stored.elements => Err(NotStored::Element),
        Some(_) => Ok((data, element)),
    }
}

/// The kind of data that `data.<kind>` or `data.<kind>[<element>]` names.
fn named(word: &Word) -> Result<(DataType, u8), NotStored> {
    let text = word.text();
    let name = text.strip_prefix("data.").ok_or(NotStored::Unknown)?;
    let (name, element) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((name, element)) => (name, element.parse::<u8>().map_err(|_| NotStored::Element)?),
        None => (name, 0),
    };
    let data = DataType::from_name(name).ok_or(NotStored::Unknown)?;
    Ok((data, element))
}

fn write(of: &Named, key: Vec<u8>, words: &[Word]) -> Step {
    let mut values = Vec::new();
    for pair in words.chunks(2) {
        if !pair.first().is_some_and(|word| word.bytes().starts_with(b"data.")) {
            return Reply::error(sentence::NEED_DATA).into();
        }
        let (data, element) = match stored(of, pair.first()) {
            Ok(found) => found,
            Err(fault) => return Reply::error(fault.sentence()).into(),
        };
        let Some(value) = pair.get(1).and_then(number).filter(|_| data.form() != DataForm::Text) else {
            return Reply::error(sentence::NEED_VALUE).into();
        };
        values.push(v1::EntryValue { data: data.name().to_owned(), element: u32::from(element), value });
    }
    let action = Action::SetEntry(v1::SetEntry { table: of.name.clone(), key, values, key_text: None });
    Plan::act(action, finish).into()
}

/// What writes values of an entry without asking for the table first, so that such lines go one after the other
/// without a pause: where the words leave nothing to say but what Admin itself refuses.
fn written_at_once(table: &str, words: &[Word]) -> Option<Step> {
    let (key, pairs) = match words {
        [word, key, pairs @ ..] if word == "key" => (key, pairs),
        _ => return None,
    };
    let mut values = Vec::with_capacity(pairs.len() / 2);
    for pair in pairs.chunks(2) {
        let [data, value] = pair else { return None };
        let (data, element) = named(data).ok().filter(|(data, _)| data.form() != DataForm::Text)?;
        let value = number(value)?;
        values.push(v1::EntryValue { data: data.name().to_owned(), element: u32::from(element), value });
    }
    let action = Action::SetEntry(v1::SetEntry {
        table: table.to_owned(),
        key: Vec::new(),
        values,
        key_text: Some(key.bytes().to_vec()),
    });
    let told = |ending| match &ending {
        Ending::Refused(problems) => match problems.first().map(v1::Problem::code) {
            Some(v1::ProblemCode::Unsupported) => {
                Reply::error(format!("{} {}", sentence::INSERTED_KEYS, sentence::KEY_TYPES))
            }
            Some(v1::ProblemCode::Unsuitable) => Reply::error(NotStored::Absent.sentence()),
            Some(v1::ProblemCode::OutOfRange) => Reply::error(NotStored::Element.sentence()),
            _ => finish(ending),
        },
        _ => finish(ending),
    };
    Some(Plan::act(action, told).into())
}

fn remove(of: &Named, key: Option<Vec<u8>>, filters: Vec<v1::EntryFilter>) -> Step {
    Plan::act(Action::ClearEntries(v1::ClearEntries { table: of.name.clone(), key, filters }), finish).into()
}

fn finish(ending: Ending) -> Reply {
    match ending {
        Ending::Refused(problems) => sentence::refusal(About::Table, &problems),
        ending => sentence::settled(ending),
    }
}

/// Finds the key of the entry with this number, and goes on with it.
fn entry_of(of: &Named, id: u64, then: impl FnOnce(Vec<u8>) -> Step + Send + 'static) -> Step {
    let query = v1::EntriesQuery { id: Some(id), ..query(of) };
    Plan::ask_first(Question::Entries(query), move |ending| match ending {
        Ending::Answered(answer) => match answer.entries.and_then(|part| part.entries.into_iter().next()) {
            Some(entry) => then(entry.key),
            None => Reply::error(sentence::NO_SUCH_ENTRY).into(),
        },
        ending => finish(ending).into(),
    })
    .into()
}

fn is_there(ending: &Ending) -> bool {
    match ending {
        Ending::Answered(answer) => answer.entries.as_ref().is_some_and(|part| !part.entries.is_empty()),
        _ => false,
    }
}

fn query(of: &Named) -> v1::EntriesQuery {
    v1::EntriesQuery { table: of.name.clone(), ..Default::default() }
}

fn entries(of: &Named, query: v1::EntriesQuery) -> Step {
    let one = query.key.is_some();
    Plan::list(Question::Entries(query), Entries::new(of.table.clone(), one)).into()
}

/// A whole number that fits; one that does not is none, as it is to HAProxy.
fn number(word: &Word) -> Option<i64> {
    word.text().parse().ok()
}

/// Filters of a command.
const MOST_FILTERS: usize = 4;
/// The word of a command at which filters begin.
const FIRST_FILTER: usize = 3;
