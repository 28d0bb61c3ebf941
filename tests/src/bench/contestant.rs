//! The contestants: who they are, and one configuration for all of them.

use std::fmt;
use std::path::Path;

use crate::harness::node::workspace;
use crate::harness::proxy::Setting as Start;
use crate::harness::{Folder, Kind, Launch, Port, Process, Proxy, Result, Trouble, oracle, ports, wait};

/// A proxy that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contestant {
    /// Debian's HAProxy: what the others are compared with.
    Haproxy,
    /// Regate, on the same configuration text as HAProxy.
    Regate,
    /// Debian's nginx, on a configuration that says the same in its words.
    Nginx,
}

/// What the contestants are configured to do.
#[derive(Clone, Debug)]
pub struct Setting {
    /// HTTP, or bytes only.
    pub mode: Mode,
    /// Worker threads (nginx: processes).
    pub workers: usize,
    /// The cores that all of the proxy's threads are confined to.
    pub cores: Vec<usize>,
    /// Whether connections to servers close after each answer (`option http-server-close`).
    pub server_close: bool,
    /// The most connections at a time.
    pub limit: usize,
    /// The origin's ports.
    pub origins: Vec<u16>,
    /// The log sink's port.
    pub sink: u16,
    /// Servers of a backend without traffic that are checked, every [`CHECK_INTERVAL`] seconds.
    pub checked: usize,
    /// What the configuration has besides; nginx is given nothing of it.
    pub rules: Rules,
}

/// What a case adds to the configuration. The word `@folder@` stands for the proxy's own folder.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Lines of the frontend.
    pub frontend: String,
    /// Lines of the backend, before its servers.
    pub backend: String,
    /// Sections after all others.
    pub sections: String,
    /// Files of the proxy's folder: names and contents.
    pub files: Vec<(String, String)>,
}

/// What a proxy understands of its traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// HTTP/1, with `option httplog`.
    Http,
    /// TCP, with `option tcplog`.
    Tcp,
}

/// A started contestant. Dropping it kills it.
pub struct Running {
    /// Where it listens.
    pub port: Port,
    started: Started,
}

enum Started {
    Proxy(Box<Proxy>),
    Nginx { process: Process, _folder: Folder },
}

impl Contestant {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 3] = [Self::Haproxy, Self::Regate, Self::Nginx];

    /// Starts it and waits until it listens.
    pub fn start(self, setting: &Setting) -> Result<Running> {
        let port = Port::reserve()?;
        let kind = match self {
            Self::Haproxy => Kind::Haproxy,
            Self::Regate => Kind::Regate,
            Self::Nginx => return start_nginx(port, setting),
        };
        // Quiet, since a sentence on standard error for each change would be part of what is measured.
        let arguments = vec!["-q".to_owned()];
        let start = Start {
            cores: setting.cores.clone(),
            arguments,
            files: setting.rules.files.clone(),
            ..Start::default()
        };
        let proxy = Proxy::start_with(kind, &haproxy_text(port.number(), setting), &start)?;
        Ok(Running { port, started: Started::Proxy(Box::new(proxy)) })
    }

    /// Why it cannot take part, if so.
    pub fn absence(self) -> Option<String> {
        match self {
            Self::Haproxy => oracle::haproxy().err().map(|trouble| trouble.to_string()),
            Self::Regate => crate::harness::node::regate().err().map(|trouble| trouble.to_string()),
            Self::Nginx if oracle::program("nginx").is_some() && Path::new(STREAM).is_file() => None,
            Self::Nginx => {
                Some("it is not installed (Debian's packages nginx-light and libnginx-mod-stream)".into())
            }
        }
    }

    /// Its name and version.
    pub fn version(self) -> Result<String> {
        let name = self.to_string();
        let version = match self {
            Self::Haproxy => oracle::version()?,
            Self::Regate => revision(),
            Self::Nginx => words_of("nginx", "-v")?
                .split_once('/')
                .and_then(|(_, rest)| rest.split_whitespace().next().map(str::to_owned))
                .unwrap_or_default(),
        };
        Ok(format!("{name} {version}"))
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Haproxy => "HAProxy",
            Self::Regate => "Regate",
            Self::Nginx => "nginx",
        })
    }
}

impl Running {
    /// The process, for measuring.
    pub fn process(&self) -> &Process {
        match &self.started {
            Started::Proxy(proxy) => &proxy.process,
            Started::Nginx { process, .. } => process,
        }
    }

    /// The proxy with its text socket; nginx has none.
    pub fn proxy(&self) -> Option<&Proxy> {
        match &self.started {
            Started::Proxy(proxy) => Some(proxy),
            Started::Nginx { .. } => None,
        }
    }
}

/// The configuration that HAProxy and Regate read.
pub fn haproxy_text(port: u16, setting: &Setting) -> String {
    let (mode, log) = match setting.mode {
        Mode::Http => ("http", "httplog"),
        Mode::Tcp => ("tcp", "tcplog"),
    };
    let close = if setting.server_close { "  option http-server-close\n" } else { "" };
    let mut text = format!(
        "global\n  nbthread {workers}\n  maxconn {limit}\n  log 127.0.0.1:{sink} local0\n  \
         stats socket @folder@/admin.sock level admin\n\
         defaults\n  mode {mode}\n  log global\n  option {log}\n{close}  timeout connect 5s\n  timeout client 60s\n  \
         timeout server 60s\n",
        workers = setting.workers,
        limit = setting.limit,
        sink = setting.sink,
    );
    if setting.mode == Mode::Http {
        text.push_str("  timeout http-request 10s\n  timeout http-keep-alive 60s\n");
    }
    text.push_str(&format!(
        "frontend web\n  bind 127.0.0.1:{port}\n{rules}  default_backend app\nbackend app\n  balance \
         roundrobin\n{backend}",
        rules = setting.rules.frontend,
        backend = setting.rules.backend,
    ));
    for (index, origin) in setting.origins.iter().enumerate() {
        text.push_str(&format!("  server s{} 127.0.0.1:{origin}\n", index + 1));
    }
    if setting.checked > 0 {
        text.push_str("backend farm\n");
    }
    for (index, origin) in (0..setting.checked).zip(setting.origins.iter().cycle()) {
        text.push_str(&format!("  server c{index} 127.0.0.1:{origin} check inter {CHECK_INTERVAL}s\n"));
    }
    text.push_str(&setting.rules.sections);
    text
}

/// Seconds between two checks of a server.
pub const CHECK_INTERVAL: u64 = 2;

/// The same in nginx's words. Temporary files are off, since no other contestant writes bodies to disk.
fn nginx_text(port: u16, setting: &Setting) -> String {
    let servers: String =
        setting.origins.iter().map(|origin| format!("    server 127.0.0.1:{origin};\n")).collect();
    let mut text = String::new();
    if setting.mode == Mode::Tcp {
        text.push_str("load_module modules/ngx_stream_module.so;\n");
    }
    text.push_str(&format!(
        "user root;\ndaemon off;\npid nginx.pid;\nerror_log stderr crit;\nworker_processes {};\n\
         worker_rlimit_nofile {};\nevents {{ worker_connections {}; }}\n",
        setting.workers,
        2 * setting.limit + 100,
        2 * setting.limit + 50,
    ));
    let log = format!("syslog:server=127.0.0.1:{},facility=local0,tag=nginx,nohostname line", setting.sink);
    match setting.mode {
        Mode::Http => {
            let reuse = if setting.server_close {
                ""
            } else {
                "    keepalive 256;\n    keepalive_requests 1000000000;\n    keepalive_timeout 60s;\n"
            };
            text.push_str(&format!(
                "http {{\n  log_format line '$remote_addr:$remote_port [$time_local] web app/$upstream_addr \
                 $request_time $upstream_connect_time $upstream_response_time $status $bytes_sent \
                 $connections_active $connection_requests \"$request\"';\n  access_log {log};\n  \
                 keepalive_timeout 60s;\n  keepalive_requests 1000000000;\n  client_header_timeout 10s;\n  \
                 upstream app {{\n{servers}{reuse}  }}\n  server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      \
                 proxy_pass http://app;\n      proxy_connect_timeout 5s;\n      proxy_read_timeout 60s;\n      \
                 proxy_max_temp_file_size 0;\n      proxy_set_header Host $http_host;\n{http}    }}\n  }}\n}}\n",
                http = if setting.server_close {
                    ""
                } else {
                    "      proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n"
                },
            ));
        }
        Mode::Tcp => text.push_str(&format!(
            "stream {{\n  log_format line '$remote_addr:$remote_port [$time_local] web app/$upstream_addr \
             $session_time $bytes_sent $status';\n  access_log {log};\n  upstream app {{\n{servers}  }}\n  \
             server {{\n    listen 127.0.0.1:{port};\n    proxy_pass app;\n    proxy_connect_timeout 5s;\n    \
             proxy_timeout 60s;\n  }}\n}}\n"
        )),
    }
    text
}

fn start_nginx(port: Port, setting: &Setting) -> Result<Running> {
    let program = oracle::program("nginx").ok_or_else(|| Trouble::new("nginx is not installed"))?;
    let folder = Folder::create()?;
    // Debian's build resolves relative paths of modules and temporary files against the prefix.
    std::os::unix::fs::symlink("/usr/lib/nginx/modules", folder.join("modules"))?;
    let file = folder.write("nginx.conf", nginx_text(port.number(), setting))?;
    let prefix = folder.path().to_string_lossy().into_owned();
    let mut process = Launch::new(program)
        .args(["-p", &prefix, "-c", &file.to_string_lossy(), "-e", "stderr"])
        .cores(&setting.cores)
        .start()?;
    process.wait_until("nginx to listen", wait::PATIENCE, |_| ports::is_listening(port.number()))?;
    Ok(Running { port, started: Started::Nginx { process, _folder: folder } })
}

/// The revision of the sources, since releases are rare.
fn revision() -> String {
    let output = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(workspace())
        .output();
    let revision =
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    format!("{} ({revision})", env!("CARGO_PKG_VERSION"))
}

fn words_of(name: &str, argument: &str) -> Result<String> {
    let program = oracle::program(name).ok_or_else(|| Trouble::new(format!("{name} is not installed")))?;
    let output = std::process::Command::new(program).arg(argument).output()?;
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// Where Debian puts the module for `stream`.
const STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
