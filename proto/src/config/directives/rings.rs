//! The section `ring` (configuration manual 3.9).

use crate::model::{Ring, RingServer, StreamAddress};

use super::address::{escape, stream_address};
use super::arguments::{Arguments, Codec, Reading, TEXT, TIME, about, choice, name, not_yet, number, size};
use super::logs::read_syntax;
use super::{Action, Directive, Sections};

/// A setting whose value is spelled by a codec.
macro_rules! setting {
    ($name:literal, $syntax:literal, $field:ident, $codec:expr, $accepted:expr, $refused:expr) => {
        Directive {
            name: $name,
            sections: Sections::RINGS,
            syntax: $syntax,
            negatable: false,
            repeats: false,
            action: Action::Ring {
                read: |row, arguments| {
                    let value = ($codec.read)(arguments)?;
                    arguments.finish()?;
                    row.$field = Some(value);
                    Ok(())
                },
                write: |row, lines| {
                    if let Some(value) = &row.$field {
                        lines.push(($codec.write)(value));
                    }
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
}

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    setting!("description", "<text>", description, TEXT, &["description my buffer"], &["description"]),
    setting!(
        "format",
        "<format>",
        syntax,
        Codec { read: read_syntax, write: |syntax| vec![syntax.word().to_owned()] },
        &["format rfc5424", "format iso", "format raw"],
        &["format", "format wide", "format raw iso"]
    ),
    setting!(
        "maxlen",
        "<bytes>",
        maxlen,
        Codec { read: |a| number(a, 80, 65535), write: |length| vec![length.to_string()] },
        &["maxlen 1200"],
        &["maxlen", "maxlen 79", "maxlen x"]
    ),
    setting!(
        "size",
        "<bytes>",
        size,
        Codec { read: read_size, write: |size: &u64| vec![size.to_string()] },
        &["size 32768"],
        &["size", "size 5", "size many"]
    ),
    setting!(
        "timeout connect",
        "<time>",
        timeout_connect,
        TIME,
        &["timeout connect 5s"],
        &["timeout connect", "timeout connect x"]
    ),
    setting!(
        "timeout server",
        "<time>",
        timeout_server,
        TIME,
        &["timeout server 10s"],
        &["timeout server", "timeout server 1s 2s"]
    ),
    Directive {
        name: "server",
        sections: Sections::RINGS,
        syntax: "<name> <address>[:<port>] [ log-proto { legacy | octet-count } ]",
        negatable: false,
        repeats: true,
        action: Action::Ring {
            read: |row, arguments| {
                let word = arguments.take("a name")?;
                let server = read_server(word, arguments)?;
                if row.servers.iter().any(|other| other.name == server.name) {
                    return Err(about(word, format!("another server is named '{}'", server.name)));
                }
                row.servers.push(server);
                Ok(())
            },
            write: |row, lines| {
                for server in &row.servers {
                    let address = match &server.address {
                        StreamAddress::Unix(path) => format!("unix@{}", escape(path)),
                        other => other.to_string(),
                    };
                    let mut words = vec![server.name.to_string(), address];
                    if server.octet_count {
                        words.extend(["log-proto".to_owned(), "octet-count".to_owned()]);
                    }
                    lines.push(words);
                }
            },
        },
        accepted: &[
            "server s1 127.0.0.1:514",
            "server s1 logs.example.com:6514 log-proto octet-count",
            "server s1 unix@/run/log",
        ],
        refused: &[
            "server",
            "server s1",
            "server s/1 127.0.0.1:514",
            "server s1 127.0.0.1:514 log-proto fast",
            "server s1 127.0.0.1:514 weight",
            "server s1 udp@127.0.0.1:514",
        ],
    },
];

fn read_size(arguments: &mut Arguments) -> Reading<u64> {
    let word = arguments.take("a size in bytes")?;
    let bytes = size(word)?;
    if (Ring::LEAST_SIZE..=Ring::GREATEST_SIZE).contains(&bytes) {
        return Ok(bytes);
    }
    let message =
        format!("{} is out of range: {} to {} is accepted", word.text, Ring::LEAST_SIZE, Ring::GREATEST_SIZE);
    Err(about(word, message))
}

fn read_server(word: &super::super::lexer::Word, arguments: &mut Arguments) -> Reading<RingServer> {
    let name = name(word)?;
    let word = arguments.take("an address such as '127.0.0.1:514'")?;
    let address = stream_address(word, arguments.environment)?;
    let mut octet_count = false;
    if arguments.accept("log-proto") {
        let word = arguments.take("'legacy' or 'octet-count'")?;
        octet_count = match word.text.as_str() {
            "legacy" => false,
            "octet-count" => true,
            _ => return Err(choice(word, &["legacy", "octet-count"])),
        };
    }
    match arguments.peek() {
        Some(extra)
            if super::super::keywords::SERVER.iter().any(|known| known.name == extra.text)
                || super::servers::parameters().any(|(known, _)| known == extra.text) =>
        {
            Err(not_yet(extra, "server"))
        }
        _ => {
            arguments.finish()?;
            Ok(RingServer { name, address, octet_count })
        }
    }
}
