//! Converters of times (configuration manual 7.3.1 "ltime", "utime", "http_date", "date").
//!
//! Formats are those of strftime(3) in the C locale. Years may be far beyond those of calendars.

use std::io::Write;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use regate_proto::rules::converters::Unit;

/// A moment as a calendar and a clock show it.
struct Moment {
    /// Seconds since the epoch.
    stamp: i64,
    nanoseconds: i64,
    year: i64,
    /// From 1.
    month: usize,
    /// From 1.
    day: i64,
    /// From Sunday, which is 0.
    weekday: usize,
    /// From 0.
    yearday: i64,
    hour: i64,
    minute: i64,
    second: i64,
    /// Of the time zone, in seconds.
    offset: i64,
    zone: String,
}

impl Moment {
    /// The moment that a count of units since the epoch means, in UTC or in the zone of the process.
    fn new(count: i64, unit: Unit, local: bool) -> Moment {
        let per_second = match unit {
            Unit::Seconds => 1,
            Unit::Milliseconds => 1000,
            Unit::Microseconds => 1_000_000,
        };
        let stamp = (count / per_second) & MOST;
        let nanoseconds = count % per_second * (1_000_000_000 / per_second);
        let (offset, zone) = match local {
            false => (0, "GMT".to_owned()),
            true => {
                let stamp = Timestamp::from_second(stamp).unwrap_or(Timestamp::MAX);
                let info = ZONE.to_offset_info(stamp);
                (i64::from(info.offset().seconds()), info.abbreviation().to_owned())
            }
        };
        let shown = stamp + offset;
        let days = shown.div_euclid(DAY);
        let second = shown.rem_euclid(DAY);
        let (year, month, day) = date(days);
        Moment {
            stamp,
            nanoseconds,
            year,
            month,
            day,
            weekday: (days + 4).rem_euclid(7) as usize,
            yearday: days - days_before(year),
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            offset,
            zone,
        }
    }

    /// The year to which the week belongs, and the number of the week (ISO 8601).
    fn week(&self) -> (i64, i64) {
        let weekday = (self.weekday as i64 + 6) % 7;
        let thursday = self.yearday - weekday + 3;
        let length = |year| days_before(year + 1) - days_before(year);
        match thursday {
            before if before < 0 => (self.year - 1, (before + length(self.year - 1)) / 7 + 1),
            after if after >= length(self.year) => (self.year + 1, 1),
            within => (self.year, within / 7 + 1),
        }
    }
}

/// A time by a format of strftime(3). Units below a second also know `%N`, with the number of digits before it.
pub(super) fn formatted(count: i64, unit: Unit, local: bool, format: &str) -> Vec<u8> {
    let moment = Moment::new(count, unit, local);
    let mut out = Vec::with_capacity(format.len() * 2);
    write(&moment, format.as_bytes(), unit != Unit::Seconds, &mut out);
    out
}

/// A time for a header of HTTP (RFC 9110, 5.6.7), with what is below a second where the unit is.
pub(super) fn http_date(count: i64, unit: Unit) -> Vec<u8> {
    let moment = Moment::new(count, unit, false);
    let mut out = Vec::with_capacity(40);
    write(&moment, b"%a, %d %b %Y %H:%M:%S", false, &mut out);
    // Writing to a vector does not fail.
    let _ = match unit {
        Unit::Seconds => Ok(()),
        Unit::Milliseconds => write!(out, ".{:03}", moment.nanoseconds / 1_000_000),
        Unit::Microseconds => write!(out, ".{:06}", moment.nanoseconds / 1000),
    };
    out.extend_from_slice(b" GMT");
    out
}

/// The seconds since the epoch of a date of HTTP in any of its three forms (RFC 9110, 5.6.7).
pub(super) fn parsed(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, clock) = match words.as_slice() {
        [_, day, month, year, clock, "GMT"] => (day, month, year, clock),
        [_, month, day, clock, year] => (day, month, year, clock),
        _ => return None,
    };
    let month = MONTHS.iter().position(|known| known.get(..3) == Some(*month))? + 1;
    let digits = |text: &str, most: i64| -> Option<i64> {
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())??;
        Some(number).filter(|number| *number <= most)
    };
    let year = match (digits(year, 9999)?, year.len()) {
        (year, 4) => year,
        (year, 2) if year < 70 => year + 2000,
        (year, 2) => year + 1900,
        _ => return None,
    };
    let mut clock = clock.split(':');
    let (hour, minute, second) =
        (digits(clock.next()?, 23)?, digits(clock.next()?, 59)?, digits(clock.next()?, 60)?);
    let day = digits(day, 31).filter(|day| *day > 0 && clock.next().is_none())?;
    let days = days_of(year, month, day);
    (date(days) == (year, month, day)).then_some(days * DAY + hour * 3600 + minute * 60 + second)
}

/// How a number or a name is padded and spelled.
#[derive(Clone, Copy, Default)]
struct Style {
    pad: Option<u8>,
    upper: bool,
    swap: bool,
    width: usize,
}

fn write(moment: &Moment, format: &[u8], fractions: bool, out: &mut Vec<u8>) {
    let mut rest = format;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let mut style = Style::default();
        loop {
            match rest.first() {
                Some(flag @ (b'_' | b'-' | b'0')) => style.pad = Some(*flag),
                Some(b'^') => style.upper = true,
                Some(b'#') => style.swap = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        while let [digit @ b'0'..=b'9', tail @ ..] = rest {
            style.width = (style.width * 10 + usize::from(digit - b'0')).min(1024);
            rest = tail;
        }
        if let [b'E' | b'O', tail @ ..] = rest {
            rest = tail;
        }
        let letter = rest.first().copied();
        rest = rest.get(1..).unwrap_or_default();
        if fractions && letter == Some(b'N') {
            let digits = match style.width {
                1..=9 => style.width,
                _ => 9,
            };
            let all = format!("{:09}", moment.nanoseconds);
            out.extend_from_slice(all.get(..digits).unwrap_or(&all).as_bytes());
        } else if !letter.is_some_and(|letter| one(moment, letter, style, out)) {
            // What is no conversion stands as it was written.
            let written = tail.len() - rest.len();
            out.push(b'%');
            out.extend_from_slice(&tail[..written]);
        }
    }
}

/// Writes one conversion; false where there is none of this letter.
fn one(moment: &Moment, letter: u8, style: Style, out: &mut Vec<u8>) -> bool {
    let twelve = (moment.hour + 11) % 12 + 1;
    let half = if moment.hour < 12 { "AM" } else { "PM" };
    let weekday = WEEKDAYS[moment.weekday];
    let month = MONTHS[moment.month - 1];
    let sunday = (moment.yearday + 7 - moment.weekday as i64) / 7;
    let monday = (moment.yearday + 7 - (moment.weekday as i64 + 6) % 7) / 7;
    let mut number = |number: i64, width: usize, pad: u8| padded(number, width, pad, style, out);
    match letter {
        b'C' => number(moment.year.div_euclid(100), 2, b'0'),
        b'd' => number(moment.day, 2, b'0'),
        b'e' => number(moment.day, 2, b'_'),
        b'G' => number(moment.week().0, 1, b'0'),
        b'g' => number(moment.week().0.rem_euclid(100), 2, b'0'),
        b'H' => number(moment.hour, 2, b'0'),
        b'I' => number(twelve, 2, b'0'),
        b'j' => number(moment.yearday + 1, 3, b'0'),
        b'k' => number(moment.hour, 2, b'_'),
        b'l' => number(twelve, 2, b'_'),
        b'M' => number(moment.minute, 2, b'0'),
        b'm' => number(moment.month as i64, 2, b'0'),
        b'S' => number(moment.second, 2, b'0'),
        b's' => number(moment.stamp, 1, b'0'),
        b'U' => number(sunday, 2, b'0'),
        b'u' => number((moment.weekday as i64 + 6) % 7 + 1, 1, b'0'),
        b'V' => number(moment.week().1, 2, b'0'),
        b'W' => number(monday, 2, b'0'),
        b'w' => number(moment.weekday as i64, 1, b'0'),
        b'Y' => number(moment.year, 1, b'0'),
        b'y' => number(moment.year.rem_euclid(100), 2, b'0'),
        b'a' => named(weekday.get(..3).unwrap_or(weekday), style, out),
        b'A' => named(weekday, style, out),
        b'b' | b'h' => named(month.get(..3).unwrap_or(month), style, out),
        b'B' => named(month, style, out),
        b'P' => named(&half.to_ascii_lowercase(), style, out),
        b'p' => named(half, style, out),
        b'Z' => named(&moment.zone, style, out),
        b'z' => {
            let sign = if moment.offset < 0 { '-' } else { '+' };
            let minutes = moment.offset.abs() / 60;
            named(&format!("{sign}{:02}{:02}", minutes / 60, minutes % 60), style, out);
        }
        b'n' => named("\n", style, out),
        b't' => named("\t", style, out),
        b'%' => named("%", style, out),
        letter => {
            let Some((_, format)) = COMPOSED.iter().find(|(known, _)| *known == letter) else { return false };
            let mut whole = Vec::new();
            write(moment, format.as_bytes(), false, &mut whole);
            named(&String::from_utf8_lossy(&whole), style, out);
        }
    }
    true
}

fn padded(number: i64, width: usize, pad: u8, style: Style, out: &mut Vec<u8>) {
    let pad = style.pad.unwrap_or(pad);
    let width = if style.width > 0 { style.width } else { width };
    // Writing to a vector does not fail.
    let _ = match pad {
        b'-' => write!(out, "{number}"),
        b'_' => write!(out, "{number:width$}"),
        _ => write!(out, "{number:0width$}"),
    };
}

fn named(name: &str, style: Style, out: &mut Vec<u8>) {
    let fill = if style.pad == Some(b'0') { b'0' } else { b' ' };
    out.extend(std::iter::repeat_n(fill, style.width.saturating_sub(name.len())));
    let lower = style.swap && name.bytes().all(|byte| !byte.is_ascii_lowercase());
    out.extend(name.bytes().map(|byte| match byte {
        byte if lower => byte.to_ascii_lowercase(),
        byte if style.upper || style.swap => byte.to_ascii_uppercase(),
        byte => byte,
    }));
}

/// Year, month and day of a count of days since the epoch, in the Gregorian calendar.
fn date(days: i64) -> (i64, usize, i64) {
    // Years begin in March here, so that the day that is there every fourth year is the last.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day = shifted.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let yearday = day - (365 * year + year / 4 - year / 100);
    let month = (5 * yearday + 2) / 153;
    let civil = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(civil <= 2), civil as usize, yearday - (153 * month + 2) / 5 + 1)
}

/// The days from the epoch to a date.
fn days_of(year: i64, month: usize, day: i64) -> i64 {
    let month = month as i64;
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let yearday = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + yearday - 719_468
}

/// The days from the epoch to the first of January.
fn days_before(year: i64) -> i64 {
    days_of(year, 1, 1)
}

/// The zone of the process: `TZ`, or the system's.
static ZONE: LazyLock<TimeZone> = LazyLock::new(|| {
    let zone = TimeZone::system();
    // Without a zone that is known, the time is that of UTC, as libraries of C have it.
    if zone.is_unknown() { TimeZone::fixed(Offset::UTC) } else { zone }
});

/// Times count in 55 bits, as HAProxy's do.
const MOST: i64 = (1 << 55) - 1;
const DAY: i64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Conversions that stand for several.
const COMPOSED: [(u8, &str); 8] = [
    (b'c', "%a %b %e %H:%M:%S %Y"),
    (b'D', "%m/%d/%y"),
    (b'F', "%Y-%m-%d"),
    (b'R', "%H:%M"),
    (b'r', "%I:%M:%S %p"),
    (b'T', "%H:%M:%S"),
    (b'x', "%m/%d/%y"),
    (b'X', "%H:%M:%S"),
];
