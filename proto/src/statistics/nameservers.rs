//! Counters of name servers in the notations of `show stat domain resolvers` (management manual 9.3).

use std::fmt::Write;

use crate::wire::v1::NameserverStatistics;

use super::rows::Form;
use super::value::{Tags, Value};

/// Writes rows of name servers: [`begin`](Nameservers::begin), [`row`](Nameservers::row) for each,
/// [`end`](Nameservers::end).
#[derive(Clone, Debug)]
pub struct Nameservers {
    form: Form,
    described: bool,
    begun: bool,
}

impl Nameservers {
    /// In this notation; `described` says of each typed value what it is.
    pub fn new(form: Form, described: bool) -> Nameservers {
        Nameservers { form, described, begun: false }
    }

    /// Writes what stands before the first row.
    pub fn begin(&self, out: &mut String) {
        match self.form {
            Form::Csv => {
                out.push_str("# ");
                for column in COLUMNS {
                    out.push_str(column.name);
                    out.push(',');
                }
                out.push('\n');
            }
            Form::Typed => {}
            Form::Json => out.push('['),
        }
    }

    /// Writes a row. Resolvers without a name server have one with an empty name, which is left out.
    pub fn row(&mut self, row: &NameserverStatistics, out: &mut String) {
        if row.nameserver.is_empty() {
            return;
        }
        match self.form {
            Form::Csv => {
                for column in COLUMNS {
                    (column.value)(row).csv(out);
                    out.push(',');
                }
                out.push('\n');
            }
            Form::Typed => {
                for (position, column) in COLUMNS.iter().enumerate() {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "N.{position}.{}:", column.name);
                    (column.value)(row).typed(column.tags, out);
                    if self.described {
                        let _ = write!(out, ":\"{}\"", column.about);
                    }
                    out.push('\n');
                }
            }
            Form::Json => {
                out.push_str(if self.begun { ",[" } else { "[" });
                for (position, column) in (0..).zip(COLUMNS) {
                    out.push_str(if position == 0 { "{" } else { ",{" });
                    (column.value)(row).json_alone(position, column.name, column.tags, out);
                    out.push('}');
                }
                out.push(']');
            }
        }
        self.begun = true;
    }

    /// Writes what stands after the last row.
    pub fn end(&self, out: &mut String) {
        if self.form == Form::Json {
            out.push_str("]\n");
        }
    }
}

struct Column {
    name: &'static str,
    tags: Tags,
    value: for<'a> fn(&'a NameserverStatistics) -> Value<'a>,
    about: &'static str,
}

#[rustfmt::skip]
static COLUMNS: &[Column] = &[
    Column { name: "id", tags: Tags("CGPV"), value: |row| Value::text(&row.nameserver), about: "Name of the name server" },
    Column { name: "pid", tags: Tags("CGPV"), value: |row| Value::text(&row.resolvers), about: "Name of its resolvers" },
    Column { name: "sent", tags: Tags("MGPV"), value: |row| Value::U64(row.sent_total), about: "Queries sent" },
    Column { name: "send_error", tags: Tags("MGPV"), value: |row| Value::U64(row.send_errors_total), about: "Queries that could not be sent" },
    Column { name: "valid", tags: Tags("MGPV"), value: |row| Value::U64(row.valid_total), about: "Valid answers" },
    Column { name: "update", tags: Tags("MGPV"), value: |row| Value::U64(row.updates_total), about: "Answers that gave a server another address" },
    Column { name: "cname", tags: Tags("MGPV"), value: |row| Value::U64(row.cnames_total), about: "Answers that lead to another name alone" },
    Column { name: "cname_error", tags: Tags("MGPV"), value: |row| Value::U64(row.cname_errors_total), about: "Answers with a broken chain of names" },
    Column { name: "any_err", tags: Tags("MGPV"), value: |row| Value::U64(row.empty_total), about: "Answers without a record of the wanted kind" },
    Column { name: "nx", tags: Tags("MGPV"), value: |row| Value::U64(row.nx_total), about: "Answers that the name does not exist" },
    Column { name: "timeout", tags: Tags("MGPV"), value: |row| Value::U64(row.timeouts_total), about: "Queries without an answer in time" },
    Column { name: "refused", tags: Tags("MGPV"), value: |row| Value::U64(row.refused_total), about: "Queries that were refused" },
    Column { name: "other", tags: Tags("MGPV"), value: |row| Value::U64(row.other_total), about: "Answers with another error" },
    Column { name: "invalid", tags: Tags("MGPV"), value: |row| Value::U64(row.invalid_total), about: "Answers that are no valid message" },
    Column { name: "too_big", tags: Tags("MGPV"), value: |row| Value::U64(row.too_big_total), about: "Answers that are too large" },
    Column { name: "truncated", tags: Tags("MGPV"), value: |row| Value::U64(row.truncated_total), about: "Answers that were cut short" },
    Column { name: "outdated", tags: Tags("MGPV"), value: |row| Value::U64(row.outdated_total), about: "Answers that came too late" },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form, described: bool) -> String {
        let row = NameserverStatistics {
            resolvers: "dns".to_owned(),
            nameserver: "ns1".to_owned(),
            sent_total: 12,
            outdated_total: 3,
            ..Default::default()
        };
        let mut out = String::new();
        let mut writer = Nameservers::new(form, described);
        writer.begin(&mut out);
        writer.row(&row, &mut out);
        writer.row(&NameserverStatistics::default(), &mut out);
        writer.row(&row, &mut out);
        writer.end(&mut out);
        out
    }

    #[test]
    fn the_notations_are_haproxy_s() {
        let row = "ns1,dns,12,0,0,0,0,0,0,0,0,0,0,0,0,0,3,\n";
        let header = "# id,pid,sent,send_error,valid,update,cname,cname_error,any_err,nx,timeout,refused,other,invalid,\
                      too_big,truncated,outdated,\n";
        assert_eq!(written(Form::Csv, false), format!("{header}{row}{row}"));
        let typed = written(Form::Typed, true);
        assert!(
            typed.starts_with("N.0.id:CGPV:str:ns1:\"Name of the name server\"\nN.1.pid:CGPV:str:dns:"),
            "{typed}"
        );
        assert!(typed.contains("\nN.16.outdated:MGPV:u64:3:\""), "{typed}");
        let json = written(Form::Json, false);
        let first = "[[{\"field\":{\"pos\":0,\"name\":\"id\"},\"tags\":{\"origin\":\"Config\",\"nature\":\"Gauge\",\
                     \"scope\":\"Process\"},\"value\":{\"type\":\"str\",\"value\":\"ns1\"}},{\"field\":{\"pos\":1,";
        assert!(json.starts_with(first), "{json}");
        assert!(json.contains("}],[{") && json.ends_with("\"value\":3}}]]\n"), "{json}");
    }
}
