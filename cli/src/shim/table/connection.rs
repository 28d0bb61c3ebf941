//! What a connection says of itself: help, prompt, level, idle time. Rows only; what they become stands in `commands/`.

use super::Row;
use super::{OPERATOR, USER};
use crate::shim::commands::session;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["help"] "help [<command>]", "list all commands, or those like the words given", USER, Session(session::help) {
        "help get" => "The following commands are valid at this level:\n  get acl <acl> <value>                   : show what a value matches in the list of an ACL\n  get map <map> <value>                   : show what a map has for a value\n  get weight <b>/<s>                      : show the weight of a server now and the one of its declaration\n  help [<command>]                        : list all commands, or those like the words given\n  prompt [help|n|i|p|timed]*              : choose how the connection goes on after a line\n  quit                                    : close the connection\n";
    }
    ["prompt"] "prompt [help|n|i|p|timed]*", "choose how the connection goes on after a line", USER, Session(session::prompt) {
        "prompt n" => "";
        "prompt x" => "Usage: prompt [help | n | i | p | timed]*\n…";
    }
    ["quit"] "quit", "close the connection", USER, Session(session::quit) {}
    ["echo"] "echo [<text>]", "give the words back", USER, Session(session::echo) {
        "echo a  b" => "a b\n";
        "echo" => "\n";
    }
    ["user"] "user", "lower the level of the connection to user", USER, Session(session::user) {
        "user;show cli level" => "\nuser\n";
    }
    ["operator"] "operator", "lower the level of the connection to operator", OPERATOR, Session(session::operator) {
        "operator;show cli level" => "\noperator\n";
        "user;operator" => "\nPermission denied\n";
    }
    ["set" "timeout" "cli"] "set timeout cli <delay>", "change the idle time after which the connection is closed", USER, Session(session::set_timeout) {
        "set timeout cli 5" => "";
        "set timeout cli 1m" => "";
        "set timeout cli" => "Expects an integer value.\n";
        "set timeout cli 0" => "Invalid timeout value.\n";
        "set timeout cli 5x" => "Invalid timeout value.\n";
    }
    ["set" "timeout"] "", "", USER, Session(session::set_timeout_of_something_else) {
        "set timeout foo 4" => "'set timeout' only supports 'cli'.\n";
    }
    ["set" "severity-output"] "set severity-output {none|number|string}", "put the severity before sentences", USER, Session(session::set_severity_output) {
        "set severity-output number;operator;foo" => "\n\n[6]: Unknown command: 'foo', …";
        "set severity-output" => "one of 'none', 'number', 'string' is a required argument\n";
    }
    ["show" "cli" "level"] "show cli level", "show the level of the connection", USER, Session(session::show_level) {
        "show cli level" => "admin\n";
    }
    ["show" "cli" "sockets"] "show cli sockets", "list the text sockets", USER, Session(session::show_sockets) {
        "show cli sockets" => "# socket lvl processes\n…";
    }
};
