//! `cookie`, `dynamic-cookie-key`, `option persist`, `option dynamic-cookie` and `retry-on` (configuration manual 4.2).

use crate::model::{
    BadCookie, Cookie, CookieAttribute, CookieMode, CookieName, CookieValue, RetryOn, RetryReason,
};

use super::super::lexer::Word;
use super::arguments::{Arguments, Codec, Reading, about, choice, expecting, parse_number, spell_seconds};
use super::options::switch;
use super::{Action, Directive, Sections, setting};

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    Directive {
        name: "cookie",
        sections: Sections::BACK,
        syntax: "<name> [ rewrite | insert | prefix ] [ indirect ] [ nocache ] [ postonly ] [ preserve ] [ httponly ] [ secure ] [ domain <domain> ]* [ maxidle <time> ] [ maxlife <time> ] [ dynamic ] [ attr <value> ]*",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let cookie = read_cookie(arguments)?;
                if let Some(side) = &mut draft.backend {
                    side.persistence.cookie = Some(cookie);
                }
                Ok(())
            },
            write: |draft, lines| {
                if let Some(cookie) = draft.backend.as_ref().and_then(|side| side.persistence.cookie.as_ref())
                {
                    lines.push(write_cookie(cookie));
                }
            },
        },
        accepted: &[
            "cookie SRV",
            "cookie SRV rewrite nocache",
            "cookie SRV insert indirect nocache postonly preserve httponly secure",
            "cookie SRV insert domain .a.example domain b.example maxidle 30m maxlife 8h",
            "cookie JSESSIONID prefix",
            "cookie SRV insert dynamic attr SameSite=Lax attr 'Max Age=1'",
        ],
        refused: &[
            "cookie",
            "cookie S;T insert",
            "cookie S insert rewrite",
            "cookie S rewrite indirect",
            "cookie S prefix preserve",
            "cookie S insert domain",
            "cookie S insert maxidle x",
            "cookie S insert maxlife 100000d",
            "cookie S insert attr a;b",
            "cookie S inserted",
        ],
    },
    Directive {
        name: "dynamic-cookie-key",
        sections: Sections::BACK,
        syntax: "<key>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let key = arguments.take("a secret key")?.text.clone();
                arguments.finish()?;
                if let Some(side) = &mut draft.backend {
                    side.persistence.dynamic_key = Some(key);
                }
                Ok(())
            },
            write: |draft, lines| {
                if let Some(key) =
                    draft.backend.as_ref().and_then(|side| side.persistence.dynamic_key.as_ref())
                {
                    lines.push(vec![key.clone()]);
                }
            },
        },
        accepted: &["dynamic-cookie-key geheim"],
        refused: &["dynamic-cookie-key", "dynamic-cookie-key a b"],
    },
    switch!(
        "option persist",
        Sections::BACK,
        backend.persistence.force,
        &["option persist", "no option persist"],
        &["option persist now"]
    ),
    switch!(
        "option dynamic-cookie",
        Sections::BACK,
        backend.persistence.dynamic,
        &["option dynamic-cookie", "no option dynamic-cookie"],
        &["option dynamic-cookie now"]
    ),
    Directive {
        name: "persist",
        sections: Sections::BACK,
        syntax: "rdp-cookie[(<name>)]",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let name = read_rdp_cookie(arguments)?;
                arguments.finish()?;
                if let Some(side) = &mut draft.backend {
                    side.persistence.rdp_cookie = Some(name);
                }
                Ok(())
            },
            write: |draft, lines| {
                let name = draft.backend.as_ref().and_then(|side| side.persistence.rdp_cookie.as_ref());
                name.into_iter().for_each(|name| lines.push(vec![format!("rdp-cookie({name})")]));
            },
        },
        accepted: &["persist rdp-cookie(msts)", "persist rdp-cookie(JSESSIONID)"],
        refused: &["persist", "persist cookie", "persist rdp-cookie(a,b)", "persist rdp-cookie()"],
    },
    setting!(
        "retry-on",
        Sections::BACK,
        "{ none | <reason> [ <reason> ]* }",
        backend.retry_on,
        RETRY_ON,
        &[
            "retry-on none",
            "retry-on conn-failure empty-response junk-response response-timeout 0rtt-rejected",
            "retry-on 401 403 404 408 425 500 501 502 503 504",
        ],
        &[
            "retry-on",
            "retry-on sometimes",
            "retry-on 429",
            "retry-on none 500",
            "retry-on all-retryable-errors none",
        ]
    ),
];

/// A server's name in a cookie.
pub(super) const COOKIE_VALUE: Codec<CookieValue> = Codec {
    read: |arguments| {
        let word = arguments.take("a value")?;
        checked(word, "cookie value", CookieValue::new)
    },
    write: |value| vec![value.to_string()],
};

fn read_rdp_cookie(arguments: &mut Arguments) -> Reading<CookieName> {
    let word = arguments.take("'rdp-cookie' or 'rdp-cookie(<name>)'")?;
    let name = word.text.strip_prefix("rdp-cookie").and_then(|rest| match rest {
        "" => Some(TERMINAL_SERVER),
        rest => rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')),
    });
    match name {
        Some(name) => CookieName::new(name)
            .map_err(|bad| expecting(word, format!("'{name}': {bad}"), "the name of a cookie is expected")),
        None => Err(choice(word, &["rdp-cookie"])),
    }
}

/// The cookie by which brokers of terminal servers name the server.
const TERMINAL_SERVER: &str = "msts";

const RETRY_ON: Codec<RetryOn> = Codec { read: read_reasons, write: write_reasons };

fn read_cookie(arguments: &mut Arguments) -> Reading<Cookie> {
    let name = arguments.take("the name of a cookie")?;
    let mut cookie = Cookie::new(checked(name, "cookie name", CookieName::new)?);
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "rewrite" => choose(&mut cookie, word, CookieMode::Rewrite)?,
            "insert" => choose(&mut cookie, word, CookieMode::Insert)?,
            "prefix" => choose(&mut cookie, word, CookieMode::Prefix)?,
            "indirect" => cookie.indirect = true,
            "nocache" => cookie.nocache = true,
            "postonly" => cookie.postonly = true,
            "preserve" => cookie.preserve = true,
            "httponly" => cookie.httponly = true,
            "secure" => cookie.secure = true,
            "dynamic" => cookie.dynamic = true,
            "domain" => {
                let word = arguments.take("a domain")?;
                if !word.text.get(1..).is_some_and(|rest| rest.contains('.')) && !word.text.starts_with('.') {
                    arguments.note(
                        word,
                        format!("domain '{}' has no inner dot: browsers may refuse it", word.text),
                    );
                }
                cookie.domains.push(checked(word, "domain", CookieValue::new)?);
            }
            "maxidle" => cookie.maxidle = Some(seconds(arguments)?),
            "maxlife" => cookie.maxlife = Some(seconds(arguments)?),
            "attr" => {
                let word = arguments.take("an attribute")?;
                cookie.attributes.push(checked(word, "attribute", CookieAttribute::new)?);
            }
            _ => return Err(choice(word, OPTIONS)),
        }
    }
    match cookie.conflict() {
        Some(conflict) => Err(arguments.issue(format!("'cookie': {conflict}"))),
        None => Ok(cookie),
    }
}

fn choose(cookie: &mut Cookie, word: &Word, mode: CookieMode) -> Reading<()> {
    if !matches!(cookie.mode, CookieMode::Passive) && cookie.mode != mode {
        return Err(expecting(
            word,
            "'rewrite', 'insert' and 'prefix' exclude each other",
            "one of them is expected at most",
        ));
    }
    cookie.mode = mode;
    Ok(())
}

fn write_cookie(cookie: &Cookie) -> Vec<String> {
    let mut words = vec![cookie.name.to_string()];
    words.extend(match cookie.mode {
        CookieMode::Passive => None,
        CookieMode::Rewrite => Some("rewrite".to_owned()),
        CookieMode::Insert => Some("insert".to_owned()),
        CookieMode::Prefix => Some("prefix".to_owned()),
    });
    let flags = [
        (cookie.indirect, "indirect"),
        (cookie.nocache, "nocache"),
        (cookie.postonly, "postonly"),
        (cookie.preserve, "preserve"),
        (cookie.httponly, "httponly"),
        (cookie.secure, "secure"),
    ];
    words.extend(flags.into_iter().filter(|(on, _)| *on).map(|(_, word)| word.to_owned()));
    words.extend(cookie.domains.iter().flat_map(|domain| ["domain".to_owned(), domain.to_string()]));
    for (word, span) in [("maxidle", cookie.maxidle), ("maxlife", cookie.maxlife)] {
        words.extend(span.into_iter().flat_map(|span| [word.to_owned(), spell_seconds(span)]));
    }
    if cookie.dynamic {
        words.push("dynamic".to_owned());
    }
    words.extend(cookie.attributes.iter().flat_map(|value| ["attr".to_owned(), value.to_string()]));
    words
}

fn checked<T>(word: &Word, what: &str, read: fn(&str) -> Result<T, BadCookie>) -> Reading<T> {
    read(&word.text).map_err(|bad| about(word, format!("'{}' is no {what}: {bad}", word.text)))
}

/// Takes a span of time in seconds; parts of a second count as one, and a bare number counts seconds.
fn seconds(arguments: &mut Arguments) -> Reading<u32> {
    const EXPECTED: &str = "a time such as 30s, 10m, 8h or 7d";
    let word = arguments.take(EXPECTED)?;
    let wrong =
        || expecting(word, format!("'{}' is not a time", word.text), format!("{EXPECTED} is expected"));
    let digits = word.text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = word.text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match suffix {
        "us" => number.div_ceil(1_000_000),
        "ms" => number.div_ceil(1000),
        "" | "s" => number,
        "m" => number.saturating_mul(60),
        "h" => number.saturating_mul(3600),
        "d" => number.saturating_mul(86_400),
        _ => return Err(wrong()),
    };
    u32::try_from(seconds).ok().filter(|seconds| *seconds <= Cookie::LONGEST).ok_or_else(|| {
        let help = format!("at most {} s, about 68 years, is accepted", Cookie::LONGEST);
        expecting(word, format!("'{}' is too long", word.text), help)
    })
}

fn read_reasons(arguments: &mut Arguments) -> Reading<RetryOn> {
    let mut word = arguments.take("what to try again for")?;
    if word.text == "none" && arguments.peek().is_none() {
        return Ok(RetryOn::NEVER);
    }
    let mut reasons = Vec::new();
    loop {
        match word.text.as_str() {
            "none" => {
                return Err(expecting(word, "'none' stands alone", "either 'none' or reasons are expected"));
            }
            "all-retryable-errors" => reasons.extend(RetryOn::ALL_RETRYABLE),
            text => match REASONS.iter().find(|(name, _)| *name == text) {
                Some((_, reason)) => reasons.push(*reason),
                None if text.bytes().all(|byte| byte.is_ascii_digit()) => reasons.push(status(word)?),
                None => {
                    let names: Vec<&str> =
                        REASONS.iter().map(|(name, _)| *name).chain(["all-retryable-errors"]).collect();
                    return Err(choice(word, &names));
                }
            },
        }
        match arguments.maybe() {
            Some(next) => word = next,
            None => return Ok(RetryOn::of(reasons)),
        }
    }
}

fn status(word: &Word) -> Reading<RetryReason> {
    let value = parse_number(word, "a status")?;
    let known = RetryOn::STATUSES.into_iter().find(|status| u64::from(*status) == value);
    known.map(RetryReason::Status).ok_or_else(|| {
        let all = RetryOn::STATUSES.map(|status| status.to_string()).join(", ");
        expecting(word, format!("status {value} is no reason to try again"), format!("{all} are accepted"))
    })
}

fn write_reasons(reasons: &RetryOn) -> Vec<String> {
    let spell = |reason: RetryReason| match reason {
        RetryReason::Status(status) => status.to_string(),
        other => REASONS.iter().find(|(_, known)| *known == other).map_or("", |(name, _)| name).to_owned(),
    };
    let words: Vec<String> = reasons.iter().map(spell).collect();
    if words.is_empty() { vec!["none".to_owned()] } else { words }
}

const REASONS: &[(&str, RetryReason)] = &[
    ("conn-failure", RetryReason::ConnFailure),
    ("empty-response", RetryReason::EmptyResponse),
    ("junk-response", RetryReason::JunkResponse),
    ("response-timeout", RetryReason::ResponseTimeout),
    ("0rtt-rejected", RetryReason::ZeroRttRejected),
];

const OPTIONS: &[&str] = &[
    "rewrite", "insert", "prefix", "indirect", "nocache", "postonly", "preserve", "httponly", "secure",
    "domain", "maxidle", "maxlife", "dynamic", "attr",
];
