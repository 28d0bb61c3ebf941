//! Lines of configuration cut into words (configuration manual 2.2 and 2.3).
//!
//! Owns quoting, escapes and variables; knows no directive. Never panics, whatever the bytes.
//! A word keeps the place of its raw spelling, so that remarks underline what was written.

use super::diagnostic::{Issue, to_u32};

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The text after quotes, escapes and variables were resolved.
    pub text: String,
    /// The line it stands on, from 1.
    pub line: u32,
    /// The column of its first raw character, from 1.
    pub column: u32,
    /// How many raw characters it takes.
    pub length: u32,
}

/// How a text is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A line of haproxy.cfg: `#` begins a comment, variables count inside double quotes only.
    Line,
    /// A scalar of YAML: no comments, and `${NAME}` counts outside quotes too, since YAML ate the quotes.
    Scalar,
}

/// Cuts one line, without its line feed (a carriage return before that is dropped), into words.
///
/// `variable` resolves names. An undefined variable without default is empty, as in a shell. The
/// expression after `.if` and `.elif` is one word. Refuses open quotes and braces, bad `\x` escapes,
/// bad variable names, and words that are not UTF-8 or hold a NUL.
pub fn cut(
    text: &str,
    dialect: Dialect,
    line: u32,
    first_column: u32,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Word>, Issue> {
    let text = if dialect == Dialect::Line { text.strip_suffix('\r').unwrap_or(text) } else { text };
    let chars = text.chars().collect();
    let mut cutter =
        Cutter { chars, at: 0, dialect, line, first_column, variable, words: Vec::new(), open: None };
    cutter.run()?;
    Ok(cutter.words)
}

/// Writes a word so that [`cut`] gives it back: bare where possible, else in the lightest quotes.
pub fn quote(word: &str, dialect: Dialect) -> String {
    let variables = dialect == Dialect::Scalar;
    let special = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\\' | '#') || variables && c == '$'
    };
    if !word.is_empty() && (!word.chars().any(special) || is_inherited(word)) {
        return word.to_owned();
    }
    let strong = |c: char| c != '\'' && !c.is_control();
    if word.chars().all(strong) {
        return format!("'{word}'");
    }
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' | '$' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a word names an inherited descriptor by variable, which stays unresolved until the data plane binds.
fn is_inherited(word: &str) -> bool {
    word.strip_prefix("fd@${").and_then(|rest| rest.strip_suffix('}')).is_some_and(is_variable_name)
}

fn is_variable_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

struct Cutter<'a> {
    chars: Vec<char>,
    at: usize,
    dialect: Dialect,
    line: u32,
    first_column: u32,
    variable: &'a dyn Fn(&str) -> Option<String>,
    words: Vec<Word>,
    open: Option<OpenWord>,
}

struct OpenWord {
    bytes: Vec<u8>,
    start: usize,
}

impl Cutter<'_> {
    fn run(&mut self) -> Result<(), Issue> {
        while let Some(&c) = self.chars.get(self.at) {
            match c {
                '#' if self.dialect == Dialect::Line => break,
                ' ' | '\t' | '\n' | '\r' if self.in_expression() => {
                    if self.open.is_some() {
                        self.push(c);
                    }
                    self.at += 1;
                }
                ' ' | '\t' => {
                    self.close(self.at)?;
                    self.at += 1;
                }
                '\n' | '\r' if self.dialect == Dialect::Scalar => {
                    self.close(self.at)?;
                    self.at += 1;
                }
                '"' => self.weak()?,
                '\'' => self.strong()?,
                '\\' => self.escape(false)?,
                '$' if self.dialect == Dialect::Scalar && self.peek(1) == Some('{') => self.expand()?,
                c => {
                    self.push(c);
                    self.at += 1;
                }
            }
        }
        let end = self.at;
        if self.in_expression()
            && let Some(open) = &mut self.open
        {
            while open.bytes.last().is_some_and(|b| b.is_ascii_whitespace()) {
                open.bytes.pop();
            }
        }
        self.close(end)
    }

    fn in_expression(&self) -> bool {
        self.dialect == Dialect::Line
            && matches!(self.words.first(), Some(word) if word.text == ".if" || word.text == ".elif")
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn opened(&mut self) -> &mut OpenWord {
        let start = self.at;
        self.open.get_or_insert_with(|| OpenWord { bytes: Vec::new(), start })
    }

    fn push(&mut self, c: char) {
        let mut buffer = [0; 4];
        let encoded = c.encode_utf8(&mut buffer).as_bytes();
        self.opened().bytes.extend_from_slice(encoded);
    }

    fn close(&mut self, end: usize) -> Result<(), Issue> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let length = end.saturating_sub(open.start);
        match String::from_utf8(open.bytes) {
            Ok(text) if !text.contains('\0') => {
                let column = self.column(open.start);
                self.words.push(Word { text, line: self.line, column, length: to_u32(length) });
                Ok(())
            }
            Ok(_) => Err(self.issue(open.start, length, "this word contains a NUL character", None)),
            Err(_) => Err(self.issue(open.start, length, "this word is not UTF-8 text", None)),
        }
    }

    fn column(&self, at: usize) -> u32 {
        self.first_column.saturating_add(to_u32(at))
    }

    fn issue(&self, at: usize, length: usize, message: &str, help: Option<&str>) -> Issue {
        Issue {
            line: self.line,
            column: self.column(at),
            length: to_u32(length),
            message: message.to_owned(),
            help: help.map(str::to_owned),
        }
    }

    fn weak(&mut self) -> Result<(), Issue> {
        let start = self.at;
        self.opened();
        self.at += 1;
        loop {
            match self.peek(0) {
                None => {
                    let length = self.chars.len() - start;
                    return Err(self.issue(
                        start,
                        length,
                        "this double quote is not closed",
                        Some("add a '\"', or write '\\\"' for the character itself"),
                    ));
                }
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => self.escape(true)?,
                Some('$') => self.expand()?,
                Some(c) => {
                    self.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn strong(&mut self) -> Result<(), Issue> {
        let start = self.at;
        self.opened();
        self.at += 1;
        loop {
            match self.peek(0) {
                None => {
                    let length = self.chars.len() - start;
                    return Err(self.issue(
                        start,
                        length,
                        "this single quote is not closed",
                        Some("add a \"'\", or write \"\\'\" for the character itself"),
                    ));
                }
                Some('\'') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(c) => {
                    self.push(c);
                    self.at += 1;
                }
            }
        }
    }

    /// A backslash; one before a character that needs none stays, as HAProxy keeps it.
    fn escape(&mut self, weak: bool) -> Result<(), Issue> {
        let dollar = weak || self.dialect == Dialect::Scalar;
        self.opened();
        let plain = match self.peek(1) {
            Some(c @ (' ' | '\t' | '#' | '\\' | '"' | '\'')) => Some(c),
            Some('$') if dollar => Some('$'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('x') => {
                let digit = |ahead| self.peek(ahead).and_then(|c| c.to_digit(16));
                let (Some(high), Some(low)) = (digit(2), digit(3)) else {
                    return Err(self.issue(
                        self.at,
                        2,
                        "this hexadecimal escape is cut short or invalid",
                        Some("write two hexadecimal digits after \\x"),
                    ));
                };
                let byte = u8::try_from(high * 16 + low).unwrap_or(u8::MAX);
                self.opened().bytes.push(byte);
                self.at += 4;
                return Ok(());
            }
            _ => None,
        };
        match plain {
            Some(c) => {
                self.push(c);
                self.at += 2;
            }
            None => {
                self.push('\\');
                self.at += 1;
            }
        }
        Ok(())
    }

    /// `$NAME`, `${NAME}`, `${NAME[*]}`, `${NAME-default}`.
    fn expand(&mut self) -> Result<(), Issue> {
        let start = self.at;
        self.opened();
        let braced = self.peek(1) == Some('{');
        let name_at = if braced { start + 2 } else { start + 1 };
        let mut end = name_at;
        let pseudo = self.chars.get(end) == Some(&'.');
        if pseudo {
            end += 1;
        }
        while self.chars.get(end).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_') {
            end += 1;
        }
        let name: String = self.chars[name_at..end].iter().collect();
        let known_pseudo = matches!(name.as_str(), ".FILE" | ".LINE" | ".SECTION");
        if !(known_pseudo || !pseudo && is_variable_name(&name)) {
            let help =
                "letters, digits and '_' are accepted, the first no digit; write '\\$' for a dollar sign";
            return Err(self.issue(
                name_at,
                1.max(name.chars().count()).min(self.chars.len() - name_at),
                "a variable name cannot begin like this",
                Some(help),
            ));
        }
        self.at = end;
        let mut split = false;
        let mut default = None;
        if braced {
            if self.peek(0) == Some('[') {
                if self.peek(1) != Some('*') || self.peek(2) != Some(']') {
                    return Err(self.issue(
                        self.at,
                        1,
                        "this word expansion is cut short or invalid",
                        Some("'[*]' is expected here"),
                    ));
                }
                split = true;
                self.at += 3;
            }
            if self.peek(0) == Some('-') {
                let from = self.at + 1;
                let mut to = from;
                while self.chars.get(to).is_some_and(|c| *c != '}') {
                    to += 1;
                }
                default = Some(self.chars[from..to].iter().collect::<String>());
                self.at = to;
            }
            if self.peek(0) != Some('}') {
                return Err(self.issue(
                    start,
                    self.at - start,
                    "the brace of this variable is not closed",
                    Some("a '}' is expected after the name"),
                ));
            }
            self.at += 1;
        }
        if braced && !split && default.is_none() && self.opened().bytes == b"fd@" {
            let raw: String = self.chars[start..self.at].iter().collect();
            self.opened().bytes.extend_from_slice(raw.as_bytes());
            return Ok(());
        }
        let value = (self.variable)(&name).or(default).unwrap_or_default();
        if split {
            self.spread(&value)?
        } else {
            self.opened().bytes.extend_from_slice(value.as_bytes())
        }
        Ok(())
    }

    fn spread(&mut self, value: &str) -> Result<(), Issue> {
        let start = self.opened().start;
        let mut pieces = value.split([' ', '\t']).filter(|piece| !piece.is_empty()).peekable();
        while let Some(piece) = pieces.next() {
            self.opened().bytes.extend_from_slice(piece.as_bytes());
            if pieces.peek().is_some() {
                self.close(self.at)?;
                self.open = Some(OpenWord { bytes: Vec::new(), start });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "lexer_tests.rs"]
mod tests;
