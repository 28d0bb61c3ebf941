//! One value with its type and tags, in the three notations that statistics share.

use std::borrow::Cow;
use std::fmt::Write;

/// A value of a statistic.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// A small number.
    U32(u32),
    /// A large number.
    U64(u64),
    /// A number that may be negative.
    S32(i32),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(Cow<'a, str>),
}

/// What a statistic is: four letters for origin, nature, scope and persistence (management manual 9.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tags(pub &'static str);

impl<'a> Value<'a> {
    /// Text that is borrowed.
    pub fn text(text: &'a str) -> Value<'a> {
        Value::Text(Cow::Borrowed(text))
    }

    /// The same without what it borrows.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::U32(number) => Value::U32(number),
            Value::U64(number) => Value::U64(number),
            Value::S32(number) => Value::S32(number),
            Value::Float(number) => Value::Float(number),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        }
    }

    /// The word for its type.
    pub fn word(&self) -> &'static str {
        match self {
            Value::U32(_) => "u32",
            Value::U64(_) => "u64",
            Value::S32(_) => "s32",
            Value::Float(_) => "flt",
            Value::Text(_) => "str",
        }
    }

    /// Writes it without dress.
    pub fn plain(&self, out: &mut String) {
        match self {
            Value::U32(number) => push_number(u64::from(*number), out),
            Value::U64(number) => push_number(*number, out),
            Value::S32(number) => {
                if *number < 0 {
                    out.push('-');
                }
                push_number(u64::from(number.unsigned_abs()), out);
            }
            Value::Float(number) => {
                let text = format!("{number:.6}");
                out.push_str(text.trim_end_matches('0').trim_end_matches('.'));
            }
            Value::Text(text) => out.push_str(text),
        }
    }

    /// Writes it for a column of CSV: quoted where a comma or quote makes that necessary.
    pub fn csv(&self, out: &mut String) {
        match self {
            Value::Text(text) if text.bytes().any(|byte| matches!(byte, b',' | b'"')) => {
                out.push('"');
                out.push_str(&text.replace('"', "\"\""));
                out.push('"');
            }
            value => value.plain(out),
        }
    }

    /// Writes `<tags>:<type>:<value>`.
    pub fn typed(&self, tags: Tags, out: &mut String) {
        out.push_str(tags.0);
        out.push(':');
        out.push_str(self.word());
        out.push(':');
        self.plain(out);
    }

    /// Writes the members `field`, `processNum`, `tags` and `value` of a JSON object.
    pub fn json(&self, position: u32, name: &str, tags: Tags, out: &mut String) {
        self.json_with(position, name, "\"processNum\":1,", tags, out);
    }

    /// Writes the same without `processNum`.
    pub fn json_alone(&self, position: u32, name: &str, tags: Tags, out: &mut String) {
        self.json_with(position, name, "", tags, out);
    }

    fn json_with(&self, position: u32, name: &str, process: &str, tags: Tags, out: &mut String) {
        let [origin, nature, scope] = tags.words();
        let _ = write!(
            out,
            "\"field\":{{\"pos\":{position},\"name\":\"{name}\"}},{process}\"tags\":{{\"origin\":\"{origin}\",\
             \"nature\":\"{nature}\",\"scope\":\"{scope}\"}},\"value\":{{\"type\":\"{}\",\"value\":",
            self.word()
        );
        match self {
            Value::Text(text) => quoted(text, out),
            value => value.plain(out),
        }
        out.push('}');
    }
}

impl Tags {
    /// Origin, nature and scope in words.
    fn words(self) -> [&'static str; 3] {
        let mut letters = self.0.bytes();
        let mut word = |known: &[(u8, &'static str)]| {
            let letter = letters.next();
            known.iter().find(|(known, _)| Some(*known) == letter).map_or("Unknown", |(_, word)| word)
        };
        [word(&ORIGINS), word(&NATURES), word(&SCOPES)]
    }
}

/// Writes a number: most of what a listing of thousands of rows is made of.
fn push_number(number: u64, out: &mut String) {
    if number < 10 {
        out.push(char::from(b'0' + number as u8));
        return;
    }
    let (mut digits, mut at, mut rest) = ([b'0'; 20], 20, number);
    while rest > 0 {
        at -= 1;
        digits[at] += (rest % 10) as u8;
        rest /= 10;
    }
    out.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

/// Writes a JSON string.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if u32::from(control) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Where a value comes from.
pub const ORIGINS: [(u8, &str); 5] =
    [(b'M', "Metric"), (b'S', "Status"), (b'K', "Key"), (b'C', "Config"), (b'P', "Product")];
/// What kind of value it is.
pub const NATURES: [(u8, &str); 12] = [
    (b'G', "Gauge"),
    (b'L', "Limit"),
    (b'm', "Min"),
    (b'M', "Max"),
    (b'R', "Rate"),
    (b'C', "Counter"),
    (b'D', "Duration"),
    (b'A', "Age"),
    (b'T', "Time"),
    (b'N', "Name"),
    (b'O', "Output"),
    (b'a', "Avg"),
];
/// What it describes.
pub const SCOPES: [(u8, &str); 4] =
    [(b'C', "Cluster"), (b'P', "Process"), (b'S', "Service"), (b'Y', "System")];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(value: Value<'_>) -> String {
        let mut out = String::new();
        value.plain(&mut out);
        out
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_they_are(
            small in any::<u32>(),
            large in prop_oneof![any::<u64>(), 0u64..1000, Just(u64::MAX)],
            signed in any::<i32>(),
        ) {
            prop_assert_eq!(plain(Value::U32(small)), small.to_string());
            prop_assert_eq!(plain(Value::U64(large)), large.to_string());
            prop_assert_eq!(plain(Value::S32(signed)), signed.to_string());
        }
    }
}
