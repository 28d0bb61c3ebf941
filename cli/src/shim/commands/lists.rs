//! Commands about lists of patterns: the contents of ACLs and maps.

use std::sync::Arc;

use regate_proto::model::Columns;
use regate_proto::patterns::{EntryId, Pack};
use regate_proto::rules::patterns::{Output, Use};
use regate_proto::wire::{v1, wire_pack};
use v1::list_edit::Edit;
use v1::query::Question;

use super::change;
use crate::shim::lex::{Command, Word};
use crate::shim::plan::{Ending, Finish, Plan, Reply, Step};
use crate::shim::render::lists::{Entries, Lists, Matches};
use crate::shim::sentence::{self, ListError};
use crate::shim::session::Session;
use crate::shim::versions::Versions;

/// Which of the two families of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Lists of ACLs.
    Acl,
    /// Maps.
    Map,
}

/// `show acl`.
pub fn show_acl(session: &mut Session, command: &Command) -> Step {
    show(session, command, Family::Acl)
}

/// `show map`.
pub fn show_map(session: &mut Session, command: &Command) -> Step {
    show(session, command, Family::Map)
}

/// `add acl`.
pub fn add_acl(session: &mut Session, command: &Command) -> Step {
    let (version, words) = target(command);
    let (Some(list), Some(pattern)) = (words.first(), words.get(1)) else {
        return Reply::error(sentence::ADD_ACL_USAGE).into();
    };
    let given = Given { one: Some((pattern.bytes().to_vec(), None)), lines: Vec::new() };
    add(session, Family::Acl, version, list, given)
}

/// `add map`.
pub fn add_map(session: &mut Session, command: &Command) -> Step {
    let (version, words) = target(command);
    let Some(list) = words.first() else { return Reply::error(sentence::ADD_MAP_USAGE).into() };
    let given = match (&command.payload, words.get(1), words.get(2)) {
        (Some(payload), None, _) => Given { one: None, lines: payload.clone() },
        (None, Some(key), Some(value)) => {
            let one = (key.bytes().to_vec(), Some(value.bytes().to_vec()));
            Given { one: Some(one), lines: Vec::new() }
        }
        _ => return Reply::error(sentence::ADD_MAP_USAGE).into(),
    };
    add(session, Family::Map, version, list, given)
}

/// `del acl`.
pub fn del_acl(command: &Command) -> Step {
    delete(command, Family::Acl)
}

/// `del map`.
pub fn del_map(command: &Command) -> Step {
    delete(command, Family::Map)
}

/// `set map`: writes values.
pub fn set_map(command: &Command) -> Step {
    let (Some(list), Some(key), Some(value)) =
        (command.words.get(2), command.words.get(3), command.words.get(4))
    else {
        return Reply::error(sentence::SET_MAP_USAGE).into();
    };
    let (key, value) = (key.clone(), value.bytes().to_vec());
    on_list(list.text().into_owned(), Family::Map, move |view| {
        let entry = |id, key| v1::Entry { id, key, value: Some(value.into()) };
        let (edit, missing) = match reference(&key) {
            Some(id) => (Edit::SetValue(entry(id, Vec::new().into())), ListError::NoReference),
            None => (Edit::SetKey(entry(0, key.bytes().to_vec().into())), ListError::NoEntry),
        };
        apply(&view, edit, move |ending| settled(ending, Family::Map, missing))
    })
}

/// `clear acl`.
pub fn clear_acl(session: &mut Session, command: &Command) -> Step {
    clear(session, command, Family::Acl)
}

/// `clear map`.
pub fn clear_map(session: &mut Session, command: &Command) -> Step {
    clear(session, command, Family::Map)
}

/// `get acl`: what a value matches.
pub fn get_acl(command: &Command) -> Step {
    look_up(command, Family::Acl)
}

/// `get map`: what a value is mapped to.
pub fn get_map(command: &Command) -> Step {
    look_up(command, Family::Map)
}

/// `prepare acl`.
pub fn prepare_acl(session: &mut Session, command: &Command) -> Step {
    prepare(session, command, Family::Acl)
}

/// `prepare map`.
pub fn prepare_map(session: &mut Session, command: &Command) -> Step {
    prepare(session, command, Family::Map)
}

/// `commit acl`.
pub fn commit_acl(session: &mut Session, command: &Command) -> Step {
    commit(session, command, Family::Acl)
}

/// `commit map`.
pub fn commit_map(session: &mut Session, command: &Command) -> Step {
    commit(session, command, Family::Map)
}

/// What a command gives to be added: a key with its value, or lines of them.
struct Given {
    one: Option<(Vec<u8>, Option<Vec<u8>>)>,
    lines: Vec<u8>,
}

impl Given {
    fn entries(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let one = self.one.iter().map(|(key, value)| (key.as_slice(), value.as_deref()));
        one.chain(lines(&self.lines))
    }
}

fn show(session: &mut Session, command: &Command, family: Family) -> Step {
    let versions = session.surroundings.versions.clone();
    let (version, words) = target(command);
    let Some(list) = words.first() else {
        if version.is_some() {
            return Reply::error(sentence::about_list(family, ListError::Unknown)).into();
        }
        let query = v1::ListsQuery { list: None };
        return Plan::list(Question::Lists(query), Lists::new(family, versions)).into();
    };
    on_list(list.text().into_owned(), family, move |view| match version {
        Some(version) if version != versions.current(&view.name) => {
            let mut out = Vec::new();
            versions.read(&view.name, version, |pack| {
                let mut cursor = pack.cursor();
                for id in (0..).map(EntryId::at) {
                    let Some((key, value)) = cursor.advance() else { return };
                    crate::shim::render::lists::line(id.0, key, value, &mut out);
                }
            });
            Reply::Dump(out).into()
        }
        _ => {
            let query = v1::ListEntriesQuery { list: view.name, packed: true };
            Plan::list(Question::ListEntries(query), Entries).into()
        }
    })
}

fn add(session: &mut Session, family: Family, version: Option<u32>, list: &Word, given: Given) -> Step {
    let name = list.text().into_owned();
    let versions = session.surroundings.versions.clone();
    if version.is_none() && !name.starts_with('#') && !name.contains('@') {
        // The name as it stands saves a question; where it leads nowhere, the list may be known by another.
        let run = match &given.one {
            Some((key, value)) => {
                let value = value.clone().map(Into::into);
                let entry = v1::Entry { id: 0, key: key.clone().into(), value };
                v1::EntryRun { entries: vec![entry], packed: None }
            }
            None => wire_pack(&given.entries().collect()),
        };
        let request = edit(&name, Edit::Append(run));
        let finish = move |ending| match &ending {
            Ending::Applied(_) => Reply::Nothing.into(),
            Ending::Refused(_) => on_list(name, family, move |view| append(view, family, &given)),
            _ => sentence::out_of_place().into(),
        };
        return Plan { request, finish: Finish::Once(Box::new(finish)), exclusive: false }.into();
    }
    on_list(name, family, move |view| {
        let current = versions.current(&view.name);
        match version.filter(|version| *version != current) {
            None => append(view, family, &given),
            Some(version) if version > versions.newest(&view.name) => {
                Reply::error(sentence::about_list(family, ListError::Future)).into()
            }
            Some(version) => {
                let (good, reply) = sound(&view, family, &given);
                versions.write(&view.name, version, |packer| {
                    given.entries().take(good).for_each(|(key, value)| packer.push(key, value));
                });
                reply.unwrap_or(Reply::Nothing).into()
            }
        }
    })
}

/// Adds entries up to the first that does not suit the list.
fn append(view: View, family: Family, given: &Given) -> Step {
    let (good, reply) = sound(&view, family, given);
    match reply {
        Some(reply) if good == 0 => reply.into(),
        reply => {
            let pack: Pack = given.entries().take(good).collect();
            apply(&view, Edit::Append(wire_pack(&pack)), move |ending| match ending {
                Ending::Applied(_) => reply.unwrap_or(Reply::Nothing),
                ending => settled(ending, family, ListError::NoEntry),
            })
        }
    }
}

/// How many entries come before the first that does not suit the list, and why that does not.
fn sound(view: &View, family: Family, given: &Given) -> (usize, Option<Reply>) {
    let bad = given.entries().enumerate().find_map(|(at, (key, value))| {
        if family == Family::Acl && view.columns == Columns::Values {
            return Some((at, Reply::error(sentence::SHARED_LIST)));
        }
        if family == Family::Map && value.is_none() {
            let key = String::from_utf8_lossy(key);
            return Some((at, Reply::error(sentence::missing_value(&key))));
        }
        let bad = view.uses.iter().find_map(|usage| usage.check(key, value).err())?;
        Some((at, Reply::error(format!("{bad}."))))
    });
    match bad {
        Some((at, reply)) => (at, Some(reply)),
        None => (given.entries().count(), None),
    }
}

fn delete(command: &Command, family: Family) -> Step {
    let (Some(list), Some(key)) = (command.words.get(2), command.words.get(3)) else {
        return Reply::error(sentence::about_list(family, ListError::NeedKey)).into();
    };
    let key = key.clone();
    on_list(list.text().into_owned(), family, move |view| {
        let edit = match reference(&key) {
            Some(id) => Edit::Remove(id),
            None => Edit::RemoveKey(key.bytes().to_vec().into()),
        };
        apply(&view, edit, move |ending| settled(ending, family, ListError::NoKey))
    })
}

fn clear(session: &mut Session, command: &Command, family: Family) -> Step {
    let versions = session.surroundings.versions.clone();
    let (version, words) = target(command);
    let Some(list) = words.first() else {
        return Reply::error(sentence::about_list(family, ListError::NeedList)).into();
    };
    on_list(list.text().into_owned(), family, move |view| {
        match version.filter(|version| *version != versions.current(&view.name)) {
            Some(version) => {
                versions.clear(&view.name, version);
                Reply::Nothing.into()
            }
            None => apply(&view, Edit::Clear(v1::ClearList {}), move |ending| {
                settled(ending, family, ListError::NoEntry)
            }),
        }
    })
}

fn look_up(command: &Command, family: Family) -> Step {
    let (Some(list), Some(value)) = (command.words.get(2), command.words.get(3)) else {
        return Reply::error(sentence::about_list(family, ListError::NeedValue)).into();
    };
    let value = value.bytes().to_vec();
    on_list(list.text().into_owned(), family, move |view| {
        let query = v1::MatchQuery { list: view.name, value };
        Plan::list(Question::Match(query), Matches(family)).into()
    })
}

fn prepare(session: &mut Session, command: &Command, family: Family) -> Step {
    let versions = session.surroundings.versions.clone();
    let Some(list) = command.words.get(2) else {
        return Reply::error(sentence::about_list(family, ListError::Unknown)).into();
    };
    on_list(list.text().into_owned(), family, move |view| {
        Reply::info(sentence::new_version(versions.prepare(&view.name))).into()
    })
}

fn commit(session: &mut Session, command: &Command, family: Family) -> Step {
    let versions = session.surroundings.versions.clone();
    let (Some(version), words) = target(command) else {
        return Reply::error(sentence::NEED_VERSION).into();
    };
    let Some(list) = words.first() else {
        return Reply::error(sentence::about_list(family, ListError::NeedList)).into();
    };
    on_list(list.text().into_owned(), family, move |view| {
        if !versions.is_prepared(&view.name, version) {
            return Reply::error(sentence::VERSION_OUT_OF_RANGE).into();
        }
        let run = versions.read(&view.name, version, wire_pack).unwrap_or_default();
        let name = view.name.clone();
        apply(&view, Edit::Replace(run), move |ending| {
            if matches!(ending, Ending::Applied(_)) {
                versions.commit(&name, version);
            }
            settled(ending, family, ListError::NoEntry)
        })
    })
}

/// A list as commands need it.
struct View {
    name: String,
    columns: Columns,
    uses: Vec<Use>,
}

/// Finds a list by its name or number, and goes on with it.
fn on_list(text: String, family: Family, then: impl FnOnce(View) -> Step + Send + 'static) -> Step {
    let query = v1::ListsQuery { list: Some(text) };
    let unknown = move || Step::from(Reply::error(sentence::about_list(family, ListError::Unknown)));
    Plan::ask_first(Question::Lists(query), move |ending| match ending {
        Ending::Answered(answer) => {
            match answer.lists.into_iter().next().and_then(|view| read(view, family)) {
                Some(view) => then(view),
                None => unknown(),
            }
        }
        Ending::Refused(problems) => match problems.first().map(v1::Problem::code) {
            Some(v1::ProblemCode::NotFound) => unknown(),
            _ => sentence::refusal(sentence::About::Thing, &problems).into(),
        },
        _ => sentence::out_of_place().into(),
    })
    .into()
}

/// The list, if commands of the family may mean it.
fn read(view: v1::ListView, family: Family) -> Option<View> {
    belongs(&view, family).then_some(())?;
    let list = view.list?;
    let columns = if list.columns() == v1::Columns::Values { Columns::Values } else { Columns::Keys };
    let uses = view.uses.into_iter().filter_map(|usage| Use::try_from(usage).ok()).collect();
    Some(View { name: list.name, columns, uses })
}

/// Whether commands of the family may mean the list: those whose keys an ACL matches belong to both.
pub(in crate::shim) fn belongs(view: &v1::ListView, family: Family) -> bool {
    let Some(list) = &view.list else { return false };
    let is_map = list.columns() == v1::Columns::Values;
    let is_acl = !is_map
        || view.uses.iter().any(|usage| usage.output == Output::Nothing.word())
        || list.users.iter().any(|user| user.is_acl);
    match family {
        Family::Acl => is_acl,
        Family::Map => is_map,
    }
}

/// `@<version>` before a list, and the words from the list on.
fn target(command: &Command) -> (Option<u32>, &[Word]) {
    let words = command.words.get(2..).unwrap_or_default();
    match words.split_first() {
        Some((first, rest)) => match first.text().strip_prefix('@') {
            Some(version) => {
                let digits = version.bytes().take_while(u8::is_ascii_digit).count();
                (Some(version.get(..digits).and_then(|digits| digits.parse().ok()).unwrap_or(0)), rest)
            }
            None => (None, words),
        },
        None => (None, words),
    }
}

/// `#0x…`: the entry with this id.
fn reference(word: &Word) -> Option<u64> {
    u64::from_str_radix(word.text().strip_prefix("#0x")?, 16).ok()
}

/// The lines of a payload.
fn lines(payload: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let pair = move |line| {
        let line = <[u8]>::strip_suffix(line, b"\r").unwrap_or(line);
        let line = line.get(line.iter().position(|byte| !is_blank(byte))?..)?;
        let end = line.iter().position(is_blank).unwrap_or(line.len());
        let (key, rest) = line.split_at(end);
        let value = rest.iter().position(|byte| !is_blank(byte)).and_then(|begin| rest.get(begin..));
        Some((key, value))
    };
    payload.split(|byte| *byte == b'\n').filter_map(pair)
}

fn edit(list: &str, edit: Edit) -> v1::converse_request::Request {
    let verb = v1::change::Verb::Edit(v1::ListEdit { list: list.to_owned(), edit: Some(edit) });
    let set = v1::ChangeSet { base: None, origin: None, changes: vec![change(verb)] };
    v1::converse_request::Request::Apply(v1::ApplyRequest { change_set: Some(set) })
}

fn apply(view: &View, what: Edit, finish: impl FnOnce(Ending) -> Reply + Send + 'static) -> Step {
    let request = edit(&view.name, what);
    let finish = Finish::Once(Box::new(move |ending| Step::Answered(finish(ending))));
    Plan { request, finish, exclusive: false }.into()
}

/// How an edit ended; `missing` is what a missing entry is told by.
fn settled(ending: Ending, family: Family, missing: ListError) -> Reply {
    match ending {
        Ending::Applied(_) => Reply::Nothing,
        Ending::Refused(problems) => match problems.first().map(v1::Problem::code) {
            Some(v1::ProblemCode::NotFound) => Reply::error(sentence::about_list(family, missing)),
            Some(v1::ProblemCode::Unsuitable) => {
                Reply::error(sentence::about_list(family, ListError::Unknown))
            }
            _ => sentence::refusal(sentence::About::Thing, &problems),
        },
        Ending::Acted | Ending::Answered(_) => sentence::out_of_place(),
    }
}

/// Shared by all connections.
pub type Shared = Arc<Versions>;
