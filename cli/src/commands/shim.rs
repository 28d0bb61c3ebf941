//! `regate shim`: HAProxy's text socket in front of a controller or a data plane that runs elsewhere.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use regate_proto::model::{BindAddress, Level, SocketFile, StatsSocket};
use tokio::signal::unix::{SignalKind, signal};

use crate::client;
use crate::failure::Failure;
use crate::shim::{self, ShimOptions};
use crate::terminal;

/// Arguments of `regate shim`.
#[derive(Args, Debug)]
pub struct Arguments {
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
    let endpoint = target.endpoint()?;
    let whom = shim::Target::at(endpoint.to_string(), target.dialler(&endpoint)?);
    let path = std::path::absolute(&arguments.socket)
        .map_err(|error| Failure::usage(format!("--socket {}: {error}", arguments.socket.display())))?;
    let socket = StatsSocket {
        address: BindAddress::Unix(path.display().to_string()),
        level: Some(match arguments.level {
            Permission::User => Level::User,
            Permission::Operator => Level::Operator,
            Permission::Admin => Level::Admin,
        }),
        file: SocketFile { mode: Some(arguments.mode), ..SocketFile::default() },
    };
    let mut options = ShimOptions::new(whom, vec![socket]);
    options.timeout = Duration::from_secs(arguments.timeout);
    options.maxconn = usize::try_from(arguments.maxconn).unwrap_or(usize::MAX);
    let listening = shim::listen(options).map_err(|error| Failure::refused(error.to_string()))?;
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|error| Failure::refused(format!("cannot wait for signals: {error}")))?;
    terminal::print_line(&format!("{} speaks for {endpoint}", path.display()));
    listening
        .serve(async {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        })
        .await;
    // Nobody listens at the path any more.
    let _ = std::fs::remove_file(&path);
    Ok(())
}

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("permission bits in octal are expected, such as 660".to_owned()),
    }
}
