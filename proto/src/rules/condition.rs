//! Conditions: what must hold for a rule to apply (configuration manual 7.2).

use super::{Criterion, Mistake, Words};
use crate::model::Name;

/// `if` or `unless` with alternatives, each of terms that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Whether it must hold or must not.
    pub sense: Sense,
    /// The alternatives, one of which is enough; at least one, each with at least one term.
    pub any: Vec<Vec<Term>>,
}

/// Whether a condition must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// `if`.
    If,
    /// `unless`.
    Unless,
}

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whether it counts the other way round.
    pub negated: bool,
    /// What is tested.
    pub test: Test,
}

/// What a term tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The ACLs of this name, or a predefined one.
    Named(Name),
    /// `{ … }`.
    Anonymous(Box<Criterion>),
}

impl Condition {
    /// Reads what stands after an action: nothing, or `if` or `unless` with a condition up to the last word.
    pub fn parse(words: &mut Words<'_>) -> Result<Option<Condition>, Mistake> {
        let sense = match words.maybe() {
            None => return Ok(None),
            Some("if") => Sense::If,
            Some("unless") => Sense::Unless,
            Some(other) => {
                return Err(words
                    .wrong(format!("'{other}' is not expected here"))
                    .expecting("'if', 'unless' or the end of the line is expected"));
            }
        };
        let mut any = vec![Vec::new()];
        while let Some(word) = words.maybe() {
            match word {
                "or" | "||" => match any.last() {
                    Some(terms) if !terms.is_empty() => any.push(Vec::new()),
                    _ => return Err(words.wrong(format!("a term is missing before '{word}'"))),
                },
                _ => {
                    let term = read_term(words, word)?;
                    if let Some(terms) = any.last_mut() {
                        terms.push(term);
                    }
                }
            }
        }
        match any.last() {
            Some(terms) if !terms.is_empty() => Ok(Some(Condition { sense, any })),
            _ => Err(words.wrong("the condition lacks a term").expecting("an ACL or '{ … }' is expected")),
        }
    }

    /// The words that read as this.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![match self.sense {
            Sense::If => "if".to_owned(),
            Sense::Unless => "unless".to_owned(),
        }];
        for (at, terms) in self.any.iter().enumerate() {
            if at > 0 {
                words.push("or".to_owned());
            }
            for term in terms {
                let not = if term.negated { "!" } else { "" };
                match &term.test {
                    Test::Named(name) => words.push(format!("{not}{name}")),
                    Test::Anonymous(criterion) => {
                        words.push(format!("{not}{{"));
                        words.extend(criterion.words());
                        words.push("}".to_owned());
                    }
                }
            }
        }
        words
    }

    /// Every term.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.any.iter().flatten()
    }
}

fn read_term(words: &mut Words<'_>, word: &str) -> Result<Term, Mistake> {
    let bare = word.trim_start_matches('!');
    let mut negated = (word.len() - bare.len()) % 2 == 1;
    let mut bare = bare;
    while bare.is_empty() {
        let next = words.take("an ACL")?;
        bare = next.trim_start_matches('!');
        negated ^= (next.len() - bare.len()) % 2 == 1;
    }
    let test = match bare {
        "{" => Test::Anonymous(Box::new(Criterion::parse(words, true)?)),
        name => {
            let name = Name::new(name).map_err(|bad| words.wrong(format!("'{name}': {bad}")))?;
            Test::Named(name)
        }
    };
    Ok(Term { negated, test })
}

/// ACLs that everybody has: name and definition (configuration manual 7.4).
pub const PREDEFINED: &[(&str, &str)] = &[
    ("FALSE", "always_false"),
    ("HTTP", "req.proto_http"),
    ("HTTP_1.0", "req.ver 1.0"),
    ("HTTP_1.1", "req.ver 1.1"),
    ("HTTP_2.0", "req.ver 2.0"),
    ("HTTP_3.0", "req.ver 3.0"),
    ("HTTP_CONTENT", "req.hdr_val(content-length) gt 0"),
    ("HTTP_URL_ABS", "url_reg ^[^/:]*://"),
    ("HTTP_URL_SLASH", "url_beg /"),
    ("HTTP_URL_STAR", "url *"),
    ("LOCALHOST", "src 127.0.0.1/8 ::1"),
    ("METH_CONNECT", "method CONNECT"),
    ("METH_DELETE", "method DELETE"),
    ("METH_GET", "method GET HEAD"),
    ("METH_HEAD", "method HEAD"),
    ("METH_OPTIONS", "method OPTIONS"),
    ("METH_POST", "method POST"),
    ("METH_PUT", "method PUT"),
    ("METH_TRACE", "method TRACE"),
    ("RDP_COOKIE", "req.rdp_cookie_cnt gt 0"),
    ("REQ_CONTENT", "req.len gt 0"),
    ("TRUE", "always_true"),
    ("WAIT_END", "wait_end"),
];

/// The criterion of a predefined ACL.
pub fn predefined(name: &str) -> Option<Result<Criterion, Mistake>> {
    let (_, definition) = PREDEFINED.iter().find(|(known, _)| *known == name)?;
    Some(Criterion::parse(&mut Words::new(definition.split(' ')), false))
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
