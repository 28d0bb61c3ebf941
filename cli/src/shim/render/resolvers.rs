//! The counters of name servers (management manual 9.3 "show resolvers").

use std::fmt::Write;

use regate_proto::wire::v1;

use crate::shim::plan::{Lines, Reply};
use crate::shim::sentence::{self, About};

/// Writes a block for each of the resolvers, with one for each name server in it.
#[derive(Debug, Default)]
pub struct Resolvers {
    /// The resolvers whose block is being written.
    current: Option<String>,
}

impl Lines for Resolvers {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for row in answer.nameservers {
            let mut text = String::new();
            if self.current.as_ref() != Some(&row.resolvers) {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "Resolvers section {}", row.resolvers);
            }
            if !row.nameserver.is_empty() {
                write(&row, &mut text);
            }
            out.extend_from_slice(text.as_bytes());
            self.current = Some(row.resolvers);
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Thing, problems)
    }
}

fn write(row: &v1::NameserverStatistics, text: &mut String) {
    let counters = [
        ("sent", row.sent_total),
        ("snd_error", row.send_errors_total),
        ("valid", row.valid_total),
        ("update", row.updates_total),
        ("cname", row.cnames_total),
        ("cname_error", row.cname_errors_total),
        ("any_err", row.empty_total),
        ("nx", row.nx_total),
        ("timeout", row.timeouts_total),
        ("refused", row.refused_total),
        ("other", row.other_total),
        ("invalid", row.invalid_total),
        ("too_big", row.too_big_total),
        ("truncated", row.truncated_total),
        ("outdated", row.outdated_total),
    ];
    let _ = writeln!(text, " nameserver {}:", row.nameserver);
    for (name, value) in counters {
        let _ = writeln!(text, "  {:<13}{value}", format!("{name}:"));
    }
}
