//! Lines of the text socket: bytes in, commands out.
//!
//! Owns words, escapes, `;`, payloads and their limits. It knows no command and does no I/O, and what it keeps is
//! bounded: one unfinished line and one unfinished payload. Feeding bytes in any portions gives the same tokens.
//! Source: management manual 9.3, and what HAProxy was observed to do.
//! Read next: `table.rs`, which says what words mean.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

/// Turns bytes into [`Token`]s.
#[derive(Debug, Default)]
pub struct Lexer {
    line: Vec<u8>,
    payload: Option<Payload>,
    tokens: VecDeque<Token>,
    broken: bool,
}

/// What a lexer found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A command of a line; an empty one has no words.
    Command(Command),
    /// The line ended, and its payload if it had one.
    EndOfLine,
    /// A line of a payload is expected next.
    PayloadLine,
    /// A line was too long; nothing can follow.
    LineTooLong,
    /// A payload was too long; nothing can follow.
    PayloadTooLong,
}

/// One command as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Its words, at most [`MAX_WORDS`].
    pub words: Vec<Word>,
    /// The bytes after `<<`, without the line that ends them.
    pub payload: Option<Vec<u8>>,
    /// Whether it had more words than are kept.
    pub overlong: bool,
}

/// A word: any bytes but the ones that separate words, unless escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct Word(Vec<u8>);

/// A payload that is being collected, for the last command of a line.
#[derive(Debug)]
struct Payload {
    commands: Vec<Command>,
    end: Vec<u8>,
    body: Vec<u8>,
}

impl Lexer {
    /// A lexer at the start of a line.
    pub fn new() -> Lexer {
        Lexer::default()
    }

    /// Takes bytes. After a line or payload that was too long it takes no more.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.broken {
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.hold(bytes);
                return;
            };
            self.hold(&bytes[..end]);
            bytes = &bytes[end + 1..];
            if !self.broken {
                let mut line = std::mem::take(&mut self.line);
                self.finish(&line);
                if line.capacity() <= USUAL_LINE {
                    line.clear();
                    self.line = line;
                }
            }
        }
    }

    /// The next token.
    pub fn token(&mut self) -> Option<Token> {
        self.tokens.pop_front()
    }

    /// Whether no token waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whether nothing unfinished is held: neither a part of a line nor a payload.
    pub fn is_between_lines(&self) -> bool {
        self.line.is_empty() && self.payload.is_none()
    }

    /// Whether a payload is being collected.
    pub fn is_in_payload(&self) -> bool {
        self.payload.is_some()
    }

    fn hold(&mut self, bytes: &[u8]) {
        let (limit, token) = match &self.payload {
            Some(payload) => (MAX_PAYLOAD.saturating_sub(payload.body.len()), Token::PayloadTooLong),
            None => (MAX_LINE, Token::LineTooLong),
        };
        if self.line.len().saturating_add(bytes.len()) > limit {
            self.broken = true;
            self.line = Vec::new();
            self.payload = None;
            self.tokens.push_back(token);
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn finish(&mut self, line: &[u8]) {
        let Some(mut payload) = self.payload.take() else {
            self.begin(without_return(line));
            return;
        };
        if without_return(line) == payload.end {
            let mut commands = payload.commands;
            if let Some(last) = commands.last_mut() {
                last.payload = Some(payload.body);
            }
            self.emit(commands);
            return;
        }
        payload.body.extend_from_slice(line);
        payload.body.push(b'\n');
        self.payload = Some(payload);
        self.tokens.push_back(Token::PayloadLine);
    }

    fn begin(&mut self, line: &[u8]) {
        let mark = payload_mark(line);
        let text = match mark {
            Some(mark) => &line[..line.len().saturating_sub(mark.len())],
            None => line,
        };
        let commands = split(text);
        match mark {
            Some(mark) => {
                let end = mark.get(2..).unwrap_or_default().to_vec();
                self.payload = Some(Payload { commands, end, body: Vec::new() });
                self.tokens.push_back(Token::PayloadLine);
            }
            None => self.emit(commands),
        }
    }

    fn emit(&mut self, commands: Vec<Command>) {
        self.tokens.extend(commands.into_iter().map(Token::Command));
        self.tokens.push_back(Token::EndOfLine);
    }
}

impl Word {
    /// The bytes as they were written, escapes resolved.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The word as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Word {
        Word(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text(), f)
    }
}

/// The last word of a line when it announces a payload: `<<`, or `<<` with a pattern glued to it.
fn payload_mark(line: &[u8]) -> Option<&[u8]> {
    let start = line.iter().rposition(|byte| is_blank(*byte)).map_or(0, |at| at + 1);
    let word = line.get(start..)?;
    let after_blank = start > 0;
    let escaped = start > 1 && line.get(start - 2) == Some(&b'\\');
    let pattern = word.strip_prefix(b"<<")?;
    let plain = pattern.len() <= MAX_PATTERN && !pattern.contains(&b';') && !pattern.contains(&b'\\');
    (after_blank && !escaped && plain).then_some(word)
}

/// The commands of a line, at least one.
fn split(line: &[u8]) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut command = Command::default();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            // At the end of a line it escapes nothing and begins no word.
            b'\\' => {
                if let Some(escaped) = bytes.next() {
                    word.get_or_insert_default().push(escaped);
                }
            }
            b';' => {
                command.take(word.take());
                commands.push(std::mem::take(&mut command));
            }
            byte if is_blank(byte) => command.take(word.take()),
            byte => word.get_or_insert_default().push(byte),
        }
    }
    command.take(word);
    commands.push(command);
    commands
}

impl Command {
    fn take(&mut self, word: Option<Vec<u8>>) {
        let Some(word) = word else { return };
        if self.words.len() < MAX_WORDS {
            self.words.push(Word(word));
        } else {
            self.overlong = true;
        }
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Bytes up to which the room of a line is kept for the next.
const USUAL_LINE: usize = 512;
/// The longest line, in bytes without its end: HAProxy's default `tune.bufsize`.
pub const MAX_LINE: usize = 16384;
/// Most words of a command.
pub const MAX_WORDS: usize = 64;
/// The longest payload, in bytes: HAProxy's default `tune.cli.max-payload-size`.
pub const MAX_PAYLOAD: usize = 128 * 1024;
/// The longest pattern after `<<`, in bytes.
pub const MAX_PATTERN: usize = 64;

#[cfg(test)]
#[path = "lex_tests.rs"]
mod tests;
