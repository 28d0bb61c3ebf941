//! `stick-table` (configuration manual 4.2).

use std::fmt;

use crate::model::{BadTable, DataForm, DataType, Millis, ServerKey, Stored, Table, TableKey};

use super::super::lexer::Word;
use super::arguments::{
    Arguments, Reading, about, choice, expecting, name, number, out_of_range, parse_number, parse_time, size,
    time,
};
use super::{Action, Directive, Draft, Lines, Sections};

/// The rows.
pub(super) const ROWS: &[Directive] = &[Directive {
    name: "stick-table",
    sections: Sections::NAMED,
    syntax: "type {ip | ipv6 | integer | string [len <length>] | binary [len <length>]} size <size> [expire <time>] [nopurge] [recv-only] [write-to <table>] [srvkey {name | addr}] [brates-factor <factor>] [store <data>[,<data>]*]*",
    negatable: false,
    repeats: false,
    action: Action::Proxy { read, write },
    accepted: &[
        "stick-table type ip size 1m expire 15m store gpt0,http_req_rate(10s)",
        "stick-table type ipv6 size 100k nopurge",
        "stick-table type integer size 1000 expire 500ms store server_id,conn_cur",
        "stick-table type string len 64 size 200k expire 30m srvkey addr store server_key",
        "stick-table type string size 1 store gpt(2),gpc(100),gpc_rate(3,10s)",
        "stick-table type binary len 20 size 3g recv-only brates-factor 8 store bytes_in_rate(1m),bytes_out_cnt",
    ],
    refused: &[
        "stick-table",
        "stick-table type ip",
        "stick-table size 1m",
        "stick-table type adress size 1m",
        "stick-table type ip len 4 size 1m",
        "stick-table type string len 0 size 1m",
        "stick-table type ip size 0",
        "stick-table type ip size 5g",
        "stick-table type ip size 1x",
        "stick-table type ip size 1 expire never",
        "stick-table type ip size 1 expire 30d",
        "stick-table type ip size 1 store gpt",
        "stick-table type ip size 1 store gpt0(1)",
        "stick-table type ip size 1 store gpt(0)",
        "stick-table type ip size 1 store gpt(101)",
        "stick-table type ip size 1 store gpt(2),gpt0",
        "stick-table type ip size 1 store gpc_rate(10s)",
        "stick-table type ip size 1 store conn_rate",
        "stick-table type ip size 1 store conn_rate()",
        "stick-table type ip size 1 store conn_rate(0)",
        "stick-table type ip size 1 store ,gpt0",
        "stick-table type ip size 1 store http_req_rat(10s)",
        "stick-table type ip size 1 srvkey port",
        "stick-table type ip size 1 brates-factor 0",
        "stick-table type ip size 1 peers",
        "stick-table type ip size 1 purge",
    ],
}];

fn read(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    let table = read_table(arguments)?;
    let place = match (&mut draft.backend, &mut draft.frontend) {
        (Some(side), _) => &mut side.table,
        (None, Some(side)) => &mut side.table,
        (None, None) => return Ok(()),
    };
    if place.is_some() {
        return Err(arguments.issue("a proxy has one table, and this one has one already"));
    }
    *place = Some(table);
    Ok(())
}

fn write(draft: &Draft, lines: &mut Lines) {
    let front = draft.frontend.as_ref().and_then(|side| side.table.as_ref());
    // Of a section with both sides the server's has the table.
    lines.disagreement |= front.is_some() && draft.backend.is_some();
    let back = draft.backend.as_ref().and_then(|side| side.table.as_ref());
    if let Some(table) = back.or(front) {
        lines.push(write_table(table));
    }
}

fn read_table(arguments: &mut Arguments) -> Reading<Table> {
    let (mut key, mut size_word) = (None, None);
    let mut table = Table::new(TableKey::Ip, 0);
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "type" => key = Some(read_key(arguments)?),
            "size" => {
                let word = arguments.take("a number of entries, such as 100k or 1m")?;
                table.size = entries(word)?;
                size_word = Some(word);
            }
            "expire" => table.expire = Some(time(arguments, 1)?).filter(|span| *span != Millis::default()),
            "nopurge" => table.nopurge = true,
            "recv-only" => table.recv_only = true,
            "write-to" => table.write_to = Some(name(arguments.take("the name of a table")?)?),
            "brates-factor" => table.bytes_factor = number(arguments, 1, Table::MOST_BYTES_FACTOR)?,
            "srvkey" => {
                let word = arguments.take("'name' or 'addr'")?;
                table.server_key = match word.text.as_str() {
                    "name" => ServerKey::Name,
                    "addr" => ServerKey::Addr,
                    _ => return Err(choice(word, &["name", "addr"])),
                };
            }
            "store" => {
                // Without a further word HAProxy stores nothing, and says nothing.
                if let Some(word) = arguments.maybe() {
                    read_store(word, &mut table, arguments)?;
                }
            }
            "peers" => {
                arguments.take("the name of a section of peers")?;
                let message = "'peers' is left out: entries are kept over restarts and upgrades of this node, \
                               and not told to other nodes yet";
                arguments.note(word, message);
            }
            _ => return Err(choice(word, WORDS)),
        }
    }
    table.key = key.ok_or_else(|| arguments.missing("'type' and the type of its keys"))?;
    let size_word = size_word.ok_or_else(|| arguments.missing("'size' and a number of entries"))?;
    table.checked().map_err(|bad| match bad {
        BadTable::NoSize => about(size_word, bad.to_string()),
        _ => arguments.issue(bad.to_string()),
    })
}

fn read_key(arguments: &mut Arguments) -> Reading<TableKey> {
    let word = arguments.take("a type of keys")?;
    let make = match word.text.as_str() {
        "ip" => return Ok(TableKey::Ip),
        "ipv6" => return Ok(TableKey::Ipv6),
        "integer" => return Ok(TableKey::Integer),
        "string" => TableKey::String,
        "binary" => TableKey::Binary,
        _ => return Err(choice(word, &["ip", "ipv6", "integer", "string", "binary"])),
    };
    if arguments.accept("len") {
        return Ok(make(number(arguments, 1, TableKey::LONGEST)?));
    }
    Ok(make(TableKey::USUAL_LENGTH))
}

fn entries(word: &Word) -> Reading<u32> {
    let found = size(word)?;
    u32::try_from(found).map_err(|_| {
        let range = crate::model::OutOfRange { value: found, lowest: 1, highest: u64::from(u32::MAX) };
        out_of_range(word, range)
    })
}

/// Reads `gpt0,gpc_rate(2,10s)`; what is there already is left as it is, with a warning.
fn read_store(word: &Word, table: &mut Table, arguments: &mut Arguments) -> Reading<()> {
    let mut rest = word.text.as_str();
    while !rest.is_empty() {
        let end = rest.find(['(', ',']).unwrap_or(rest.len());
        let (kind, after) = rest.split_at(end);
        let data = DataType::from_name(kind).ok_or_else(|| {
            let names = DataType::ALL.map(DataType::name);
            choice(&Word { text: kind.to_owned(), ..word.clone() }, &names)
        })?;
        let (inner, after) = match after.strip_prefix('(') {
            Some(inner) => {
                let Some((inner, after)) = inner.split_once(')') else {
                    return Err(expecting(word, format!("'{data}(' is not closed"), "')' is expected"));
                };
                (Some(inner), after)
            }
            None => (None, after),
        };
        rest = after.strip_prefix(',').unwrap_or(after);
        let stored = stored(word, data, inner)?;
        if table.stored(data).is_some() {
            arguments.warn(format!("'{data}' is stored already: this one is ignored"));
        } else {
            table.store.push(stored);
        }
    }
    if word.text.starts_with(',') { Err(about(word, "a kind of data is missing")) } else { Ok(()) }
}

fn stored(word: &Word, data: DataType, inner: Option<&str>) -> Reading<Stored> {
    let row = data.row();
    let rate = row.form == DataForm::Rate;
    let wrong = |text: &dyn fmt::Display| {
        let help = match (row.array, rate) {
            (true, true) => format!("'{data}(<elements>,<period>)' is expected, such as {data}(2,10s)"),
            (true, false) => format!("'{data}(<elements>)' is expected, such as {data}(2)"),
            (false, true) => format!("'{data}(<period>)' is expected, such as {data}(10s)"),
            (false, false) => format!("'{data}' takes no argument"),
        };
        expecting(word, text.to_string(), help)
    };
    let Some(inner) = inner else {
        if row.array || rate {
            return Err(wrong(&format_args!("'{data}' lacks its argument")));
        }
        return Ok(Stored::plain(data));
    };
    let part = |text: &str| Word { text: text.to_owned(), ..word.clone() };
    let (elements, period) = match (row.array, rate) {
        (true, true) => match inner.split_once(',') {
            Some((elements, period)) => (Some(elements), Some(period)),
            None => return Err(wrong(&format_args!("'{data}({inner})' lacks an argument"))),
        },
        (true, false) => (Some(inner), None),
        (false, true) => (None, Some(inner)),
        (false, false) => return Err(wrong(&format_args!("'{data}({inner})' has an argument"))),
    };
    let mut stored = Stored::plain(data);
    if let Some(text) = elements {
        let most = u64::from(Stored::MOST_ELEMENTS);
        let found = parse_number(&part(text), "a number of elements")?;
        let found = u8::try_from(found).ok().filter(|found| (1..=most).contains(&u64::from(*found)));
        stored.elements = found.ok_or_else(|| wrong(&BadTable::Elements(data)))?;
    }
    if let Some(text) = period {
        let span = parse_time(&part(text), 1)?;
        if span == Millis::default() {
            return Err(wrong(&BadTable::NoPeriod(data)));
        }
        stored.period = Some(span);
    }
    Ok(stored)
}

fn write_table(table: &Table) -> Vec<String> {
    let mut words = vec!["type".to_owned(), table.key.word().to_owned()];
    if let TableKey::String(length) | TableKey::Binary(length) = table.key
        && length != TableKey::USUAL_LENGTH
    {
        words.extend(["len".to_owned(), length.to_string()]);
    }
    words.extend(["size".to_owned(), spell_entries(table.size)]);
    if let Some(span) = table.expire {
        words.extend(["expire".to_owned(), span.spelled()]);
    }
    for (on, word) in [(table.nopurge, "nopurge"), (table.recv_only, "recv-only")] {
        words.extend(on.then(|| word.to_owned()));
    }
    if let Some(other) = &table.write_to {
        words.extend(["write-to".to_owned(), other.to_string()]);
    }
    if table.bytes_factor != 1 {
        words.extend(["brates-factor".to_owned(), table.bytes_factor.to_string()]);
    }
    if table.server_key == ServerKey::Addr {
        words.extend(["srvkey".to_owned(), "addr".to_owned()]);
    }
    if !table.store.is_empty() {
        let kinds: Vec<String> = table.store.iter().map(ToString::to_string).collect();
        words.extend(["store".to_owned(), kinds.join(",")]);
    }
    words
}

fn spell_entries(size: u32) -> String {
    for (unit, suffix) in [(1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k")] {
        if size.is_multiple_of(unit) {
            return format!("{}{suffix}", size / unit);
        }
    }
    size.to_string()
}

const WORDS: &[&str] =
    &["type", "size", "expire", "nopurge", "recv-only", "write-to", "srvkey", "brates-factor", "store"];
