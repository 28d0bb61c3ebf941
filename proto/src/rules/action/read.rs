//! From words to actions.

use super::naming::{unknown, usage};
use super::redirection::redirect;
use super::{
    Action, Content, Normalizer, Part, Patience, Protocol, ReadFile, Redirect, Reply, Resolve, RuleSet,
    STAMPS, Service, Side, Slot, Stamp, StampValue, Timeout, table,
};
use crate::model::{AddressFamily, Capture, ListName, Millis, Name, Severity};
use crate::rules::signature::unsound;
use crate::rules::tracking::{Amount, Tally, Track};
use crate::rules::{Format, MatchMethod, Mistake, Sample, Variable, Words};

/// Reads an action of this set, without its condition.
pub(super) fn action(set: RuleSet, words: &mut Words<'_>, file: ReadFile<'_>) -> Result<Action, Mistake> {
    let word = words.take("an action")?;
    let (name, argument) = match word.split_once('(') {
        Some((name, rest)) => (name, Some(rest)),
        None => (word, None),
    };
    // One row stands for all trackers.
    let known = if Track::number(name).is_some() { "track-sc0" } else { name };
    let row = table::ROWS.iter().find(|row| row.name.trim_end_matches('(') == known);
    let Some(row) = row.filter(|row| row.name.ends_with('(') == argument.is_some()) else {
        return Err(unknown(set, words, word));
    };
    if !row.sets.contains(&set) {
        let message = format!("'{name}' may not stand in '{}'", set.words());
        let places: Vec<String> = row.sets.iter().map(|set| format!("'{}'", set.words())).collect();
        return Err(words.wrong(message).expecting(format!("it may stand in {}", places.join(", "))));
    }
    let argument = match argument.map(|argument| argument.strip_suffix(')')) {
        None => "",
        Some(Some(argument)) if !argument.is_empty() => argument,
        Some(_) => return Err(words.wrong(format!("'{word}' lacks its argument")).expecting(usage(row))),
    };
    let mut reader = Reader { set, words, file };
    reader.named(name, argument)
}

/// Reads an answer: what stands after `http-error status <code>`.
pub fn reply(words: &mut Words<'_>, file: ReadFile<'_>) -> Result<Reply, Mistake> {
    Reader { set: RuleSet::HttpRequest, words, file }.reply()
}

/// What is needed to read an action.
struct Reader<'r, 'w> {
    set: RuleSet,
    words: &'r mut Words<'w>,
    file: ReadFile<'r>,
}

impl Reader<'_, '_> {
    /// `len <length>`, where a request may have a slot of its own, or `id <slot>`.
    fn slot(&mut self) -> Result<Slot, Mistake> {
        let owns = matches!(self.set, RuleSet::HttpRequest | RuleSet::TcpContent);
        let expected = if owns { "'len' or 'id'" } else { "'id'" };
        let word = self.words.take(expected)?;
        let (is_own, most) = match word {
            "len" if owns => (true, Capture::LONGEST),
            "id" => (false, MOST_SLOTS),
            other => return Err(self.choice(other, expected)),
        };
        let digits = self.words.take("a number")?;
        match digits.parse() {
            Ok(number) if number <= most && (number > 0 || !is_own) => {
                Ok(if is_own { Slot::Own(number) } else { Slot::Declared(number) })
            }
            _ => Err(self
                .words
                .wrong(format!("'{digits}' is no such number"))
                .expecting(format!("a number up to {most} is expected"))),
        }
    }

    /// The name of a list.
    fn list(&self, name: &str) -> Result<String, Mistake> {
        let known = ListName::new(name).map(|list| list.to_string());
        known.map_err(|bad| self.words.wrong(bad.to_string()))
    }

    fn named(&mut self, name: &str, argument: &str) -> Result<Action, Mistake> {
        if let Some(tracker) = Track::number(name) {
            let key = self.sample()?;
            return Track::read(tracker, key, self.words).map(Action::Track);
        }
        if let Some((mut tally, written)) = Tally::read(name, argument, self.words)? {
            if written {
                tally.amount = self.amount()?;
            }
            return Ok(Action::Tally(tally));
        }
        Ok(match name {
            "accept" => Action::Accept,
            "allow" => Action::Allow,
            "reject" => Action::Reject,
            "silent-drop" => Action::SilentDrop,
            "close" => Action::Close,
            "do-log" => Action::Log,
            "do-resolve" => Action::Resolve(self.resolve(argument)?),
            "expect-proxy" => match self.words.take("'layer4'")? {
                "layer4" => Action::ExpectProxy,
                other => return Err(self.choice(other, "'layer4'")),
            },
            "set-retries" => Action::SetRetries(self.retries()?),
            "wait-for-handshake" => Action::WaitForHandshake,
            "disable-l7-retry" => Action::DisableRetry,
            "deny" => Action::Deny(self.reply()?),
            "tarpit" => Action::Tarpit(self.reply()?),
            "return" => Action::Return(self.reply()?),
            "redirect" => Action::Redirect(self.redirect()?),
            "auth" => Action::Auth { realm: self.optional("realm", "a realm")?.map(str::to_owned) },
            "set-header" => Action::SetHeader(self.header()?, self.format()?),
            "add-header" => Action::AddHeader(self.header()?, self.format()?),
            "early-hint" => Action::EarlyHint(self.header()?, self.format()?),
            "del-header" => self.delete_header()?,
            "replace-header" => Action::ReplaceHeader(self.header()?, self.regex()?, self.format()?),
            "replace-value" => Action::ReplaceValue(self.header()?, self.regex()?, self.format()?),
            "set-method" => Action::Set(Part::Method, self.format()?),
            "set-path" => Action::Set(Part::Path, self.format()?),
            "set-pathq" => Action::Set(Part::PathQuery, self.format()?),
            "set-query" => Action::Set(Part::Query, self.format()?),
            "set-uri" => Action::Set(Part::Uri, self.format()?),
            "replace-path" => Action::Replace(Part::Path, self.regex()?, self.format()?),
            "replace-pathq" => Action::Replace(Part::PathQuery, self.regex()?, self.format()?),
            "replace-uri" => Action::Replace(Part::Uri, self.regex()?, self.format()?),
            "normalize-uri" => Action::Normalize(self.normalizer()?),
            "set-status" => {
                let status = self.status(100, 999)?;
                Action::SetStatus(status, self.optional("reason", "a reason")?.map(str::to_owned))
            }
            "set-var" => Action::SetVariable(self.variable(argument)?, self.sample()?),
            "set-var-fmt" => Action::SetVariableFormat(self.variable(argument)?, self.format()?),
            "unset-var" => Action::UnsetVariable(self.variable(argument)?),
            "set-log-level" => self.log_level()?,
            "set-src" => Action::SetAddress(Side::Source, self.sample()?),
            "set-dst" => Action::SetAddress(Side::Destination, self.sample()?),
            "set-src-port" => Action::SetPort(Side::Source, self.sample()?),
            "set-dst-port" => Action::SetPort(Side::Destination, self.sample()?),
            "set-timeout" => self.timeout()?,
            "set-map" => Action::SetMap(self.list(argument)?, self.format()?, self.format()?),
            "del-map" => Action::DeleteMap(self.list(argument)?, self.format()?),
            "add-acl" => Action::AddAcl(self.list(argument)?, self.format()?),
            "del-acl" => Action::DeleteAcl(self.list(argument)?, self.format()?),
            "capture" => Action::Capture(self.sample()?, self.slot()?),
            "wait-for-body" => self.wait_for_body()?,
            "set-priority-class" => Action::SetPriorityClass(self.sample()?),
            "set-priority-offset" => Action::SetPriorityOffset(self.sample()?),
            "pause" => Action::Pause(self.patience()?),
            "strict-mode" => match self.words.take("'on' or 'off'")? {
                "on" => Action::StrictMode(true),
                "off" => Action::StrictMode(false),
                other => return Err(self.choice(other, "'on' or 'off'")),
            },
            "switch-mode" => self.switch_mode()?,
            "use-service" => match self.words.take("the name of a service")? {
                "prometheus-exporter" => Action::UseService(Service::Prometheus),
                other => return Err(self.choice(other, "'prometheus-exporter'")),
            },
            "set-nice" => self.accepted("set-nice")?,
            other => match STAMPS.iter().find(|(known, ..)| *known == other) {
                Some((name, service, _)) => Action::Stamp(Stamp { name, value: self.stamp(*service)? }),
                // Every row of the table has an arm above; a test holds that.
                None => return Err(self.words.wrong(format!("unknown action '{other}'"))),
            },
        })
    }

    /// `<variable>,<resolvers>[,ipv4|ipv6]` between parentheses, and the name of the host behind them.
    fn resolve(&mut self, argument: &str) -> Result<Resolve, Mistake> {
        let mut parts = argument.split(',').map(str::trim);
        let expected =
            "'<variable>,<resolvers>' and perhaps 'ipv4' or 'ipv6' is expected between the parentheses";
        let (variable, resolvers) = match (parts.next(), parts.next()) {
            (Some(variable), Some(resolvers)) if !resolvers.is_empty() => (variable, resolvers),
            _ => {
                return Err(self.words.wrong(format!("'{argument}' names no resolvers")).expecting(expected));
            }
        };
        let variable = self.variable(variable)?;
        let resolvers =
            Name::new(resolvers).map_err(|bad| self.words.wrong(format!("'{resolvers}': {bad}")))?;
        let family = match parts.next() {
            None => None,
            Some("ipv4") => Some(AddressFamily::V4),
            Some("ipv6") => Some(AddressFamily::V6),
            Some(other) => {
                return Err(self.words.wrong(format!("unknown family '{other}'")).expecting(expected));
            }
        };
        if let Some(more) = parts.next() {
            return Err(self.words.wrong(format!("'{more}' is too much")).expecting(expected));
        }
        Ok(Resolve { variable, resolvers, family, host: self.sample()? })
    }

    /// A number of retries, at most as many as a backend may have.
    fn retries(&mut self) -> Result<Amount, Mistake> {
        let amount = self.amount()?;
        match amount {
            Amount::Fixed(number) if number > MOST_RETRIES => Err(self
                .words
                .wrong(format!("'{number}' are too many retries"))
                .expecting(format!("at most {MOST_RETRIES} is accepted"))),
            amount => Ok(amount),
        }
    }

    /// A mark, or a type of service, which has eight bits.
    fn stamp(&mut self, service: bool) -> Result<StampValue, Mistake> {
        let most = if service { 0xff } else { u32::MAX };
        let expected = match service {
            true => "a type of service from 0 to 255 (0xff) or a sample",
            false => "a mark from 0 to 4294967295 (0xffffffff) or a sample",
        };
        let word = self.words.take(expected)?;
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            let is_sound = StampValue::number(word).is_some_and(|number| number <= most);
            return match is_sound {
                true => Ok(StampValue::Written(word.to_owned())),
                false => Err(self
                    .words
                    .wrong(format!("'{word}' is not acceptable here"))
                    .expecting(format!("{expected} is expected"))),
            };
        }
        let sample = self.words.place(Sample::parse(word))?;
        self.check_reach(&sample)?;
        Ok(StampValue::Sample(sample))
    }

    fn amount(&mut self) -> Result<Amount, Mistake> {
        if let Some(number) = self.words.peek().and_then(|word| word.parse().ok()) {
            self.words.maybe();
            return Ok(Amount::Fixed(number));
        }
        self.sample().map(Amount::Sample)
    }

    fn choice(&self, word: &str, expected: &str) -> Mistake {
        self.words.wrong(format!("unknown word '{word}'")).expecting(format!("{expected} is accepted"))
    }

    /// The value after a word that may be left out.
    fn optional(&mut self, word: &str, expected: &str) -> Result<Option<&str>, Mistake> {
        match self.words.accept(word) {
            true => self.words.take(expected).map(Some),
            false => Ok(None),
        }
    }

    fn header(&mut self) -> Result<String, Mistake> {
        let name = self.words.take("the name of a header")?;
        match name.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))) {
            None => Ok(name.to_owned()),
            Some(at) => {
                let mistake = Mistake::new(at, format!("'{name}' is no name of a header"));
                self.words.place(Err(mistake))
            }
        }
    }

    fn format(&mut self) -> Result<Format, Mistake> {
        let text = self.words.any().ok_or_else(|| self.missing("a text"))?;
        let format = self.words.place(Format::parse(text))?;
        for sample in format.samples() {
            self.check_reach(sample)?;
        }
        Ok(format)
    }

    fn missing(&self, expected: &str) -> Mistake {
        Mistake::new(0, format!("{expected} is missing")).in_word(self.words.position())
    }

    fn sample(&mut self) -> Result<Sample, Mistake> {
        let text = self.words.take("a sample")?;
        let sample = self.words.place(Sample::parse(text))?;
        self.check_reach(&sample)?;
        Ok(sample)
    }

    /// Refuses a fetch that has no meaning where the rule stands.
    fn check_reach(&self, sample: &Sample) -> Result<(), Mistake> {
        let [front, back] = self.set.checkpoints();
        match sample.row.reach.covers(front) || sample.row.reach.covers(back) {
            true => Ok(()),
            false => Err(self.words.wrong(format!("fetch '{}' has no meaning in {front}", sample.row.name))),
        }
    }

    fn regex(&mut self) -> Result<String, Mistake> {
        let text = self.words.take("a regular expression")?;
        let outcome = regex::bytes::Regex::new(text).map_err(|error| unsound(text, &error));
        self.words.place(outcome).map(|_| text.to_owned())
    }

    fn variable(&self, argument: &str) -> Result<Variable, Mistake> {
        self.words.place(Variable::parse(argument))
    }

    fn number(&mut self, least: u64, most: u64, expected: &str) -> Result<u64, Mistake> {
        let word = self.words.take(expected)?;
        let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let value = word.parse().ok().filter(|value| digits && (least..=most).contains(value));
        value.ok_or_else(|| {
            self.words
                .wrong(format!("'{word}' is not acceptable here"))
                .expecting(format!("{expected} from {least} to {most} is expected"))
        })
    }

    fn status(&mut self, least: u64, most: u64) -> Result<u16, Mistake> {
        self.number(least, most, "a status").map(|status| status as u16)
    }

    fn delete_header(&mut self) -> Result<Action, Mistake> {
        let name = self.words.take("the name of a header")?.to_owned();
        let method = match self.optional("-m", "a method")? {
            None => MatchMethod::Str,
            Some(word) => match MatchMethod::from_word(word) {
                Some(
                    method @ (MatchMethod::Str
                    | MatchMethod::Beg
                    | MatchMethod::End
                    | MatchMethod::Sub
                    | MatchMethod::Reg),
                ) => method,
                _ => {
                    let word = word.to_owned();
                    return Err(self.choice(&word, "'str', 'beg', 'end', 'sub' or 'reg'"));
                }
            },
        };
        if method == MatchMethod::Reg {
            let outcome = regex::bytes::Regex::new(&name).map_err(|error| unsound(&name, &error));
            self.words.place(outcome)?;
        }
        Ok(Action::DeleteHeader(name, method))
    }

    fn reply(&mut self) -> Result<Reply, Mistake> {
        let mut reply = Reply::default();
        loop {
            match self.words.peek() {
                Some("status") => {
                    self.words.maybe();
                    reply.status = Some(self.status(200, 599)?);
                }
                Some("deny_status") => {
                    self.words.maybe();
                    reply.status = Some(self.status(200, 599)?);
                    reply.content = Content::DefaultPage;
                }
                Some("content-type") => {
                    self.words.maybe();
                    reply.content_type = Some(self.words.take("a type of content")?.to_owned());
                }
                Some("hdr") => {
                    self.words.maybe();
                    reply.headers.push((self.header()?, self.format()?));
                }
                Some("default-errorfiles") => {
                    self.words.maybe();
                    reply.content = Content::DefaultPage;
                }
                Some("string") => {
                    self.words.maybe();
                    let text = self.words.any().ok_or_else(|| self.missing("a text"))?;
                    reply.content = Content::Text(text.to_owned());
                }
                Some("lf-string") => {
                    self.words.maybe();
                    reply.content = Content::Format(self.format()?);
                }
                Some("errorfiles") => {
                    self.words.maybe();
                    let word = self.words.take("the name of a section 'http-errors'")?;
                    let name = Name::new(word).map_err(|bad| self.words.wrong(format!("'{word}': {bad}")))?;
                    reply.content = Content::Section(name);
                }
                Some(kind @ ("file" | "lf-file" | "errorfile")) => {
                    self.words.maybe();
                    reply.content = self.content_of_file(kind)?;
                }
                _ => return self.checked(reply),
            }
        }
    }

    /// Refuses an answer that lacks what its content needs.
    fn checked(&self, reply: Reply) -> Result<Reply, Mistake> {
        let has_payload = match &reply.content {
            Content::Text(text) => !text.is_empty(),
            Content::Format(_) | Content::FormatFile(..) => true,
            Content::File(_, bytes) => !bytes.is_empty(),
            _ => false,
        };
        if has_payload && reply.content_type.is_none() {
            return Err(self
                .words
                .wrong("the content has no type")
                .expecting("'content-type' and a type is expected"));
        }
        if reply.content == Content::DefaultPage
            && let Some(status) = reply.status.filter(|status| !PAGES.contains(status))
        {
            return Err(self.words.wrong(format!("there is no page for the status {status}")).expecting(
                "one of 200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 421, 422, 425, 429 and 500 to 504 is expected",
            ));
        }
        Ok(reply)
    }

    fn content_of_file(&mut self, kind: &str) -> Result<Content, Mistake> {
        let path = self.words.take("the name of a file")?;
        let bytes = (self.file)(path)
            .map_err(|reason| self.words.wrong(format!("file '{path}' cannot be read: {reason}")))?;
        Ok(match kind {
            "file" => Content::File(path.to_owned(), bytes),
            "errorfile" => Content::Message(path.to_owned(), bytes),
            _ => {
                let text = String::from_utf8(bytes)
                    .map_err(|_| self.words.wrong(format!("file '{path}' is no UTF-8 text")))?;
                let format = Format::parse(&text)
                    .map_err(|mistake| self.words.wrong(format!("file '{path}': {mistake}")))?;
                Content::FormatFile(path.to_owned(), format)
            }
        })
    }

    fn redirect(&mut self) -> Result<Redirect, Mistake> {
        redirect(self.words)
    }

    fn normalizer(&mut self) -> Result<Normalizer, Mistake> {
        let word = self.words.take("a normalizer")?;
        Ok(match word {
            "fragment-strip" => Normalizer::FragmentStrip,
            "fragment-encode" => Normalizer::FragmentEncode,
            "path-strip-dot" => Normalizer::PathStripDot,
            "path-strip-dotdot" => Normalizer::PathStripDotDot { full: self.words.accept("full") },
            "path-merge-slashes" => Normalizer::PathMergeSlashes,
            "percent-decode-unreserved" => {
                Normalizer::PercentDecodeUnreserved { strict: self.words.accept("strict") }
            }
            "percent-to-uppercase" => Normalizer::PercentToUppercase { strict: self.words.accept("strict") },
            "query-sort-by-name" => Normalizer::QuerySortByName,
            _ => {
                return Err(self.choice(
                    word,
                    "'fragment-encode', 'fragment-strip', 'path-merge-slashes', 'path-strip-dot', \
                     'path-strip-dotdot', 'percent-decode-unreserved', 'percent-to-uppercase' or \
                     'query-sort-by-name'",
                ));
            }
        })
    }

    fn log_level(&mut self) -> Result<Action, Mistake> {
        let word = self.words.take("a level")?;
        match Severity::from_word(word) {
            Some(severity) => Ok(Action::SetLogLevel(Some(severity))),
            None if word == "silent" => Ok(Action::SetLogLevel(None)),
            None => Err(self.choice(word, "'silent' or a severity from 'emerg' to 'debug'")),
        }
    }

    fn timeout(&mut self) -> Result<Action, Mistake> {
        // What comes before the response is over when there is one.
        let (late, expected) = match self.set {
            RuleSet::HttpResponse => (true, "'client', 'server' or 'tunnel'"),
            _ => (false, "'client', 'connect', 'queue', 'server', 'tarpit' or 'tunnel'"),
        };
        let word = self.words.take(expected)?;
        let which = Timeout::WORDS.iter().find(|(known, _)| *known == word).map(|(_, which)| *which);
        match which {
            Some(Timeout::Connect | Timeout::Queue | Timeout::Tarpit) if late => {
                Err(self.choice(word, expected))
            }
            Some(which) => Ok(Action::SetTimeout(which, self.patience()?)),
            None => Err(self.choice(word, expected)),
        }
    }

    fn patience(&mut self) -> Result<Patience, Mistake> {
        let word = self.words.take("a time or a sample")?;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return self.words.place(time(word)).map(Patience::Fixed);
        }
        let sample = self.words.place(Sample::parse(word))?;
        self.check_reach(&sample)?;
        Ok(Patience::Sample(sample))
    }

    fn switch_mode(&mut self) -> Result<Action, Mistake> {
        match self.words.take("'http'")? {
            "http" => {}
            other => return Err(self.choice(other, "'http'")),
        }
        let protocol = self.optional("proto", "the name of a protocol")?.map(str::to_owned);
        let protocol = match protocol.as_deref() {
            None => None,
            Some("h1") => Some(Protocol::Http1),
            Some("h2") => {
                return Err(self.words.wrong("HTTP/2 is not there yet").expecting("'h1' is expected"));
            }
            Some(other) => return Err(self.choice(other, "'h1'")),
        };
        Ok(Action::SwitchMode { protocol })
    }

    fn wait_for_body(&mut self) -> Result<Action, Mistake> {
        let (mut longest, mut at_least) = (None, None);
        loop {
            match self.words.peek() {
                Some("time") => {
                    self.words.maybe();
                    let word = self.words.take("a time")?;
                    longest = Some(self.words.place(time(word))?);
                }
                Some("at-least") => {
                    self.words.maybe();
                    at_least = Some(self.number(0, u64::from(u32::MAX), "a number of bytes")?);
                }
                _ => break,
            }
        }
        let time = longest.ok_or_else(|| self.missing("'time' and a time"))?;
        Ok(Action::WaitForBody { time, at_least })
    }

    fn accepted(&mut self, name: &'static str) -> Result<Action, Mistake> {
        let word = self.words.take("a number")?;
        let bare = word.strip_prefix('-').unwrap_or(word);
        let is_number = match bare.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).is_ok(),
            None => bare.parse::<u32>().is_ok(),
        };
        match is_number {
            true => Ok(Action::Accepted(name, word.to_owned())),
            false => Err(self.words.wrong(format!("'{word}' is no number"))),
        }
    }
}

/// A span of time; a bare number counts milliseconds (configuration manual 2.5).
pub(in crate::rules) fn time(word: &str) -> Result<Millis, Mistake> {
    let wrong = || {
        Mistake::new(0, format!("'{word}' is not a time"))
            .expecting("a time such as 500ms, 5s, 1m, 2h or 1d is expected")
    };
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = word.split_at(digits);
    let micros = match unit {
        "us" => 1,
        "" | "ms" => 1000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    Millis::new(number.saturating_mul(micros).div_ceil(1000)).map_err(|_| {
        Mistake::new(0, format!("'{word}' is too long"))
            .expecting("at most 2147483647 ms, about 24 days, is accepted")
    })
}

/// The statuses that have a page of their own.
const PAGES: &[u16] =
    &[200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 421, 422, 425, 429, 500, 501, 502, 503, 504];

/// The most retries that a rule may ask for.
const MOST_RETRIES: u32 = 100;

/// The highest number of a slot.
const MOST_SLOTS: u32 = 65_535;
