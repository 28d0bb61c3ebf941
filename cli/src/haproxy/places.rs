//! Where something of a configuration was written, for messages about what the system refused later.

use regate_proto::config::SourceFile;

/// `file:line` of the `bind` of a frontend (or `listen`) that names this address.
pub fn bind(sources: &[SourceFile], frontend: &str, address: &str) -> Option<String> {
    let mut inside = false;
    find(sources, |words| {
        if let Some(is) = opens(words, &["frontend", "listen"], frontend) {
            inside = is;
        }
        inside && words.first() == Some(&"bind") && names(words.get(1), address)
    })
}

/// `file:line` of the `server` of a backend (or `listen`), or of the `server-template` that it comes from.
pub fn server(sources: &[SourceFile], backend: &str, server: &str) -> Option<String> {
    let mut inside = false;
    find(sources, |words| {
        if let Some(is) = opens(words, &["backend", "listen"], backend) {
            inside = is;
        }
        let is_from = |prefix: &str| {
            let number = server.strip_prefix(prefix);
            number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        };
        match words {
            ["server", name, ..] => inside && *name == server,
            ["server-template", prefix, ..] => inside && is_from(prefix),
            _ => false,
        }
    })
}

/// `file:line` of the `stats socket` that names this address.
pub fn stats_socket(sources: &[SourceFile], address: &str) -> Option<String> {
    find(sources, |words| words.starts_with(&["stats", "socket"]) && names(words.get(2), address))
}

fn find(sources: &[SourceFile], mut is_it: impl FnMut(&[&str]) -> bool) -> Option<String> {
    for source in sources {
        for (at, line) in source.text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if is_it(&words) {
                return Some(format!("{}:{}", source.name, at + 1));
            }
        }
    }
    None
}

/// Whether a line opens a section of these kinds with this name (`Some(true)`), another one, or none (`None`).
fn opens(words: &[&str], kinds: &[&str], name: &str) -> Option<bool> {
    let sections = [
        "global",
        "defaults",
        "frontend",
        "backend",
        "listen",
        "peers",
        "resolvers",
        "userlist",
        "ring",
        "http-errors",
    ];
    let first = words.first()?;
    sections.contains(first).then(|| kinds.contains(first) && words.get(1) == Some(&name))
}

/// Whether a written address, one or several with commas between, means this one. Written prefixes (`ipv4@`) and
/// wildcards (`:80`, `*:80`, `0.0.0.0:80`) are looked through.
fn names(written: Option<&&str>, address: &str) -> bool {
    written.is_some_and(|written| written.split(',').any(|one| plain(one) == plain(address)))
}

fn plain(address: &str) -> String {
    let address = address.rsplit('@').next().unwrap_or(address);
    match address.strip_prefix('*').or_else(|| address.strip_prefix("0.0.0.0")) {
        Some(port) => port.to_owned(),
        None => address.replace(['[', ']'], ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_and_sockets_are_found_where_they_were_written() {
        let text = "global\n stats socket unix@/run/x.sock mode 600\nfrontend a\n bind :80\nfrontend b\n  bind 127.0.0.1:80,ipv6@[::1]:81 name n\n bind :80\n";
        let sources = [SourceFile::new("empty.cfg", ""), SourceFile::new("a.cfg", text)];
        for (frontend, address, place) in [
            ("a", "*:80", Some("a.cfg:4")),
            ("a", "0.0.0.0:80", Some("a.cfg:4")),
            ("b", "127.0.0.1:80", Some("a.cfg:6")),
            ("b", "[::1]:81", Some("a.cfg:6")),
            ("b", ":80", Some("a.cfg:7")),
            ("c", ":80", None),
            ("b", "127.0.0.1:8", None),
        ] {
            assert_eq!(bind(&sources, frontend, address).as_deref(), place, "{frontend} {address}");
        }
        let text = "backend a\n server s1 x\nbackend b\n server-template w 3 x\n server s1 x\n server w x\n";
        let servers = [SourceFile::new("b.cfg", text)];
        for (backend, name, place) in [
            ("a", "s1", Some("b.cfg:2")),
            ("b", "s1", Some("b.cfg:5")),
            ("b", "w2", Some("b.cfg:4")),
            ("b", "w", Some("b.cfg:6")),
            ("a", "w2", None),
        ] {
            assert_eq!(server(&servers, backend, name).as_deref(), place, "{backend}/{name}");
        }
        assert_eq!(stats_socket(&sources, "/run/x.sock").as_deref(), Some("a.cfg:2"));
        assert_eq!(stats_socket(&sources, "unix@/run/x.sock").as_deref(), Some("a.cfg:2"));
        assert_eq!(stats_socket(&sources, "/run/y.sock"), None);
    }
}
