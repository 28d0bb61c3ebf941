//! `regate haproxy`, and this program under the name `haproxy`: HAProxy's command line, messages, signals and exit
//! statuses (management manual, section 3), so that init scripts and harnesses start it unchanged.
//!
//! Owns how such a process starts and ends; what it forwards is the data plane's. There is no controller here: the
//! files are the truth, and SIGUSR2 reads them again under `-W`. Nothing here may start a thread before
//! `daemon` and `identity` have done their part. Read next: `haproxy/arguments.rs`, then `haproxy/process.rs`.

mod arguments;
mod daemon;
mod files;
mod identity;
mod messages;
mod notify;
mod places;
mod process;
mod status;
mod version;

use std::ffi::OsString;

use arguments::{Arguments, Unusable, Wish};
use messages::Messages;
use regate_proto::config::conditions;

use crate::terminal;

/// Starts as HAProxy would, with the arguments after the program's name; returns the exit status.
pub fn start(words: Vec<OsString>) -> u8 {
    let mut messages = Messages::new(false);
    let arguments = match arguments::parse(&words, &mut messages) {
        Ok(arguments) => arguments,
        Err(unusable) => return refuse(unusable),
    };
    let mut messages = Messages::new(arguments.quiet && !arguments.verbose);
    match &arguments.wish {
        Wish::Version { detailed } => {
            terminal::print(&version::short());
            if *detailed {
                terminal::print(&version::details());
            }
            0
        }
        Wish::Condition(expression) => evaluate(expression, &mut messages),
        Wish::Check => check(&arguments, &mut messages),
        Wish::Serve => serve(&words, &arguments, &mut messages),
    }
}

/// Ends for a command line or files that cannot be used.
fn refuse(unusable: Unusable) -> u8 {
    if unusable == Unusable::Usage {
        terminal::print(&version::short());
        terminal::complain(&version::usage());
    }
    1
}

/// `-cc`: 0 when the condition holds, 1 when not, 2 when it cannot be read.
fn evaluate(expression: &str, messages: &mut Messages) -> u8 {
    match conditions::evaluate(expression, &|name| std::env::var_os(name).is_some()) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err((_, reason)) => {
            messages.alert(&format!("config : Failed to evaluate condition: {reason}"));
            2
        }
    }
}

/// `-c`: 0 when the configuration is right, 1 when not, 2 when it is right and listens to nothing.
fn check(arguments: &Arguments, messages: &mut Messages) -> u8 {
    let loaded = match files::load(arguments, messages) {
        Ok(loaded) => loaded,
        Err(unusable) => return refuse(unusable),
    };
    if files::tell_remarks(&loaded, arguments, messages).is_err() {
        return 1;
    }
    let say = |text: &str| {
        if !arguments.quiet || arguments.verbose {
            terminal::print_line(text);
        }
    };
    if !files::listens(&loaded.rows) {
        say("Configuration file has no error but will not start (no listener) => exit(2).");
        return 2;
    }
    if messages.warned() {
        say("Warnings were found.");
    }
    say("Configuration file is valid");
    0
}

/// Without `-c`: goes into the background where asked to, and forwards traffic until told to stop.
fn serve(words: &[OsString], arguments: &Arguments, messages: &mut Messages) -> u8 {
    let background = daemon::is_child();
    if arguments.daemon && !arguments.foreground && !background {
        return daemon::detach(words, messages);
    }
    let loaded = match files::load(arguments, messages) {
        Ok(loaded) => loaded,
        Err(unusable) => return refuse(unusable),
    };
    if files::global(&loaded.rows).daemon == Some(true) && !arguments.foreground && !background {
        return daemon::detach(words, messages);
    }
    if files::tell_remarks(&loaded, arguments, messages).is_err() {
        return 1;
    }
    if !files::listens(&loaded.rows) {
        messages.alert("[haproxy.main()] No enabled listener found (check for 'bind' directives) ! Exiting.");
        return 1;
    }
    process::run(arguments, loaded, messages)
}
