//! Configuration files as HAProxy finds them: folders in lexical order, several files as one text.

use std::path::{Path, PathBuf};

use regate_proto::config::{self, Diagnostic, Environment, Gravity, SourceFile};
use regate_proto::model::{Global, Row};

use super::arguments::{Arguments, Unusable};
use super::messages::Messages;
use super::version;

/// A configuration that can be used.
pub struct Loaded {
    /// The texts, in the order of reading.
    pub sources: Vec<SourceFile>,
    /// What they say.
    pub rows: Vec<Row>,
    /// Warnings and notices, not told yet.
    pub remarks: Vec<Diagnostic>,
    /// Whether warnings are errors (`zero-warning`).
    strict: bool,
}

/// Reads everything that the command line names. The error: it cannot be used, or there is no file.
pub fn load(arguments: &Arguments, messages: &mut Messages) -> Result<Loaded, Unusable> {
    if let Some(folder) = &arguments.folder
        && let Err(error) = std::env::set_current_dir(folder)
    {
        let reason = reason(&error);
        messages.alert(&format!("Could not change to directory {} : {reason}", folder.display()));
        return Err(Unusable::Told);
    }
    let paths = expand(&arguments.files, messages).ok_or(Unusable::Told)?;
    if paths.is_empty() {
        return Err(Unusable::Usage);
    }
    let mut sources = Vec::new();
    for path in &paths {
        match open(path) {
            Ok(source) => sources.push(source),
            Err(reason) => {
                messages.alert(&format!("config : {reason}"));
                return Err(Unusable::Told);
            }
        }
    }
    let names = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(";");
    let variable = |name: &str| std::env::var(name).ok().or_else(|| own_variable(name, arguments, &names));
    let file = |path: &Path| std::fs::read(path);
    let environment = Environment::new(&variable, &file);
    match config::read(&sources, &environment) {
        Ok(loaded) => {
            let strict = arguments.strict || environment.warnings_forbidden();
            let mut rows = loaded.rows;
            limit(&mut rows, arguments);
            Ok(Loaded { sources, rows, remarks: loaded.remarks, strict })
        }
        Err(mut diagnostics) => {
            // Warnings are for a configuration that could be used.
            diagnostics.retain(|diagnostic| diagnostic.gravity == Gravity::Error);
            tell(&diagnostics, arguments, messages);
            for source in &sources {
                if diagnostics.iter().any(|diagnostic| diagnostic.place.file == source.name) {
                    messages
                        .alert(&format!("config : Error(s) found in configuration file : {}", source.name));
                }
            }
            messages.alert("config : Fatal errors found in configuration.");
            Err(Unusable::Told)
        }
    }
}

/// Tells warnings and notices. The error: warnings are not permitted, and there are some; that was told.
pub fn tell_remarks(loaded: &Loaded, arguments: &Arguments, messages: &mut Messages) -> Result<(), ()> {
    tell(&loaded.remarks, arguments, messages);
    if loaded.strict && messages.warned() {
        messages.alert("config : Some warnings were found and 'zero-warning' is set. Aborting.");
        return Err(());
    }
    Ok(())
}

/// Whether there is anything to listen on: a text socket, or an address of a proxy that is not disabled.
pub fn listens(rows: &[Row]) -> bool {
    if !global(rows).stats_sockets.is_empty() {
        return true;
    }
    let disabled = |name| {
        rows.iter()
            .any(|row| matches!(row, Row::Frontend(frontend) if frontend.name == name && frontend.disabled))
    };
    rows.iter().any(|row| matches!(row, Row::Bind(bind) if !disabled(bind.at.frontend.clone())))
}

/// The process-wide settings.
pub fn global(rows: &[Row]) -> Global {
    let found = rows.iter().find_map(|row| match row {
        Row::Global(global) => Some(global.clone()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// Files, and the `.cfg` files of folders in lexical order, hidden ones left out.
fn expand(paths: &[PathBuf], messages: &mut Messages) -> Option<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let listing = match std::fs::metadata(path) {
            Ok(data) if !data.is_dir() => {
                files.push(path.clone());
                continue;
            }
            Ok(_) => std::fs::read_dir(path).and_then(|entries| {
                entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()
            }),
            Err(error) => Err(error),
        };
        match listing {
            Ok(mut found) => {
                found.retain(|file| is_configuration(file));
                found.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
                files.append(&mut found);
            }
            Err(error) => {
                let reason = reason(&error);
                messages.alert(&format!(
                    "config : Cannot open configuration file/directory {} : {reason}",
                    path.display()
                ));
                return None;
            }
        }
    }
    Some(files)
}

fn is_configuration(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden && path.extension().is_some_and(|extension| extension == "cfg") && path.is_file()
}

fn open(path: &Path) -> Result<SourceFile, String> {
    let bytes = std::fs::read(path).map_err(|error| {
        format!("Could not open configuration file {} : {}", path.display(), reason(&error))
    })?;
    SourceFile::from_bytes(&path.display().to_string(), bytes).map_err(|diagnostic| shape(&diagnostic))
}

/// Variables that HAProxy defines for its configuration (configuration manual 2.3).
fn own_variable(name: &str, arguments: &Arguments, files: &str) -> Option<String> {
    match name {
        "HAPROXY_LOCALPEER" => Some(arguments.local_peer.clone().unwrap_or_else(host_name)),
        "HAPROXY_CFGFILES" => Some(files.to_owned()),
        "HAPROXY_BRANCH" => Some("3.5".to_owned()),
        "HAPROXY_STARTUP_VERSION" => Some(version::VERSION.to_owned()),
        "HAPROXY_MWORKER" => arguments.master.then(|| "1".to_owned()),
        _ => None,
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// `-n` and `-N`: the first overrules the configuration, the second stands behind it.
fn limit(rows: &mut Vec<Row>, arguments: &Arguments) {
    if arguments.maxconn > 0 {
        let mut found = false;
        for row in rows.iter_mut() {
            if let Row::Global(global) = row {
                global.maxconn = Some(arguments.maxconn);
                found = true;
            }
        }
        if !found {
            rows.insert(0, Row::Global(Global { maxconn: Some(arguments.maxconn), ..Global::default() }));
        }
    }
    if arguments.proxy_maxconn > 0 {
        let limited: Vec<_> = rows
            .iter()
            .filter_map(|row| match row {
                Row::Defaults(defaults) if defaults.frontend.maxconn.is_some() => Some(defaults.name.clone()),
                _ => None,
            })
            .collect();
        for row in rows.iter_mut() {
            if let Row::Frontend(frontend) = row
                && !frontend.from.as_ref().is_some_and(|from| limited.contains(from))
            {
                frontend.settings.maxconn.get_or_insert(arguments.proxy_maxconn);
            }
        }
    }
}

fn tell(diagnostics: &[Diagnostic], arguments: &Arguments, messages: &mut Messages) {
    for diagnostic in diagnostics {
        let text = format!("config : {}", shape(diagnostic));
        match diagnostic.gravity {
            Gravity::Error => messages.alert(&text),
            Gravity::Warning => messages.warning(&text),
            Gravity::Notice if arguments.verbose || arguments.diagnose => messages.notice(&text),
            Gravity::Notice => {}
        }
    }
}

/// A remark in HAProxy's shape: `parsing [file:line] : text`.
fn shape(diagnostic: &Diagnostic) -> String {
    let place = &diagnostic.place;
    let help = diagnostic.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
    match place.line {
        0 => format!("[{}] : {}{help}", place.file, diagnostic.message),
        line => format!("parsing [{}:{line}] : {}{help}", place.file, diagnostic.message),
    }
}

/// The system's sentence for an error, without the number that Rust adds.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
