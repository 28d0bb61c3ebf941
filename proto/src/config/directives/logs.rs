//! `log`, and what lines say: formats, identifiers (configuration manual 4.2 and 8.2).

use crate::model::{Facility, LogAddress, LogFormat, LogPlan, LogSample, LogSyntax, LogTarget, Severity};
use crate::rules::{Checkpoint, Format, Mistake};

use super::super::diagnostic::Issue;
use super::super::lexer::Word;
use super::address::{escape, log_address, spell_stream};
use super::arguments::{
    Arguments, Codec, Polarity, Reading, WORD, about, choice, expecting, not_yet, number,
};
use super::{Action, Directive, Draft, Lines, Sections, agreed, setting};

const SYNTAX: &str = "<address> [ len <length> ] [ format <format> ] [ sample <ranges>:<size> ] <facility> \
                      [ <level> [ <minlevel> ] ]";

/// A format of lines, in one word.
const LINE: Codec<Format> = Codec { read: |a| read_format(a, Checkpoint::Log), write: write_format };
/// A format that is filled when the request is there.
const IDENTIFIER: Codec<Format> =
    Codec { read: |a| read_format(a, Checkpoint::FrontendRequest), write: write_format };

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    Directive {
        name: "log",
        sections: Sections::GLOBAL,
        syntax: SYNTAX,
        negatable: true,
        repeats: true,
        action: Action::Global {
            read: |global, arguments| {
                if arguments.polarity != Polarity::Plain {
                    global.log.clear();
                    return arguments.finish();
                }
                global.log.push(read_target(arguments)?);
                Ok(())
            },
            write: |global, lines| {
                for target in &global.log {
                    lines.push(write_target(target));
                }
            },
        },
        accepted: &[
            "log 127.0.0.1:514 local0",
            "log [::1]:514 len 2048 format rfc5424 local1 notice err",
            "log unix@/dev/log daemon info",
            "log stdout format raw local0",
            "log stderr format short user",
            "log fd@7 format rfc3164 kern",
            "log logs.example.com:514 local0",
            "log 127.0.0.1:514 len 1024 format local sample 1,3-4:5 local0",
            "log stdout format priority local0",
            "log stdout format timed local0",
            "log stdout format iso local0",
            "log tcp@127.0.0.1:514 local0",
            "log tcp@logs.example.com:514 local0",
            "log uxst@/run/log format rfc5424 local0",
        ],
        refused: &[
            "log",
            "log global",
            "log 127.0.0.1",
            "log 127.0.0.1 local8",
            "log 127.0.0.1 len 5 local0",
            "log 127.0.0.1 format wide local0",
            "log 127.0.0.1 local0 loud",
            "log 127.0.0.1 local0 info err x",
            "log 10.0.0.300:514 local0",
            "log logs.example.com:0 local0",
            "log 127.0.0.1 sample 1 local0",
            "log 127.0.0.1 sample 0:1 local0",
            "log 127.0.0.1 sample 2:1 local0",
            "log 127.0.0.1 sample 2-3,3:9 local0",
            "log tcp@127.0.0.1:0 local0",
            "log ring@ local0",
        ],
    },
    Directive {
        name: "log",
        sections: Sections::PROXY,
        syntax: "{ global | <address> [ len <length> ] [ format <format> ] [ sample <ranges>:<size> ] <facility> \
                 [ <level> [ <minlevel> ] ] }",
        negatable: true,
        repeats: true,
        action: Action::Proxy { read, write },
        accepted: &["log global", "log 127.0.0.1:514 local0", "no log"],
        refused: &["log", "log global local0", "log globl", "no log global"],
    },
    Directive {
        name: "log-format",
        sections: Sections::FRONT,
        syntax: "<format>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let format = (LINE.read)(arguments)?;
                arguments.finish()?;
                if let Some(side) = &mut draft.frontend {
                    side.log_format = Some(LogFormat::Custom(format));
                }
                Ok(())
            },
            write: |draft, lines| {
                if let Some(LogFormat::Custom(format)) =
                    draft.frontend.as_ref().and_then(|side| side.log_format.as_ref())
                {
                    lines.push((LINE.write)(format));
                }
            },
        },
        accepted: &[
            "log-format %ci",
            "log-format '%ci:%cp [%tr] %{+Q}r'",
            "log-format '%{+json}o %(client)ci %(port:sint)cp'",
            "log-format %[src,ipmask(24)]",
        ],
        refused: &[
            "log-format",
            "log-format %ci %cp",
            "log-format %nosuch",
            "log-format %[nosuch]",
            "log-format %[path]",
            "log-format %{+Z}ci",
            "no log-format",
        ],
    },
    Directive {
        name: "option httplog",
        sections: Sections::FRONT,
        syntax: "[ clf ]",
        negatable: true,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| read_known(draft, arguments, (LogFormat::Http, Some(LogFormat::Clf))),
            write: |draft, lines| match draft.frontend.as_ref().and_then(|side| side.log_format.as_ref()) {
                Some(LogFormat::Http) => lines.push(Vec::new()),
                Some(LogFormat::Clf) => lines.push(vec!["clf".to_owned()]),
                Some(LogFormat::Plain) => lines.push_no(),
                _ => {}
            },
        },
        accepted: &["option httplog", "option httplog clf", "no option httplog"],
        refused: &["option httplog cfl", "option httplog clf x"],
    },
    Directive {
        name: "option tcplog",
        sections: Sections::FRONT,
        syntax: "[ clf ]",
        negatable: true,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| read_known(draft, arguments, (LogFormat::Tcp, Some(LogFormat::TcpClf))),
            write: |draft, lines| match draft.frontend.as_ref().and_then(|side| side.log_format.as_ref()) {
                Some(LogFormat::Tcp) => lines.push(Vec::new()),
                Some(LogFormat::TcpClf) => lines.push(vec!["clf".to_owned()]),
                _ => {}
            },
        },
        accepted: &["option tcplog", "option tcplog clf"],
        refused: &["option tcplog cfl"],
    },
    Directive {
        name: "option httpslog",
        sections: Sections::FRONT,
        syntax: "",
        negatable: true,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| read_known(draft, arguments, (LogFormat::Https, None)),
            write: |draft, lines| {
                if let Some(LogFormat::Https) =
                    draft.frontend.as_ref().and_then(|side| side.log_format.as_ref())
                {
                    lines.push(Vec::new());
                }
            },
        },
        accepted: &["option httpslog"],
        refused: &["option httpslog clf"],
    },
    setting!(
        "log-format-sd",
        Sections::FRONT,
        "<format>",
        frontend.log_format_sd,
        LINE,
        &["log-format-sd '%{+Q,+E}o [id@1 status=%ST]'"],
        &["log-format-sd", "log-format-sd %nosuch"]
    ),
    setting!(
        "error-log-format",
        Sections::FRONT,
        "<format>",
        frontend.error_log_format,
        LINE,
        &["error-log-format %ci:%cp"],
        &["error-log-format", "error-log-format %nosuch"]
    ),
    setting!(
        "unique-id-format",
        Sections::FRONT,
        "<format>",
        frontend.unique_id_format,
        IDENTIFIER,
        &["unique-id-format %{+X}o%ci:%cp_%Ts_%rt:%pid"],
        &["unique-id-format", "unique-id-format %nosuch", "unique-id-format %[res.hdr(a)]"]
    ),
    setting!(
        "unique-id-header",
        Sections::FRONT,
        "<name>",
        frontend.unique_id_header,
        HEADER,
        &["unique-id-header X-Unique-ID"],
        &["unique-id-header", "unique-id-header a:b", "unique-id-header a b"]
    ),
];

/// An option that says what lines say, with its form in the order of the common log format.
fn read_known(
    draft: &mut Draft,
    arguments: &mut Arguments,
    (plain, clf): (LogFormat, Option<LogFormat>),
) -> Reading<()> {
    let wants_clf = clf.is_some() && arguments.accept("clf");
    if let Some(extra) = arguments.peek() {
        let message = format!("'{}' does not take the argument '{}'", arguments.name(), extra.text);
        let help = if clf.is_some() { "'clf' or nothing is expected" } else { "nothing is expected" };
        return Err(expecting(extra, message, help));
    }
    let value = match arguments.polarity {
        Polarity::Plain if wants_clf => clf,
        Polarity::Plain => Some(plain),
        Polarity::No => Some(LogFormat::Plain),
        Polarity::Default => None,
    };
    if let Some(side) = &mut draft.frontend {
        side.log_format = value;
    }
    Ok(())
}

/// The name of a header.
const HEADER: Codec<String> = Codec {
    read: |a| {
        let word = a.take("a header's name")?;
        header_name(word)
    },
    write: WORD.write,
};

/// Checks a word as a header's name (RFC 9110 section 5.6.2).
pub(super) fn header_name(word: &Word) -> Reading<String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if word.text.bytes().all(token) {
        Ok(word.text.clone())
    } else {
        let message = format!("'{}' is no name of a header", word.text);
        Err(expecting(word, message, "letters, digits and '-' are expected"))
    }
}

fn read_format(arguments: &mut Arguments, checkpoint: Checkpoint) -> Reading<Format> {
    let word = arguments.take("a format such as '%ci:%cp'")?;
    if let Some(extra) = arguments.peek() {
        let message = format!("'{}' expects only one argument: spaces must be quoted", arguments.name());
        return Err(about(extra, message));
    }
    let format = Format::parse(&word.text).and_then(|format| format.usable_at(checkpoint).map(|()| format));
    format.map_err(|mistake| mistaken(word, mistake))
}

fn write_format(format: &Format) -> Vec<String> {
    vec![format.to_string()]
}

/// The issue of a mistake in a word, at its place where quotes and backslashes do not shift it.
pub(super) fn mistaken(word: &Word, mistake: Mistake) -> Issue {
    let quotes = word.length.saturating_sub(word.text.chars().count() as u32);
    let before = word.text.get(..mistake.at).map_or(0, |before| before.chars().count() as u32);
    let mut issue = about(word, mistake.message);
    if quotes == 0 || quotes == 2 {
        issue.column = word.column.saturating_add(before).saturating_add(quotes / 2);
        issue.length = word.length.saturating_sub(before).saturating_sub(quotes).max(1);
    }
    issue.help = mistake.help;
    issue
}

fn read(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    if arguments.polarity != Polarity::Plain {
        arguments.finish()?;
        let plan = (arguments.polarity == Polarity::No).then_some(LogPlan::Off);
        store(draft, plan);
        return Ok(());
    }
    let current =
        draft.frontend.as_ref().map(|side| &side.log).or(draft.backend.as_ref().map(|side| &side.log));
    let current = current.cloned().flatten();
    if current == Some(LogPlan::Off) && draft.inherited_log.is_some() {
        return Err(
            arguments.issue("'log' after 'no log' is not supported where the defaults have log lines")
        );
    }
    let (mut global, mut targets) = match current {
        Some(LogPlan::To { global, targets }) => (global, targets),
        Some(LogPlan::Off) | None => (false, Vec::new()),
    };
    if arguments.accept("global") {
        arguments.finish()?;
        global = true;
    } else {
        targets.push(read_target(arguments)?);
    }
    store(draft, Some(LogPlan::To { global, targets }));
    Ok(())
}

fn store(draft: &mut Draft, plan: Option<LogPlan>) {
    if let Some(side) = &mut draft.frontend {
        side.log.clone_from(&plan);
    }
    if let Some(side) = &mut draft.backend {
        side.log = plan;
    }
}

fn write(draft: &Draft, lines: &mut Lines) {
    let sides = (draft.frontend.as_ref().map(|s| &s.log), draft.backend.as_ref().map(|s| &s.log));
    match agreed(sides, lines) {
        None => {}
        Some(LogPlan::Off) => lines.push_no(),
        Some(LogPlan::To { global, targets }) => {
            if *global {
                lines.push(vec!["global".to_owned()]);
            }
            for target in targets {
                lines.push(write_target(target));
            }
        }
    }
}

fn read_target(arguments: &mut Arguments) -> Reading<LogTarget> {
    let word = arguments.take("an address and a facility, such as '127.0.0.1:514 local0'")?;
    let address = log_address(word, arguments.environment)?;
    let (mut length, mut syntax, mut sample) = (None, None, None);
    loop {
        if arguments.accept("len") {
            length = Some(number(arguments, 80, 65535)?);
        } else if arguments.accept("format") {
            syntax = Some(read_syntax(arguments)?);
        } else if arguments.accept("sample") {
            sample = Some(read_sample(arguments)?);
        } else if let Some(word) = arguments.peek().filter(|word| word.text == "profile") {
            return Err(not_yet(word, "log"));
        } else {
            break;
        }
    }
    let word = arguments.take("a facility such as 'local0'")?;
    let facility = Facility::from_word(&word.text).ok_or_else(|| choice(word, &Facility::WORDS))?;
    let highest = arguments.peek().is_some().then(|| severity(arguments)).transpose()?;
    let lowest = arguments.peek().is_some().then(|| severity(arguments)).transpose()?;
    arguments.finish()?;
    Ok(LogTarget { address, length, syntax, sample, facility, highest, lowest })
}

/// The word of a way to dress lines.
pub(super) fn read_syntax(arguments: &mut Arguments) -> Reading<LogSyntax> {
    let word = arguments.take("a format")?;
    LogSyntax::from_word(&word.text).ok_or_else(|| choice(word, &LogSyntax::ALL.map(|(known, _)| known)))
}

/// `1,3-4:5`.
fn read_sample(arguments: &mut Arguments) -> Reading<LogSample> {
    let word = arguments.take("ranges and a size such as '1,3-4:5'")?;
    let fail = |reason: &str| {
        let message = format!("'{}' is no sample of lines: {reason}", word.text);
        expecting(word, message, "ranges and a size such as '1,3-4:5' are expected")
    };
    let (ranges, size) = word.text.split_once(':').ok_or_else(|| fail("the size is missing"))?;
    let size = size.parse().map_err(|_| fail("the size is no number"))?;
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        first.parse().ok().zip(last.parse().ok())
    };
    let ranges = ranges.split(',').map(range).collect::<Option<Vec<(u32, u32)>>>();
    LogSample::new(ranges.ok_or_else(|| fail("a range is no number"))?, size).map_err(fail)
}

fn severity(arguments: &mut Arguments) -> Reading<Severity> {
    let word = arguments.take("a level")?;
    Severity::from_word(&word.text).ok_or_else(|| choice(word, &Severity::WORDS))
}

fn write_target(target: &LogTarget) -> Vec<String> {
    let address = match &target.address {
        LogAddress::Udp(address) => address.to_string(),
        LogAddress::Named { host, port } => format!("{host}:{port}"),
        LogAddress::Unix(path) => format!("unix@{}", escape(path)),
        LogAddress::Stdout => "stdout".to_owned(),
        LogAddress::Stderr => "stderr".to_owned(),
        LogAddress::Descriptor(number) => format!("fd@{number}"),
        LogAddress::Stream(address) => spell_stream(address),
        LogAddress::Ring(name) => format!("ring@{name}"),
    };
    let mut words = vec![address];
    if let Some(length) = target.length {
        words.extend(["len".to_owned(), length.to_string()]);
    }
    if let Some(syntax) = target.syntax {
        words.extend(["format".to_owned(), syntax.word().to_owned()]);
    }
    if let Some(sample) = &target.sample {
        let range = |(first, last): &(u32, u32)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        let ranges: Vec<String> = sample.ranges.iter().map(range).collect();
        words.extend(["sample".to_owned(), format!("{}:{}", ranges.join(","), sample.size)]);
    }
    words.push(target.facility.word().to_owned());
    let highest = target.highest.or(target.lowest.map(|_| Severity::Debug));
    words.extend(highest.map(|level| level.word().to_owned()));
    words.extend(target.lowest.map(|level| level.word().to_owned()));
    words
}
