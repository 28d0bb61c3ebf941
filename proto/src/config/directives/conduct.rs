//! How proxies and the process treat messages where clients, servers or habits ask for something particular.

use crate::model::{Conduct, Global, HeaderNames, Statuses, is_token};

use super::arguments::{Arguments, Codec, LIMIT, Polarity, Reading, about, choice, expecting};
use super::options::switch;
use super::{Action, Directive, Lines, Sections, agreed};

/// A directive of `global` that says yes by standing there.
macro_rules! flag {
    ($name:literal, $field:ident) => {
        Directive {
            name: $name,
            sections: Sections::GLOBAL,
            syntax: "",
            negatable: true,
            repeats: false,
            action: Action::Global {
                read: |global, arguments| {
                    global.conduct.$field = match arguments.polarity {
                        Polarity::Plain => Some(true),
                        Polarity::No => Some(false),
                        Polarity::Default => None,
                    };
                    arguments.finish()
                },
                write: |global, lines| super::options::write_switch(global.conduct.$field, lines),
            },
            accepted: &[$name, concat!("no ", $name)],
            refused: &[concat!($name, " yes")],
        }
    };
}

/// Statuses that count as something.
macro_rules! statuses {
    ($name:literal, $field:ident, $default:path) => {
        Directive {
            name: $name,
            sections: Sections::GLOBAL,
            syntax: "[+|-]<status>[-<status>][,…] …",
            negatable: false,
            repeats: true,
            action: Action::Global {
                read: |global, arguments| {
                    let before = global.conduct.$field.take().unwrap_or_else($default);
                    global.conduct.$field = Some(read_statuses(before, arguments)?);
                    Ok(())
                },
                write: |global, lines| {
                    if let Some(statuses) = &global.conduct.$field {
                        lines.push(write_statuses(statuses));
                    }
                },
            },
            accepted: &[
                concat!($name, " 400-404,406-499"),
                concat!($name, " 500"),
                concat!($name, " -100-599"),
            ],
            refused: &[
                $name,
                concat!($name, " often"),
                concat!($name, " 99"),
                concat!($name, " 500-400"),
                concat!($name, " 400-600"),
                concat!($name, " 400,"),
            ],
        }
    };
}

/// The rows of `global`.
pub(super) const GLOBAL: &[Directive] = &[
    statuses!("http-err-codes", error_codes, Statuses::errors),
    statuses!("http-fail-codes", failure_codes, Statuses::failures),
    Directive {
        name: "h1-case-adjust",
        sections: Sections::GLOBAL,
        syntax: "<from> <to>",
        negatable: false,
        repeats: true,
        action: Action::Global {
            read: |global, arguments| {
                let from = arguments.take("the name of a header in lower case")?;
                let to = arguments.take("the name of the header as it is to be spelled")?;
                arguments.finish()?;
                adjust(&mut global.conduct, &from.text, &to.text).map_err(|why| about(to, why))
            },
            write: write_cases,
        },
        accepted: &["h1-case-adjust content-length Content-LENGTH"],
        refused: &[
            "h1-case-adjust",
            "h1-case-adjust host",
            "h1-case-adjust host Hosts",
            "h1-case-adjust a:b A:B",
            "h1-case-adjust host Host HOST",
        ],
    },
    Directive {
        name: "h1-case-adjust-file",
        sections: Sections::GLOBAL,
        syntax: "<file>",
        negatable: false,
        repeats: true,
        action: Action::Global { read: read_case_file, write: |_, _| {} },
        accepted: &[],
        refused: &["h1-case-adjust-file", "h1-case-adjust-file /nowhere/at/all"],
    },
    flag!("harden.reject-privileged-ports.tcp", reject_privileged_ports),
    flag!("pp2-never-send-local", proxy_never_local),
];

/// The rows of proxies.
pub(super) const ROWS: &[Directive] = &[
    switch!(
        "option idle-close-on-response",
        Sections::FRONT,
        frontend.conduct.idle_close,
        &["option idle-close-on-response", "no option idle-close-on-response"],
        &["option idle-close-on-response now"]
    ),
    switch!(
        "option h1-case-adjust-bogus-client",
        Sections::FRONT,
        frontend.conduct.adjust_case,
        &["option h1-case-adjust-bogus-client", "no option h1-case-adjust-bogus-client"],
        &["option h1-case-adjust-bogus-client now"]
    ),
    switch!(
        "option h1-case-adjust-bogus-server",
        Sections::BACK,
        backend.conduct.adjust_case,
        &["option h1-case-adjust-bogus-server", "no option h1-case-adjust-bogus-server"],
        &["option h1-case-adjust-bogus-server now"]
    ),
    switch!(
        "option http-pretend-keepalive",
        Sections::BACK,
        backend.conduct.pretend_keepalive,
        &["option http-pretend-keepalive", "no option http-pretend-keepalive"],
        &["option http-pretend-keepalive now"]
    ),
    switch!(
        "option transparent",
        Sections::BACK,
        backend.transparent,
        &["option transparent", "no option transparent"],
        &["option transparent now"]
    ),
    Directive {
        name: "option http-restrict-req-hdr-names",
        sections: Sections::PROXY,
        syntax: "{ preserve | delete | reject }",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let value = Some((HEADER_NAMES.read)(arguments)?);
                arguments.finish()?;
                if let Some(side) = &mut draft.frontend {
                    side.conduct.header_names = value;
                }
                if let Some(side) = &mut draft.backend {
                    side.conduct.header_names = value;
                }
                Ok(())
            },
            write: |draft, lines| {
                let sides = (
                    draft.frontend.as_ref().map(|side| &side.conduct.header_names),
                    draft.backend.as_ref().map(|side| &side.conduct.header_names),
                );
                if let Some(value) = agreed(sides, lines) {
                    lines.push((HEADER_NAMES.write)(value));
                }
            },
        },
        accepted: &[
            "option http-restrict-req-hdr-names preserve",
            "option http-restrict-req-hdr-names delete",
            "option http-restrict-req-hdr-names reject",
        ],
        refused: &["option http-restrict-req-hdr-names", "option http-restrict-req-hdr-names forget"],
    },
    Directive {
        name: "http-send-name-header",
        sections: Sections::BACK,
        syntax: "<header>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let word = arguments.take("the name of a header")?;
                arguments.finish()?;
                if !is_token(&word.text) {
                    return Err(about(word, format!("'{}' is not a header name", word.text)));
                }
                if let Some(side) = &mut draft.backend {
                    side.conduct.name_header = Some(word.text.clone());
                }
                Ok(())
            },
            write: |draft, lines| {
                if let Some(name) = draft.backend.as_ref().and_then(|side| side.conduct.name_header.as_ref())
                {
                    lines.push(vec![name.clone()]);
                }
            },
        },
        accepted: &["http-send-name-header X-Server"],
        refused: &["http-send-name-header", "http-send-name-header a:b", "http-send-name-header a b"],
    },
    Directive {
        name: "max-keep-alive-queue",
        sections: Sections::BACK,
        syntax: "<number>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let value = (LIMIT.read)(arguments)?;
                arguments.finish()?;
                if let Some(side) = &mut draft.backend {
                    side.conduct.max_keep_alive_queue = Some(value);
                }
                Ok(())
            },
            write: |draft, lines| {
                if let Some(value) = draft.backend.as_ref().and_then(|side| side.conduct.max_keep_alive_queue)
                {
                    lines.push((LIMIT.write)(&value));
                }
            },
        },
        accepted: &["max-keep-alive-queue 10", "max-keep-alive-queue 0", "max-keep-alive-queue -1"],
        refused: &["max-keep-alive-queue", "max-keep-alive-queue some", "max-keep-alive-queue -2"],
    },
];

const HEADER_NAMES: Codec<HeaderNames> = Codec {
    read: |arguments| {
        let word = arguments.take("'preserve', 'delete' or 'reject'")?;
        Ok(match word.text.as_str() {
            "preserve" => HeaderNames::Preserve,
            "delete" => HeaderNames::Delete,
            "reject" => HeaderNames::Reject,
            _ => return Err(choice(word, &["preserve", "delete", "reject"])),
        })
    },
    write: |names| {
        let word = match names {
            HeaderNames::Preserve => "preserve",
            HeaderNames::Delete => "delete",
            HeaderNames::Reject => "reject",
        };
        vec![word.to_owned()]
    },
};

/// Ranges that replace the set, or are added to it or taken out of it, word by word.
fn read_statuses(mut statuses: Statuses, arguments: &mut Arguments) -> Reading<Statuses> {
    const EXPECTED: &str = "a status from 100 to 599, or a range such as 400-499";
    let mut word = arguments.take(EXPECTED)?;
    loop {
        let (ranges, removes) = match word.text.split_at_checked(1) {
            Some(("+", rest)) => (rest, false),
            Some(("-", rest)) => (rest, true),
            _ => {
                statuses = Statuses::none();
                (word.text.as_str(), false)
            }
        };
        for range in ranges.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (Ok(first), Ok(last)) = (first.parse(), last.parse()) else {
                return Err(expecting(word, format!("'{range}' is no range of statuses"), EXPECTED));
            };
            let done = if removes { statuses.remove(first, last) } else { statuses.insert(first, last) };
            done.map_err(|range| super::arguments::out_of_range(word, range))?;
        }
        match arguments.maybe() {
            Some(next) => word = next,
            None => return Ok(statuses),
        }
    }
}

/// The empty set has no spelling of its own: it is everything taken out.
fn write_statuses(statuses: &Statuses) -> Vec<String> {
    let spelled = |(first, last): &(u16, u16)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    match statuses.ranges() {
        [] => vec!["-100-599".to_owned()],
        ranges => vec![ranges.iter().map(spelled).collect::<Vec<_>>().join(",")],
    }
}

fn read_case_file(global: &mut Global, arguments: &mut Arguments) -> Reading<()> {
    let word = arguments.take("a file")?;
    arguments.finish()?;
    let path = arguments.environment.complete(&word.text);
    let path = path.to_string_lossy();
    let content = arguments
        .environment
        .read_file(&path)
        .map_err(|error| about(word, format!("'{path}' cannot be read: {error}")))?;
    let text = String::from_utf8_lossy(&content);
    for (at, line) in text.lines().enumerate() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let wrong = |why: String| about(word, format!("'{path}', line {}: {why}", at.saturating_add(1)));
        match (words.next(), words.next(), words.next()) {
            (None, ..) => {}
            (Some(from), Some(to), None) => adjust(&mut global.conduct, from, to).map_err(wrong)?,
            _ => return Err(wrong("two spellings of the name of a header are expected".to_owned())),
        }
    }
    Ok(())
}

/// Notes how a name is spelled.
fn adjust(conduct: &mut Conduct, from: &str, to: &str) -> Result<(), String> {
    if !is_token(to) {
        return Err(format!("'{to}' is not a header name"));
    }
    if !from.eq_ignore_ascii_case(to) {
        return Err(format!("'{from}' and '{to}' differ in more than their case"));
    }
    if conduct.header_cases.iter().any(|known| known.eq_ignore_ascii_case(to)) {
        return Err(format!("the spelling of '{from}' is said twice"));
    }
    conduct.header_cases.push(to.to_owned());
    Ok(())
}

fn write_cases(global: &Global, lines: &mut Lines) {
    for name in &global.conduct.header_cases {
        lines.push(vec![name.to_ascii_lowercase(), name.clone()]);
    }
}
