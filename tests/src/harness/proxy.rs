//! A proxy started from a haproxy.cfg: Regate or Debian's HAProxy, in one shape, so that a scenario can ask
//! both the same question.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;

use super::process::{Launch, Process};
use super::temp::Folder;
use super::trouble::{Result, Trouble};
use super::{node, oracle, ports, wait};

/// Which program reads the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `regate haproxy`.
    Regate,
    /// Debian's `haproxy`.
    Haproxy,
}

/// A running proxy with its folder. Dropping it kills the one and removes the other.
pub struct Proxy {
    /// Which program it is.
    pub kind: Kind,
    /// The process, for signals, output and measuring.
    pub process: Process,
    /// Where its configuration and sockets are.
    pub folder: Folder,
    /// The configuration as it was given to the program.
    pub configuration: String,
}

/// How a proxy is started, beyond its configuration.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Cores that the process is confined to; empty for all.
    pub cores: Vec<usize>,
    /// Arguments after `-f FILE -db`.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub variables: Vec<(String, String)>,
    /// Files of the proxy's folder, written before it starts: names and contents.
    pub files: Vec<(String, String)>,
}

impl Proxy {
    /// Starts the program on this configuration and waits until every `bind` and `stats socket` in it listens.
    ///
    /// The word `@folder@` in the text stands for the proxy's own folder.
    pub fn start(kind: Kind, configuration: &str) -> Result<Self> {
        Self::start_with(kind, configuration, &Setting::default())
    }

    /// [`Proxy::start`] with more said.
    pub fn start_with(kind: Kind, configuration: &str, setting: &Setting) -> Result<Self> {
        let folder = Folder::create()?;
        let configuration = configuration.replace("@folder@", &folder.path().to_string_lossy());
        let file = folder.write("proxy.cfg", &configuration)?;
        for (name, content) in &setting.files {
            folder.write(name, content)?;
        }
        let mut launch = kind.launch()?.args(["-f", &file.to_string_lossy(), "-db"]).args(&setting.arguments);
        launch = launch.cores(&setting.cores).folder(folder.path());
        for (name, value) in &setting.variables {
            launch = launch.env(name, value);
        }
        let process = launch.start()?;
        let mut proxy = Self { kind, process, folder, configuration };
        proxy.wait_ready()?;
        Ok(proxy)
    }

    /// Runs the program's configuration check (`-c`): its status and what it wrote.
    pub fn check(kind: Kind, configuration: &str) -> Result<(ExitStatus, String)> {
        let folder = Folder::create()?;
        let configuration = configuration.replace("@folder@", &folder.path().to_string_lossy());
        let file = folder.write("proxy.cfg", configuration)?;
        let mut process = kind.launch()?.args(["-c", "-f", &file.to_string_lossy()]).start()?;
        let status = process.wait_exit(wait::PATIENCE)?;
        Ok((status, process.output()))
    }

    /// Sends one line to the first `stats socket` of the configuration and reads the reply to its end.
    pub fn ask(&self, command: &str) -> Result<String> {
        let mut stream = self.socket()?;
        stream.write_all(format!("{command}\n").as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply)?;
        Ok(String::from_utf8_lossy(&reply).into_owned())
    }

    /// A connection to the first `stats socket` of the configuration.
    pub fn socket(&self) -> Result<UnixStream> {
        let path = sockets(&self.configuration)
            .into_iter()
            .next()
            .ok_or_else(|| Trouble::new("the configuration has no stats socket"))?;
        let stream = UnixStream::connect(&path).map_err(|error| {
            Trouble::from(error).while_doing(format_args!("connecting to {}", path.display()))
        })?;
        stream.set_read_timeout(Some(wait::PATIENCE))?;
        Ok(stream)
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Sends SIGTERM and waits for the end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.process.terminate(wait::PATIENCE)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let binds = bound_ports(&self.configuration);
        let sockets = sockets(&self.configuration);
        let what = format!("{:?} to listen on {binds:?} and {sockets:?}", self.kind);
        self.process.wait_until(&what, START, |_| {
            binds.iter().all(|port| ports::is_listening(*port))
                && sockets.iter().all(|path| is_listening_at(path))
        })
    }
}

impl Kind {
    /// Both, the oracle first.
    pub const BOTH: [Self; 2] = [Self::Haproxy, Self::Regate];

    /// The program's launch, without arguments of the caller's.
    pub fn launch(self) -> Result<Launch> {
        match self {
            Self::Regate => Ok(Launch::new(node::regate()?).arg("haproxy")),
            Self::Haproxy => Ok(Launch::new(oracle::haproxy()?)),
        }
    }
}

/// Ports of all TCP `bind` lines; other kinds of address are left out.
fn bound_ports(configuration: &str) -> Vec<u16> {
    addresses(configuration, &["bind"])
        .into_iter()
        .flat_map(|addresses| addresses.split(','))
        .filter(|address| {
            !address.contains('/') && !address.starts_with("fd@") && !address.starts_with("abns@")
        })
        .filter_map(|address| address.rsplit(':').next().and_then(|port| port.parse().ok()))
        .collect()
}

/// Paths of all unix `stats socket` lines.
fn sockets(configuration: &str) -> Vec<PathBuf> {
    addresses(configuration, &["stats", "socket"])
        .into_iter()
        .map(|address| address.strip_prefix("unix@").unwrap_or(address))
        .filter(|address| address.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

/// The word after the keyword, of every line that begins with it.
fn addresses<'a>(configuration: &'a str, keyword: &[&str]) -> Vec<&'a str> {
    let mut found = Vec::new();
    for line in configuration.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.starts_with(keyword) {
            found.extend(words.get(keyword.len()));
        }
    }
    found
}

/// A program may bind under a temporary name and rename, and the kernel keeps the first name; where it lists none
/// of this path, the path being a socket must do.
fn is_listening_at(path: &std::path::Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let Some(text) = path.to_str() else { return false };
    ports::is_listening_at(text) || std::fs::metadata(path).is_ok_and(|data| data.file_type().is_socket())
}

/// How long a start may take.
const START: Duration = wait::PATIENCE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_and_sockets_are_found() {
        let text = "global\n stats socket unix@/tmp/a.sock level admin\n stats  socket\t/tmp/b mode 600\n\
                    frontend f\n\tbind 127.0.0.1:80,[::1]:81 ssl\n  bind *:82\n bind /tmp/x:90\n bind fd@4\n";
        assert_eq!(bound_ports(text), [80, 81, 82]);
        assert_eq!(sockets(text), [PathBuf::from("/tmp/a.sock"), PathBuf::from("/tmp/b")]);
    }
}
