//! Limits of the process. Rows only; what they become stands in `commands/`.

use super::ADMIN;
use super::Row;
use crate::shim::commands::limits;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["set" "maxconn" "global"] "set maxconn global <n>", "change the connection limit of the process", ADMIN, Apply(limits::set_maxconn) {
        "set maxconn global 100" => "";
        "set maxconn global 2001" => "Value out of range.\n";
        "set maxconn global" => "Expects an integer value.\n";
        "set maxconn global -1" => "Value out of range.\n";
    }
    ["set" "rate-limit" "connections" "global"] "set rate-limit connections global <n>", "limit new connections a second", ADMIN, Apply(limits::set_connection_rate) {
        "set rate-limit connections global 10" => "";
        "set rate-limit connections global" => "Expects an integer value.\n";
    }
    ["set" "rate-limit" "sessions" "global"] "set rate-limit sessions global <n>", "limit new sessions a second", ADMIN, Apply(limits::set_session_rate) {
        "set rate-limit sessions global 10" => "";
        "set rate-limit sessions global x" => "Expects an integer value.\n";
    }
    ["set" "rate-limit" "ssl-sessions" "global"] "set rate-limit ssl-sessions global <n>", "limit new TLS sessions a second", ADMIN, Apply(limits::set_ssl_rate) {
        "set rate-limit ssl-sessions global 10" => "";
        "set rate-limit ssl-sessions global" => "Expects an integer value.\n";
    }
    ["set" "rate-limit" "http-compression" "global"] "set rate-limit http-compression global <n>", "limit what is compressed in a second, in kilobytes", ADMIN, Apply(limits::set_compression_rate) {
        "set rate-limit http-compression global 10" => "";
        "set rate-limit http-compression global" => "Expects an integer value.\n";
    }
    ["set" "rate-limit"] "", "", ADMIN, Session(limits::explain_rate_limits) {
        "set rate-limit foo" => "'set rate-limit' only supports :\n   - 'connections global' to set the per-process maximum connection rate\n   - 'sessions global' to set the per-process maximum session rate\n   - 'ssl-sessions global' to set the per-process maximum SSL session rate\n   - 'http-compression global' to set the per-process maximum compression speed in kB/s\n";
    }
};
