//! Reading the last good state back from disk: `disk.rs` says what stands there.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use regate_proto::change::{ChangeSet, Revision};
use regate_proto::state::State;

use super::disk::{DRAFT, DiskError, Kept, failed, log_path, snapshot_path};
use super::frame::{self, Found};
use super::record::{Batch, Commit, Contents, Header};

/// What a folder holds.
pub(super) struct Restored {
    pub(super) kept: Kept,
    /// The number of the last commit.
    pub(super) sequence: u64,
    /// The generation whose log may be gone on with; none: a new one must begin.
    pub(super) generation: Option<u64>,
}

/// A file that does not hold what was written to it.
#[derive(Debug)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// How many bytes of it are good.
    pub good_bytes: usize,
    /// What is wrong there.
    pub reason: String,
    /// The last revision that could be read. Absent: none.
    pub good: Option<Revision>,
}

/// Reads the newest generation that is whole, and everything that was committed after it.
pub(super) fn read(folder: &Path, recover: bool) -> Result<Restored, DiskError> {
    let _ = fs::remove_file(folder.join(DRAFT));
    let generations = generations(folder).map_err(failed("list", folder))?;
    let Some(newest) = generations.last().copied() else {
        return Ok(Restored { kept: Kept::default(), sequence: 0, generation: None });
    };
    let damage = match snapshot(folder, newest)? {
        Ok(mut restored) => {
            let whole = follow(folder, newest, &mut restored, recover)?;
            restored.generation = whole.then_some(newest);
            return Ok(restored);
        }
        Err(damage) => damage,
    };
    // Every commit up to the damaged snapshot stands in the generation before, and every later one in its log.
    let before = generations.iter().rev().nth(1).copied();
    let Some(Ok(mut restored)) = before.map(|before| snapshot(folder, before)).transpose()? else {
        return Err(DiskError::Damaged(damage));
    };
    if let Some(before) = before {
        follow(folder, before, &mut restored, recover)?;
    }
    if restored.sequence == newest {
        follow(folder, newest, &mut restored, recover)?;
    } else if !recover {
        return Err(DiskError::Damaged(Damage { good: Some(restored.kept.state.revision()), ..damage }));
    }
    let aside = set_aside(&damage.file)?;
    let revision = restored.kept.state.revision().0;
    let notice =
        format!("{damage}; it was set aside as {} and revision {revision} read otherwise", aside.display());
    restored.kept.notices.push(notice);
    restored.generation = None;
    Ok(restored)
}

/// The generations in a folder, in ascending order.
pub(super) fn generations(folder: &Path) -> io::Result<BTreeSet<u64>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let known = path.extension().is_some_and(|kind| kind == "snapshot");
        if let Some(number) = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| known) {
            found.extend(number.parse::<u64>());
        }
    }
    Ok(found)
}

/// Reads a snapshot; the outer error is the system's.
fn snapshot(folder: &Path, generation: u64) -> Result<Result<Restored, Damage>, DiskError> {
    let path = snapshot_path(folder, generation);
    let file = fs::read(&path).map_err(failed("read", &path))?;
    Ok(parse_snapshot(&file).map_err(|(good_bytes, reason)| Damage {
        file: path,
        good_bytes,
        reason,
        good: None,
    }))
}

fn parse_snapshot(file: &[u8]) -> Result<Restored, (usize, String)> {
    let (header, mut at) = header(file, true)?;
    let (mut rows, mut overlays) = (Vec::new(), Vec::new());
    loop {
        let Found::Frame(payload) = frame::find(file, at) else {
            return Err((at, "its end is missing".to_owned()));
        };
        let part = Contents::decode(&file[payload.clone()]).map_err(|reason| (at, reason))?;
        rows.extend(part.rows);
        overlays.extend(part.overlays);
        at = payload.end;
        if part.last {
            break;
        }
    }
    let state = State::restore(header.revision, rows, overlays).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        (at, format!("its rows do not fit together: {first}"))
    })?;
    let kept = Kept { state, managed: header.managed, notices: Vec::new() };
    Ok(Restored { kept, sequence: header.sequence, generation: None })
}

/// Applies a log; tells whether it may be gone on with.
fn follow(folder: &Path, generation: u64, restored: &mut Restored, recover: bool) -> Result<bool, DiskError> {
    let path = log_path(folder, generation);
    let file = fs::read(&path).map_err(failed("read", &path))?;
    let (good_bytes, reason) = match replay(&file, restored) {
        Ok(()) => return Ok(true),
        Err(Stop::Torn(at)) => {
            let aside = path.with_extension("torn");
            fs::write(&aside, &file[at..]).map_err(failed("write", &aside))?;
            let opened = fs::OpenOptions::new().write(true).open(&path);
            let cut = opened.and_then(|log| log.set_len(at as u64).and_then(|()| log.sync_all()));
            cut.map_err(failed("cut", &path))?;
            restored.kept.notices.push(format!(
                "{}: the last write was cut short: {} bytes after the first {at} were set aside as {}, \
                 the state is that of revision {}",
                path.display(),
                file.len().saturating_sub(at),
                aside.display(),
                restored.kept.state.revision().0
            ));
            return Ok(true);
        }
        Err(Stop::Damaged(at, reason)) => (at, reason),
    };
    let good = Some(restored.kept.state.revision());
    let damage = Damage { file: path.clone(), good_bytes, reason, good };
    if !recover {
        return Err(DiskError::Damaged(damage));
    }
    let aside = set_aside(&path)?;
    restored.kept.notices.push(format!("{damage}; it was set aside as {}", aside.display()));
    Ok(false)
}

/// Why a log was not read to its end.
enum Stop {
    Torn(usize),
    Damaged(usize, String),
}

fn replay(file: &[u8], restored: &mut Restored) -> Result<(), Stop> {
    let (_, mut at) = header(file, false).map_err(|(at, reason)| Stop::Damaged(at, reason))?;
    loop {
        let payload = match frame::find(file, at) {
            Found::End => return Ok(()),
            Found::Torn => return Err(Stop::Torn(at)),
            Found::Damaged => {
                return Err(Stop::Damaged(at, "the bytes there are not those written".to_owned()));
            }
            Found::Frame(payload) => payload,
        };
        let damaged = |reason: String| Stop::Damaged(at, reason);
        let batch = Batch::decode(&file[payload.clone()]).map_err(damaged)?;
        let expected = restored.sequence.saturating_add(1);
        if batch.sequence != expected {
            let is = batch.sequence;
            return Err(damaged(format!("it goes on with commit {is}, {expected} is missing")));
        }
        for commit in batch.commits {
            match commit {
                Commit::Set(set, revision) => {
                    apply(&mut restored.kept.state, set, revision).map_err(damaged)?
                }
                Commit::Managed(controller) => restored.kept.managed = controller,
            }
            restored.sequence = restored.sequence.saturating_add(1);
        }
        if batch.digest != restored.kept.state.digest() {
            let revision = restored.kept.state.revision().0;
            restored
                .kept
                .notices
                .push(format!("revision {revision} from disk is not what was in force: check it"));
        }
        at = payload.end;
    }
}

/// Applies a set again, whatever it was based on.
fn apply(state: &mut State, set: ChangeSet, revision: Revision) -> Result<(), String> {
    state.apply(&ChangeSet { base: None, ..set }).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        format!("the commit of revision {} does not fit: {first}", revision.0)
    })?;
    state.renumber(revision);
    Ok(())
}

fn header(file: &[u8], snapshot: bool) -> Result<(Header, usize), (usize, String)> {
    let Found::Frame(payload) = frame::find(file, 0) else {
        return Err((0, "its beginning is missing".to_owned()));
    };
    let header = Header::decode(&file[payload.clone()]).map_err(|reason| (0, reason))?;
    if header.snapshot != snapshot {
        return Err((0, "it is not what its name says".to_owned()));
    }
    Ok((header, payload.end))
}

fn set_aside(path: &Path) -> Result<PathBuf, DiskError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let free = (1..).map(|number: u32| path.with_file_name(format!("{name}.damaged-{number}")));
    let aside =
        free.into_iter().find(|aside| !aside.exists()).unwrap_or_else(|| path.with_extension("damaged"));
    fs::rename(path, &aside).map_err(failed("rename", path))?;
    Ok(aside)
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: damaged after {} good bytes: {}", self.file.display(), self.good_bytes, self.reason)?;
        match self.good {
            Some(good) => write!(
                f,
                "; revision {} is the last that can be read: start with --recover to go on \
                                     from it, the damaged file is then set aside",
                good.0
            ),
            None => write!(
                f,
                "; nothing before it can be read: restore the folder from a copy, or move it away to \
                               start empty"
            ),
        }
    }
}
