//! What is kept of messages for lines and rules (configuration manual 4.2 "capture …", "declare capture").

use crate::model::{Capture, CookieCapture, FrontendSettings};

use super::super::lexer::Word;
use super::arguments::{Arguments, Reading, about, choice, expecting, number};
use super::logs::header_name;
use super::{Action, Directive, Draft, Lines, Sections};

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    Directive {
        name: "capture cookie",
        sections: Sections::LISTENING,
        syntax: "<name> len <length>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let word = arguments.take("a cookie's name")?;
                let length = length(arguments)?;
                arguments.finish()?;
                // `name=` is that cookie alone, `name` every one whose name begins so.
                let (name, prefix) = match word.text.strip_suffix('=') {
                    Some(name) => (name, false),
                    None => (word.text.as_str(), true),
                };
                if name.is_empty() {
                    return Err(about(word, "the name of the cookie is missing"));
                }
                if let Some(side) = &mut draft.frontend {
                    side.capture_cookie = Some(CookieCapture { name: name.to_owned(), prefix, length });
                }
                Ok(())
            },
            write: |draft, lines| {
                if let Some(capture) = draft.frontend.as_ref().and_then(|side| side.capture_cookie.as_ref()) {
                    let end = if capture.prefix { "" } else { "=" };
                    let name = format!("{}{end}", capture.name);
                    lines.push(vec![name, "len".to_owned(), capture.length.to_string()]);
                }
            },
        },
        accepted: &["capture cookie ASPSESSION len 32", "capture cookie SRV= len 10"],
        refused: &[
            "capture cookie",
            "capture cookie SRV",
            "capture cookie = len 3",
            "capture cookie SRV len 0",
        ],
    },
    Directive {
        name: "capture request",
        sections: Sections::LISTENING,
        syntax: "{ header <name> | slot } len <length>",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: |draft, arguments| read_capture(draft, arguments, |side| &mut side.request_captures),
            write: |draft, lines| write_captures(draft, lines, |side| &side.request_captures),
        },
        accepted: &["capture request header Host len 15"],
        refused: &[
            "capture request",
            "capture request cookie a len 3",
            "capture request header",
            "capture request header Host",
            "capture request header Host len",
            "capture request header Host len x",
            "capture request header Host len 3 more",
        ],
    },
    Directive {
        name: "capture response",
        sections: Sections::LISTENING,
        syntax: "{ header <name> | slot } len <length>",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: |draft, arguments| read_capture(draft, arguments, |side| &mut side.response_captures),
            write: |draft, lines| write_captures(draft, lines, |side| &side.response_captures),
        },
        accepted: &["capture response header Location len 20"],
        refused: &["capture response", "capture response header a:b len 3"],
    },
    Directive {
        name: "declare capture",
        sections: Sections::LISTENING,
        syntax: "{ request | response } len <length>",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: |draft, arguments| {
                let word = arguments.take("'request' or 'response'")?;
                let place = slots(word)?;
                let length = length(arguments)?;
                arguments.finish()?;
                if let Some(side) = &mut draft.frontend {
                    place(side).push(Capture { header: None, length });
                }
                Ok(())
            },
            write: |draft, lines| {
                let Some(side) = &draft.frontend else { return };
                for (word, captures) in
                    [("request", &side.request_captures), ("response", &side.response_captures)]
                {
                    for capture in captures.iter().skip(headers_end(captures)) {
                        lines.push(vec![word.to_owned(), "len".to_owned(), capture.length.to_string()]);
                    }
                }
            },
        },
        accepted: &["declare capture request len 32", "declare capture response len 5"],
        refused: &[
            "declare capture",
            "declare capture both len 3",
            "declare capture request",
            "declare capture request len 0",
        ],
    },
];

type Slots = fn(&mut FrontendSettings) -> &mut Vec<Capture>;

fn slots(word: &Word) -> Reading<Slots> {
    match word.text.as_str() {
        "request" => Ok(|side| &mut side.request_captures),
        "response" => Ok(|side| &mut side.response_captures),
        _ => Err(choice(word, &["request", "response"])),
    }
}

fn read_capture(draft: &mut Draft, arguments: &mut Arguments, slots: Slots) -> Reading<()> {
    let word = arguments.take("'header'")?;
    let header = match word.text.as_str() {
        "header" => Some(header_name(arguments.take("a header's name")?)?),
        // Not HAProxy's: `declare capture` between headers, which forms without an order of lines need.
        "slot" => None,
        _ => return Err(choice(word, &["header"])),
    };
    let length = length(arguments)?;
    arguments.finish()?;
    if let Some(side) = &mut draft.frontend {
        slots(side).push(Capture { header, length });
    }
    Ok(())
}

fn write_captures(draft: &Draft, lines: &mut Lines, slots: fn(&FrontendSettings) -> &Vec<Capture>) {
    let Some(captures) = draft.frontend.as_ref().map(slots) else { return };
    for capture in captures.iter().take(headers_end(captures)) {
        let mut words = match &capture.header {
            Some(header) => vec!["header".to_owned(), header.clone()],
            None => vec!["slot".to_owned()],
        };
        words.extend(["len".to_owned(), capture.length.to_string()]);
        lines.push(words);
    }
}

/// Where declared places begin after which no header comes.
fn headers_end(captures: &[Capture]) -> usize {
    captures.iter().rposition(|capture| capture.header.is_some()).map_or(0, |last| last + 1)
}

/// `len <length>`.
fn length(arguments: &mut Arguments) -> Reading<u32> {
    let word = arguments.take("'len' and a number of bytes")?;
    if word.text != "len" {
        return Err(expecting(word, format!("unknown word '{}'", word.text), "'len' is expected here"));
    }
    number(arguments, 1, Capture::LONGEST)
}
