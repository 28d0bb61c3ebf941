//! `regate shim`: HAProxy's text socket in front of a controller or a data plane that runs elsewhere.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use regate_proto::config::SourceFile;
use regate_proto::model::{BindAddress, Level, Row, SocketFile, StatsSocket};
use tokio::signal::unix::{SignalKind, signal};

use crate::client;
use crate::failure::Failure;
use crate::shim::{self, ShimOptions};
use crate::source;
use crate::terminal;

/// Arguments of `regate shim`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Where to listen, as a 'stats socket' line spells it, its words with commas between them:
    /// unix@/run/haproxy.sock,level=admin,mode=660 or ipv4@127.0.0.1:9999,level=operator; 'volatile' makes what is
    /// changed there be gone after a restart. May be given several times; takes the place of --socket
    #[arg(long, value_name = "ADDRESS[,WORD[=VALUE]]...")]
    listen: Vec<String>,
    /// Whom to speak for, a controller or a data plane; the same as --endpoint
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// The socket's path
    #[arg(long, value_name = "PATH", default_value = "./regate-data/haproxy.sock")]
    socket: PathBuf,
    /// What its clients may do
    #[arg(long, value_enum, default_value = "admin")]
    level: Permission,
    /// Permissions of the socket's file, in octal
    #[arg(long, default_value = "600", value_parser = octal)]
    mode: u32,
    /// Seconds of silence after which a connection is closed
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Most connections at a time
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    maxconn: u32,
}

/// Levels of a socket.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum Permission {
    /// Read what is not sensitive
    User,
    /// Read everything, reset counters
    Operator,
    /// Everything
    Admin,
}

/// Serves until it is interrupted.
pub async fn execute(arguments: Arguments, target: &client::Target) -> Result<(), Failure> {
    let named = arguments.target.clone().or_else(|| target.endpoint.clone());
    let target = client::Target { endpoint: named, ..target.clone() };
    let endpoint = target.endpoint()?;
    let whom = shim::Target::at(endpoint.to_string(), target.dialler(&endpoint)?);
    let mut options = ShimOptions::new(whom, sockets(&arguments)?);
    options.timeout = Duration::from_secs(arguments.timeout);
    options.maxconn = usize::try_from(arguments.maxconn).unwrap_or(usize::MAX);
    let listening = shim::listen(options).map_err(|error| Failure::refused(error.to_string()))?;
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|error| Failure::refused(format!("cannot wait for signals: {error}")))?;
    for (name, _) in listening.names() {
        let shown = name.strip_prefix("unix@").unwrap_or(&name);
        terminal::print_line(&format!("{shown} speaks for {endpoint}"));
    }
    listening
        .serve(async {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        })
        .await;
    Ok(())
}

/// The sockets that were asked for: each `--listen`, or the one of `--socket`.
fn sockets(arguments: &Arguments) -> Result<Vec<StatsSocket>, Failure> {
    if !arguments.listen.is_empty() {
        return arguments.listen.iter().map(|text| socket(text)).collect();
    }
    let path = std::path::absolute(&arguments.socket)
        .map_err(|error| Failure::usage(format!("--socket {}: {error}", arguments.socket.display())))?;
    Ok(vec![StatsSocket {
        address: BindAddress::Unix(path.display().to_string()),
        level: Some(match arguments.level {
            Permission::User => Level::User,
            Permission::Operator => Level::Operator,
            Permission::Admin => Level::Admin,
        }),
        severity: None,
        volatile: false,
        file: SocketFile { mode: Some(arguments.mode), ..SocketFile::default() },
    }])
}

/// Reads `--listen` as the line of a configuration that it stands for.
fn socket(text: &str) -> Result<StatsSocket, Failure> {
    let wrong = |what: &str| Failure::usage(format!("--listen {text}: {what}"));
    let mut line = String::from("global\n    stats socket");
    for word in text.split(',').flat_map(|part| part.splitn(2, '=')) {
        line.push(' ');
        for letter in word.chars() {
            if letter.is_control() {
                return Err(wrong("a control character has no place there"));
            }
            if matches!(letter, ' ' | '\\' | '#' | '"' | '\'' | '$') {
                line.push('\\');
            }
            line.push(letter);
        }
    }
    line.push('\n');
    let source = SourceFile::from_bytes("--listen", line.into_bytes()).map_err(|bad| wrong(&bad.message))?;
    let loaded = source::read(&[source]).map_err(|problems| {
        wrong(problems.first().map_or("it cannot be read", |problem| problem.message.as_str()))
    })?;
    let found = loaded.rows.into_iter().find_map(|row| match row {
        Row::Global(global) => global.stats_sockets.into_iter().next(),
        _ => None,
    });
    found.ok_or_else(|| wrong("an address is expected"))
}

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("permission bits in octal are expected, such as 660".to_owned()),
    }
}
