//! How servers stood, kept over a restart: one that was known to be down gets no traffic before its first check.
//!
//! A note beside the last good state, not a part of it: it is written in the background, at most once a second, and a
//! file that cannot be read costs nothing but the knowledge.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use regate_proto::model::{Name, ServerRef};

use crate::live::Operational;
use crate::snapshot::Snapshot;

/// The file of how servers stood.
#[derive(Debug)]
pub struct Standings {
    path: PathBuf,
}

impl Standings {
    /// The one in a node's folder.
    pub fn in_folder(folder: &Path) -> Standings {
        Standings { path: folder.join("standings") }
    }

    /// How servers stood that did not serve; nothing when the file is not there or does not hold what was written.
    pub fn load(&self) -> HashMap<ServerRef, (Operational, u32)> {
        let Ok(text) = fs::read_to_string(&self.path) else { return HashMap::new() };
        match read(&text) {
            Some(standings) => standings,
            None => {
                tracing::warn!("{}: not what was written there: checks begin anew", self.path.display());
                HashMap::new()
            }
        }
    }

    /// Writes down how the servers of a snapshot stand.
    pub fn save(&self, snapshot: &Snapshot) {
        let draft = self.path.with_extension("new");
        let written = fs::write(&draft, write(snapshot)).and_then(|()| fs::rename(&draft, &self.path));
        if let Err(error) = written {
            tracing::warn!("{}: how servers stand cannot be kept: {error}", self.path.display());
        }
    }
}

fn write(snapshot: &Snapshot) -> String {
    let mut lines = Vec::new();
    for (backend, plan) in &snapshot.backends {
        for server in plan.servers.iter().filter(|server| server.checks.is_some()) {
            let record = server.live.health.record();
            if record.operational != Operational::Running && record.check.configured {
                let number = record.operational as u8;
                lines.push(format!("{backend} {} {number} {}\n", server.name, record.check.health));
            }
        }
    }
    lines.sort();
    let body = lines.concat();
    format!("{HEAD}{}\n{body}", crc32fast::hash(body.as_bytes()))
}

fn read(text: &str) -> Option<HashMap<ServerRef, (Operational, u32)>> {
    let (sum, body) = text.strip_prefix(HEAD)?.split_once('\n')?;
    if sum.parse::<u32>().ok()? != crc32fast::hash(body.as_bytes()) {
        return None;
    }
    let line = |line: &str| {
        let mut words = line.split(' ');
        let backend = Name::new(words.next()?).ok()?;
        let server = Name::new(words.next()?).ok()?;
        let operational = match words.next()? {
            "0" => Operational::Stopped,
            "3" => Operational::Stopping,
            _ => return None,
        };
        let health = words.next()?.parse().ok()?;
        Some((ServerRef { backend, server }, (operational, health)))
    };
    body.lines().map(line).collect()
}

const HEAD: &str = "regate standings 1 ";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn what_was_not_written_is_not_read() {
        let body = "be s1 0 0\nbe s2 3 4\n";
        let good = format!("{HEAD}{}\n{body}", crc32fast::hash(body.as_bytes()));
        let known = read(&good).unwrap();
        let at = |server: &str| ServerRef {
            backend: Name::new("be").unwrap(),
            server: Name::new(server).unwrap(),
        };
        assert_eq!(known.get(&at("s1")), Some(&(Operational::Stopped, 0)));
        assert_eq!(known.get(&at("s2")), Some(&(Operational::Stopping, 4)));
        for end in 0..good.len() {
            assert!(read(&good[..end]).is_none_or(|known| known.len() < 2), "{end}");
        }
        assert!(read(&good.replace("s1", "s9")).is_none());
        assert!(read("").is_none());
    }
}
