//! The arguments of fetches, converters and actions: what a signature asks for, and how a list of arguments is
//! read and written (configuration manual 2.2 and 7.3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Mistake, Variable};
use crate::model::Name;

/// What one argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Any text.
    Text,
    /// A signed integer.
    Int,
    /// A signed integer or a variable that holds one.
    IntOrVariable,
    /// A text or a variable that holds one.
    TextOrVariable,
    /// A text that is not empty.
    Filled,
    /// Bytes as base64, or a variable that holds such a text.
    Base64OrVariable,
    /// A signed integer other than 0.
    Position,
    /// An integer of this range.
    Within(i64, i64),
    /// Any of these letters.
    Letters(&'static str),
    /// Numbers with points between them.
    Numbers,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An address, or for masks a number of bits.
    Ip,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Bytes as pairs of hexadecimal digits.
    Hexadecimal,
    /// `true`, `false`, `1` or `0`, in either case.
    Truth,
    /// A number of bytes.
    Size,
    /// A number of bytes from the beginning, or with a sign from where one stands.
    Offset,
    /// A mask of IPv4: bits or an address.
    Mask4,
    /// A mask of IPv6: bits or an address.
    Mask6,
    /// A variable.
    Variable,
    /// A regular expression.
    Regex,
    /// The name of a frontend; absent: the one at hand.
    Frontend,
    /// The name of a backend; absent: the one at hand.
    Backend,
    /// `server` or `backend/server`.
    Server,
    /// The name of a stick table; absent: the one of the proxy at hand.
    Table,
    /// The name of a list of users.
    Userlist,
    /// The name of a map or of an ACL's list.
    List,
}

/// The arguments that something takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// How many must be given.
    pub least: usize,
    /// What each must be.
    pub wants: &'static [Want],
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// Nothing was written where something may be left out.
    Absent,
    /// A text.
    Text(String),
    /// An integer.
    Int(i64),
    /// An address.
    Ip(IpAddr),
    /// A number of leading bits.
    Bits(u8),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A truth value.
    Truth(bool),
    /// So many bytes further on.
    Relative(i64),
    /// A variable.
    Variable(Variable),
    /// A regular expression, as written.
    Regex(String),
    /// A frontend, a backend, a table or a list of users, as the signature says.
    Name(Name),
    /// A server, in its backend if one is named.
    Server(Option<Name>, Name),
    /// A map or a list by its name.
    List(String),
}

impl Signature {
    /// Takes nothing.
    pub const NONE: Signature = Signature { least: 0, wants: &[] };

    /// Takes these, the first `least` of which must be given.
    pub const fn new(least: usize, wants: &'static [Want]) -> Signature {
        Signature { least, wants }
    }

    /// Makes typed arguments of texts, each with its offset in the text that mistakes count from; `whole` is the
    /// offset of what takes the arguments.
    pub fn read(
        &self,
        name: &str,
        texts: &[(usize, String)],
        whole: usize,
    ) -> Result<Vec<Argument>, Mistake> {
        let only_empty = texts.len() == 1 && texts.iter().all(|(_, text)| text.is_empty());
        let takes_empty = self.least > 0 && matches!(self.wants.first(), Some(Want::Text));
        let texts = if only_empty && !takes_empty { &[] } else { texts };
        if let Some((at, extra)) = texts.get(self.wants.len()) {
            let most = self.wants.len();
            let message = match most {
                0 => format!("'{name}' takes no arguments"),
                _ => format!("'{name}' does not take the argument '{extra}'"),
            };
            return Err(Mistake::new(*at, message).expecting(format!("{self} is accepted")));
        }
        let mut arguments = Vec::with_capacity(texts.len());
        for ((at, text), want) in texts.iter().zip(self.wants) {
            if text.is_empty() && arguments.len() >= self.least && !matches!(want, Want::Text | Want::Regex) {
                arguments.push(Argument::Absent);
            } else {
                arguments.push(want.read(text).map_err(|mistake| mistake.shifted(*at))?);
            }
        }
        if arguments.len() < self.least {
            let message = format!("'{name}' lacks an argument");
            return Err(Mistake::new(whole, message).expecting(format!("{self} is expected")));
        }
        Ok(arguments)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (at, want) in self.wants.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match at < self.least {
                true => write!(f, "{comma}<{want}>")?,
                false => write!(f, "[{comma}<{want}>]")?,
            }
        }
        f.write_str(")")
    }
}

impl Want {
    fn read(self, text: &str) -> Result<Argument, Mistake> {
        let wrong = |help: &str| {
            Mistake::new(0, format!("'{text}' is not acceptable here"))
                .expecting(format!("{help} is expected"))
        };
        let name = || Name::new(text).map_err(|bad| Mistake::new(0, format!("'{text}': {bad}")));
        Ok(match self {
            Want::Text => Argument::Text(text.to_owned()),
            Want::Int => Argument::Int(integer(text).ok_or_else(|| wrong("an integer"))?),
            Want::IntOrVariable => match integer(text) {
                Some(number) => Argument::Int(number),
                None => Argument::Variable(
                    Variable::parse(text).map_err(|_| wrong("an integer or a variable such as txn.name"))?,
                ),
            },
            Want::TextOrVariable => match Variable::parse(text) {
                Ok(variable) => Argument::Variable(variable),
                Err(_) => Argument::Text(text.to_owned()),
            },
            Want::Filled if text.is_empty() => return Err(wrong("a text")),
            Want::Filled => Argument::Text(text.to_owned()),
            Want::Base64OrVariable => match Variable::parse(text) {
                Ok(variable) => Argument::Variable(variable),
                Err(_) if is_base64(text) => Argument::Text(text.to_owned()),
                Err(_) => return Err(wrong("base64 or a variable such as txn.name")),
            },
            Want::Position => match integer(text) {
                Some(number) if number != 0 => Argument::Int(number),
                _ => return Err(wrong("an integer other than 0")),
            },
            Want::Within(least, most) => match integer(text) {
                Some(number) if (least..=most).contains(&number) => Argument::Int(number),
                _ => return Err(wrong(&format!("an integer from {least} to {most}"))),
            },
            Want::Letters(letters) => match text.find(|c| !letters.contains(c)) {
                Some(at) => {
                    let known: Vec<String> = letters.chars().map(|c| format!("'{c}'")).collect();
                    let message = format!("unknown letter in '{text}'");
                    return Err(
                        Mistake::new(at, message).expecting(format!("{} are accepted", known.join(" and ")))
                    );
                }
                None => Argument::Text(text.to_owned()),
            },
            Want::Numbers => match text.split('.').all(|part| digits(part).is_some()) {
                true => Argument::Text(text.to_owned()),
                false => return Err(wrong("numbers with points between them")),
            },
            Want::Word(words) if words.contains(&text) => Argument::Text(text.to_owned()),
            Want::Word(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
                return Err(Mistake::new(0, format!("unknown word '{text}'"))
                    .expecting(format!("{} is accepted", quoted.join(" or "))));
            }
            Want::Ip => Argument::Ip(text.parse().map_err(|_| wrong("an address"))?),
            Want::Ipv4 => {
                let ip: Ipv4Addr = text.parse().map_err(|_| wrong("an IPv4 address"))?;
                Argument::Ip(ip.into())
            }
            Want::Ipv6 => {
                let ip: Ipv6Addr = text.parse().map_err(|_| wrong("an IPv6 address"))?;
                Argument::Ip(ip.into())
            }
            Want::Hexadecimal => {
                Argument::Bytes(bytes(text).ok_or_else(|| wrong("an even number of hexadecimal digits"))?)
            }
            Want::Truth => match text.to_ascii_lowercase().as_str() {
                "true" | "1" => Argument::Truth(true),
                "false" | "0" => Argument::Truth(false),
                _ => return Err(wrong("'true', 'false', '1' or '0'")),
            },
            Want::Size => match integer(text) {
                Some(number) if number >= 0 => Argument::Int(number),
                _ => return Err(wrong("a number of bytes")),
            },
            Want::Offset => {
                let number =
                    integer(text).ok_or_else(|| wrong("a number of bytes, '+' or '-' before it,"))?;
                match text.starts_with(['+', '-']) {
                    true => Argument::Relative(number),
                    false => Argument::Int(number),
                }
            }
            Want::Mask4 => match (digits(text), text.parse()) {
                (Some(bits @ 0..=32), _) => Argument::Bits(bits as u8),
                (None, Ok(mask @ IpAddr::V4(_))) => Argument::Ip(mask),
                _ => return Err(wrong("a mask of IPv4, as an address or a number of bits up to 32,")),
            },
            Want::Mask6 => match (digits(text), text.parse()) {
                (Some(bits @ 0..=128), _) => Argument::Bits(bits as u8),
                (None, Ok(mask @ IpAddr::V6(_))) => Argument::Ip(mask),
                _ => return Err(wrong("a mask of IPv6, as an address or a number of bits up to 128,")),
            },
            Want::Variable => Argument::Variable(Variable::parse(text)?),
            Want::Regex if text.is_empty() => return Err(wrong("a regular expression")),
            Want::Regex => match expression(text, false) {
                Ok(_) => Argument::Regex(text.to_owned()),
                Err(error) => return Err(unsound(text, &error)),
            },
            Want::Frontend | Want::Backend | Want::Table | Want::Userlist => Argument::Name(name()?),
            Want::Server => match text.split_once('/') {
                Some((backend, server)) => {
                    let part = |text: &str| {
                        Name::new(text).map_err(|bad| Mistake::new(0, format!("'{text}': {bad}")))
                    };
                    Argument::Server(Some(part(backend)?), part(server)?)
                }
                None => Argument::Server(None, name()?),
            },
            Want::List if text.is_empty() => return Err(wrong("the name of a file")),
            Want::List => Argument::List(text.to_owned()),
        })
    }
}

/// The mistake of a regular expression that cannot be carried out in linear time, or is none.
pub fn unsound(text: &str, error: &regex::Error) -> Mistake {
    let foreign = ["(?=", "(?!", "(?<=", "(?<!", "(?>"].iter().find_map(|form| text.find(form));
    match foreign {
        Some(at) => Mistake::new(at, "look-around is not supported in regular expressions")
            .expecting("an expression that can be matched in linear time"),
        None => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Mistake::new(0, format!("'{text}' is no regular expression: {reason}"))
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Want::Text => "text",
            Want::Int => "integer",
            Want::IntOrVariable => "integer or variable",
            Want::TextOrVariable => "text or variable",
            Want::Word(words) => return f.write_str(&words.join("|")),
            Want::Ip => "address",
            Want::Ipv4 => "IPv4 address",
            Want::Ipv6 => "IPv6 address",
            Want::Hexadecimal => "hexadecimal",
            Want::Truth => "boolean",
            Want::Size => "bytes",
            Want::Offset => "offset",
            Want::Filled => "text",
            Want::Base64OrVariable => "base64 or variable",
            Want::Position => "position",
            Want::Within(least, most) => return write!(f, "{least}..{most}"),
            Want::Letters(_) => "flags",
            Want::Numbers => "numbers",
            Want::Mask4 => "IPv4 mask",
            Want::Mask6 => "IPv6 mask",
            Want::Variable => "variable",
            Want::Regex => "regex",
            Want::Frontend => "frontend",
            Want::Backend => "backend",
            Want::Server => "[backend/]server",
            Want::Table => "table",
            Want::Userlist => "userlist",
            Want::List => "file",
        })
    }
}

impl fmt::Display for Argument {
    /// As it is written between the parentheses, quoted where that is needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Absent => Ok(()),
            Argument::Text(text) | Argument::Regex(text) | Argument::List(text) => f.write_str(&quoted(text)),
            Argument::Int(number) => write!(f, "{number}"),
            Argument::Ip(ip) => write!(f, "{ip}"),
            Argument::Bits(bits) => write!(f, "{bits}"),
            Argument::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Argument::Truth(truth) => write!(f, "{truth}"),
            Argument::Relative(number) => write!(f, "{number:+}"),
            Argument::Variable(variable) => write!(f, "{variable}"),
            Argument::Name(name) => write!(f, "{name}"),
            Argument::Server(None, server) => write!(f, "{server}"),
            Argument::Server(Some(backend), server) => write!(f, "{backend}/{server}"),
        }
    }
}

/// Cuts what stands between parentheses into arguments. `text` begins right after the opening one; gives the
/// arguments with their offsets, and the offset of the closing one.
pub fn cut(text: &str) -> Result<(Vec<(usize, String)>, usize), Mistake> {
    let mut arguments = Vec::new();
    let mut argument = String::new();
    let mut began = 0;
    let mut quote: Option<(char, usize)> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            ('\\', None | Some(('"', _))) => match chars.peek().copied() {
                Some((_, next)) => match unescaped(next) {
                    Some(meant) => {
                        argument.push(meant);
                        chars.next();
                    }
                    None => argument.push('\\'),
                },
                None => argument.push('\\'),
            },
            ('"' | '\'', None) => quote = Some((c, at)),
            (c, Some((open, _))) if c == open => quote = None,
            (',', None) => {
                arguments.push((began, std::mem::take(&mut argument)));
                began = at + 1;
            }
            (')', None) => {
                arguments.push((began, argument));
                return Ok((arguments, at));
            }
            (c, _) => argument.push(c),
        }
    }
    Err(match quote {
        Some((open, at)) => Mistake::new(at, format!("the quote {open} is not closed")),
        None => Mistake::new(text.len(), "the parenthesis is not closed").expecting("')' is expected here"),
    })
}

/// The character that a backslash and this one stand for; `None` where the backslash stands for itself, as it does
/// before commas and parentheses: only quotes protect those.
fn unescaped(c: char) -> Option<char> {
    match c {
        'r' => Some('\r'),
        'n' => Some('\n'),
        't' => Some('\t'),
        '"' | '\\' | '\'' | ' ' => Some(c),
        _ => None,
    }
}

/// An argument's text so that [`cut`] gives it back: bare where possible.
fn quoted(text: &str) -> String {
    let plain = |c: char| !matches!(c, ',' | '(' | ')' | '"' | '\'' | '\\');
    if text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// The bytes that pairs of hexadecimal digits stand for.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// A decimal integer, whose sign may be written.
fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Digits alone.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Whether a text is base64 with its padding (RFC 4648, 4).
fn is_base64(text: &str) -> bool {
    let bare = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    text.len().is_multiple_of(4)
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// Compiles a regular expression as rules mean it: over bytes, in which a point is any byte but the end of a line.
///
/// # Errors
/// What is wrong with the expression, or that it would be too large.
pub fn expression(text: &str, insensitive: bool) -> Result<regex::bytes::Regex, regex::Error> {
    let build = |unicode| {
        regex::bytes::RegexBuilder::new(text).case_insensitive(insensitive).unicode(unicode).build()
    };
    // Classes of Unicode exist in that mode alone.
    build(false).or_else(|_| build(true))
}
