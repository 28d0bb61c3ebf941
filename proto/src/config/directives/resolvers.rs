//! The section `resolvers` (configuration manual 5.3.2).

use crate::model::{Nameserver, Transport};

use super::super::lexer::Word;
use super::address::nameserver_address;
use super::arguments::{Arguments, COUNT, Reading, TIME, about, name, not_yet, number};
use super::{Action, Directive, Sections};

/// A setting whose value is spelled by a codec.
macro_rules! setting {
    ($name:literal, $syntax:literal, $($field:ident).+, $codec:path, $accepted:expr, $refused:expr) => {
        Directive {
            name: $name,
            sections: Sections::RESOLVERS,
            syntax: $syntax,
            negatable: false,
            repeats: false,
            action: Action::Resolvers {
                read: |row, arguments| {
                    let value = ($codec.read)(arguments)?;
                    arguments.finish()?;
                    row.$($field).+ = Some(value);
                    Ok(())
                },
                write: |row, lines| {
                    if let Some(value) = &row.$($field).+ {
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
    Directive {
        name: "nameserver",
        sections: Sections::RESOLVERS,
        syntax: "<name> [udp@|tcp@]<address>:<port>",
        negatable: false,
        repeats: true,
        action: Action::Resolvers {
            read: |row, arguments| {
                let word = arguments.take("a name")?;
                let server = nameserver(word, arguments)?;
                if row.nameservers.iter().any(|other| other.name == server.name) {
                    return Err(about(word, format!("another name server is named '{}'", server.name)));
                }
                row.nameservers.push(server);
                Ok(())
            },
            write: |row, lines| {
                for server in &row.nameservers {
                    let prefix = match server.transport {
                        Transport::Udp => "",
                        Transport::Tcp => "tcp@",
                    };
                    lines.push(vec![server.name.to_string(), format!("{prefix}{}", server.address)]);
                }
            },
        },
        accepted: &[
            "nameserver dns1 192.0.2.53:53",
            "nameserver dns2 [2001:db8::53]:53",
            "nameserver dns3 tcp@192.0.2.53:5353",
        ],
        refused: &[
            "nameserver",
            "nameserver dns1",
            "nameserver dns1 192.0.2.53",
            "nameserver dns1 192.0.2.53:0",
            "nameserver dns1 192.0.2.53:x",
            "nameserver dns1 ns.example:53",
            "nameserver dns1 unix@/run/dns",
            "nameserver d/s 192.0.2.53:53",
            "nameserver dns1 192.0.2.53:53 maxconn 3",
            "nameserver dns1 192.0.2.53:53 x",
        ],
    },
    Directive {
        name: "parse-resolv-conf",
        sections: Sections::RESOLVERS,
        syntax: "",
        negatable: false,
        repeats: false,
        action: Action::Resolvers {
            read: |row, arguments| {
                row.parse_resolv_conf = true;
                arguments.finish()
            },
            write: |row, lines| {
                if row.parse_resolv_conf {
                    lines.push(Vec::new());
                }
            },
        },
        accepted: &["parse-resolv-conf"],
        refused: &["parse-resolv-conf now", "no parse-resolv-conf"],
    },
    setting!(
        "resolve_retries",
        "<number>",
        resolve_retries,
        COUNT,
        &["resolve_retries 3"],
        &["resolve_retries", "resolve_retries many"]
    ),
    setting!(
        "timeout resolve",
        "<time>",
        timeout_resolve,
        TIME,
        &["timeout resolve 1s"],
        &["timeout resolve", "timeout resolve 1s 2s"]
    ),
    setting!(
        "timeout retry",
        "<time>",
        timeout_retry,
        TIME,
        &["timeout retry 500ms"],
        &["timeout retry", "timeout retry soon"]
    ),
    setting!("hold valid", "<time>", hold.valid, TIME, &["hold valid 10s"], &["hold valid", "hold valid x"]),
    setting!("hold nx", "<time>", hold.nx, TIME, &["hold nx 30s"], &["hold nx", "hold nx 1s 2s"]),
    setting!("hold refused", "<time>", hold.refused, TIME, &["hold refused 30s"], &["hold refused"]),
    setting!("hold timeout", "<time>", hold.timeout, TIME, &["hold timeout 30s"], &["hold timeout"]),
    setting!("hold other", "<time>", hold.other, TIME, &["hold other 30s"], &["hold other"]),
    setting!("hold obsolete", "<time>", hold.obsolete, TIME, &["hold obsolete 0ms"], &["hold obsolete"]),
    Directive {
        name: "accepted_payload_size",
        sections: Sections::RESOLVERS,
        syntax: "<bytes>",
        negatable: false,
        repeats: false,
        action: Action::Resolvers {
            read: |row, arguments| {
                let size = number(arguments, 512, u32::from(u16::MAX))?;
                arguments.finish()?;
                row.accepted_payload_size = u16::try_from(size).ok();
                Ok(())
            },
            write: |row, lines| {
                if let Some(size) = row.accepted_payload_size {
                    lines.push(vec![size.to_string()]);
                }
            },
        },
        accepted: &["accepted_payload_size 8192"],
        refused: &["accepted_payload_size", "accepted_payload_size 511", "accepted_payload_size 65536"],
    },
];

fn nameserver(word: &Word, arguments: &mut Arguments) -> Reading<Nameserver> {
    let name = name(word)?;
    let word = arguments.take("an address such as '192.0.2.53:53'")?;
    let (transport, address) = nameserver_address(word, arguments.environment)?;
    match arguments.peek() {
        // These are parameters of a server behind `tcp@` in HAProxy.
        Some(extra) if super::super::keywords::SERVER.iter().any(|known| known.name == extra.text) => {
            Err(not_yet(extra, "nameserver"))
        }
        Some(extra) if super::servers::parameters().any(|(known, _)| known == extra.text) => {
            Err(not_yet(extra, "nameserver"))
        }
        _ => {
            arguments.finish()?;
            Ok(Nameserver { name, transport, address })
        }
    }
}
