//! ACLs: what a sample is matched against (configuration manual 7.1).

use std::borrow::Cow;
use std::fmt;

use super::patterns::{BadPattern, Matching};
use super::sample::call;
use super::standing::Standing;
use super::{Fetch, Kind, Mistake, Sample, Words, fetches};
use crate::model::{ListName, Name};

/// A named criterion. Several of one name stand for each other: one that matches is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// What conditions call it.
    pub name: Name,
    /// What it tests.
    pub criterion: Criterion,
}

/// A test of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// What is tested.
    pub sample: Sample,
    /// The name that stands for the fetch with a method, such as `path_beg`, where one was written.
    pub keyword: Option<&'static Keyword>,
    /// How it is matched, where that was written.
    pub method: Option<MatchMethod>,
    /// `-i`: whether upper and lower case are the same.
    pub ignore_case: bool,
    /// `-n`: whether host names are refused as addresses.
    pub no_names: bool,
    /// `-M`: whether the files are maps, of which the keys count.
    pub maps: bool,
    /// `-u`: the number under which its patterns are known at run time.
    pub id: Option<u32>,
    /// The names of its lists, of which the files are the contents.
    pub files: Vec<String>,
    /// The patterns that stand in the rule itself. Integers are written as ranges.
    pub patterns: Vec<String>,
    /// The list of these patterns, once it is known where the criterion stands.
    pub own: Standing<ListName>,
}

/// How a value is compared with a pattern (configuration manual 7.1.1 to 7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchMethod {
    /// Whether there is a value at all.
    Found,
    /// Whether it is true.
    Bool,
    /// An integer in a range.
    Int,
    /// An address in a network.
    Ip,
    /// These bytes.
    Bin,
    /// A length in a range.
    Len,
    /// This text.
    Str,
    /// A text with this part.
    Sub,
    /// A regular expression.
    Reg,
    /// A text with this beginning.
    Beg,
    /// A text with this end.
    End,
    /// A path with this part, between slashes.
    Dir,
    /// A host with this part, between points.
    Dom,
}

/// A name for a fetch with a method.
#[derive(Debug)]
pub struct Keyword {
    /// The name.
    pub name: &'static str,
    /// The fetch that it stands for.
    pub fetch: &'static str,
    /// The method that it stands for.
    pub method: MatchMethod,
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Keyword) -> bool {
        self.name == other.name
    }
}

impl Eq for Keyword {}

impl Acl {
    /// Reads what stands after `acl`.
    pub fn parse(words: &mut Words<'_>) -> Result<Acl, Mistake> {
        let word = words.take("a name")?;
        if matches!(word, "or" | "||" | "if" | "unless") || word.starts_with(['!', '{', '}']) {
            return Err(words.wrong(format!("'{word}' cannot be the name of an ACL")));
        }
        let name = Name::new(word).map_err(|bad| words.wrong(format!("'{word}': {bad}")))?;
        Ok(Acl { name, criterion: Criterion::parse(words, false)? })
    }

    /// The words that read as this.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![self.name.to_string()];
        words.extend(self.criterion.words());
        words
    }
}

impl MatchMethod {
    /// Every method, as `-m` spells it.
    pub const ALL: [(MatchMethod, &'static str); 13] = [
        (MatchMethod::Found, "found"),
        (MatchMethod::Bool, "bool"),
        (MatchMethod::Int, "int"),
        (MatchMethod::Ip, "ip"),
        (MatchMethod::Bin, "bin"),
        (MatchMethod::Len, "len"),
        (MatchMethod::Str, "str"),
        (MatchMethod::Sub, "sub"),
        (MatchMethod::Reg, "reg"),
        (MatchMethod::Beg, "beg"),
        (MatchMethod::End, "end"),
        (MatchMethod::Dir, "dir"),
        (MatchMethod::Dom, "dom"),
    ];

    /// The method of this spelling.
    pub fn from_word(word: &str) -> Option<MatchMethod> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(method, _)| *method)
    }

    /// Its spelling.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(method, _)| *method == self).map_or("", |(_, word)| word)
    }

    /// The method for values of a type where none is written.
    pub fn of_kind(kind: Kind) -> MatchMethod {
        match kind {
            Kind::Bool => MatchMethod::Bool,
            Kind::Int => MatchMethod::Int,
            Kind::Ip | Kind::Ipv4 | Kind::Ipv6 => MatchMethod::Ip,
            Kind::Bin => MatchMethod::Bin,
            Kind::Any | Kind::Str | Kind::Method => MatchMethod::Str,
        }
    }

    /// The type that a value must have, or be cast to; `None`: any.
    pub fn input(self) -> Option<Kind> {
        match self {
            MatchMethod::Found => None,
            MatchMethod::Bool => Some(Kind::Bool),
            MatchMethod::Int => Some(Kind::Int),
            MatchMethod::Ip => Some(Kind::Ip),
            MatchMethod::Bin => Some(Kind::Bin),
            _ => Some(Kind::Str),
        }
    }

    /// Whether it looks at patterns.
    pub fn takes_patterns(self) -> bool {
        !matches!(self, MatchMethod::Found | MatchMethod::Bool)
    }
}

impl Criterion {
    /// Reads `path_beg -i /api /static`, up to the end of the words, or to `}` when it is anonymous.
    pub fn parse(words: &mut Words<'_>, anonymous: bool) -> Result<Criterion, Mistake> {
        let text = words.take("a fetch")?;
        let outcome = read_sample(text);
        let (sample, keyword) = words.place(outcome)?;
        let mut criterion = Criterion {
            sample,
            keyword,
            method: None,
            ignore_case: false,
            no_names: false,
            maps: false,
            id: None,
            files: Vec::new(),
            patterns: Vec::new(),
            own: Standing::default(),
        };
        while let Some(flag) = words.peek().filter(|word| word.starts_with('-') && word.len() > 1) {
            words.maybe();
            match flag {
                "--" => break,
                "-i" => criterion.ignore_case = true,
                "-n" => criterion.no_names = true,
                "-M" => criterion.maps = true,
                "-f" => {
                    let file = words.take("the name of a file")?;
                    if file.starts_with(ListName::INLINE) {
                        let text = format!("'{file}' would be the list of patterns that stand in a rule");
                        return Err(words.wrong(text).expecting("the name of a file is expected"));
                    }
                    criterion.files.push(file.to_owned());
                }
                "-m" => {
                    let word = words.take("a method")?;
                    let method = MatchMethod::from_word(word).ok_or_else(|| unknown_method(words, word))?;
                    criterion.method = Some(method);
                }
                "-u" => {
                    let word = words.take("a number")?;
                    let id = word.parse().ok().filter(|id| *id > 0);
                    let wrong = || words.wrong(format!("'{word}' is no number of an ACL"));
                    criterion.id = Some(id.ok_or_else(wrong)?);
                }
                // A negative number is a pattern.
                _ if flag.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {
                    criterion.patterns.push(flag.to_owned());
                    break;
                }
                _ => {
                    return Err(words
                        .wrong(format!("unknown flag '{flag}'"))
                        .expecting("'-i', '-f', '-m', '-M', '-n', '-u' or '--' is accepted"));
                }
            }
        }
        criterion.check(words)?;
        criterion.read_patterns(words, anonymous)?;
        Ok(criterion)
    }

    /// How the value is matched.
    pub fn method(&self) -> MatchMethod {
        self.method
            .or(self.keyword.filter(|_| self.sample.conversions.is_empty()).map(|keyword| keyword.method))
            .unwrap_or_else(|| MatchMethod::of_kind(self.sample.kind()))
    }

    /// How its values are compared with the patterns of its lists.
    pub fn matching(&self) -> Matching {
        Matching { method: self.method(), ignore_case: self.ignore_case }
    }

    /// The name under which its patterns are listed: that of the keyword, or of the fetch where converters follow.
    pub fn label(&self) -> &'static str {
        match self.keyword.filter(|_| self.sample.conversions.is_empty()) {
            Some(keyword) => keyword.name,
            None => self.sample.row.name,
        }
    }

    /// Refuses a method for which the sample has the wrong type.
    fn check(&self, words: &Words<'_>) -> Result<(), Mistake> {
        let kind = self.sample.kind();
        match self.method().input() {
            Some(wanted) if !kind.casts_to(wanted) => {
                let method = self.method().word();
                Err(words.wrong(format!("method '{method}' cannot match a value of type {kind}")))
            }
            _ => Ok(()),
        }
    }

    /// The patterns as the method reads them.
    pub fn texts(&self) -> Vec<Cow<'_, str>> {
        let reads = |text| match self.is_of_versions() {
            true => version_range(text).map_or(Cow::Borrowed(text), Cow::Owned),
            false => Cow::Borrowed(text),
        };
        self.patterns.iter().map(|text| reads(text.as_str())).collect()
    }

    /// Whether its patterns are versions of TLS, such as `3.1`.
    pub fn is_of_versions(&self) -> bool {
        self.sample.fetch() == Fetch::HelloVersion
            && self.sample.conversions.is_empty()
            && self.method() == MatchMethod::Int
    }

    fn read_patterns(&mut self, words: &mut Words<'_>, anonymous: bool) -> Result<(), Mistake> {
        let ranges = matches!(self.method(), MatchMethod::Int | MatchMethod::Len);
        let (matching, versions) = (self.matching(), self.is_of_versions());
        let mut operator = "eq";
        while let Some(word) = words.any() {
            let pattern = match word {
                "}" if anonymous => return Ok(()),
                "eq" | "ge" | "gt" | "le" | "lt" if ranges => {
                    operator = word;
                    continue;
                }
                _ if ranges && operator != "eq" => {
                    let outcome = match version(word).filter(|_| versions) {
                        Some(number) => Ok(folded_version(operator, number)),
                        None => folded(operator, word),
                    };
                    words.place(outcome)?
                }
                _ => word.to_owned(),
            };
            let sound = match versions {
                true => version_range(&pattern).map(drop).ok_or_else(|| {
                    Mistake::new(0, format!("'{word}' is no version")).expecting(
                        "a version such as '3.1' is expected, or a range of them such as '3.0:3.2'",
                    )
                }),
                false => matching.check(pattern.as_bytes()).map_err(|bad| unsuitable(&bad)),
            };
            words.place(sound)?;
            self.patterns.push(pattern);
        }
        match anonymous {
            true => Err(words.wrong("the condition is not closed").expecting("'}' is expected")),
            false => Ok(()),
        }
    }
}

impl Criterion {
    /// The words that read as this.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![match self.keyword {
            Some(keyword) => Named(&self.sample, keyword.name).to_string(),
            None => self.sample.to_string(),
        }];
        let mut push = |word: &str| words.push(word.to_owned());
        for (flag, set) in [("-i", self.ignore_case), ("-n", self.no_names), ("-M", self.maps)] {
            if set {
                push(flag);
            }
        }
        if let Some(method) = self.method {
            push("-m");
            push(method.word());
        }
        if let Some(id) = self.id {
            push("-u");
            push(&id.to_string());
        }
        for file in &self.files {
            push("-f");
            push(file);
        }
        if self.patterns.first().is_some_and(|first| first.starts_with('-')) {
            push("--");
        }
        self.patterns.iter().for_each(|pattern| push(pattern));
        words
    }
}

/// A sample under another name of its fetch.
struct Named<'a>(&'a Sample, &'a str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_as(self.1, f)
    }
}

/// Reads a sample whose fetch may be a keyword of ACLs.
pub(crate) fn read_sample(text: &str) -> Result<(Sample, Option<&'static Keyword>), Mistake> {
    let (name, arguments, mut at) = call(text, 0)?;
    match KEYWORDS.iter().find(|keyword| keyword.name == name) {
        None => Ok((Sample::parse(text)?, None)),
        Some(keyword) => {
            let row = fetches::find(keyword.fetch).ok_or_else(|| fetches::unknown(keyword.fetch))?;
            let arguments = row.signature.read(name, &arguments, 0)?;
            Ok((Sample::with(row, arguments, text, &mut at)?, Some(keyword)))
        }
    }
}

/// A pattern that the method cannot be given, and what it takes.
fn unsuitable(bad: &BadPattern) -> Mistake {
    let help = match bad {
        BadPattern::Address(_) => {
            "an address is expected, or a network such as 10.0.0.0/8; names of hosts are not looked up"
        }
        BadPattern::Number(_) => {
            "a number, a range such as '5:10', or 'ge', 'gt', 'le' or 'lt' before a number is expected"
        }
        BadPattern::Range(_) => {
            "a range from a lower number to a higher one is expected, such as '5:10', '5:' or ':10'"
        }
        BadPattern::OddDigits | BadPattern::Digit(_) => "bytes are written with two hexadecimal digits each",
        _ => return Mistake::new(0, bad.to_string()),
    };
    Mistake::new(0, bad.to_string()).expecting(help)
}

/// The number that stands for a version: `3.1`, or `3` for 3.0.
fn version(text: &str) -> Option<u32> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let part =
        |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    Some(u32::from(part(major)?) << 16 | u32::from(part(minor)?))
}

/// A version or a range of them as numbers.
fn version_range(text: &str) -> Option<String> {
    let end = |text: &str| match text {
        "" => Some(String::new()),
        text => version(text).map(|number| number.to_string()),
    };
    match text.split_once(':') {
        Some(("", "")) => None,
        Some((low, high)) => Some(format!("{}:{}", end(low)?, end(high)?)),
        None => version(text).map(|number| number.to_string()),
    }
}

/// `ge 3.1` as the range that it stands for.
fn folded_version(operator: &str, number: u32) -> String {
    let spelled = |number: u32| format!("{}.{}", number >> 16, number & 0xffff);
    match operator {
        "ge" => format!("{}:", spelled(number)),
        "le" => format!(":{}", spelled(number)),
        "gt" => format!("{}:", spelled(number.saturating_add(1))),
        _ => format!(":{}", spelled(number.saturating_sub(1))),
    }
}

/// `ge 5` as the range that it stands for.
fn folded(operator: &str, word: &str) -> Result<String, Mistake> {
    if word.contains(':') {
        return Err(Mistake::new(0, format!("'{word}' is a range"))
            .expecting(format!("a number is expected after '{operator}'")));
    }
    let beside = |offset: i64| {
        let number: i64 = word.parse().map_err(|_| Mistake::new(0, format!("'{word}' is no integer")))?;
        Ok(number.saturating_add(offset))
    };
    Ok(match operator {
        "ge" => format!("{word}:"),
        "le" => format!(":{word}"),
        "gt" => format!("{}:", beside(1)?),
        _ => format!(":{}", beside(-1)?),
    })
}

fn unknown_method(words: &Words<'_>, word: &str) -> Mistake {
    let known: Vec<String> = MatchMethod::ALL.iter().map(|(_, word)| format!("'{word}'")).collect();
    words.wrong(format!("unknown method '{word}'")).expecting(format!("{} is accepted", known.join(", ")))
}

const fn keyword(name: &'static str, fetch: &'static str, method: MatchMethod) -> Keyword {
    Keyword { name, fetch, method }
}

/// A fetch with each method for texts, under its own name and with endings.
macro_rules! keywords {
    ($($name:literal => $fetch:literal),*; $($alone:literal => $other:literal $method:ident),*) => {
        &[$(
            keyword($name, $fetch, MatchMethod::Str),
            keyword(concat!($name, "_beg"), $fetch, MatchMethod::Beg),
            keyword(concat!($name, "_dir"), $fetch, MatchMethod::Dir),
            keyword(concat!($name, "_dom"), $fetch, MatchMethod::Dom),
            keyword(concat!($name, "_end"), $fetch, MatchMethod::End),
            keyword(concat!($name, "_len"), $fetch, MatchMethod::Len),
            keyword(concat!($name, "_reg"), $fetch, MatchMethod::Reg),
            keyword(concat!($name, "_sub"), $fetch, MatchMethod::Sub),
        )* $(
            keyword($alone, $other, MatchMethod::$method),
        )*]
    };
}

/// The names that stand for a fetch with a method, in ACLs alone.
pub const KEYWORDS: &[Keyword] = keywords![
    "base" => "base",
    "cook" => "req.cook",
    "hdr" => "req.hdr",
    "path" => "path",
    "scook" => "res.cook",
    "shdr" => "res.hdr",
    "url" => "url",
    "urlp" => "urlp";
    "http_auth_group" => "http_auth_group" Str,
    "method" => "method" Str,
    "payload" => "req.payload" Bin,
    "payload_lv" => "req.payload_lv" Bin,
    "req.ssl_ver" => "req.ssl_ver" Int,
    "req_rdp_cookie" => "req.rdp_cookie" Str,
    "req_rdp_cookie_cnt" => "req.rdp_cookie_cnt" Int,
    "req_ssl_sni" => "req.ssl_sni" Str,
    "req_ssl_ver" => "req.ssl_ver" Int,
    "req_ver" => "req.ver" Str,
    "resp_ver" => "res.ver" Str
];

#[cfg(test)]
#[path = "acl_tests.rs"]
mod tests;
