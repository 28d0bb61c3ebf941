//! The verbs of `regate`, one file each: arguments as clap reads them, and what is done about them.
//!
//! A command returns how it ended; it prints what was asked for and nothing else. Everything but `run`, `haproxy`
//! and the commands about files talks to a controller or a data plane through [`crate::client`].

mod adopt;
mod apply;
mod check;
mod completions;
mod convert;
mod diff;
mod get;
mod history;
mod nodes;
mod revert;
mod rollback;
mod run;
mod schema;
mod set;
mod shim;
mod top;
mod version;
mod watch;

use std::future::Future;

use clap::{Parser, Subcommand};

use crate::client::Target;
use crate::failure::Failure;

/// A load balancer that is changed while it runs, and whose changes last.
#[derive(Parser, Debug)]
#[command(name = "regate", version, after_help = AFTER_HELP, disable_help_subcommand = false)]
pub struct CommandLine {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Runs everything in one process: data plane, controller, text socket and two demo web servers
    Run(run::Arguments),
    /// Brings what is declared to what a file says
    Apply(apply::Arguments),
    /// Shows what applying a file would change, or what was changed by hand
    Diff(diff::Arguments),
    /// Shows what is in force
    Get(get::Arguments),
    /// Changes one field by hand, on top of what files say
    Set(set::Arguments),
    /// Folds what was changed by hand into what is declared
    Adopt(adopt::Arguments),
    /// Drops what was changed by hand
    Revert(revert::Arguments),
    /// Lists the data planes of a controller
    Nodes(nodes::Arguments),
    /// Lists revisions, the newest first
    History(history::Arguments),
    /// Makes a new revision that holds what an older one held
    Rollback(rollback::Arguments),
    /// Tells what happens, as it happens
    Watch(watch::Arguments),
    /// Shows proxies and servers live in a terminal, with keys that drain, weigh and take out servers
    Top(top::Arguments),
    /// Checks configuration files
    Check(check::Arguments),
    /// Writes a configuration in its other form
    Convert(convert::Arguments),
    /// Prints the JSON Schema of the YAML form
    Schema,
    /// Serves HAProxy's text socket in front of a controller or a data plane
    Shim(shim::Arguments),
    /// Starts as HAProxy would, with HAProxy's command line
    #[command(disable_help_flag = true)]
    Haproxy {
        /// HAProxy's arguments, see `regate haproxy -h`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Prints a completion script for a shell
    Completions(completions::Arguments),
    /// Prints the version
    Version,
}

impl CommandLine {
    /// Does what the command line asks for; the status that the process ends with, or why it failed.
    pub fn execute(self) -> Result<u8, Failure> {
        let CommandLine { target, verb } = self;
        let done = match verb {
            Verb::Run(arguments) => return run::execute(arguments),
            Verb::Haproxy { arguments } => return Ok(crate::haproxy::start(arguments)),
            Verb::Shim(arguments) => until_done(shim::execute(arguments, &target)),
            Verb::Apply(arguments) => until_done(apply::execute(arguments, &target)),
            Verb::Diff(arguments) => until_done(diff::execute(arguments, &target)),
            Verb::Get(arguments) => until_done(get::execute(arguments, &target)),
            Verb::Set(arguments) => until_done(set::execute(arguments, &target)),
            Verb::Adopt(arguments) => until_done(adopt::execute(arguments, &target)),
            Verb::Revert(arguments) => until_done(revert::execute(arguments, &target)),
            Verb::Nodes(arguments) => until_done(nodes::execute(arguments, &target)),
            Verb::History(arguments) => until_done(history::execute(arguments, &target)),
            Verb::Rollback(arguments) => until_done(rollback::execute(arguments, &target)),
            Verb::Watch(arguments) => until_done(watch::execute(arguments, &target)),
            Verb::Top(arguments) => until_done(top::execute(arguments, &target)),
            Verb::Check(arguments) => check::execute(arguments),
            Verb::Convert(arguments) => convert::execute(arguments),
            Verb::Schema => schema::execute(),
            Verb::Completions(arguments) => completions::execute(arguments),
            Verb::Version => version::execute(),
        };
        done.map(|()| 0)
    }
}

/// Runs a command's conversation on a runtime of its own.
fn until_done(conversation: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(format!("cannot start a runtime: {error}")))?;
    runtime.block_on(conversation)
}

const AFTER_HELP: &str = "\
Exit status: 0 done; 1 the input is wrong or was refused, and nothing was changed; 2 the command line is wrong;
3 nobody answers at the endpoint; 4 'regate diff' found differences. 'regate haproxy' ends as HAProxy does.";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn arguments_of_haproxy_are_left_alone() {
        let line =
            CommandLine::try_parse_from(["regate", "haproxy", "-f", "a.cfg", "-db", "--", "b.cfg"]).unwrap();
        let Verb::Haproxy { arguments } = line.verb else { panic!("{:?}", line.verb) };
        assert_eq!(arguments, ["-f", "a.cfg", "-db", "--", "b.cfg"]);
    }

    #[test]
    fn options_of_the_connection_may_stand_anywhere() {
        for line in [
            vec!["regate", "--endpoint", "unix:///x", "nodes"],
            vec!["regate", "nodes", "--endpoint", "unix:///x"],
        ] {
            let line = CommandLine::try_parse_from(line).unwrap();
            assert_eq!(line.target.endpoint.as_deref(), Some("unix:///x"));
        }
    }
}
