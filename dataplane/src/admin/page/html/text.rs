//! Texts and numbers of the page. Pure.

/// Text that is safe in elements and in quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// A number: whole as long as it is short, else three digits of it and how many times a thousand.
pub(super) fn count(number: u64) -> String {
    if number >= 1_000_000 {
        let (figure, unit) = scaled(number as f64, 1000.0, &["", "k", "M", "G", "T", "P"]);
        return format!("{figure}\u{a0}{unit}");
    }
    let digits = number.to_string();
    match digits.len() {
        0..=4 => digits,
        length => format!("{}\u{202f}{}", &digits[..length - 3], &digits[length - 3..]),
    }
}

/// Bytes.
pub(super) fn bytes(number: u64) -> String {
    let (figure, unit) = scaled(number as f64, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB"]);
    format!("{figure}\u{a0}{unit}")
}

/// Bytes a second as bits a second: the figure and its unit.
pub(super) fn bits(rate: u64) -> (String, &'static str) {
    scaled(rate as f64 * 8.0, 1000.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
}

/// Seconds, in the two largest units that they fill.
pub(super) fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

fn scaled(number: f64, step: f64, units: &[&'static str]) -> (String, &'static str) {
    let mut units = units.iter();
    let (mut number, mut unit) = (number, units.next().copied().unwrap_or_default());
    for larger in units {
        if number < step {
            break;
        }
        number /= step;
        unit = larger;
    }
    let digits = if number >= 100.0 || number.fract() == 0.0 { 0 } else { 1 };
    (format!("{number:.digits$}"), unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_its_place() {
        assert_eq!(escaped("<a b='c' d=\"e\">&\n"), "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;\u{fffd}");
    }

    #[test]
    fn numbers_are_short() {
        let counts = [0, 9999, 12345, 999_999, 1_000_000, 1_234_567, u64::MAX].map(count);
        assert_eq!(
            counts.map(|text| text.replace(['\u{a0}', '\u{202f}'], " ")),
            ["0", "9999", "12 345", "999 999", "1 M", "1.2 M", "18447 P"]
        );
        assert_eq!(
            [0, 999, 1500, 2_000_000].map(bytes),
            ["0 B", "999 B", "1.5 kB", "2 MB"].map(|text| text.replace(' ', "\u{a0}"))
        );
        assert_eq!(bits(125_000), ("1".to_owned(), "Mbit/s"));
        assert_eq!([5, 65, 3700, 90_000].map(span), ["5 s", "1 min 5 s", "1 h 1 min", "1 d 1 h"]);
    }
}
