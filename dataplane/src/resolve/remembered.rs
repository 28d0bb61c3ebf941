//! Where names of servers led, kept beside the last good state for `init-addr last`.
//!
//! One line for each server, its fields apart by tabs: backend, server, name, address, and for a service record
//! target, port and weight. The file is written whole under another name and renamed; a line that cannot be read is
//! skipped, since an address can be resolved again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use regate_proto::model::{Name, ServerRef, Weight};

use crate::live::{Found, ServiceRecord};

/// The file in a folder.
pub fn path(folder: &Path) -> PathBuf {
    folder.join("addresses")
}

/// What the file says; nothing where there is none.
pub fn read(path: &Path) -> HashMap<ServerRef, Found> {
    match fs::read_to_string(path) {
        Ok(text) => text.lines().filter_map(parse).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
        Err(error) => {
            tracing::warn!(%error, file = %path.display(), "addresses of the last run cannot be read");
            HashMap::new()
        }
    }
}

/// Writes the file anew.
pub fn write<'a>(path: &Path, found: impl Iterator<Item = (ServerRef, &'a Found)>) -> io::Result<()> {
    let mut text = String::new();
    for (at, found) in found {
        text.extend(spell(&at, found));
    }
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

fn spell(at: &ServerRef, found: &Found) -> Option<String> {
    let ip = found.ip?;
    let mut line = format!("{}\t{}\t{}\t{ip}", at.backend, at.server, found.name);
    if let Some(record) = &found.record {
        let weight = found.weight.map_or(-1, |weight| i32::from(weight.get()));
        line.push_str(&format!("\t{}\t{}\t{weight}", record.target, record.port));
    }
    line.push('\n');
    Some(line)
}

fn parse(line: &str) -> Option<(ServerRef, Found)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [backend, server, name, ip, rest @ ..] = fields.as_slice() else { return None };
    let at = ServerRef { backend: Name::new(backend).ok()?, server: Name::new(server).ok()? };
    let mut found = Found { ip: Some(ip.parse().ok()?), ..Found::nothing(name) };
    match rest {
        [] => {}
        [target, port, weight] => {
            found.record = Some(ServiceRecord { target: (*target).to_owned(), port: port.parse().ok()? });
            found.weight = weight.parse().ok().and_then(|weight| Weight::new(weight).ok());
            found.was_given = true;
        }
        _ => return None,
    }
    Some((at, found))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_broken_is_skipped() {
        let at = |server: &str| ServerRef {
            backend: Name::new("be").unwrap(),
            server: Name::new(server).unwrap(),
        };
        let host = Found { ip: Some("192.0.2.1".parse().unwrap()), ..Found::nothing("a.example") };
        let record = ServiceRecord { target: "n.example".to_owned(), port: 81 };
        let service = Found {
            ip: Some("2001:db8::1".parse().unwrap()),
            record: Some(record),
            weight: Weight::new(7).ok(),
            was_given: true,
            ..Found::nothing("_http._tcp.example")
        };
        let lost = Found::nothing("gone.example");
        let folder = std::env::temp_dir().join(format!("rgt-addresses-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = path(&folder);
        write(&path, [(at("s1"), &host), (at("s2"), &lost), (at("s3"), &service)].into_iter()).unwrap();
        let expected = HashMap::from([(at("s1"), host), (at("s3"), service)]);
        assert_eq!(read(&path), expected);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("rubbish\n\tx\t\n{text}be\ts9\tn\t1.2.3\nbe\ts9\tn\t1.2.3.4\tt\n")).unwrap();
        assert_eq!(read(&path), expected);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(read(&path), HashMap::new());
    }
}
