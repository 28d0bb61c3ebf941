//! From actions to the words that read as them.

use super::{
    Action, Content, Normalizer, Part, Patience, Protocol, Redirect, RedirectKind, Reply, Resolve, Service,
    Side, Slot, StampValue,
};
use crate::config::directives::arguments::spell_time;
use crate::model::AddressFamily;
use crate::rules::tracking::Amount;
use crate::rules::{Format, MatchMethod};

/// The words of an action.
pub(super) fn action(action: &Action) -> Vec<String> {
    match action {
        Action::Allow => words(["allow"]),
        Action::Accept => words(["accept"]),
        Action::Reject => words(["reject"]),
        Action::SilentDrop => words(["silent-drop"]),
        Action::Close => words(["close"]),
        Action::Log => words(["do-log"]),
        Action::ExpectProxy => words(["expect-proxy", "layer4"]),
        Action::Resolve(resolve) => resolve_words(resolve),
        Action::SetRetries(Amount::Fixed(number)) => words(["set-retries", &number.to_string()]),
        Action::SetRetries(Amount::Sample(sample)) => words(["set-retries", &sample.to_string()]),
        Action::Stamp(stamp) => match &stamp.value {
            StampValue::Written(number) => words([stamp.name, number]),
            StampValue::Sample(sample) => words([stamp.name, &sample.to_string()]),
        },
        Action::WaitForHandshake => words(["wait-for-handshake"]),
        Action::DisableRetry => words(["disable-l7-retry"]),
        Action::Deny(reply) => reply_words("deny", reply),
        Action::Tarpit(reply) => reply_words("tarpit", reply),
        Action::Return(reply) => reply_words("return", reply),
        Action::Redirect(redirect) => {
            let mut all = words(["redirect"]);
            all.extend(redirect_words(redirect));
            all
        }
        Action::Auth { realm: None } => words(["auth"]),
        Action::Auth { realm: Some(realm) } => words(["auth", "realm", realm]),
        Action::SetHeader(name, format) => words(["set-header", name, &text(format)]),
        Action::AddHeader(name, format) => words(["add-header", name, &text(format)]),
        Action::EarlyHint(name, format) => words(["early-hint", name, &text(format)]),
        Action::DeleteHeader(name, MatchMethod::Str) => words(["del-header", name]),
        Action::DeleteHeader(name, method) => words(["del-header", name, "-m", method.word()]),
        Action::ReplaceHeader(name, regex, format) => words(["replace-header", name, regex, &text(format)]),
        Action::ReplaceValue(name, regex, format) => words(["replace-value", name, regex, &text(format)]),
        Action::Set(part, format) => words([&format!("set-{}", part_word(*part)), &text(format)]),
        Action::Replace(part, regex, format) => {
            words([&format!("replace-{}", part_word(*part)), regex, &text(format)])
        }
        Action::Normalize(normalizer) => {
            let mut all = words(["normalize-uri"]);
            all.extend(normalizer_words(*normalizer));
            all
        }
        Action::SetStatus(status, None) => words(["set-status", &status.to_string()]),
        Action::SetStatus(status, Some(reason)) => {
            words(["set-status", &status.to_string(), "reason", reason])
        }
        Action::SetVariable(variable, sample) => {
            words([&format!("set-var({variable})"), &sample.to_string()])
        }
        Action::SetVariableFormat(variable, format) => {
            words([&format!("set-var-fmt({variable})"), &text(format)])
        }
        Action::UnsetVariable(variable) => words([&format!("unset-var({variable})")]),
        Action::SetLogLevel(level) => {
            words(["set-log-level", level.map_or("silent", |severity| severity.word())])
        }
        Action::SetAddress(Side::Source, sample) => words(["set-src", &sample.to_string()]),
        Action::SetAddress(Side::Destination, sample) => words(["set-dst", &sample.to_string()]),
        Action::SetPort(Side::Source, sample) => words(["set-src-port", &sample.to_string()]),
        Action::SetPort(Side::Destination, sample) => words(["set-dst-port", &sample.to_string()]),
        Action::SetTimeout(which, patience) => words(["set-timeout", which.word(), &patience_word(patience)]),
        Action::Capture(sample, slot) => match slot {
            Slot::Own(length) => words(["capture", &sample.to_string(), "len", &length.to_string()]),
            Slot::Declared(slot) => words(["capture", &sample.to_string(), "id", &slot.to_string()]),
        },
        Action::Track(track) => track.words(),
        Action::Tally(tally) => tally.words(),
        Action::SetMap(file, key, value) => words([&format!("set-map({file})"), &text(key), &text(value)]),
        Action::DeleteMap(file, key) => words([&format!("del-map({file})"), &text(key)]),
        Action::AddAcl(file, key) => words([&format!("add-acl({file})"), &text(key)]),
        Action::DeleteAcl(file, key) => words([&format!("del-acl({file})"), &text(key)]),
        Action::WaitForBody { time, at_least } => {
            let mut all = words(["wait-for-body", "time", &spell_time(*time)]);
            if let Some(bytes) = at_least {
                all.extend(words(["at-least", &bytes.to_string()]));
            }
            all
        }
        Action::SetPriorityClass(sample) => words(["set-priority-class", &sample.to_string()]),
        Action::SetPriorityOffset(sample) => words(["set-priority-offset", &sample.to_string()]),
        Action::Pause(patience) => words(["pause", &patience_word(patience)]),
        Action::StrictMode(on) => words(["strict-mode", if *on { "on" } else { "off" }]),
        Action::SwitchMode { protocol: None } => words(["switch-mode", "http"]),
        Action::SwitchMode { protocol: Some(Protocol::Http1) } => {
            words(["switch-mode", "http", "proto", "h1"])
        }
        Action::UseService(Service::Prometheus) => words(["use-service", "prometheus-exporter"]),
        Action::Accepted(name, number) => words([name, number]),
    }
}

fn resolve_words(resolve: &Resolve) -> Vec<String> {
    let family = match resolve.family {
        None => "",
        Some(AddressFamily::V4) => ",ipv4",
        Some(AddressFamily::V6) => ",ipv6",
    };
    let first = format!("do-resolve({},{}{family})", resolve.variable, resolve.resolvers);
    vec![first, resolve.host.to_string()]
}

/// The words after `redirect`.
pub(in crate::rules) fn redirect_words(redirect: &Redirect) -> Vec<String> {
    let kind = match redirect.kind {
        RedirectKind::Location => "location",
        RedirectKind::Prefix => "prefix",
        RedirectKind::Scheme => "scheme",
    };
    let mut all = words([kind, &text(&redirect.target)]);
    if let Some(code) = redirect.code {
        all.extend(words(["code", &code.to_string()]));
    }
    let flags = [
        ("drop-query", redirect.drop_query),
        ("keep-query", redirect.keep_query),
        ("append-slash", redirect.append_slash),
        ("ignore-empty", redirect.ignore_empty),
    ];
    all.extend(flags.iter().filter(|(_, set)| *set).map(|(word, _)| (*word).to_owned()));
    if let Some((cookie, set)) = &redirect.cookie {
        all.extend(words([if *set { "set-cookie" } else { "clear-cookie" }, cookie]));
    }
    all
}

fn reply_words(name: &str, reply: &Reply) -> Vec<String> {
    let mut all = words([name]);
    all.extend(answer_words(reply));
    all
}

/// The words that read as an answer.
pub fn answer_words(reply: &Reply) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(status) = reply.status {
        all.extend(words(["status", &status.to_string()]));
    }
    if let Some(kind) = &reply.content_type {
        all.extend(words(["content-type", kind]));
    }
    match &reply.content {
        Content::Page => {}
        Content::DefaultPage => all.push("default-errorfiles".to_owned()),
        Content::Text(content) => all.extend(words(["string", content])),
        Content::Format(format) => all.extend(words(["lf-string", &text(format)])),
        Content::File(path, _) => all.extend(words(["file", path])),
        Content::FormatFile(path, _) => all.extend(words(["lf-file", path])),
        Content::Message(path, _) => all.extend(words(["errorfile", path])),
        Content::Section(name) => all.extend(words(["errorfiles", name.as_str()])),
    }
    for (name, format) in &reply.headers {
        all.extend(words(["hdr", name, &text(format)]));
    }
    all
}

fn normalizer_words(normalizer: Normalizer) -> Vec<String> {
    let (word, flag) = match normalizer {
        Normalizer::FragmentStrip => ("fragment-strip", ""),
        Normalizer::FragmentEncode => ("fragment-encode", ""),
        Normalizer::PathStripDot => ("path-strip-dot", ""),
        Normalizer::PathStripDotDot { full } => ("path-strip-dotdot", if full { "full" } else { "" }),
        Normalizer::PathMergeSlashes => ("path-merge-slashes", ""),
        Normalizer::PercentDecodeUnreserved { strict } => {
            ("percent-decode-unreserved", if strict { "strict" } else { "" })
        }
        Normalizer::PercentToUppercase { strict } => {
            ("percent-to-uppercase", if strict { "strict" } else { "" })
        }
        Normalizer::QuerySortByName => ("query-sort-by-name", ""),
    };
    [word, flag].into_iter().filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn part_word(part: Part) -> &'static str {
    match part {
        Part::Method => "method",
        Part::Path => "path",
        Part::PathQuery => "pathq",
        Part::Query => "query",
        Part::Uri => "uri",
    }
}

fn patience_word(patience: &Patience) -> String {
    match patience {
        Patience::Fixed(time) => spell_time(*time),
        Patience::Sample(sample) => sample.to_string(),
    }
}

fn text(format: &Format) -> String {
    format.to_string()
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}
