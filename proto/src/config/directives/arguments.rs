//! The words after a directive, taken one by one, and the codecs that read and write a value of them.
//!
//! A [`Codec`] is the one definition of a value's spelling: both readers and both writers use it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::model::{Guid, HttpReuse, Millis, Mode, Name, OutOfRange, ServerStates, Weight};

use super::super::diagnostic::{Gravity, Issue};
use super::super::environment::Environment;
use super::super::lexer::Word;

/// Whether a line says `no` or `default` before its directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// Neither.
    Plain,
    /// `no …`: switched off, whatever the defaults say.
    No,
    /// `default …`: back to what it is when nobody sets it.
    Default,
}

/// What a reader of arguments returns.
pub type Reading<T> = Result<T, Issue>;

/// The words after a directive, and what is needed to understand them.
pub struct Arguments<'a> {
    /// `no` or `default` before the directive.
    pub polarity: Polarity,
    /// Files, variables and what the text said about them so far.
    pub environment: &'a Environment<'a>,
    /// What was found besides the first error that ends the reading of the line.
    pub remarks: Vec<(Gravity, Issue)>,
    /// The file that is being read.
    pub file: Arc<str>,
    /// The words of the directive itself, never empty.
    head: &'a [Word],
    words: &'a [Word],
    next: usize,
}

impl<'a> Arguments<'a> {
    /// The arguments of a line whose first `head` words are the directive.
    pub fn new(
        line: &'a [Word],
        head: usize,
        polarity: Polarity,
        environment: &'a Environment<'a>,
    ) -> Arguments<'a> {
        let (head, words) = line.split_at(head.min(line.len()));
        Arguments { polarity, environment, remarks: Vec::new(), file: Arc::from(""), head, words, next: 0 }
    }

    /// The file and the line of the directive.
    pub fn place(&self) -> (Arc<str>, u32) {
        (self.file.clone(), self.head.first().map_or(0, |word| word.line))
    }

    /// The next word; an empty one ends the arguments as a missing one does.
    pub fn maybe(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.next).filter(|word| !word.text.is_empty())?;
        self.next += 1;
        Some(word)
    }

    /// The next word without taking it.
    pub fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.next).filter(|word| !word.text.is_empty())
    }

    /// The next word; refuses its absence, saying what is expected.
    pub fn take(&mut self, expected: &str) -> Reading<&'a Word> {
        match self.maybe() {
            Some(word) => Ok(word),
            None => Err(self.missing(expected)),
        }
    }

    /// Takes the next word if it is this one.
    pub fn accept(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|next| next.text == word);
        if found {
            self.next += 1;
        }
        found
    }

    /// All words that are left, joined by spaces.
    pub fn rest(&mut self) -> String {
        let rest = self.words.get(self.next..).unwrap_or_default();
        self.next = self.words.len();
        rest.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The words that nobody has taken yet; they count as taken.
    pub fn remaining(&mut self) -> &'a [Word] {
        let rest = self.words.get(self.next..).unwrap_or_default();
        self.next = self.words.len();
        rest
    }

    /// An issue at the end of the line.
    pub fn at_end(&self, message: impl Into<String>) -> Issue {
        let last = self.words.last().or(self.head.last());
        let (line, column) = last.map_or((0, 1), |word| (word.line, word.column + word.length));
        Issue { line, column, length: 0, message: message.into(), help: None }
    }

    /// Refuses words that nobody took.
    pub fn finish(&self) -> Reading<()> {
        match self.words.get(self.next..).unwrap_or_default().iter().find(|word| !word.text.is_empty()) {
            None => Ok(()),
            Some(extra) => {
                Err(about(extra, format!("'{}' does not take the argument '{}'", self.name(), extra.text)))
            }
        }
    }

    /// The issue of a missing argument.
    pub fn missing(&self, expected: &str) -> Issue {
        let last = self.words.get(..self.next).and_then(<[Word]>::last).or(self.head.last());
        let (line, column) = last.map_or((0, 1), |word| (word.line, word.column + word.length));
        Issue {
            line,
            column,
            length: 0,
            message: format!("'{}' expects {expected}", self.name()),
            help: Some(format!("{expected} is expected here")),
        }
    }

    /// An issue about the directive itself.
    pub fn issue(&self, message: impl Into<String>) -> Issue {
        match (self.head.first(), self.head.last()) {
            (Some(first), Some(last)) => Issue {
                line: first.line,
                column: first.column,
                length: if last.line == first.line && last.column >= first.column {
                    last.column - first.column + last.length
                } else {
                    first.length
                },
                message: message.into(),
                help: None,
            },
            _ => Issue { line: 0, column: 1, length: 0, message: message.into(), help: None },
        }
    }

    /// The directive as written.
    pub fn name(&self) -> String {
        self.head.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Adds a warning about the directive.
    pub fn warn(&mut self, message: impl Into<String>) {
        let issue = self.issue(message);
        self.remarks.push((Gravity::Warning, issue));
    }

    /// Adds a notice about a word.
    pub fn note(&mut self, word: &Word, message: impl Into<String>) {
        self.remark(Gravity::Notice, word, message);
    }

    /// Adds a remark about a word; an error among them refuses the text, but not the rest of the line.
    pub fn remark(&mut self, gravity: Gravity, word: &Word, message: impl Into<String>) {
        self.remarks.push((gravity, about(word, message)));
    }
}

/// An issue about one word.
pub fn about(word: &Word, message: impl Into<String>) -> Issue {
    Issue { line: word.line, column: word.column, length: word.length, message: message.into(), help: None }
}

/// An issue about one word, with what would be accepted.
pub fn expecting(word: &Word, message: impl Into<String>, help: impl Into<String>) -> Issue {
    Issue { help: Some(help.into()), ..about(word, message) }
}

/// How a value is spelled: read from arguments, written as words.
pub struct Codec<T> {
    /// Takes the words of one value.
    pub read: fn(&mut Arguments) -> Reading<T>,
    /// The words that read as this value.
    pub write: fn(&T) -> Vec<String>,
}

/// A number from 0 to 2^31-1.
pub const COUNT: Codec<u32> =
    Codec { read: |a| number(a, 0, i32::MAX as u32), write: |n| vec![n.to_string()] };
/// A number from 1 to 2^31-1.
pub const POSITIVE: Codec<u32> =
    Codec { read: |a| number(a, 1, i32::MAX as u32), write: |n| vec![n.to_string()] };
/// A number of threads.
pub const THREADS: Codec<u32> = Codec { read: |a| number(a, 1, 4096), write: |n| vec![n.to_string()] };
/// A number from -1, which means no limit.
pub const LIMIT: Codec<i32> = Codec { read: |a| signed(a, -1, i32::MAX), write: |n| vec![n.to_string()] };
/// A span of time; a bare number counts milliseconds.
pub const TIME: Codec<Millis> = Codec { read: |a| time(a, 1), write: |t| vec![spell_time(*t)] };
/// One word.
pub const WORD: Codec<String> =
    Codec { read: |a| a.take("a word").map(|w| w.text.clone()), write: |w| vec![w.clone()] };
/// All words of the line as one text.
pub const TEXT: Codec<String> = Codec {
    read: |a| match a.rest() {
        text if text.is_empty() => Err(a.missing("a text")),
        text => Ok(text),
    },
    write: |text| {
        let words = || text.split(' ');
        if words().all(|word| !word.is_empty()) {
            words().map(str::to_owned).collect()
        } else {
            vec![text.clone()]
        }
    },
};
/// A legal name.
pub const NAME: Codec<Name> =
    Codec { read: |a| a.take("a name").and_then(name), write: |n| vec![n.to_string()] };
/// A global identifier.
pub const GUID: Codec<Guid> = Codec {
    read: |a| a.take("an identifier").and_then(|word| guid(word, &word.text)),
    write: |guid| vec![guid.to_string()],
};
/// A server's weight.
pub const WEIGHT: Codec<Weight> = Codec {
    read: |a| {
        let word = a.take("a weight from 0 to 256")?;
        let value = parse_number(word, "a weight from 0 to 256")?;
        Weight::new(value).map_err(|range| out_of_range(word, range))
    },
    write: |w| vec![w.get().to_string()],
};
/// `mode`.
pub const MODE: Codec<Mode> = Codec {
    read: |a| {
        let word = a.take("'tcp' or 'http'")?;
        match word.text.as_str() {
            "tcp" => Ok(Mode::Tcp),
            "http" => Ok(Mode::Http),
            "health" => Err(expecting(
                word,
                "mode 'health' no longer exists",
                "use 'http-request return status 200' in mode http",
            )),
            "log" | "spop" => Err(not_yet(word, "mode")),
            _ => Err(choice(word, &["tcp", "http"])),
        }
    },
    write: |mode| {
        vec![
            match mode {
                Mode::Tcp => "tcp",
                Mode::Http => "http",
            }
            .to_owned(),
        ]
    },
};
/// `http-reuse`.
pub const REUSE: Codec<HttpReuse> = Codec {
    read: |a| {
        let word = a.take("'never', 'safe', 'aggressive' or 'always'")?;
        Ok(match word.text.as_str() {
            "never" => HttpReuse::Never,
            "safe" => HttpReuse::Safe,
            "aggressive" => HttpReuse::Aggressive,
            "always" => HttpReuse::Always,
            _ => return Err(choice(word, &["never", "safe", "aggressive", "always"])),
        })
    },
    write: |reuse| {
        let word = match reuse {
            HttpReuse::Never => "never",
            HttpReuse::Safe => "safe",
            HttpReuse::Aggressive => "aggressive",
            HttpReuse::Always => "always",
        };
        vec![word.to_owned()]
    },
};
/// `load-server-state-from-file`.
pub const STATES: Codec<ServerStates> = Codec {
    read: |a| {
        let word = a.take("'global', 'local' or 'none'")?;
        Ok(match word.text.as_str() {
            "none" => ServerStates::None,
            "local" => ServerStates::Local,
            "global" => ServerStates::Global,
            _ => return Err(choice(word, &["global", "local", "none"])),
        })
    },
    write: |states| {
        let word = match states {
            ServerStates::None => "none",
            ServerStates::Local => "local",
            ServerStates::Global => "global",
        };
        vec![word.to_owned()]
    },
};
/// `server-state-file-name`: a file, or nothing for one called like the backend.
pub const STATE_FILE: Codec<String> = Codec {
    read: |a| {
        let name = a.maybe().map(|word| word.text.as_str()).unwrap_or_default();
        Ok(if name == BACKEND_NAME { String::new() } else { name.to_owned() })
    },
    write: |name| vec![if name.is_empty() { BACKEND_NAME.to_owned() } else { name.clone() }],
};
/// A local address, port 0 unless written.
pub const SOURCE_ADDRESS: Codec<SocketAddr> = Codec {
    read: |a| {
        let word = a.take("an address, optionally with ':port'")?;
        match word.text.as_str() {
            "*" | "ipv4@" | "ipv4@*" => Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            _ => super::address::socket_address(word, 0),
        }
    },
    write: |address| {
        vec![if address.port() == 0 && address.is_ipv4() {
            address.ip().to_string()
        } else {
            address.to_string()
        }]
    },
};

/// The issue of a value that HAProxy knows and Regate does not support yet.
pub fn not_yet(word: &Word, of: &str) -> Issue {
    about(word, format!("'{of} {}' exists in HAProxy and is not supported by Regate yet", word.text))
}

/// The issue of a word outside a fixed set, with the nearest member.
pub fn choice(word: &Word, accepted: &[&str]) -> Issue {
    let mut help = format!("{} is accepted", join(accepted, "or"));
    if let Some(near) = super::super::keywords::nearest(&word.text, accepted.iter().copied()) {
        help = format!("did you mean '{near}'? {help}");
    }
    expecting(word, format!("unknown word '{}'", word.text), help)
}

/// `'a', 'b' or 'c'`.
pub fn join(words: &[&str], conjunction: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {conjunction} {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Checks a word as a name.
pub fn name(word: &Word) -> Reading<Name> {
    Name::new(&word.text).map_err(|bad| about(word, format!("'{}': {bad}", word.text)))
}

/// Checks a global identifier that a word stands for.
pub fn guid(word: &Word, text: &str) -> Reading<Guid> {
    Guid::new(text).map_err(|bad| about(word, format!("'{text}': {bad}")))
}

/// Takes a number of this range.
pub fn number(arguments: &mut Arguments, lowest: u32, highest: u32) -> Reading<u32> {
    let expected = format!("a number from {lowest} to {highest}");
    let word = arguments.take(&expected)?;
    let value = parse_number(word, &expected)?;
    u32::try_from(value).ok().filter(|n| (lowest..=highest).contains(n)).ok_or_else(|| {
        out_of_range(word, OutOfRange { value, lowest: u64::from(lowest), highest: u64::from(highest) })
    })
}

/// Takes a signed number of this range.
pub fn signed(arguments: &mut Arguments, lowest: i32, highest: i32) -> Reading<i32> {
    let expected = format!("a number from {lowest} to {highest}");
    let word = arguments.take(&expected)?;
    word.text.parse::<i32>().ok().filter(|n| (lowest..=highest).contains(n)).ok_or_else(|| {
        expecting(word, format!("'{}' is not acceptable here", word.text), format!("{expected} is expected"))
    })
}

/// Takes a span of time; a bare number counts `unit` milliseconds (configuration manual 2.5).
pub fn time(arguments: &mut Arguments, unit: u64) -> Reading<Millis> {
    parse_time(arguments.take(A_TIME)?, unit)
}

/// Reads a word as a span of time; a bare number counts `unit` milliseconds.
pub fn parse_time(word: &Word, unit: u64) -> Reading<Millis> {
    let digits = word.text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = word.text.split_at(digits);
    let micros = match suffix {
        "" => unit * 1000,
        "us" => 1,
        "ms" => 1000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => {
            return Err(expecting(
                word,
                format!("'{}' is not a time", word.text),
                format!("{A_TIME} is expected"),
            ));
        }
    };
    let Ok(number) = number.parse::<u64>() else {
        return Err(expecting(
            word,
            format!("'{}' is not a time", word.text),
            format!("{A_TIME} is expected"),
        ));
    };
    let millis = number.saturating_mul(micros).div_ceil(1000);
    Millis::new(millis).map_err(|_| {
        expecting(
            word,
            format!("'{}' is too long", word.text),
            "at most 2147483647 ms, about 24 days, is accepted",
        )
    })
}

/// A size in bytes, with `k`, `m` or `g` (configuration manual 2.5).
pub fn size(word: &Word) -> Reading<u64> {
    let digits = word.text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = word.text.split_at(digits);
    let factor = match suffix {
        "" => Some(1_u64),
        "k" | "K" => Some(1 << 10),
        "m" | "M" => Some(1 << 20),
        "g" | "G" => Some(1 << 30),
        _ => None,
    };
    factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor)).ok_or_else(|| {
        expecting(
            word,
            format!("'{}' is not a size", word.text),
            "a number of bytes, optionally with k, m or g, is expected",
        )
    })
}

/// The shortest spelling of a span in seconds.
pub fn spell_seconds(seconds: u32) -> String {
    for (unit, suffix) in [(86_400, "d"), (3600, "h"), (60, "m")] {
        if seconds != 0 && seconds.is_multiple_of(unit) {
            return format!("{}{suffix}", seconds / unit);
        }
    }
    format!("{seconds}s")
}

/// The shortest spelling of a span.
pub fn spell_time(time: Millis) -> String {
    time.spelled()
}

/// A number without sign.
pub fn parse_number(word: &Word, expected: &str) -> Reading<u64> {
    let digits = !word.text.is_empty() && word.text.bytes().all(|b| b.is_ascii_digit());
    word.text.parse().ok().filter(|_| digits).ok_or_else(|| {
        expecting(word, format!("'{}' is not a number", word.text), format!("{expected} is expected"))
    })
}

/// The issue of a number outside its range.
pub fn out_of_range(word: &Word, range: OutOfRange) -> Issue {
    expecting(
        word,
        format!("{} is out of range", word.text),
        format!("{} to {} is accepted", range.lowest, range.highest),
    )
}

/// `localhost` or a literal address: names are not resolved while reading.
pub fn literal_ip(text: &str) -> Option<IpAddr> {
    match text {
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text).parse().ok(),
    }
}

const A_TIME: &str = "a time such as 500ms, 5s, 1m, 2h or 1d";

/// How a server state file is named that is called like its backend.
const BACKEND_NAME: &str = "use-backend-name";
