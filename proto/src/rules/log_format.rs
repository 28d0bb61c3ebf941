//! The `%` language: what log lines, headers and other texts are made of (configuration manual 8.2.6).
//!
//! Owns the typed tree of such a text, its reader with located mistakes and its writer. It knows nothing of logging:
//! actions take formats as well. What an alias (`%ci`) is worth is told by the data plane, in an exhaustive match over
//! [`Alias`]. Read next: `sample.rs`, which reads what stands between `%[` and `]`.

use std::fmt;

use super::{Checkpoint, Mistake, Sample};

mod alias;

pub use alias::{ALIASES, Alias, AliasRow, Restriction, Shape, Stage};

/// A text with aliases and samples in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// Its parts, in order.
    pub items: Vec<Item>,
}

/// A part of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Text that stands as it is.
    Text(String),
    /// `%…`: something that is looked up for each line.
    Field(Field),
    /// `%{…}o`: flags for all fields that follow.
    Options(Flags),
}

/// Something that is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The key in JSON and CBOR; without one, the field is left out of such an object.
    pub name: Option<String>,
    /// The type that JSON and CBOR show it with.
    pub cast: Option<Cast>,
    /// Flags that this field adds to or takes from those in force.
    pub flags: Flags,
    /// What is looked up.
    pub content: Content,
}

/// What a field shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// `%ci`.
    Alias(Alias),
    /// `%[src,ipmask(24)]`.
    Sample(Sample),
}

/// The type of a field in JSON and CBOR: `%(name:type)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cast {
    /// `str`.
    Text,
    /// `sint`.
    Number,
    /// `bool`.
    Bool,
}

/// A way to show values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// `Q`: in double quotes.
    Quote,
    /// `X`: addresses and some numbers in hexadecimal digits.
    Hexadecimal,
    /// `E`: a backslash before `"`, `\` and `]`, as structured data of RFC 5424 wants it.
    Escape,
    /// `bin`: bytes as they are. Counts in `%{…}o` alone.
    Binary,
    /// `json`: as JSON values, and in `%{…}o` the line as one JSON object.
    Json,
    /// `cbor`: as CBOR values (RFC 8949) in hexadecimal digits, and in `%{…}o` the line as one CBOR map.
    Cbor,
}

/// Flags that are added and taken, in the order in which they were said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// Each with whether it is added.
    pub changes: Vec<(Flag, bool)>,
}

/// Flags in force, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FlagSet(u8);

impl Format {
    /// Reads a text.
    ///
    /// # Errors
    /// A mistake at a byte of the text, with what was expected there.
    pub fn parse(text: &str) -> Result<Format, Mistake> {
        let mut parser = Parser { text, at: 0, items: Vec::new() };
        parser.run()?;
        Ok(Format { items: parser.items })
    }

    /// A format of this text alone.
    pub fn literal(text: &str) -> Format {
        let items = if text.is_empty() { Vec::new() } else { vec![Item::Text(text.to_owned())] };
        Format { items }
    }

    /// The text, where nothing is looked up.
    pub fn as_literal(&self) -> Option<&str> {
        match self.items.as_slice() {
            [] => Some(""),
            [Item::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What is looked up, in order.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.items.iter().filter_map(|item| match item {
            Item::Field(field) => Some(field),
            Item::Text(_) | Item::Options(_) => None,
        })
    }

    /// The aliases in it.
    pub fn aliases(&self) -> impl Iterator<Item = Alias> + '_ {
        self.fields().filter_map(|field| match field.content {
            Content::Alias(alias) => Some(alias),
            Content::Sample(_) => None,
        })
    }

    /// The samples in it.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.fields().filter_map(|field| match &field.content {
            Content::Sample(sample) => Some(sample),
            Content::Alias(_) => None,
        })
    }

    /// Whether everything in it means something where it is evaluated.
    ///
    /// # Errors
    /// The first sample that does not.
    pub fn usable_at(&self, checkpoint: Checkpoint) -> Result<(), Mistake> {
        let mut at = 0;
        for item in &self.items {
            if let Item::Field(Field { content: Content::Sample(sample), .. }) = item
                && !sample.row.reach.covers(checkpoint)
            {
                let message = format!("'{}' has no meaning in {checkpoint}", sample.row.name);
                let help = "what was kept by then does: a capture, a variable";
                return Err(Mistake::new(at, message).expecting(help));
            }
            at += item.to_string().len();
        }
        Ok(())
    }

    /// As directives about lines mean it (`log-format`, `log-format-sd`, `error-log-format`, `unique-id-format`):
    /// spaces at the front are nothing, and several in a row, even across `%o`, are one.
    #[must_use]
    pub fn with_merged_spaces(&self) -> Format {
        let mut items = Vec::with_capacity(self.items.len());
        let mut pending = false;
        let mut begun = false;
        for item in &self.items {
            match item {
                Item::Text(text) => {
                    let mut merged = String::with_capacity(text.len());
                    for letter in text.chars() {
                        if letter == ' ' {
                            pending = true;
                            continue;
                        }
                        if std::mem::take(&mut pending) && begun {
                            merged.push(' ');
                        }
                        begun = true;
                        merged.push(letter);
                    }
                    if !merged.is_empty() {
                        items.push(Item::Text(merged));
                    }
                }
                Item::Field(field) => {
                    if std::mem::take(&mut pending) && begun {
                        items.push(Item::Text(" ".to_owned()));
                    }
                    begun = true;
                    items.push(Item::Field(field.clone()));
                }
                Item::Options(flags) => items.push(Item::Options(flags.clone())),
            }
        }
        if pending && begun {
            items.push(Item::Text(" ".to_owned()));
        }
        Format { items }
    }

    /// The fields and texts with the flags in force at each.
    pub fn resolved(&self) -> impl Iterator<Item = (&Item, FlagSet)> {
        let mut global = FlagSet::default();
        self.items.iter().filter_map(move |item| match item {
            Item::Options(flags) => {
                global = global.with(flags);
                None
            }
            Item::Text(_) => Some((item, global)),
            Item::Field(field) => Some((item, global.with(&field.flags))),
        })
    }

    /// The flags that stand before the first field: with `json` or `cbor` among them, the line is one object.
    pub fn leading_flags(&self) -> FlagSet {
        let before = self.items.iter().take_while(|item| !matches!(item, Item::Field(_)));
        before.fold(FlagSet::default(), |set, item| match item {
            Item::Options(flags) => set.with(flags),
            Item::Text(_) | Item::Field(_) => set,
        })
    }
}

impl Flag {
    /// All, with their spellings.
    pub const ALL: [(&'static str, Flag); 6] = [
        ("Q", Flag::Quote),
        ("X", Flag::Hexadecimal),
        ("E", Flag::Escape),
        ("bin", Flag::Binary),
        ("json", Flag::Json),
        ("cbor", Flag::Cbor),
    ];

    /// Its spelling.
    pub fn word(self) -> &'static str {
        Flag::ALL.iter().find(|(_, flag)| *flag == self).map_or("", |(word, _)| word)
    }

    fn from_word(word: &str) -> Option<Flag> {
        Flag::ALL.iter().find(|(known, _)| *known == word).map(|(_, flag)| *flag)
    }
}

impl Cast {
    /// All, with their spellings.
    pub const ALL: [(&'static str, Cast); 3] =
        [("str", Cast::Text), ("sint", Cast::Number), ("bool", Cast::Bool)];

    /// Its spelling.
    pub fn word(self) -> &'static str {
        Cast::ALL.iter().find(|(_, cast)| *cast == self).map_or("", |(word, _)| word)
    }
}

impl Flags {
    fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl FlagSet {
    /// Whether this flag is in it.
    pub fn has(self, flag: Flag) -> bool {
        self.0 & FlagSet::bit(flag) != 0
    }

    /// With these changes.
    #[must_use]
    pub fn with(self, flags: &Flags) -> FlagSet {
        flags.changes.iter().fold(self, |FlagSet(set), (flag, added)| match added {
            true => FlagSet(set | FlagSet::bit(*flag)),
            false => FlagSet(set & !FlagSet::bit(*flag)),
        })
    }

    const fn bit(flag: Flag) -> u8 {
        1 << flag as u8
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.iter().try_for_each(|item| item.fmt(out))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Text(text) => out.write_str(&text.replace('%', "%%")),
            Item::Field(field) => field.fmt(out),
            Item::Options(flags) => write!(out, "%{flags}o"),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("%")?;
        if self.name.is_some() || self.cast.is_some() {
            write!(out, "({}", self.name.as_deref().unwrap_or_default())?;
            if let Some(cast) = self.cast {
                write!(out, ":{}", cast.word())?;
            }
            out.write_str(")")?;
        }
        self.flags.fmt(out)?;
        match &self.content {
            Content::Alias(alias) => out.write_str(alias.name()),
            Content::Sample(sample) => write!(out, "[{sample}]"),
        }
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        out.write_str("{")?;
        for (index, (flag, added)) in self.changes.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma}{}{}", if *added { '+' } else { '-' }, flag.word())?;
        }
        out.write_str("}")
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    items: Vec<Item>,
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<(), Mistake> {
        loop {
            match self.rest().find('%') {
                None => {
                    let rest = self.rest();
                    self.push_text(rest);
                    return Ok(());
                }
                Some(length) => {
                    let before = &self.rest()[..length];
                    self.push_text(before);
                    self.at += length + 1;
                    self.field()?;
                }
            }
        }
    }

    /// What follows a `%`.
    fn field(&mut self) -> Result<(), Mistake> {
        let percent = self.at - 1;
        if self.accept('%') {
            self.push_text("%");
            return Ok(());
        }
        let (name, cast) = if self.accept('(') { self.naming(percent)? } else { (None, None) };
        let flags = if self.accept('{') { self.flags()? } else { Flags::default() };
        let bare = self.at == percent + 1;
        if self.accept('[') {
            let content = Content::Sample(self.sample(percent)?);
            self.items.push(Item::Field(Field { name, cast, flags, content }));
            return Ok(());
        }
        let start = self.at;
        let word = self.take_while(|byte| byte.is_ascii_alphanumeric());
        if word == "o" {
            self.items.push(Item::Options(flags));
            return Ok(());
        }
        match Alias::from_name(word) {
            Some(alias) => {
                let content = Content::Alias(alias);
                self.items.push(Item::Field(Field { name, cast, flags, content }));
                Ok(())
            }
            // Anything else but a space, a brace or the end stands for itself, as in `100%-`.
            None if word.is_empty() && bare && !matches!(self.peek(), None | Some(b' ')) => Ok(()),
            None if word.is_empty() && bare => Err(Mistake::new(
                percent,
                "a lone '%': a variable such as '%ci' or a sample such as '%[src]' is expected, and '%%' for '%' itself",
            )),
            None if word.is_empty() => Err(Mistake::new(
                start,
                "a variable such as 'ci' or a sample such as '[src]' is expected here",
            )),
            None => {
                let names = ALIASES.iter().map(|row| row.name);
                let hint = match crate::config::keywords::nearest(word, names) {
                    Some(near) => format!(": did you mean '%{near}'?"),
                    None => String::new(),
                };
                Err(Mistake::new(
                    start,
                    format!("there is no variable '%{word}'{hint} ('%%' stands for '%' itself)"),
                ))
            }
        }
    }

    /// What follows `%(`.
    fn naming(&mut self, percent: usize) -> Result<(Option<String>, Option<Cast>), Mistake> {
        let start = self.at;
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let name = Some(name).filter(|name| !name.is_empty()).map(str::to_owned);
        let cast = if self.accept(':') {
            let at = self.at;
            let word = self.take_while(|byte| byte.is_ascii_alphanumeric());
            let cast = Cast::ALL.iter().find(|(known, _)| *known == word).map(|(_, cast)| *cast);
            let known = cast.ok_or_else(|| {
                Mistake::new(at, format!("'{word}' is no type of a field: str, sint or bool is expected"))
            })?;
            Some(known)
        } else {
            None
        };
        if self.accept(')') {
            return Ok((name, cast));
        }
        Err(match self.peek() {
            None => Mistake::new(percent, "the ')' after the name of a field is missing"),
            Some(_) => Mistake::new(
                self.at.max(start),
                "a field's name has letters, digits, '_' and '-', then ':' and a type, then ')'",
            ),
        })
    }

    /// What follows `{`.
    fn flags(&mut self) -> Result<Flags, Mistake> {
        let brace = self.at - 1;
        let Some(length) = self.rest().find('}') else {
            return Err(Mistake::new(brace, "the '}' after these flags is missing"));
        };
        let mut flags = Flags::default();
        let mut at = self.at;
        for word in self.rest()[..length].split(',') {
            let added = word.starts_with('+');
            let known = word.strip_prefix(['+', '-']).and_then(Flag::from_word);
            match known {
                Some(flag) => flags.changes.push((flag, added)),
                None if word.is_empty() => {}
                None => {
                    return Err(Mistake::new(
                        at,
                        format!(
                            "'{word}' is no flag: '+' or '-' and one of Q, X, E, bin, json and cbor is expected"
                        ),
                    ));
                }
            }
            at += word.len() + 1;
        }
        self.at += length + 1;
        Ok(flags)
    }

    /// What follows `[`.
    fn sample(&mut self, percent: usize) -> Result<Sample, Mistake> {
        let Some(length) = sample_length(self.rest()) else {
            return Err(Mistake::new(percent, "the ']' after this sample is missing"));
        };
        let sample = Sample::parse(&self.rest()[..length]).map_err(|mistake| mistake.shifted(self.at))?;
        self.at += length + 1;
        Ok(sample)
    }

    fn push_text(&mut self, text: &str) {
        match self.items.last_mut() {
            _ if text.is_empty() => {}
            Some(Item::Text(before)) => before.push_str(text),
            _ => self.items.push(Item::Text(text.to_owned())),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn accept(&mut self, letter: char) -> bool {
        let found = self.rest().starts_with(letter);
        self.at += if found { letter.len_utf8() } else { 0 };
        found
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().take_while(|byte| wanted(*byte)).count();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }
}

/// Bytes before the `]` that ends a sample. One in the arguments of a fetch or converter does not.
fn sample_length(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut inside = false;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (byte, quote) {
            (b'\\', None | Some(b'"')) if inside => {
                bytes.next();
            }
            (_, Some(open)) if byte == open => quote = None,
            (_, Some(_)) => {}
            (b'\'' | b'"', None) if inside => quote = Some(byte),
            (b'(', None) => inside = true,
            (b')', None) => inside = false,
            (b']', None) if !inside => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[path = "log_format_tests.rs"]
mod tests;
