//! Name servers. Rows only; what they become stands in `commands/`.

use super::Row;
use super::USER;
use crate::shim::commands::resolvers;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["show" "resolvers"] "show resolvers [<id>]", "show the counters of name servers", USER, Ask(resolvers::show) {
        "show resolvers" => "Resolvers section dns\n nameserver ns1:\n  sent:        12\n  snd_error:   0\n  valid:       0\n…\n  outdated:    0\n nameserver ns2:\n  sent:        3\n…";
        "show resolvers x" => "Can't find that resolvers section\n";
    }
    ["show" "stat" "resolvers"] "show stat resolvers [<id>]", "show the counters of name servers, as 'show resolvers' does", USER, Ask(resolvers::show_as_statistics) {
        "show stat resolvers dns" => "Resolvers section dns\n nameserver ns1:\n…";
    }
};
