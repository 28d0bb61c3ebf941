//! Regate's own binaries: found beside the running test, built first, started.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::process::Launch;
use super::trouble::{Result, Trouble};

/// The path of `regate`, built if need be.
pub fn regate() -> Result<PathBuf> {
    binary("regate")
}

/// A launch of `regate-dataplane`.
pub fn dataplane() -> Result<Launch> {
    Ok(Launch::new(binary("regate-dataplane")?))
}

/// A launch of `regate-controlplane`.
pub fn controlplane() -> Result<Launch> {
    Ok(Launch::new(binary("regate-controlplane")?))
}

/// A launch of `regate`.
pub fn command() -> Result<Launch> {
    Ok(Launch::new(regate()?))
}

/// The path of one of the workspace's binaries.
///
/// Looks in `$REGATE_BINARIES` when that is set, and builds nothing then. Otherwise the workspace's binaries are
/// built once per process, in the profile of the running program, so that a scenario never runs an old one.
fn binary(name: &str) -> Result<PathBuf> {
    let folder = match std::env::var_os("REGATE_BINARIES") {
        Some(folder) => PathBuf::from(folder),
        None => BUILT.get_or_init(build).clone().map_err(Trouble::new)?,
    };
    let path = folder.join(name);
    if path.is_file() { Ok(path) } else { Err(Trouble::new(format!("there is no {}", path.display()))) }
}

/// Builds the binaries and returns the folder that they are in.
fn build() -> std::result::Result<PathBuf, String> {
    let folder = own_folder().ok_or("the running program's folder is unknown")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(WORKSPACE).args(["build", "--quiet", "--workspace", "--bins"]);
    if let Some(target) = folder.parent() {
        command.arg("--target-dir").arg(target);
    }
    if folder.file_name().is_some_and(|profile| profile == "release") {
        command.arg("--release");
    }
    let output = command.output().map_err(|error| format!("cargo build: {error}"))?;
    if output.status.success() {
        Ok(folder)
    } else {
        Err(format!("cargo build failed:\n{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// `target/PROFILE`: where the running program is, or one above when it is a test in `deps`.
fn own_folder() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let folder = if folder.ends_with("deps") { folder.parent()? } else { folder };
    Some(folder.to_path_buf())
}

/// The workspace's top folder.
pub fn workspace() -> &'static Path {
    Path::new(WORKSPACE)
}

static BUILT: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
