//! What a master is told by itself (management manual 9.4). Rows only; what they become stands in `commands/`. The
//! prefixes that lead to its worker are no rows: `shim/master.rs` reads them.

use super::Row;
use super::{ADMIN, OPERATOR, USER};
use crate::shim::commands::{information, master, session};

/// The rows of a master's socket.
pub static ROWS: &[Row] = rows! {
    ["@1"] "@<n> [<command>]", "give a command to the n-th worker, or all that follow", USER, Session(master::nothing) {}
    ["@!"] "@!<pid> [<command>]", "give a command to the process with this id, or all that follow", USER, Session(master::nothing) {}
    ["@master"] "@master [<command>]", "give a command to the master, or all that follow", USER, Session(master::nothing) {}
    ["@@1"] "@@<n|!pid> [<command line>]", "turn the connection into one to a worker", USER, Session(master::nothing) {}
    ["help"] "help [<command>]", "list all commands, or those like the words given", USER, Session(master::help) {}
    ["prompt"] "prompt [help|n|i|p|timed]*", "choose how the connection goes on after a line", USER, Session(master::prompt) {}
    ["quit"] "quit", "close the connection", USER, Session(session::quit) {}
    ["user"] "user", "lower the level of the connection to user", USER, Session(master::user) {}
    ["operator"] "operator", "lower the level of the connection to operator", OPERATOR, Session(master::operator) {}
    ["expert-mode"] "", "", USER, Session(master::expert) {}
    ["experimental-mode"] "", "", USER, Session(master::experimental) {}
    ["mcli-debug-mode"] "", "", USER, Session(master::debug) {}
    ["show" "cli" "level"] "show cli level", "show the level of the connection", USER, Session(session::show_level) {}
    ["show" "cli" "sockets"] "show cli sockets", "list the text sockets", USER, Session(session::show_sockets) {}
    ["show" "env"] "show env [<name>]", "show the environment of the process", OPERATOR, Session(session::show_environment) {}
    ["show" "version"] "show version", "show the version of the process", USER, Ask(information::show_version) {}
    ["show" "startup-logs"] "show startup-logs", "show what the last start or reload said", OPERATOR, Session(master::show_start) {}
    ["show" "proc"] "show proc [debug]", "show the processes", OPERATOR, Session(master::show_processes) {}
    ["reload"] "reload", "read the files again", OPERATOR, Session(master::reload) {}
    ["hard-reload"] "hard-reload", "read the files again and cut every stream that is there", ADMIN, Session(master::explain_hard_reload) {}
};
