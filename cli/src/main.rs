//! The program `regate`, which is HAProxy's double when it is called `haproxy`.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use regate::commands::CommandLine;
use regate::{haproxy, terminal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    if Path::new(&name).file_name().is_some_and(|name| name == "haproxy") {
        return ExitCode::from(haproxy::start(words.collect()));
    }
    match CommandLine::parse().execute() {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            if !failure.text.is_empty() {
                terminal::complain(&format!("regate: {failure}\n"));
            }
            ExitCode::from(failure.status.code())
        }
    }
}
