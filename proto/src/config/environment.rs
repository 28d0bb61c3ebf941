//! What a reader may see of the world: variables and files, as the caller gives them.
//!
//! Owns the changes that `setenv` and its kin make while reading; they never reach the process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Reads a whole file.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;
/// The value of an environment variable.
pub type ReadVariable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Variables and files during one reading.
pub struct Environment<'a> {
    variable: ReadVariable<'a>,
    file: ReadFile<'a>,
    changes: RefCell<Changes>,
}

#[derive(Default)]
struct Changes {
    /// Set (`Some`) and removed (`None`) variables.
    variables: BTreeMap<String, Option<String>>,
    /// After `resetenv`, the only variables of the caller that are still visible.
    kept: Option<Vec<String>>,
    /// `default-path`.
    base: BasePath,
    /// The file being read.
    current: String,
    /// `unix-bind`.
    unix: UnixDefaults,
    /// `zero-warning`.
    zero_warning: bool,
}

/// What relative paths are relative to (configuration manual 3.1 "default-path").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BasePath {
    /// The working directory.
    #[default]
    Current,
    /// The folder of the configuration file.
    Config,
    /// The parent of that folder.
    Parent,
    /// This folder.
    Origin(String),
}

/// What unix sockets of binds start from (configuration manual 3.1 "unix-bind").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixDefaults {
    /// Put before every path.
    pub prefix: String,
    /// Mode and owner.
    pub file: crate::model::SocketFile,
}

impl<'a> Environment<'a> {
    /// An environment over the caller's variables and files.
    pub fn new(variable: ReadVariable<'a>, file: ReadFile<'a>) -> Environment<'a> {
        Environment { variable, file, changes: RefCell::default() }
    }

    /// A variable's value, changes included.
    pub fn variable(&self, name: &str) -> Option<String> {
        let changes = self.changes.borrow();
        match changes.variables.get(name) {
            Some(changed) => changed.clone(),
            None if changes.kept.as_ref().is_some_and(|kept| !kept.iter().any(|k| k == name)) => None,
            None => (self.variable)(name),
        }
    }

    /// `setenv` (or `presetenv`, which leaves an existing one alone).
    pub fn set(&self, name: &str, value: &str) {
        self.changes.borrow_mut().variables.insert(name.to_owned(), Some(value.to_owned()));
    }

    /// `unsetenv`.
    pub fn unset(&self, name: &str) {
        self.changes.borrow_mut().variables.insert(name.to_owned(), None);
    }

    /// `resetenv`: forgets all variables but these.
    pub fn reset(&self, kept: Vec<String>) {
        let survivors: Vec<(String, String)> =
            kept.iter().filter_map(|name| self.variable(name).map(|value| (name.clone(), value))).collect();
        let mut changes = self.changes.borrow_mut();
        changes.variables = survivors.into_iter().map(|(name, value)| (name, Some(value))).collect();
        changes.kept = Some(Vec::new());
    }

    /// A file's content, its path completed by `default-path`.
    pub fn read_file(&self, path: &str) -> io::Result<Vec<u8>> {
        (self.file)(&self.complete(path))
    }

    /// A path completed by `default-path`.
    pub fn complete(&self, path: &str) -> PathBuf {
        let changes = self.changes.borrow();
        let folder = Path::new(&changes.current).parent().unwrap_or(Path::new(""));
        match &changes.base {
            BasePath::Current => PathBuf::from(path),
            BasePath::Config => folder.join(path),
            BasePath::Parent => folder.join("..").join(path),
            BasePath::Origin(origin) => Path::new(origin).join(path),
        }
    }

    /// `default-path`.
    pub fn rebase(&self, base: BasePath) {
        self.changes.borrow_mut().base = base;
    }

    /// The file being read, which `default-path config` refers to.
    pub fn enter(&self, file: &str) {
        self.changes.borrow_mut().current = file.to_owned();
    }

    /// `unix-bind`.
    pub fn set_unix(&self, unix: UnixDefaults) {
        self.changes.borrow_mut().unix = unix;
    }

    /// What unix sockets start from.
    pub fn unix(&self) -> UnixDefaults {
        self.changes.borrow().unix.clone()
    }

    /// `zero-warning`.
    pub fn forbid_warnings(&self) {
        self.changes.borrow_mut().zero_warning = true;
    }

    /// Whether `zero-warning` was said.
    pub fn warnings_forbidden(&self) -> bool {
        self.changes.borrow().zero_warning
    }
}
