//! The steps of checks: the rules after `http-check` and `tcp-check` (configuration manual 4.2).

use regex::bytes::RegexBuilder;

use crate::model::{
    BackendChecks, CheckBytes, CheckConnect, CheckExpect, CheckRequest, CheckRule, CheckStatus, CheckText,
    CheckValue, Expected, MatchMethod, Matched,
};
use crate::rules::{Checkpoint, Format, Sample, Variable};

use super::super::lexer::Word;
use super::arguments::{Arguments, Reading, about, choice, expecting, not_yet, signed};
use super::checks::{HOST, PORT};
use super::logs::mistaken;
use super::{Draft, Lines};

pub(super) fn read_http_check(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    const STEPS: &[&str] = &[
        "comment",
        "connect",
        "disable-on-404",
        "expect",
        "send",
        "send-state",
        "set-var(…)",
        "unset-var(…)",
    ];
    let word = arguments.take("'expect', 'send' or another step")?;
    let mut nothing = BackendChecks::default();
    let checks = draft.backend.as_mut().map_or(&mut nothing, |side| &mut side.checks);
    match word.text.as_str() {
        "disable-on-404" => checks.disable_on_404 = Some(true),
        "send-state" => checks.send_state = Some(true),
        "comment" => {
            checks.http_rules.push(CheckRule::Comment(arguments.take("a comment")?.text.clone()));
        }
        "connect" => checks.http_rules.push(CheckRule::Connect(read_connect(arguments)?)),
        "send" => checks.http_rules.push(CheckRule::Request(read_request(arguments)?)),
        "expect" => checks.http_rules.push(CheckRule::Expect(read_expect(arguments, true)?)),
        step => match read_variable(word, step, arguments)? {
            Some(rule) => checks.http_rules.push(rule),
            None => return Err(choice(word, STEPS)),
        },
    }
    arguments.finish()
}

pub(super) fn write_http_check(draft: &Draft, lines: &mut Lines) {
    let Some(checks) = draft.backend.as_ref().map(|side| &side.checks) else { return };
    if checks.disable_on_404 == Some(true) {
        lines.push(vec!["disable-on-404".to_owned()]);
    }
    if checks.send_state == Some(true) {
        lines.push(vec!["send-state".to_owned()]);
    }
    checks.http_rules.iter().for_each(|rule| lines.push(write_rule(rule)));
}

pub(super) fn read_tcp_check(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    const STEPS: &[&str] = &[
        "comment",
        "connect",
        "expect",
        "send",
        "send-lf",
        "send-binary",
        "send-binary-lf",
        "set-var(…)",
        "unset-var(…)",
    ];
    let word = arguments.take("'expect', 'send' or another step")?;
    let rule = match word.text.as_str() {
        "comment" => CheckRule::Comment(arguments.take("a comment")?.text.clone()),
        "connect" => CheckRule::Connect(read_connect(arguments)?),
        "send" => {
            let data = arguments.take("a text")?.text.clone().into_bytes();
            CheckRule::Send {
                data: CheckBytes::Plain(data),
                binary: false,
                comment: read_comment(arguments)?,
            }
        }
        "send-binary" => {
            let data = read_hexadecimal(arguments.take("bytes in hexadecimal")?)?;
            CheckRule::Send { data: CheckBytes::Plain(data), binary: true, comment: read_comment(arguments)? }
        }
        "expect" => CheckRule::Expect(read_expect(arguments, false)?),
        kind @ ("send-lf" | "send-binary-lf") => {
            let data = CheckBytes::Format(format(arguments, "a text")?);
            CheckRule::Send { data, binary: kind == "send-binary-lf", comment: read_comment(arguments)? }
        }
        step => match read_variable(word, step, arguments)? {
            Some(rule) => rule,
            None => return Err(choice(word, STEPS)),
        },
    };
    arguments.finish()?;
    if let Some(side) = &mut draft.backend {
        side.checks.tcp_rules.push(rule);
    }
    Ok(())
}

pub(super) fn write_tcp_check(draft: &Draft, lines: &mut Lines) {
    if let Some(side) = &draft.backend {
        side.checks.tcp_rules.iter().for_each(|rule| lines.push(write_rule(rule)));
    }
}

/// A step that changes a variable, where it is one.
fn read_variable(word: &Word, step: &str, arguments: &mut Arguments) -> Reading<Option<CheckRule>> {
    let Some((name, text)) = step.strip_suffix(')').and_then(|step| step.split_once('(')) else {
        return Ok(None);
    };
    let inside = |mistake: crate::rules::Mistake| mistaken(word, mistake.shifted(name.len() + 1));
    let variable = || Variable::parse(text).map_err(inside);
    Ok(Some(match name {
        "unset-var" => CheckRule::UnsetVariable(variable()?),
        "set-var" => CheckRule::SetVariable(variable()?, CheckValue::Sample(sample(arguments)?)),
        "set-var-fmt" => {
            CheckRule::SetVariable(variable()?, CheckValue::Format(format(arguments, "a text")?))
        }
        _ => return Ok(None),
    }))
}

fn read_comment(arguments: &mut Arguments) -> Reading<Option<String>> {
    if !arguments.accept("comment") {
        return Ok(None);
    }
    Ok(Some(arguments.take("a comment")?.text.clone()))
}

fn read_connect(arguments: &mut Arguments) -> Reading<CheckConnect> {
    let mut connect = CheckConnect::default();
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "default" => connect.default = true,
            "port" => connect.port = Some((PORT.read)(arguments)?),
            "addr" => connect.host = Some((HOST.read)(arguments)?),
            "send-proxy" => connect.send_proxy = true,
            "linger" => connect.linger = true,
            "comment" => connect.comment = Some(arguments.take("a comment")?.text.clone()),
            "ssl" | "sni" | "alpn" | "proto" | "via-socks4" => return Err(not_yet(word, "connect")),
            _ => {
                return Err(choice(word, &["default", "port", "addr", "send-proxy", "linger", "comment"]));
            }
        }
    }
    Ok(connect)
}

fn read_request(arguments: &mut Arguments) -> Reading<CheckRequest> {
    let mut request = CheckRequest::default();
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "meth" => request.method = Some(arguments.take("a method")?.text.clone()),
            "uri" => request.uri = Some(CheckText::Plain(arguments.take("a target")?.text.clone())),
            "uri-lf" => request.uri = Some(CheckText::Format(format(arguments, "a target")?)),
            "ver" => request.version = Some(arguments.take("a version")?.text.clone()),
            "hdr" => {
                let name = arguments.take("the name of a header field")?;
                if !name.text.bytes().all(is_token) {
                    return Err(about(name, format!("'{}' is not the name of a header field", name.text)));
                }
                request.headers.push((name.text.clone(), format(arguments, "the value of a header field")?));
            }
            "body" => request.body = Some(CheckText::Plain(arguments.take("a body")?.text.clone())),
            "body-lf" => request.body = Some(CheckText::Format(format(arguments, "a body")?)),
            "comment" => request.comment = Some(arguments.take("a comment")?.text.clone()),
            _ => {
                let words = ["meth", "uri", "uri-lf", "ver", "hdr", "body", "body-lf", "comment"];
                return Err(choice(word, &words));
            }
        }
    }
    Ok(request)
}

fn read_expect(arguments: &mut Arguments, http: bool) -> Reading<CheckExpect> {
    const HTTP: &[&str] = &["status", "rstatus", "hdr", "fhdr", "string", "string-lf", "rstring"];
    const TCP: &[&str] = &["string", "string-lf", "rstring", "binary", "binary-lf", "rbinary"];
    let matches = if http { HTTP } else { TCP };
    let mut expect = CheckExpect::default();
    let mut what: Option<Expected> = None;
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "min-recv" => expect.minimum = Some(signed(arguments, -1, i32::MAX)?),
            "comment" => expect.comment = Some(arguments.take("a comment")?.text.clone()),
            "ok-status" => expect.ok_status = Some(read_status(arguments, &CheckStatus::PASSED)?),
            "error-status" => expect.error_status = Some(read_status(arguments, &CheckStatus::FAILED)?),
            "tout-status" => expect.timeout_status = Some(read_status(arguments, &CheckStatus::LATE)?),
            "on-success" => expect.on_success = Some(format(arguments, "a text")?),
            "on-error" => expect.on_error = Some(format(arguments, "a text")?),
            "status-code" => expect.code = Some(sample(arguments)?),
            "!" if what.is_none() && !expect.inverse => expect.inverse = true,
            name if what.is_none() && matches.contains(&name) => {
                what = Some(read_expected(name, arguments)?);
            }
            _ if what.is_some() => {
                return Err(about(word, format!("'expect' does not take '{}' here", word.text)));
            }
            _ => return Err(choice(word, matches)),
        }
    }
    expect.what = what.ok_or_else(|| arguments.missing(&super::arguments::join(matches, "or")))?;
    Ok(expect)
}

fn read_expected(name: &str, arguments: &mut Arguments) -> Reading<Expected> {
    Ok(match name {
        "status" => {
            let word = arguments.take("statuses such as 200,300-399")?;
            let ranges: Option<Vec<(u16, u16)>> = word.text.split(',').map(status_range).collect();
            let help = "numbers from 100 to 999 and ranges of them, with commas between, are expected";
            let issue = || expecting(word, format!("'{}' is no list of statuses", word.text), help);
            Expected::Status(ranges.ok_or_else(issue)?)
        }
        "rstatus" => Expected::StatusPattern(pattern(arguments)?),
        "hdr" | "fhdr" => {
            let word = arguments.take("'name'")?;
            let matched = match word.text.as_str() {
                "name" => read_matched(arguments, false)?,
                "name-lf" => read_matched(arguments, true)?,
                _ => return Err(choice(word, &["name", "name-lf"])),
            };
            let value = match arguments.peek().map(|next| next.text.clone()).as_deref() {
                Some(word @ ("value" | "value-lf")) => {
                    arguments.accept(word);
                    Some(read_matched(arguments, word == "value-lf")?)
                }
                _ => None,
            };
            Expected::Header { full: name == "fhdr", name: matched, value }
        }
        "string" => Expected::Text(CheckText::Plain(arguments.take("a text")?.text.clone())),
        "string-lf" => Expected::Text(CheckText::Format(format(arguments, "a text")?)),
        "binary-lf" => Expected::Bytes(CheckBytes::Format(format(arguments, "a text")?)),
        "rstring" => Expected::Pattern(pattern(arguments)?),
        "binary" => {
            let bytes = read_hexadecimal(arguments.take("bytes in hexadecimal")?)?;
            Expected::Bytes(CheckBytes::Plain(bytes))
        }
        _ => Expected::BytesPattern(pattern(arguments)?),
    })
}

fn read_matched(arguments: &mut Arguments, formatted: bool) -> Reading<Matched> {
    let mut method = MatchMethod::Exact;
    if arguments.accept("-m") {
        let word = arguments.take("how to compare")?;
        method = match METHODS.iter().find(|(name, _)| *name == word.text) {
            Some((_, MatchMethod::Pattern)) if formatted => {
                return Err(about(word, "a regular expression is compiled once: it cannot be a log format"));
            }
            Some((_, method)) => *method,
            None => return Err(choice(word, &METHODS.map(|(name, _)| name))),
        };
    }
    let text = match method {
        MatchMethod::Pattern => CheckText::Plain(pattern(arguments)?),
        _ if formatted => CheckText::Format(format(arguments, "a text")?),
        _ => CheckText::Plain(arguments.take("a text")?.text.clone()),
    };
    Ok(Matched { method, text })
}

fn read_status(arguments: &mut Arguments, accepted: &[CheckStatus]) -> Reading<CheckStatus> {
    let word = arguments.take("a status")?;
    let found = accepted.iter().find(|status| status.word() == word.text).copied();
    found.ok_or_else(|| {
        let words: Vec<&str> = accepted.iter().map(|status| status.word()).collect();
        choice(word, &words)
    })
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| (100..=999).contains(number));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

/// A regular expression, checked.
fn pattern(arguments: &mut Arguments) -> Reading<String> {
    let word = arguments.take("a regular expression")?;
    match RegexBuilder::new(&word.text).size_limit(LARGEST_PATTERN).unicode(false).build() {
        Ok(_) => Ok(word.text.clone()),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("'{}' is no regular expression: {reason}", word.text);
            Err(expecting(word, message, "look-around and back-references are not available"))
        }
    }
}

/// A text with samples that mean something in a check.
fn format(arguments: &mut Arguments, expected: &str) -> Reading<Format> {
    let word = arguments.take(expected)?;
    let usable = |format: Format| format.usable_at(Checkpoint::Check).map(|()| format);
    Format::parse(&word.text).and_then(usable).map_err(|mistake| mistaken(word, mistake))
}

/// A sample that means something in a check.
fn sample(arguments: &mut Arguments) -> Reading<Sample> {
    let word = arguments.take("a sample")?;
    let usable = |sample: Sample| sample.usable_at(Checkpoint::Check).map(|()| sample);
    Sample::parse(&word.text).and_then(usable).map_err(|mistake| mistaken(word, mistake))
}

fn read_hexadecimal(word: &Word) -> Reading<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = word.text.as_bytes().chunks(2).map(byte).collect();
    let help = "an even number of hexadecimal digits is expected";
    bytes.ok_or_else(|| expecting(word, format!("'{}' is not hexadecimal", word.text), help))
}

fn write_rule(rule: &CheckRule) -> Vec<String> {
    let mut out = Vec::new();
    match rule {
        CheckRule::Comment(text) => out.extend(["comment".to_owned(), text.clone()]),
        CheckRule::Connect(connect) => {
            out.push("connect".to_owned());
            out.extend(connect.default.then(|| "default".to_owned()));
            pair(&mut out, "port", connect.port.map(|port| port.to_string()));
            pair(&mut out, "addr", connect.host.as_ref().map(|host| (HOST.write)(host).concat()));
            out.extend(connect.send_proxy.then(|| "send-proxy".to_owned()));
            out.extend(connect.linger.then(|| "linger".to_owned()));
            pair(&mut out, "comment", connect.comment.clone());
        }
        CheckRule::Request(request) => {
            out.push("send".to_owned());
            pair(&mut out, "meth", request.method.clone());
            text(&mut out, "uri", request.uri.as_ref());
            pair(&mut out, "ver", request.version.clone());
            for (name, value) in &request.headers {
                out.extend(["hdr".to_owned(), name.clone(), value.to_string()]);
            }
            text(&mut out, "body", request.body.as_ref());
            pair(&mut out, "comment", request.comment.clone());
        }
        CheckRule::Send { data, binary, comment } => {
            let (word, said) = match (data, binary) {
                (CheckBytes::Plain(data), true) => ("send-binary", hexadecimal(data)),
                (CheckBytes::Plain(data), false) => ("send", String::from_utf8_lossy(data).into_owned()),
                (CheckBytes::Format(format), true) => ("send-binary-lf", format.to_string()),
                (CheckBytes::Format(format), false) => ("send-lf", format.to_string()),
            };
            out.extend([word.to_owned(), said]);
            pair(&mut out, "comment", comment.clone());
        }
        CheckRule::Expect(expect) => write_expect(expect, &mut out),
        CheckRule::SetVariable(variable, CheckValue::Sample(sample)) => {
            out.extend([format!("set-var({variable})"), sample.to_string()]);
        }
        CheckRule::SetVariable(variable, CheckValue::Format(format)) => {
            out.extend([format!("set-var-fmt({variable})"), format.to_string()]);
        }
        CheckRule::UnsetVariable(variable) => out.push(format!("unset-var({variable})")),
    }
    out
}

fn write_expect(expect: &CheckExpect, out: &mut Vec<String>) {
    out.push("expect".to_owned());
    let status = |status: Option<CheckStatus>| status.map(|status| status.word().to_owned());
    pair(out, "min-recv", expect.minimum.map(|count| count.to_string()));
    pair(out, "comment", expect.comment.clone());
    pair(out, "ok-status", status(expect.ok_status));
    pair(out, "error-status", status(expect.error_status));
    pair(out, "tout-status", status(expect.timeout_status));
    pair(out, "on-success", expect.on_success.as_ref().map(ToString::to_string));
    pair(out, "on-error", expect.on_error.as_ref().map(ToString::to_string));
    pair(out, "status-code", expect.code.as_ref().map(ToString::to_string));
    out.extend(expect.inverse.then(|| "!".to_owned()));
    match &expect.what {
        Expected::Status(ranges) => {
            let range = |(first, last): &(u16, u16)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            };
            let ranges: Vec<String> = ranges.iter().map(range).collect();
            out.extend(["status".to_owned(), ranges.join(",")]);
        }
        Expected::StatusPattern(pattern) => out.extend(["rstatus".to_owned(), pattern.clone()]),
        Expected::Header { full, name, value } => {
            out.push(if *full { "fhdr" } else { "hdr" }.to_owned());
            write_matched("name", name, out);
            if let Some(value) = value {
                write_matched("value", value, out);
            }
        }
        Expected::Text(said) => text(out, "string", Some(said)),
        Expected::Pattern(pattern) => out.extend(["rstring".to_owned(), pattern.clone()]),
        Expected::Bytes(CheckBytes::Plain(bytes)) => out.extend(["binary".to_owned(), hexadecimal(bytes)]),
        Expected::Bytes(CheckBytes::Format(format)) => {
            out.extend(["binary-lf".to_owned(), format.to_string()])
        }
        Expected::BytesPattern(pattern) => out.extend(["rbinary".to_owned(), pattern.clone()]),
    }
}

fn write_matched(word: &str, matched: &Matched, out: &mut Vec<String>) {
    let (word, said) = spelled(word, &matched.text);
    out.push(word);
    if matched.method != MatchMethod::Exact
        && let Some((name, _)) = METHODS.iter().find(|(_, method)| *method == matched.method)
    {
        out.extend(["-m".to_owned(), (*name).to_owned()]);
    }
    out.push(said);
}

/// A word with its text; that of a format has another ending.
fn text(out: &mut Vec<String>, word: &str, text: Option<&CheckText>) {
    let (word, said) = match text {
        Some(text) => spelled(word, text),
        None => return,
    };
    out.extend([word, said]);
}

fn spelled(word: &str, text: &CheckText) -> (String, String) {
    match text {
        CheckText::Plain(text) => (word.to_owned(), text.clone()),
        CheckText::Format(format) => (format!("{word}-lf"), format.to_string()),
    }
}

fn pair(out: &mut Vec<String>, word: &str, value: Option<String>) {
    out.extend(value.map(|value| [word.to_owned(), value]).into_iter().flatten());
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

const METHODS: [(&str, MatchMethod); 5] = [
    ("str", MatchMethod::Exact),
    ("beg", MatchMethod::Prefix),
    ("end", MatchMethod::Suffix),
    ("sub", MatchMethod::Part),
    ("reg", MatchMethod::Pattern),
];

/// Bytes that a compiled regular expression may take.
const LARGEST_PATTERN: usize = 1 << 20;
