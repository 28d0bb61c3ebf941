//! `errorfile` and `errorloc`: what replaces built-in error pages (configuration manual 4.2).

use crate::model::{ErrorPage, ErrorReply};

use super::arguments::{Arguments, Reading, about, expecting, parse_number};
use super::{Action, Directive, Draft, Lines, Sections};

/// Statuses that have an error page.
const STATUSES: [u16; 17] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504];
/// The longest file, what fits HAProxy's buffer of 16 KiB less the part that it reserves.
const LONGEST: usize = 16384 - 1024;

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
                    ErrorReply::Location { .. } => None,
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
];

fn read_status(arguments: &mut Arguments) -> Reading<u16> {
    let word = arguments.take("a status and what replaces its page")?;
    let value = parse_number(word, "a status")?;
    STATUSES.into_iter().find(|status| u64::from(*status) == value).ok_or_else(|| {
        let all: Vec<String> = STATUSES.iter().map(u16::to_string).collect();
        expecting(word, format!("status {value} has no error page"), format!("{} have one", all.join(", ")))
    })
}

fn read_file(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
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
    store(draft, ErrorPage { status, reply: ErrorReply::File { path: path.display().to_string(), content } });
    Ok(())
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
    let status = read_status(arguments)?;
    let location = arguments.take("the target of the redirection")?.text.clone();
    arguments.finish()?;
    store(draft, ErrorPage { status, reply: ErrorReply::Location { code, location } });
    Ok(())
}

fn store(draft: &mut Draft, page: ErrorPage) {
    let sides = [
        draft.frontend.as_mut().map(|s| &mut s.error_pages),
        draft.backend.as_mut().map(|s| &mut s.error_pages),
    ];
    for pages in sides.into_iter().flatten() {
        pages.retain(|known| known.status != page.status);
        let at = pages.partition_point(|known| known.status < page.status);
        pages.insert(at, page.clone());
    }
}

fn location(reply: &ErrorReply, code: u16) -> Option<&String> {
    match reply {
        ErrorReply::Location { code: found, location } if *found == code => Some(location),
        _ => None,
    }
}

fn write(draft: &Draft, lines: &mut Lines, argument: fn(&ErrorReply) -> Option<&String>) {
    let sides =
        (draft.frontend.as_ref().map(|s| &s.error_pages), draft.backend.as_ref().map(|s| &s.error_pages));
    if let (Some(front), Some(back)) = sides {
        lines.disagreement |= front != back;
    }
    for page in sides.0.or(sides.1).into_iter().flatten() {
        if let Some(argument) = argument(&page.reply) {
            lines.push(vec![page.status.to_string(), argument.clone()]);
        }
    }
}
