//! From words to redirections.

use super::{Redirect, RedirectKind};
use crate::rules::{Format, Mistake, Words};

/// Reads what follows `redirect`, up to the condition.
pub fn redirect(words: &mut Words<'_>) -> Result<Redirect, Mistake> {
    let kind = match words.take("'location', 'prefix' or 'scheme'")? {
        "location" => RedirectKind::Location,
        "prefix" => RedirectKind::Prefix,
        "scheme" => RedirectKind::Scheme,
        other => {
            return Err(words
                .wrong(format!("unknown word '{other}'"))
                .expecting("'location', 'prefix' or 'scheme' is accepted"));
        }
    };
    let text = words.take("a target")?;
    let target = words.place(Format::parse(text))?;
    let mut redirect = Redirect {
        kind,
        target,
        code: None,
        drop_query: false,
        keep_query: false,
        append_slash: false,
        ignore_empty: false,
        cookie: None,
    };
    loop {
        match words.peek() {
            Some("code") => {
                words.maybe();
                let word = words.take("a status")?;
                let code = word.parse().ok().filter(|code| matches!(code, 301 | 302 | 303 | 307 | 308));
                let wrong = || {
                    words
                        .wrong(format!("'{word}' is no status of a redirection"))
                        .expecting("301, 302, 303, 307 or 308 is accepted")
                };
                redirect.code = Some(code.ok_or_else(wrong)?);
            }
            Some("set-cookie") => {
                words.maybe();
                redirect.cookie = Some((words.take("a cookie")?.to_owned(), true));
            }
            Some("clear-cookie") => {
                words.maybe();
                redirect.cookie = Some((words.take("a cookie")?.to_owned(), false));
            }
            Some("drop-query") => redirect.drop_query = words.accept("drop-query"),
            Some("keep-query") => redirect.keep_query = words.accept("keep-query"),
            Some("append-slash") => redirect.append_slash = words.accept("append-slash"),
            Some("ignore-empty") => redirect.ignore_empty = words.accept("ignore-empty"),
            _ => return Ok(redirect),
        }
    }
}
