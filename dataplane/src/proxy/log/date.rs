//! Dates as lines show them, in local time, each rendered once for the second it stands for.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// A moment by the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Seconds since the Unix epoch.
    pub(super) seconds: i64,
    /// The rest, below a million.
    pub(super) micros: u32,
}

/// The dates last shown.
#[derive(Debug)]
pub(super) struct Dates {
    zone: TimeZone,
    /// The minute for which the offset was looked up.
    minute: i64,
    offset: Offset,
    field: Shown<20>,
    utc_field: Shown<20>,
    header: Shown<15>,
    iso: Shown<19>,
}

/// A date as text, with the second and offset it stands for.
#[derive(Debug)]
struct Shown<const LENGTH: usize> {
    key: (i64, i32),
    text: [u8; LENGTH],
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Moment {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { seconds: since.as_secs() as i64, micros: since.subsec_micros() }
    }
}

impl Moment {
    /// The milliseconds of its second.
    pub(super) fn millis(self) -> u32 {
        self.micros / 1000
    }
}

impl Dates {
    /// In the zone that the environment names (`TZ`), or else the system's.
    pub(super) fn new() -> Dates {
        Dates::in_zone(TimeZone::system())
    }

    pub(super) fn in_zone(zone: TimeZone) -> Dates {
        Dates {
            zone,
            minute: i64::MIN,
            offset: Offset::UTC,
            field: Shown::NONE,
            utc_field: Shown::NONE,
            header: Shown::NONE,
            iso: Shown::NONE,
        }
    }

    /// `22/Nov/2026:14:03:01` in local time.
    pub(super) fn field(&mut self, at: Moment) -> &[u8; 20] {
        let offset = self.offset(at);
        self.field.show(at, offset, render_field)
    }

    /// `22/Nov/2026:14:03:01` in UTC.
    pub(super) fn utc_field(&mut self, at: Moment) -> &[u8; 20] {
        self.utc_field.show(at, Offset::UTC, render_field)
    }

    /// `Nov  2 14:03:01` in local time (RFC 3164 section 4.1.2).
    pub(super) fn header(&mut self, at: Moment) -> &[u8; 15] {
        let offset = self.offset(at);
        self.header.show(at, offset, |date, text| {
            text.copy_from_slice(b"Nov  2 00:00:00");
            text[..3].copy_from_slice(month(date));
            let [tens, ones] = two(date.day());
            text[4] = if tens == b'0' { b' ' } else { tens };
            text[5] = ones;
            render_time(date, &mut text[7..]);
        })
    }

    /// `2026-11-22T14:03:01` in local time, and the minutes that local time is ahead of UTC (RFC 5424 section 6.2.3).
    pub(super) fn iso(&mut self, at: Moment) -> (&[u8; 19], i32) {
        let offset = self.offset(at);
        let text = self.iso.show(at, offset, |date, text| {
            text.copy_from_slice(b"2026-11-22T00:00:00");
            text[..4].copy_from_slice(&four(date.year()));
            text[5..7].copy_from_slice(&two(date.month()));
            text[8..10].copy_from_slice(&two(date.day()));
            render_time(date, &mut text[11..]);
        });
        (text, offset.seconds() / 60)
    }

    fn offset(&mut self, at: Moment) -> Offset {
        let minute = at.seconds.div_euclid(60);
        if minute != self.minute {
            let stamp = Timestamp::from_second(at.seconds).unwrap_or_default();
            self.offset = self.zone.to_offset(stamp);
            self.minute = minute;
        }
        self.offset
    }
}

impl<const LENGTH: usize> Shown<LENGTH> {
    const NONE: Shown<LENGTH> = Shown { key: (i64::MIN, 0), text: [0; LENGTH] };

    fn show(
        &mut self,
        at: Moment,
        offset: Offset,
        render: impl FnOnce(&DateTime, &mut [u8; LENGTH]),
    ) -> &[u8; LENGTH] {
        let key = (at.seconds, offset.seconds());
        if self.key != key {
            let stamp = Timestamp::from_second(at.seconds).unwrap_or_default();
            render(&offset.to_datetime(stamp), &mut self.text);
            self.key = key;
        }
        &self.text
    }
}

fn render_field(date: &DateTime, text: &mut [u8; 20]) {
    text.copy_from_slice(b"22/Nov/2026:00:00:00");
    text[..2].copy_from_slice(&two(date.day()));
    text[3..6].copy_from_slice(month(date));
    text[7..11].copy_from_slice(&four(date.year()));
    render_time(date, &mut text[12..]);
}

fn render_time(date: &DateTime, text: &mut [u8]) {
    text[..2].copy_from_slice(&two(date.hour()));
    text[3..5].copy_from_slice(&two(date.minute()));
    text[6..8].copy_from_slice(&two(date.second()));
}

fn month(date: &DateTime) -> &'static [u8; 3] {
    MONTHS.get(usize::from(date.month().unsigned_abs()).wrapping_sub(1)).copied().unwrap_or(b"Jan")
}

fn two(number: i8) -> [u8; 2] {
    let number = number.unsigned_abs() % 100;
    [b'0' + number / 10, b'0' + number % 10]
}

fn four(number: i16) -> [u8; 4] {
    let number = number.unsigned_abs() % 10_000;
    let digit = |unit: u16| b'0' + (number / unit % 10) as u8;
    [digit(1000), digit(100), digit(10), digit(1)]
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    fn shown(zone: &str, seconds: i64) -> [String; 4] {
        let mut dates = Dates::in_zone(TimeZone::get(zone).unwrap());
        let at = Moment { seconds, micros: 0 };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let field = text(dates.field(at));
        let utc = text(dates.utc_field(at));
        let header = text(dates.header(at));
        let (iso, minutes) = dates.iso(at);
        [field, utc, header, format!("{}{minutes:+}", text(iso))]
    }

    #[test]
    fn dates_are_local_but_for_the_common_log_format() {
        assert_eq!(
            shown("Asia/Kolkata", 1_795_356_187),
            ["22/Nov/2026:19:33:07", "22/Nov/2026:14:03:07", "Nov 22 19:33:07", "2026-11-22T19:33:07+330"]
        );
        assert_eq!(
            shown("America/New_York", 1_793_590_000),
            ["01/Nov/2026:22:26:40", "02/Nov/2026:03:26:40", "Nov  1 22:26:40", "2026-11-01T22:26:40-300"]
        );
    }

    #[test]
    fn an_offset_changes_between_minutes_and_a_second_is_shown_anew() {
        let mut dates = Dates::in_zone(TimeZone::get("Europe/Berlin").unwrap());
        let mut show =
            |seconds| String::from_utf8(dates.field(Moment { seconds, micros: 0 }).to_vec()).unwrap();
        assert_eq!(show(1_774_745_999), "29/Mar/2026:01:59:59");
        assert_eq!(show(1_774_746_000), "29/Mar/2026:03:00:00");
        assert_eq!(show(1_774_745_998), "29/Mar/2026:01:59:58");
    }
}
