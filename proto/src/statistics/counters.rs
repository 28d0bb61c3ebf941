//! Counters in a file, with which a process goes on where another one ended: `dump stats-file` writes it, `stats-file`
//! names it (management manual 3.0, 9.3 and "stats-file").
//!
//! A header names the side (`#fe`: frontends and binds, `#be`: backends and servers) and the columns; lines follow,
//! a guid and a number for each column. Only totals of what has a guid stand there. A reader passes over what it does
//! not know: other sides, other columns, guids that nothing has, values that are no numbers.

use std::collections::HashMap;
use std::fmt::Write;

use crate::wire::v1;
use v1::StatisticsKind as Kind;

/// Writes the file: [`begin`](CounterLines::begin), [`row`](CounterLines::row) for each row in any order,
/// [`end`](CounterLines::end).
#[derive(Clone, Debug, Default)]
pub struct CounterLines {
    /// Lines of backends and servers, which stand after all those of the other side.
    back: String,
}

/// What a file says, by guid.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    front: HashMap<String, v1::StatisticsRow>,
    back: HashMap<String, v1::StatisticsRow>,
}

/// A total that is kept.
struct Kept {
    column: &'static str,
    field: fn(&mut v1::StatisticsRow) -> &mut Option<u64>,
    front: bool,
    back: bool,
}

impl CounterLines {
    /// Writes what stands before the first row.
    pub fn begin(&self, out: &mut String) {
        header("#fe", |kept| kept.front, out);
    }

    /// Writes a row, if it has a guid.
    pub fn row(&mut self, row: &v1::StatisticsRow, out: &mut String) {
        let Some(guid) = &row.guid else { return };
        let mut totals = row.clone();
        match row.kind() {
            Kind::Frontend | Kind::Listener => line(guid, &mut totals, |kept| kept.front, out),
            Kind::Backend | Kind::Server => line(guid, &mut totals, |kept| kept.back, &mut self.back),
            Kind::Unspecified => {}
        }
    }

    /// Writes what stands after the last row.
    pub fn end(&mut self, out: &mut String) {
        out.push('\n');
        header("#be", |kept| kept.back, out);
        out.push_str(&std::mem::take(&mut self.back));
    }
}

impl Counters {
    /// Reads a file.
    pub fn read(text: &str) -> Counters {
        let mut counters = Counters::default();
        let mut columns: Option<(bool, Vec<Option<&Kept>>)> = None;
        for line in text.lines() {
            if let Some(header) = line.strip_prefix('#') {
                columns = read_header(header);
                continue;
            }
            let Some((is_front, columns)) = &columns else { continue };
            let mut cells = line.split(',');
            let Some(guid) = cells.next().filter(|guid| !guid.is_empty()) else { continue };
            let side = if *is_front { &mut counters.front } else { &mut counters.back };
            let row = side.entry(guid.to_owned()).or_default();
            for (kept, cell) in columns.iter().zip(cells) {
                if let (Some(kept), Ok(number)) = (kept, cell.parse()) {
                    *(kept.field)(row) = Some(number);
                }
            }
        }
        counters
    }

    /// What a frontend or a bind begins with.
    pub fn front(&self, guid: &str) -> Option<&v1::StatisticsRow> {
        self.front.get(guid)
    }

    /// What a backend or a server begins with.
    pub fn back(&self, guid: &str) -> Option<&v1::StatisticsRow> {
        self.back.get(guid)
    }
}

/// The side that a header is of and its columns, those that are not known left out.
fn read_header(header: &str) -> Option<(bool, Vec<Option<&'static Kept>>)> {
    let (side, columns) = header.split_once(' ')?;
    let of_side: fn(&Kept) -> bool = match side {
        "fe" => |kept| kept.front,
        "be" => |kept| kept.back,
        _ => return None,
    };
    let mut columns = columns.split(',');
    if columns.next() != Some("guid") {
        return None;
    }
    let known = |name: &str| KEPT.iter().find(|kept| kept.column == name && of_side(kept));
    Some((side == "fe", columns.map(known).collect()))
}

fn header(side: &str, of_side: fn(&Kept) -> bool, out: &mut String) {
    out.push_str(side);
    out.push_str(" guid,");
    for kept in KEPT.iter().filter(|kept| of_side(kept)) {
        out.push_str(kept.column);
        out.push(',');
    }
    out.push('\n');
}

fn line(guid: &str, row: &mut v1::StatisticsRow, of_side: fn(&Kept) -> bool, out: &mut String) {
    out.push_str(guid);
    out.push(',');
    for kept in KEPT.iter().filter(|kept| of_side(kept)) {
        if let Some(number) = *(kept.field)(row) {
            // Writing to a string cannot fail.
            let _ = write!(out, "{number}");
        }
        out.push(',');
    }
    out.push('\n');
}

macro_rules! kept {
    ($column:literal, $field:ident, $front:literal, $back:literal) => {
        Kept { column: $column, field: |row| &mut row.$field, front: $front, back: $back }
    };
}

/// The totals, in the order of the columns of `show stat`.
#[rustfmt::skip]
const KEPT: &[Kept] = &[
    kept!("stot", sessions_total, true, true),
    kept!("bin", bytes_in_total, true, true),
    kept!("bout", bytes_out_total, true, true),
    kept!("dreq", requests_denied_total, true, true),
    kept!("dresp", responses_denied_total, true, true),
    kept!("ereq", request_errors_total, true, false),
    kept!("econ", connect_errors_total, false, true),
    kept!("eresp", response_errors_total, false, true),
    kept!("wretr", retries_total, false, true),
    kept!("wredis", redispatches_total, false, true),
    kept!("chkfail", checks_failed_total, false, true),
    kept!("chkdown", went_down_total, false, true),
    kept!("lbtot", picked_total, false, true),
    kept!("hrsp_1xx", responses_1xx_total, true, true),
    kept!("hrsp_2xx", responses_2xx_total, true, true),
    kept!("hrsp_3xx", responses_3xx_total, true, true),
    kept!("hrsp_4xx", responses_4xx_total, true, true),
    kept!("hrsp_5xx", responses_5xx_total, true, true),
    kept!("hrsp_other", responses_other_total, true, true),
    kept!("hanafail", observed_failures_total, false, true),
    kept!("req_tot", requests_total, true, true),
    kept!("cli_abrt", client_aborts_total, false, true),
    kept!("srv_abrt", server_aborts_total, false, true),
    kept!("conn_tot", connections_total, true, false),
    kept!("intercepted", intercepted_total, true, false),
    kept!("dcon", connections_denied_total, true, false),
    kept!("dses", sessions_denied_total, true, false),
    kept!("connect", connects_total, false, true),
    kept!("reuse", reuses_total, false, true),
    kept!("eint", internal_errors_total, true, true),
    kept!("h1sess", sessions_h1_total, true, false),
    kept!("h1req", requests_h1_total, true, false),
    kept!("reqbin", request_bytes_in_total, true, true),
    kept!("reqbout", request_bytes_out_total, true, true),
    kept!("resbin", response_bytes_in_total, true, true),
    kept!("resbout", response_bytes_out_total, true, true),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail that way")]
mod tests {
    use super::*;
    use crate::statistics::columns::{COLUMNS, Line};

    fn dump(rows: Vec<v1::StatisticsRow>) -> String {
        let mut lines = CounterLines::default();
        let mut out = String::new();
        lines.begin(&mut out);
        rows.iter().for_each(|row| lines.row(row, &mut out));
        lines.end(&mut out);
        out
    }

    fn numbered(kind: Kind, guid: &str, of_side: fn(&Kept) -> bool) -> v1::StatisticsRow {
        let mut row = v1::StatisticsRow { guid: Some(guid.to_owned()), ..Default::default() };
        row.set_kind(kind);
        for (number, kept) in (1..).zip(KEPT).filter(|(_, kept)| of_side(kept)) {
            *(kept.field)(&mut row) = Some(number);
        }
        row
    }

    #[test]
    fn what_was_dumped_is_read_again() {
        let back = numbered(Kind::Server, "be:1", |kept| kept.back);
        let front = numbered(Kind::Frontend, "fe", |kept| kept.front);
        let without = v1::StatisticsRow { guid: None, ..back.clone() };
        let text = dump(vec![back.clone(), front.clone(), without]);
        let counters = Counters::read(&text);
        let stripped = |row: v1::StatisticsRow| v1::StatisticsRow { guid: None, kind: 0, ..row };
        assert_eq!(counters.back("be:1"), Some(&stripped(back)));
        assert_eq!(counters.front("fe"), Some(&stripped(front)));
        assert_eq!((counters.front.len(), counters.back.len()), (1, 1));
        assert!(text.starts_with("#fe guid,stot,bin,") && text.contains(",\n\n#be guid,stot,bin,"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let text = "guid-early,1,\n#fe guid,stot,unknown,bin,\n\n// a remark\nfe,1024,7,8,\nfe,abc,,x\nbe,3\n\
                    #inval guid,stot,\nfe,9,\n#be guid,unknown,stot,\nbe,512,1024,\nshort\n,5,\n#be stot,\nbe,4,";
        let counters = Counters::read(text);
        assert_eq!(
            counters.front("fe").map(|row| (row.sessions_total, row.bytes_in_total)),
            Some((Some(1024), Some(8)))
        );
        assert_eq!(counters.back("be").unwrap().sessions_total, Some(1024));
        assert_eq!(counters.back("fe"), None);
        assert_eq!(counters.front("guid-early"), None);
    }

    /// Each stands under the name that `show stat` has for it.
    #[test]
    fn columns_are_those_of_the_statistics() {
        for kept in KEPT {
            let mut row = v1::StatisticsRow::default();
            *(kept.field)(&mut row) = Some(7);
            let column = COLUMNS.iter().find(|column| column.name == kept.column).unwrap();
            let mut shown = String::new();
            (column.value)(&Line { row: &row, counted: false }).unwrap().csv(&mut shown);
            assert_eq!(shown, "7", "{}", kept.column);
            assert_eq!(column.tags.0, "MCPP", "{}", kept.column);
        }
    }
}
