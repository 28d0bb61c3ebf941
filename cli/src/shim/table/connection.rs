//! What a connection says of itself: help, prompt, level, idle time. Rows only; what they become stands in `commands/`.

use super::Row;
use super::{ADMIN, OPERATOR, USER};
use crate::shim::commands::{modes, session, wait};

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["help"] "help [<command>]", "list all commands, or those like the words given", USER, Session(session::help) {
        "help get" => "The following commands are valid at this level:\n  get acl <acl> <value>                   : show what a value matches in the list of an ACL\n  get map <map> <value>                   : show what a map has for a value\n  get var <name>                          : show a variable of the process\n  get weight <b>/<s>                      : show the weight of a server now and the one of its declaration\n  help [<command>]                        : list all commands, or those like the words given\n  prompt [help|n|i|p|timed]*              : choose how the connection goes on after a line\n  quit                                    : close the connection\n";
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
    ["expert-mode"] "", "", ADMIN, Session(modes::expert) {
        "expert-mode" => "expert-mode is OFF\n";
        "expert-mode on;expert-mode;expert-mode off;expert-mode foo;expert-mode" => "\nexpert-mode is ON\n\n\n\nexpert-mode is OFF\n";
        "expert-mode on;user;expert-mode" => "\n\nPermission denied\n";
    }
    ["experimental-mode"] "", "", ADMIN, Session(modes::experimental) {
        "experimental-mode" => "experimental-mode is OFF\n";
        "experimental-mode on;experimental-mode" => "\nexperimental-mode is ON\n";
    }
    ["wait"] "wait {-h|<delay>} [srv-removable <b>/<s>|be-removable <b>]", "rest for a time, or until something can be removed", ADMIN, Session(wait::wait) {
        "wait 1;echo a" => "Done.\n\na\n";
        "wait 100us" => "Done.\n";
        "wait" => "Expects a duration in milliseconds.\n";
        "wait x" => "Invalid duration.\n";
        "wait -h" => "Usage: wait {-h|<duration>} [condition [args...]]\n…";
        "wait 1 foo" => "Usage: wait {-h|<duration>} [condition [args...]]\n…";
        "wait 1 srv-removable" => "Missing server name (<backend>/<server>).\n";
        "wait 1 srv-removable be" => "Require 'backend/server'.\n";
        "wait 1 srv-removable be/x" => "No such server.\n";
        "wait 1 srv-removable be/s1" => "Wait delay expired. Only servers in maintenance mode can be deleted.\n";
        "disable server be/s1;wait 1m srv-removable be/s1;del server be/s1" => "\nDone.\n\nServer deleted.\n";
        "wait 1 be-removable" => "Missing backend name.\n";
        "wait 1 be-removable x" => "No such backend.\n";
        "wait 1 be-removable li" => "Failed. Cannot delete a listen section.\n";
        "add backend new from base;wait 1m be-removable new" => "New backend registered.\n\nDone.\n";
    }
    ["set" "anon" "on"] "set anon on [<key>]", "replace names by digits in later outputs", USER, Session(modes::hide_names) {
        "set anon on 5;show anon" => "\nAnonymized mode enabled\nKey : 5\n";
        "set anon on;show anon" => "\nAnonymized mode enabled\nKey : …\n";
        "set anon on 5;show servers state li" => "\n1\n# be_id be_name srv_id …\n4 … 1 … 2 0 1 1 …";
        "set anon on x" => "Expects an integer value.\n";
    }
    ["set" "anon" "off"] "set anon off", "leave names as they are again", USER, Session(modes::show_names) {
        "set anon on;set anon off;show anon" => "\n\nAnonymized mode disabled\n";
    }
    ["set" "anon" "global-key"] "set anon global-key <key>", "change the key for connections that give none", ADMIN, Session(modes::set_common_key) {
        "set anon global-key 7;set anon on;show anon" => "\n\nAnonymized mode enabled\nKey : 7\n";
        "set anon global-key 0" => "";
        "set anon global-key" => "Expects an integer value.\n";
    }
    ["set" "anon"] "", "", USER, Session(modes::explain_anonymity) {
        "set anon foo" => "'set anon' only supports 'on', 'off' and 'global-key'.\n";
    }
    ["show" "anon"] "show anon", "show whether names are replaced, and by which key", USER, Session(modes::show_anonymity) {
        "show anon" => "Anonymized mode disabled\n";
    }
};
