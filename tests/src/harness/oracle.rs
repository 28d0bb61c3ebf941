//! Where Debian's HAProxy is, the oracle of scenarios that compare bytes.

use std::path::PathBuf;
use std::process::Command;

use super::proxy::Kind;
use super::trouble::{Result, Trouble};

/// The path of `haproxy`: `$REGATE_ORACLE`, or the first in `PATH` and the system's folders.
pub fn haproxy() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("REGATE_ORACLE") {
        return Ok(PathBuf::from(path));
    }
    program("haproxy").ok_or_else(|| {
        Trouble::new("haproxy is not installed: Debian's package haproxy, or set REGATE_ORACLE to its path")
    })
}

/// The version that `haproxy -v` names, such as `2.6.12`.
pub fn version() -> Result<String> {
    let output = Command::new(haproxy()?).arg("-v").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace()
        .skip_while(|word| *word != "version")
        .nth(1)
        .map(|version| version.split('-').next().unwrap_or(version).to_owned())
        .ok_or_else(|| Trouble::new(format!("haproxy -v names no version: {text}")))
}

/// Runs the same under HAProxy and Regate, and asserts that the same was seen.
pub fn compare(run: impl Fn(Kind) -> Result<Vec<String>>) -> Result<()> {
    let expected = run(Kind::Haproxy)?;
    let found = run(Kind::Regate)?;
    assert_eq!(expected.len(), found.len());
    let differences: Vec<String> = expected
        .iter()
        .zip(&found)
        .filter(|(expected, found)| expected != found)
        .map(|(expected, found)| format!("haproxy {expected}\nregate  {found}\n"))
        .collect();
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), found.len(), differences.join("\n"));
    Ok(())
}

/// A program by name, in `PATH` or the folders that hold daemons, which a user's `PATH` often lacks.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}
