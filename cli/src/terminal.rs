//! Standard output and standard error, without panics when the reader has left.

use std::io::{IsTerminal, Write};

/// Writes to standard output. A reader that has left (`regate get servers | head -1`) is no error.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes a line to standard output.
pub fn print_line(text: &str) {
    print(&format!("{text}\n"));
}

/// Writes to standard error, in one piece so that lines of several processes do not mix.
pub fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Whether standard error is a terminal that takes colours (`NO_COLOR` switches them off, see no-color.org).
pub fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Columns aligned to their widest cell, two spaces apart; the header is in capitals.
pub fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths: [usize; N] = header.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(header.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

/// A moment in milliseconds since the Unix epoch, as RFC 3339 in UTC; `-` for 0, which means unknown.
pub fn moment(at_ms: u64) -> String {
    if at_ms == 0 {
        return "-".to_owned();
    }
    let seconds = at_ms / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Year, month and day of a day counted from 1970-01-01, by the proleptic Gregorian calendar: whole eras of 400
/// years, with years that begin in March so that a leap day is the last one.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_calendar_dates() {
        assert_eq!(moment(0), "-");
        assert_eq!(moment(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(moment(1_795_305_599_999), "2026-11-21T23:59:59Z");
        assert_eq!(moment(4_107_542_399_000), "2100-02-28T23:59:59Z");
        assert_eq!(moment(4_107_542_400_000), "2100-03-01T00:00:00Z");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["app/s1".to_owned(), "1".to_owned()], ["b/ö".to_owned(), "256".to_owned()]];
        assert_eq!(table(["NAME", "WEIGHT"], &rows), "NAME    WEIGHT\napp/s1  1\nb/ö     256\n");
    }
}
