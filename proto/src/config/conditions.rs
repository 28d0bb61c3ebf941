//! Conditional blocks: `.if`, `.elif`, `.else`, `.endif`, and the expressions they take (configuration manual 2.4).
//!
//! Owns the expression language and the stack of open blocks; reads no file and knows no directive.
//! `-cc` of the command line is [`evaluate`].

use super::diagnostic::{Issue, to_u32};
use super::lexer::Word;

/// The version of HAProxy whose configuration language is spoken.
pub const LANGUAGE_VERSION: &str = "3.5.0";

/// What `feature()` knows, as `-vv` lists it: the name, and whether this build has it.
pub const FEATURES: &[(&str, bool)] = &[
    ("51DEGREES", false),
    ("ACCEPT4", true),
    ("BACKTRACE", true),
    ("CLOSEFROM", false),
    ("CPU_AFFINITY", true),
    ("CRYPT_H", false),
    ("DEVICEATLAS", false),
    ("DL", false),
    ("ENGINE", false),
    ("EPOLL", true),
    ("EVPORTS", false),
    ("GETADDRINFO", true),
    ("KQUEUE", false),
    ("LIBCRYPT", false),
    ("LINUX_SPLICE", false),
    ("LINUX_TPROXY", false),
    ("LUA", false),
    ("MEMORY_PROFILING", false),
    ("NETFILTER", false),
    ("NS", false),
    ("OPENSSL", false),
    ("OT", false),
    ("PCRE", false),
    ("PCRE2", false),
    ("POLL", false),
    ("PRCTL", true),
    ("PROMEX", false),
    ("QUIC", false),
    ("RT", true),
    ("SLZ", false),
    ("THREAD", true),
    ("TPROXY", false),
    ("ZLIB", false),
];

/// What `enabled()` knows: the name, and whether it is in use.
const ENABLED: &[(&str, bool)] = &[
    ("POLL", false),
    ("EPOLL", true),
    ("KQUEUE", false),
    ("EVPORTS", false),
    ("SPLICE", false),
    ("GETADDRINFO", true),
    ("REUSEPORT", true),
    ("FAST-FORWARD", true),
    ("SERVER-SSL-VERIFY-NONE", false),
];

/// Most open `.if` blocks.
const DEEPEST_BLOCK: usize = 99;
/// Most nested parentheses and negations of an expression.
const DEEPEST_EXPRESSION: usize = 256;

/// Whether an expression holds. `defined` tells whether an environment variable exists.
///
/// The error is the character offset in `expression`, and a sentence.
pub fn evaluate(expression: &str, defined: &dyn Fn(&str) -> bool) -> Result<bool, (usize, String)> {
    let chars: Vec<char> = expression.chars().collect();
    let mut parser = Parser { chars: &chars, at: 0, depth: 0, defined };
    parser.skip_spaces();
    if parser.at == chars.len() {
        return Ok(false);
    }
    let value = parser.alternatives()?;
    parser.skip_spaces();
    match parser.peek() {
        None => Ok(value),
        Some(c) => Err((
            parser.at,
            format!("unexpected character '{c}' at the end of the expression '{expression}'"),
        )),
    }
}

/// The open conditional blocks of one file.
#[derive(Default, Debug)]
pub struct Blocks {
    open: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    /// Where `.if` stands.
    opened: Word,
    /// Whether the lines of the current branch count.
    active: bool,
    /// Whether no further branch can count: one did, or the surrounding lines do not.
    done: bool,
    /// Whether `.else` was seen.
    last: bool,
}

/// What became of a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is no conditional: read it.
    Ordinary,
    /// It was a conditional, or lies in a branch that does not count.
    Consumed,
}

impl Blocks {
    /// Offers the words of a line; `defined` tells whether an environment variable exists.
    pub fn offer(&mut self, words: &[Word], defined: &dyn Fn(&str) -> bool) -> Result<Verdict, Issue> {
        let Some(head) = words.first() else { return Ok(Verdict::Consumed) };
        match head.text.as_str() {
            ".if" => {
                if self.open.len() >= DEEPEST_BLOCK {
                    return Err(at(
                        head,
                        "too many nested '.if'",
                        Some(&format!("{DEEPEST_BLOCK} are accepted")),
                    ));
                }
                let outside = self.active();
                self.open.push(Block { opened: head.clone(), active: false, done: !outside, last: false });
                self.branch(words, defined)
            }
            ".elif" => {
                let block = self.innermost(head)?;
                if block.last {
                    return Err(at(
                        head,
                        "'.elif' after '.else' is not permitted",
                        Some("'.endif' is expected"),
                    ));
                }
                self.branch(words, defined)
            }
            ".else" => {
                let block = self.innermost(head)?;
                if block.last {
                    return Err(at(
                        head,
                        "'.else' after '.else' is not permitted",
                        Some("'.endif' is expected"),
                    ));
                }
                block.last = true;
                block.active = !block.done;
                block.done = true;
                no_argument(words)
            }
            ".endif" => {
                self.innermost(head)?;
                self.open.pop();
                no_argument(words)
            }
            _ if self.active() => Ok(Verdict::Ordinary),
            _ => Ok(Verdict::Consumed),
        }
    }

    /// Whether lines count here.
    pub fn active(&self) -> bool {
        self.open.last().is_none_or(|block| block.active)
    }

    /// The complaint about a block left open at the end of the file.
    pub fn finish(self) -> Option<Issue> {
        self.open
            .last()
            .map(|block| at(&block.opened, "this '.if' block is not closed", Some("an '.endif' is expected")))
    }

    fn innermost(&mut self, head: &Word) -> Result<&mut Block, Issue> {
        match self.open.last_mut() {
            Some(block) => Ok(block),
            None => Err(at(head, &format!("lone '{}' with no matching '.if'", head.text), None)),
        }
    }

    fn branch(&mut self, words: &[Word], defined: &dyn Fn(&str) -> bool) -> Result<Verdict, Issue> {
        let Some(block) = self.open.last_mut() else { return Ok(Verdict::Consumed) };
        block.active = false;
        if block.done {
            return Ok(Verdict::Consumed);
        }
        let Some(expression) = words.get(1) else { return Ok(Verdict::Consumed) };
        let holds = evaluate(&expression.text, defined);
        block.active = matches!(holds, Ok(true));
        block.done = block.active;
        match holds {
            Ok(_) => Ok(Verdict::Consumed),
            Err((offset, message)) => {
                let verbatim = to_u32(expression.text.chars().count()) == expression.length;
                let offset =
                    if verbatim { to_u32(offset).min(expression.length.saturating_sub(1)) } else { 0 };
                Err(Issue {
                    line: expression.line,
                    column: expression.column + offset,
                    length: if verbatim { expression.length - offset } else { expression.length },
                    message,
                    help: Some(EXPECTED.to_owned()),
                })
            }
        }
    }
}

const EXPECTED: &str = "an integer, defined(), feature(), streq(), strneq(), strstr(), version_atleast(), version_before(), \
                        enabled(), joined by '&&', '||', '!' and parentheses";

fn at(word: &Word, message: &str, help: Option<&str>) -> Issue {
    Issue {
        line: word.line,
        column: word.column,
        length: word.length,
        message: message.to_owned(),
        help: help.map(str::to_owned),
    }
}

fn no_argument(words: &[Word]) -> Result<Verdict, Issue> {
    match words {
        [head, extra, ..] => {
            Err(at(extra, &format!("unexpected argument '{}' for '{}'", extra.text, head.text), None))
        }
        _ => Ok(Verdict::Consumed),
    }
}

type Evaluated<T> = Result<T, (usize, String)>;

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
    defined: &'a dyn Fn(&str) -> bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|c| c == ' ' || c == '\t') {
            self.at += 1;
        }
    }

    fn take(&mut self, sign: char) -> bool {
        self.skip_spaces();
        if self.peek() == Some(sign) && self.chars.get(self.at + 1) == Some(&sign) {
            self.at += 2;
            return true;
        }
        false
    }

    fn rest(&self, from: usize) -> String {
        self.chars.get(from..).unwrap_or_default().iter().collect()
    }

    fn alternatives(&mut self) -> Evaluated<bool> {
        let mut value = self.conjunction()?;
        while self.take('|') {
            let right = self.conjunction()?;
            value = value || right;
        }
        Ok(value)
    }

    fn conjunction(&mut self) -> Evaluated<bool> {
        let mut value = self.term()?;
        while self.take('&') {
            let right = self.term()?;
            value = value && right;
        }
        Ok(value)
    }

    fn term(&mut self) -> Evaluated<bool> {
        self.skip_spaces();
        let mut negated = false;
        while self.peek() == Some('!') {
            negated = !negated;
            self.at += 1;
            self.skip_spaces();
        }
        let start = self.at;
        let value = match self.peek() {
            Some('(') => self.parenthesis(start)?,
            Some(c) if c.is_ascii_digit() || c == '-' || c == '+' => self.integer(start)?,
            Some(c) if c.is_ascii_alphabetic() => self.predicate(start)?,
            _ => return Err((start, format!("unparsable conditional expression '{}'", self.rest(start)))),
        };
        Ok(value != negated)
    }

    fn parenthesis(&mut self, start: usize) -> Evaluated<bool> {
        if self.depth >= DEEPEST_EXPRESSION {
            return Err((start, "this expression is nested too deeply".to_owned()));
        }
        self.depth += 1;
        self.at += 1;
        let value = self.alternatives()?;
        self.depth -= 1;
        self.skip_spaces();
        if self.peek() != Some(')') {
            return Err((start, format!("expected ')' after conditional expression '{}'", self.rest(start))));
        }
        self.at += 1;
        Ok(value)
    }

    fn integer(&mut self, start: usize) -> Evaluated<bool> {
        if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = self.at;
        let mut nonzero = false;
        while let Some(c) = self.peek().filter(char::is_ascii_digit) {
            nonzero |= c != '0';
            self.at += 1;
        }
        if digits == self.at {
            return Err((start, format!("unparsable conditional expression '{}'", self.rest(start))));
        }
        Ok(nonzero)
    }

    fn predicate(&mut self, start: usize) -> Evaluated<bool> {
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.at += 1;
        }
        let name: String = self.chars[start..self.at].iter().collect();
        let Some((_, count)) = PREDICATES.iter().find(|(known, _)| *known == name) else {
            return Err((start, format!("unparsable conditional expression '{}'", self.rest(start))));
        };
        let arguments = if self.peek() == Some('(') { self.arguments(&name, *count)? } else { Vec::new() };
        if arguments.len() < *count && *count > 1 {
            return Err((self.at, format!("'{name}' takes {count} arguments, {} found", arguments.len())));
        }
        let argument = |n: usize| arguments.get(n).map_or("", String::as_str);
        let (first, second) = (argument(0), argument(1));
        Ok(match name.as_str() {
            "defined" => (self.defined)(first),
            "feature" => FEATURES.iter().any(|(known, there)| *known == first && *there),
            "streq" => first == second,
            "strneq" => first != second,
            "strstr" => first.contains(second),
            "version_atleast" => version(LANGUAGE_VERSION) >= version(first),
            "version_before" => version(LANGUAGE_VERSION) < version(first),
            "enabled" => ENABLED.iter().any(|(known, on)| *known == first && *on),
            _ => false,
        })
    }

    /// Arguments between parentheses, with quotes of their own; at most `count`.
    fn arguments(&mut self, name: &str, count: usize) -> Evaluated<Vec<String>> {
        self.at += 1;
        let mut found = vec![String::new()];
        let mut quote = None;
        loop {
            let Some(c) = self.peek() else {
                return Err((self.at, format!("expected ')' after the arguments of '{name}'")));
            };
            let last = found.len() - 1;
            match (c, quote) {
                (c, Some(open)) if c == open => quote = None,
                ('\\', q) if q != Some('\'') && self.chars.get(self.at + 1).is_some() => {
                    self.at += 1;
                    let escaped = self.chars[self.at];
                    match escaped {
                        ' ' | '\\' | '"' | '\'' => found[last].push(escaped),
                        'n' => found[last].push('\n'),
                        'r' => found[last].push('\r'),
                        't' => found[last].push('\t'),
                        other => found[last].extend(['\\', other]),
                    }
                }
                ('"' | '\'', None) => quote = Some(c),
                (',', None) if found.len() == count => {
                    return Err((
                        self.at,
                        format!(
                            "expected ')' before '{}': '{name}' takes {count} argument(s)",
                            self.rest(self.at)
                        ),
                    ));
                }
                (',', None) => found.push(String::new()),
                (')', None) => {
                    self.at += 1;
                    return Ok(found);
                }
                (c, _) => found[last].push(c),
            }
            self.at += 1;
        }
    }
}

/// The predicates with the number of their arguments.
const PREDICATES: &[(&str, usize)] = &[
    ("defined", 1),
    ("feature", 1),
    ("streq", 2),
    ("strneq", 2),
    ("strstr", 2),
    ("version_atleast", 1),
    ("version_before", 1),
    ("enabled", 1),
];

/// A version as numbers to compare; `-devN` sorts before its release, as HAProxy orders them.
fn version(text: &str) -> [u32; 5] {
    let mut parts = [0_u32; 5];
    let (release, suffix) = text.split_once('-').unwrap_or((text, ""));
    for (slot, number) in parts.iter_mut().zip(release.split('.').take(3)) {
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        *slot = digits.parse().unwrap_or(0);
    }
    match suffix.strip_prefix("dev") {
        Some(number) => {
            parts[4] =
                number.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
        }
        None => parts[3] = 1,
    }
    parts
}

#[cfg(test)]
#[path = "conditions_tests.rs"]
mod tests;
