//! Texts that fit: cut by the width that they have on a screen, numbers and times in few characters, curves.
//!
//! Pure functions; nothing here knows colours or places on the screen.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The signs that a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// Symbols, lines and curves.
    Unicode,
    /// ASCII only, for terminals whose locale is not UTF-8.
    Ascii,
}

impl Signs {
    /// What the locale of the environment allows: the first of `LC_ALL`, `LC_CTYPE` and `LANG` that says something.
    /// Where none does, as in most containers, the terminal is taken for one of today's.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Signs {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()));
        match locale.map(|value| value.to_ascii_lowercase()) {
            Some(value) if !value.contains("utf-8") && !value.contains("utf8") => Signs::Ascii,
            _ => Signs::Unicode,
        }
    }

    /// One sign or the other.
    pub fn pick<T>(self, unicode: T, ascii: T) -> T {
        match self {
            Signs::Unicode => unicode,
            Signs::Ascii => ascii,
        }
    }

    /// A curve of the last `width` points, the newest at the right; its top is the highest of them.
    pub fn curve(self, points: &[u32], width: usize) -> String {
        let levels = self.pick(CURVE_UNICODE, CURVE_ASCII);
        let shown = &points[points.len().saturating_sub(width)..];
        let top = u64::from(shown.iter().copied().max().unwrap_or(0).max(1));
        let steps = u64::try_from(levels.len() - 1).unwrap_or(1);
        let mut curve = " ".repeat(width - shown.len());
        for point in shown {
            // Whatever is not zero shows.
            let level = (u64::from(*point) * steps).div_ceil(top).min(steps);
            curve.push(levels.get(usize::try_from(level).unwrap_or(0)).copied().unwrap_or(' '));
        }
        curve
    }
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A text cut to `room` columns, with a mark where something is missing. Characters are never cut in two.
pub fn cut(text: &str, room: usize, signs: Signs) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mark = signs.pick("…", "~");
    let mut kept = String::new();
    for grapheme in text.graphemes(true) {
        let before = kept.len();
        kept.push_str(grapheme);
        // Together they may take more than each by itself.
        if kept.width() + mark.width() > room {
            kept.truncate(before);
            break;
        }
    }
    if room > 0 {
        kept.push_str(mark);
    }
    kept
}

/// A text that takes exactly `room` columns, at the left.
pub fn left(text: &str, room: usize, signs: Signs) -> String {
    let mut kept = cut(text, room, signs);
    kept.push_str(&" ".repeat(room.saturating_sub(kept.width())));
    kept
}

/// A text that takes exactly `room` columns, at the right.
pub fn right(text: &str, room: usize, signs: Signs) -> String {
    let kept = cut(text, room, signs);
    format!("{}{kept}", " ".repeat(room.saturating_sub(kept.width())))
}

/// Lines of at most `room` columns, broken at blanks where that is possible.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        let mut add = |sign: &str| {
            let before = line.len();
            line.push_str(sign);
            if line.width() > room && before > 0 {
                let beyond = line.split_off(before);
                lines.push(std::mem::replace(&mut line, beyond));
            }
        };
        for grapheme in word.graphemes(true) {
            // Marks may take columns of their own: with enough of them a single sign is wider than a line.
            match grapheme.width() > room {
                true => grapheme.split_inclusive(|_| true).for_each(&mut add),
                false => add(grapheme),
            }
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A text without control characters: what comes from a network must not steer the terminal.
pub fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A number in at most five characters: `9999`, `12.3k`, `4.56M`.
pub fn count(number: f64) -> String {
    let number = number.max(0.0);
    if number < 9999.5 {
        return format!("{number:.0}");
    }
    scaled(number, &["", "k", "M", "G", "T", "P", "E"])
}

/// A rate in at most five characters: `0`, `0.4`, `9.9`, `120`, `12.3k`.
pub fn rate(number: f64) -> String {
    match number {
        number if number < 0.05 => "0".to_owned(),
        number if number < 9.95 => format!("{number:.1}"),
        number => count(number),
    }
}

/// An amount of bytes, with its unit: `0`, `512B`, `12.3k`, `4.56M`.
pub fn bytes(number: f64) -> String {
    match number.max(0.0) {
        number if number < 0.5 => "0".to_owned(),
        number if number < 999.5 => format!("{number:.0}B"),
        number => scaled(number, &["B", "k", "M", "G", "T", "P", "E"]),
    }
}

/// A time in milliseconds: `0ms`, `12ms`, `1.25s`, `62.5s`.
pub fn millis(number: f64) -> String {
    match number.max(0.0) {
        number if number < 999.5 => format!("{number:.0}ms"),
        number if number < 9_995.0 => format!("{:.2}s", number / 1000.0),
        number if number < 999_500.0 => format!("{:.0}s", number / 1000.0),
        number => age((number / 1000.0) as u64),
    }
}

/// An age in seconds by its two largest units: `42s`, `3m05s`, `4h12m`, `3d4h`, `212d`.
pub fn age(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m{:02}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h{minutes:02}m"),
        (days, hours, _) if days < 100 => format!("{days}d{hours}h"),
        (days, ..) => format!("{days}d"),
    }
}

/// Three digits and a unit.
fn scaled(number: f64, units: &[&str]) -> String {
    let mut rest = number;
    let mut unit = 0;
    while rest >= 999.5 && unit + 1 < units.len() {
        rest /= 1000.0;
        unit += 1;
    }
    let digits = match rest {
        rest if unit == 0 || rest >= 99.95 => format!("{rest:.0}"),
        rest if rest >= 9.995 => format!("{rest:.1}"),
        rest => format!("{rest:.2}"),
    };
    format!("{digits}{}", units.get(unit).copied().unwrap_or_default())
}

const CURVE_UNICODE: &[char] = &[' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const CURVE_ASCII: &[char] = &[' ', '.', ':', '-', '=', '+', '*', '#'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_take_few_characters() {
        for (number, said) in [
            (0.0, "0"),
            (9999.4, "9999"),
            (9999.6, "10.0k"),
            (12_345.0, "12.3k"),
            (123_456.0, "123k"),
            (999_600.0, "1.00M"),
            (4_560_000.0, "4.56M"),
            (-3.0, "0"),
        ] {
            assert_eq!(count(number), said);
        }
        let rates: Vec<String> = [0.01, 0.44, 9.94, 9.96, 120.4].into_iter().map(rate).collect();
        assert_eq!(rates, ["0", "0.4", "9.9", "10", "120"]);
        let sizes: Vec<String> = [0.0, 512.0, 999.6, 12_345.0, 4.56e6].into_iter().map(bytes).collect();
        assert_eq!(sizes, ["0", "512B", "1.00k", "12.3k", "4.56M"]);
        let times: Vec<String> = [0.0, 12.0, 1250.0, 62_500.0, 4e6].into_iter().map(millis).collect();
        assert_eq!(times, ["0ms", "12ms", "1.25s", "62s", "1h06m"]);
        let ages: Vec<String> = [42, 185, 15_120, 273_600, 18_316_800].into_iter().map(age).collect();
        assert_eq!(ages, ["42s", "3m05s", "4h12m", "3d4h", "212d"]);
    }

    #[test]
    fn wide_characters_are_never_cut_in_two() {
        assert_eq!(cut("名前の長い", 5, Signs::Unicode), "名前…");
        assert_eq!(cut("名前の長い", 4, Signs::Unicode), "名…");
        assert_eq!(left("名前", 6, Signs::Unicode), "名前  ");
        assert_eq!(cut("backend", 4, Signs::Ascii), "bac~");
        assert_eq!(right("12", 4, Signs::Unicode), "  12");
    }

    #[test]
    fn curves_end_at_the_newest_point() {
        assert_eq!(Signs::Unicode.curve(&[0, 1, 4, 8], 6), "   ▁▄█");
        assert_eq!(Signs::Unicode.curve(&[9, 9, 0, 0], 2), "  ");
        assert_eq!(Signs::Ascii.curve(&[7, 0, 1], 3), "# .");
        assert_eq!(Signs::Unicode.curve(&[1, 1000], 2), "▁█", "whatever is not zero shows");
    }

    #[test]
    fn lines_are_broken_at_blanks() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn the_locale_decides_on_signs() {
        let of = |lang: &'static str, all: &'static str| {
            Signs::of(move |name| match name {
                "LANG" => Some(lang.to_owned()),
                "LC_ALL" => Some(all.to_owned()),
                _ => None,
            })
        };
        assert_eq!(of("en_GB.UTF-8", ""), Signs::Unicode);
        assert_eq!(of("en_GB.UTF-8", "C"), Signs::Ascii);
        assert_eq!(of("C.utf8", ""), Signs::Unicode);
        assert_eq!(Signs::of(|_| None), Signs::Unicode);
    }

    proptest! {
        #[test]
        fn a_cell_has_exactly_its_width(text in "\\PC{0,40}", room in 0usize..30) {
            let cell = left(&tame(&text), room, Signs::Unicode);
            prop_assert_eq!(width(&cell), room, "{:?}", cell);
        }

        #[test]
        fn a_number_has_at_most_five_characters(number in 0.0f64..1e17) {
            prop_assert!(count(number).len() <= 5, "{}", count(number));
            prop_assert!(rate(number).len() <= 5, "{}", rate(number));
            prop_assert!(bytes(number).len() <= 5, "{}", bytes(number));
        }

        #[test]
        fn lines_fit(text in "\\PC{0,80}", room in 2usize..30) {
            for line in wrap(&tame(&text), room) {
                prop_assert!(width(&line) <= room, "{:?}", line);
            }
        }
    }
}
