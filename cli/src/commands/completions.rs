//! `regate completions`: a script for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::terminal;

/// Arguments of `regate completions`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints.
pub fn execute(arguments: Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::CommandLine::command(), "regate", &mut script);
    terminal::print(&String::from_utf8_lossy(&script));
    Ok(())
}
