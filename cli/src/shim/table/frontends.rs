//! Frontends. Rows only; what they become stands in `commands/`.

use super::ADMIN;
use super::Row;
use crate::shim::commands::frontend;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["enable" "frontend"] "enable frontend <f>", "let a frontend listen again", ADMIN, Apply(frontend::enable) {
        "enable frontend fe" => "All sockets are already enabled.\n";
        "disable frontend fe;enable frontend #2" => "\n";
    }
    ["disable" "frontend"] "disable frontend <f>", "stop a frontend from listening, until it is enabled", ADMIN, Apply(frontend::disable) {
        "disable frontend" => "A frontend name is expected.\n";
        "disable frontend x" => "No such frontend.\n";
        "disable frontend fe" => "";
        "disable frontend fe" => "All sockets are already disabled.\n";
    }
    ["shutdown" "frontend"] "shutdown frontend <f>", "stop a frontend for good", ADMIN, Apply(frontend::shut_down) {
        "shutdown frontend" => "A frontend name is expected.\n";
        "shutdown frontend x" => "No such frontend.\n";
        "shutdown frontend fe" => "";
        "shutdown frontend fe" => "Frontend was already shut down.\n";
        "enable frontend fe" => "Frontend was previously shut down, cannot enable.\n";
        "disable frontend fe" => "Frontend was previously shut down, cannot disable.\n";
    }
    ["set" "maxconn" "frontend"] "set maxconn frontend <f> <n>", "change the connection limit of a frontend", ADMIN, Apply(frontend::set_maxconn) {
        "set maxconn frontend fe 100" => "";
        "set maxconn frontend x 1" => "No such frontend.\n";
        "set maxconn frontend fe" => "Integer value expected.\n";
        "set maxconn frontend fe -1" => "Value out of range.\n";
    }
};
