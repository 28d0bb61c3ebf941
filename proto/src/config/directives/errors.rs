//! `errorfile` and `errorloc`: what replaces built-in error pages (configuration manual 4.2).

use crate::model::{ErrorPage, ErrorReply};
use crate::rules::action::{Content, answer_words};

use super::arguments::{Arguments, Reading, about, choice, expecting, name, parse_number};
use super::{Action, Directive, Draft, Lines, Sections};

/// Statuses that have an error page.
const STATUSES: [u16; 17] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504];
/// The longest file, what fits HAProxy's buffer of 16 KiB less the part that it reserves.
const LONGEST: usize = 16384 - 1024;

/// A directive for a redirection among shared pages.
macro_rules! shared_location {
    ($name:literal, $code:literal) => {
        Directive {
            name: $name,
            sections: Sections::HTTP_ERRORS,
            syntax: "<status> <url>",
            negatable: false,
            repeats: true,
            action: Action::HttpErrors {
                read: |row, arguments| {
                    let page = location_page(arguments, $code)?;
                    put(&mut row.pages, page);
                    Ok(())
                },
                write: |row, lines| {
                    for page in &row.pages {
                        if let Some(location) = location(&page.reply, $code) {
                            lines.push(vec![page.status.to_string(), location.clone()]);
                        }
                    }
                },
            },
            accepted: &[concat!($name, " 503 /sorry")],
            refused: &[$name],
        }
    };
}

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    Directive {
        name: "errorfile",
        sections: Sections::PROXY,
        syntax: "<status> <path>",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: read_file,
            write: |draft, lines| {
                write(draft, lines, |reply| match reply {
                    ErrorReply::File { path, .. } => Some(path),
                    _ => None,
                });
            },
        },
        accepted: &["errorfile 503 /etc/regate/503.http"],
        refused: &[
            "errorfile",
            "errorfile 503",
            "errorfile 418 /etc/regate/503.http",
            "errorfile 503 /nonexistent",
            "errorfile 503 /etc/regate/bad",
            "errorfile x /etc/regate/503.http",
        ],
    },
    Directive {
        name: "errorloc",
        sections: Sections::PROXY,
        syntax: "<status> <url>",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: |draft, arguments| read_location(draft, arguments, 302),
            write: |_, _| {},
        },
        accepted: &[],
        refused: &["errorloc", "errorloc 503"],
    },
    Directive {
        name: "errorloc302",
        sections: Sections::PROXY,
        syntax: "<status> <url>",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: |draft, arguments| read_location(draft, arguments, 302),
            write: |draft, lines| write(draft, lines, |reply| location(reply, 302)),
        },
        accepted: &["errorloc302 503 http://sorry.example/"],
        refused: &["errorloc302", "errorloc302 503", "errorloc302 299 /x"],
    },
    Directive {
        name: "errorloc303",
        sections: Sections::PROXY,
        syntax: "<status> <url>",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: |draft, arguments| read_location(draft, arguments, 303),
            write: |draft, lines| write(draft, lines, |reply| location(reply, 303)),
        },
        accepted: &["errorloc303 502 /sorry"],
        refused: &["errorloc303 502 /a b"],
    },
    Directive {
        name: "errorfiles",
        sections: Sections::PROXY,
        syntax: "<name> [<status>]*",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: read_sections,
            write: |draft, lines| {
                let front = draft.frontend.as_ref().map(|s| &s.error_sections);
                let back = draft.backend.as_ref().map(|s| &s.error_sections);
                if let (Some(front), Some(back)) = (front, back) {
                    lines.disagreement |= front != back;
                }
                front.or(back).into_iter().flatten().for_each(|name| lines.push(vec![name.to_string()]));
                for page in pages(draft, lines) {
                    if let ErrorReply::Section(name) = &page.reply {
                        lines.push(vec![name.to_string(), page.status.to_string()]);
                    }
                }
            },
        },
        accepted: &["errorfiles site", "errorfiles site 503"],
        refused: &["errorfiles", "errorfiles a 418", "errorfiles a b"],
    },
    Directive {
        name: "http-error",
        sections: Sections::PROXY,
        syntax: "status <status> [content-type <type>] [string|lf-string|file|lf-file|errorfile|errorfiles …] [hdr <name> <format>]*",
        negatable: false,
        repeats: true,
        action: Action::Proxy {
            read: read_made,
            write: |draft, lines| {
                for page in pages(draft, lines) {
                    if let ErrorReply::Made(reply) = &page.reply {
                        let mut words = vec!["status".to_owned(), page.status.to_string()];
                        words.extend(answer_words(reply));
                        lines.push(words);
                    }
                }
            },
        },
        accepted: &[
            "http-error status 503 content-type text/plain string sorry",
            "http-error status 403 content-type text/plain lf-string %[src] hdr X-Why %[src]",
        ],
        refused: &[
            "http-error",
            "http-error 503",
            "http-error status 418 content-type text/plain string x",
            "http-error status 503 string untyped",
            "http-error status 503 content-type text/plain string a b",
        ],
    },
];

/// The rows of the section `http-errors` (configuration manual 3.8).
pub(super) const SHARED: &[Directive] = &[
    Directive {
        name: "errorfile",
        sections: Sections::HTTP_ERRORS,
        syntax: "<status> <path>",
        negatable: false,
        repeats: true,
        action: Action::HttpErrors {
            read: |row, arguments| {
                let page = file_page(arguments)?;
                put(&mut row.pages, page);
                Ok(())
            },
            write: |row, lines| {
                for page in &row.pages {
                    if let ErrorReply::File { path, .. } = &page.reply {
                        lines.push(vec![page.status.to_string(), path.clone()]);
                    }
                }
            },
        },
        accepted: &["errorfile 503 /etc/regate/503.http"],
        refused: &["errorfile", "errorfile 418 /etc/regate/503.http", "errorfile 503 /nonexistent"],
    },
    shared_location!("errorloc302", 302),
    shared_location!("errorloc303", 303),
];

/// Adds every page of shared ones, or those of some statuses.
fn read_sections(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    let name = name(arguments.take("the name of a section 'http-errors'")?)?;
    if arguments.peek().is_none() {
        let sides = [
            draft.frontend.as_mut().map(|s| &mut s.error_sections),
            draft.backend.as_mut().map(|s| &mut s.error_sections),
        ];
        sides.into_iter().flatten().for_each(|sections| sections.push(name.clone()));
        return Ok(());
    }
    while arguments.peek().is_some() {
        let status = read_status(arguments)?;
        store(draft, ErrorPage { status, reply: ErrorReply::Section(name.clone()) });
    }
    Ok(())
}

/// `http-error status <status> …`.
fn read_made(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    let word = arguments.take("'status' and a status")?;
    if word.text != "status" {
        return Err(choice(word, &["status"]));
    }
    let status = read_status(arguments)?;
    let reply = super::rules::answer(arguments)?;
    let reply = match reply.content {
        Content::DefaultPage => {
            forget(draft, status);
            return Ok(());
        }
        Content::Section(name) => ErrorReply::Section(name),
        Content::Message(path, content) => ErrorReply::File { path, content },
        _ => ErrorReply::Made(Box::new(reply)),
    };
    store(draft, ErrorPage { status, reply });
    Ok(())
}

/// The pages of a proxy; notes when its sides disagree.
fn pages<'d>(draft: &'d Draft, lines: &mut Lines) -> &'d [ErrorPage] {
    let sides =
        (draft.frontend.as_ref().map(|s| &s.error_pages), draft.backend.as_ref().map(|s| &s.error_pages));
    if let (Some(front), Some(back)) = sides {
        lines.disagreement |= front != back;
    }
    sides.0.or(sides.1).map(Vec::as_slice).unwrap_or_default()
}

fn read_status(arguments: &mut Arguments) -> Reading<u16> {
    let word = arguments.take("a status and what replaces its page")?;
    let value = parse_number(word, "a status")?;
    STATUSES.into_iter().find(|status| u64::from(*status) == value).ok_or_else(|| {
        let all: Vec<String> = STATUSES.iter().map(u16::to_string).collect();
        expecting(word, format!("status {value} has no error page"), format!("{} have one", all.join(", ")))
    })
}

fn read_file(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    let page = file_page(arguments)?;
    store(draft, page);
    Ok(())
}

fn file_page(arguments: &mut Arguments) -> Reading<ErrorPage> {
    let status = read_status(arguments)?;
    let word = arguments.take("the path of a file")?;
    arguments.finish()?;
    let path = arguments.environment.complete(&word.text);
    let content = arguments
        .environment
        .read_file(&word.text)
        .map_err(|error| about(word, format!("'{}' cannot be read: {error}", path.display())))?;
    if content.len() > LONGEST {
        return Err(expecting(
            word,
            format!("'{}' is too long: {} bytes", path.display(), content.len()),
            format!("at most {LONGEST} bytes are accepted"),
        ));
    }
    if !content.is_empty() && !is_message(&content) {
        let help = "a whole HTTP message is expected: a status line, headers, an empty line, a body";
        return Err(expecting(word, format!("'{}' is not an HTTP response", path.display()), help));
    }
    Ok(ErrorPage { status, reply: ErrorReply::File { path: path.display().to_string(), content } })
}

/// Whether this begins with an HTTP/1 status line and has an end of headers.
fn is_message(content: &[u8]) -> bool {
    let line = content.split(|b| *b == b'\n').next().unwrap_or_default();
    let mut parts = line.splitn(3, |b| *b == b' ');
    let version = parts.next().unwrap_or_default();
    let status = parts.next().unwrap_or_default().trim_ascii_end();
    let headers_end =
        content.windows(2).any(|pair| pair == b"\n\n") || content.windows(4).any(|four| four == b"\r\n\r\n");
    version.len() == 8
        && version.starts_with(b"HTTP/1.")
        && status.len() == 3
        && status.iter().all(u8::is_ascii_digit)
        && headers_end
}

fn read_location(draft: &mut Draft, arguments: &mut Arguments, code: u16) -> Reading<()> {
    let page = location_page(arguments, code)?;
    store(draft, page);
    Ok(())
}

fn location_page(arguments: &mut Arguments, code: u16) -> Reading<ErrorPage> {
    let status = read_status(arguments)?;
    let location = arguments.take("the target of the redirection")?.text.clone();
    arguments.finish()?;
    Ok(ErrorPage { status, reply: ErrorReply::Location { code, location } })
}

fn store(draft: &mut Draft, page: ErrorPage) {
    let sides = [
        draft.frontend.as_mut().map(|s| &mut s.error_pages),
        draft.backend.as_mut().map(|s| &mut s.error_pages),
    ];
    sides.into_iter().flatten().for_each(|pages| put(pages, page.clone()));
}

/// Leaves a status to whoever comes next.
fn forget(draft: &mut Draft, status: u16) {
    let sides = [
        draft.frontend.as_mut().map(|s| &mut s.error_pages),
        draft.backend.as_mut().map(|s| &mut s.error_pages),
    ];
    sides.into_iter().flatten().for_each(|pages| pages.retain(|known| known.status != status));
}

/// Makes a page the one of its status.
fn put(pages: &mut Vec<ErrorPage>, page: ErrorPage) {
    pages.retain(|known| known.status != page.status);
    let at = pages.partition_point(|known| known.status < page.status);
    pages.insert(at, page);
}

fn location(reply: &ErrorReply, code: u16) -> Option<&String> {
    match reply {
        ErrorReply::Location { code: found, location } if *found == code => Some(location),
        _ => None,
    }
}

fn write(draft: &Draft, lines: &mut Lines, argument: fn(&ErrorReply) -> Option<&String>) {
    for page in pages(draft, lines) {
        if let Some(argument) = argument(&page.reply) {
            lines.push(vec![page.status.to_string(), argument.clone()]);
        }
    }
}
