//! `log`: where lines go (configuration manual 4.2 "log").

use crate::model::{Facility, LogAddress, LogPlan, LogSyntax, LogTarget, Severity};

use super::address::{escape, log_address};
use super::arguments::{Arguments, Polarity, Reading, choice, not_yet, number};
use super::{Action, Directive, Draft, Lines, Sections, agreed};

const SYNTAX: &str = "<address> [ len <length> ] [ format <format> ] <facility> [ <level> [ <minlevel> ] ]";

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
        ],
    },
    Directive {
        name: "log",
        sections: Sections::PROXY,
        syntax: "{ global | <address> [ len <length> ] [ format <format> ] <facility> [ <level> [ <minlevel> ] ] }",
        negatable: true,
        repeats: true,
        action: Action::Proxy { read, write },
        accepted: &["log global", "log 127.0.0.1:514 local0", "no log"],
        refused: &["log", "log global local0", "log globl", "no log global"],
    },
];

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
    let (mut length, mut syntax) = (None, None);
    loop {
        if arguments.accept("len") {
            length = Some(number(arguments, 80, 65535)?);
        } else if arguments.accept("format") {
            let word = arguments.take("a format")?;
            syntax = Some(match word.text.as_str() {
                "rfc3164" => LogSyntax::Rfc3164,
                "rfc5424" => LogSyntax::Rfc5424,
                "short" => LogSyntax::Short,
                "raw" => LogSyntax::Raw,
                "local" | "priority" | "timed" | "iso" => return Err(not_yet(word, "log format")),
                _ => return Err(choice(word, &["rfc3164", "rfc5424", "short", "raw"])),
            });
        } else if let Some(word) =
            arguments.peek().filter(|word| matches!(word.text.as_str(), "sample" | "profile" | "ring"))
        {
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
    Ok(LogTarget { address, length, syntax, facility, highest, lowest })
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
    };
    let mut words = vec![address];
    if let Some(length) = target.length {
        words.extend(["len".to_owned(), length.to_string()]);
    }
    if let Some(syntax) = target.syntax {
        let word = match syntax {
            LogSyntax::Rfc3164 => "rfc3164",
            LogSyntax::Rfc5424 => "rfc5424",
            LogSyntax::Short => "short",
            LogSyntax::Raw => "raw",
        };
        words.extend(["format".to_owned(), word.to_owned()]);
    }
    words.push(target.facility.word().to_owned());
    let highest = target.highest.or(target.lowest.map(|_| Severity::Debug));
    words.extend(highest.map(|level| level.word().to_owned()));
    words.extend(target.lowest.map(|level| level.word().to_owned()));
    words
}
