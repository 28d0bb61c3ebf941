//! Files that survive a power cut: written aside, synced, renamed, their folder synced.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use super::store::StoreError;

/// Puts a file in place whole or not at all; when this returns, it survives a power cut.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    replace_with(path, |file| file.write_all(content))
}

/// [`replace`] for a content that is written piece by piece.
pub(super) fn replace_with(
    path: &Path,
    fill: impl FnOnce(&mut std::io::BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), StoreError> {
    let aside = path.with_extension("new");
    let written = || -> std::io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&aside)?;
        let mut writer = std::io::BufWriter::with_capacity(BUFFER, file);
        fill(&mut writer)?;
        writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&aside, path)
    };
    written().map_err(|error| StoreError::io(format!("writing {}", path.display()), error))?;
    sync_parent(path)
}

/// Makes a folder and everything above it durable; one that is there already is left alone.
pub(super) fn create_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    match std::fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) => return Err(StoreError::io(format!("creating folder {}", path.display()), error)),
    }
    sync(path)?;
    sync_parent(path)
}

/// Makes a file's content, or the names in a folder, durable.
pub(super) fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| StoreError::io(format!("syncing {}", path.display()), error))
}

/// Makes the name of a file or folder durable.
pub(super) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => sync(Path::new(".")),
    }
}

/// A file's content; `None` when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io(format!("reading {}", path.display()), error)),
    }
}

/// Removes a file; it may be gone already.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::io(format!("removing {}", path.display()), error)),
    }
}

/// Files of a folder called `PREFIX-NUMBER`, with their numbers, ascending.
pub(super) fn numbered(folder: &Path, prefix: &str) -> Result<Vec<(u64, std::path::PathBuf)>, StoreError> {
    let failed = |error| StoreError::io(format!("listing {}", folder.display()), error);
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).map_err(failed)? {
        let item = item.map_err(failed)?;
        let name = item.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(prefix))
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|digits| digits.parse::<u64>().ok());
        if let Some(number) = number {
            found.push((number, item.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The name that [`numbered`] finds.
pub(super) fn numbered_name(prefix: &str, number: u64) -> String {
    format!("{prefix}-{number:020}")
}

const BUFFER: usize = 256 * 1024;
