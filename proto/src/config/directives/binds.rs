//! `bind`: the addresses of a frontend (configuration manual 4.2 and 5.1).

use crate::model::{Bind, BindAddress, BindRef, Guid, Listening, Name, SocketFile};

use super::super::keywords;
use super::address::{bind_address, spell_bind, split};
use super::arguments::{Arguments, GUID, NAME, Reading, guid, number};
use super::parameters::{self, Parameter};
use super::{Draft, Lines, sockets};

/// A bind while it is read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftBind {
    /// Its name; absent when the reader chooses one.
    pub name: Option<Name>,
    /// The bind; its name and order count only once the section is complete.
    pub bind: Bind,
}

const PARAMETERS: &[Parameter<DraftBind>] = &[
    Parameter {
        name: "name",
        syntax: "<name>",
        read: |draft, arguments| {
            draft.name = Some((NAME.read)(arguments)?);
            Ok(())
        },
        write: |draft| draft.name.iter().flat_map(|name| ["name".to_owned(), name.to_string()]).collect(),
    },
    Parameter {
        name: "id",
        syntax: "<number>",
        read: |draft, arguments| {
            draft.bind.id = number(arguments, 1, i32::MAX as u32)?;
            Ok(())
        },
        write: |draft| {
            if draft.bind.id == 0 { Vec::new() } else { vec!["id".to_owned(), draft.bind.id.to_string()] }
        },
    },
    // A line with several addresses has several binds, which are told apart by their position on it.
    Parameter {
        name: "guid-prefix",
        syntax: "<text>",
        read: |draft, arguments| {
            let word = arguments.take("an identifier")?;
            draft.bind.guid = Some(guid(word, &format!("{}-0", word.text))?);
            Ok(())
        },
        write: |draft| {
            let prefix = draft.bind.guid.as_ref().and_then(prefix_of);
            prefix.into_iter().flat_map(|prefix| ["guid-prefix".to_owned(), prefix.to_owned()]).collect()
        },
    },
    Parameter {
        name: "guid",
        syntax: "<text>",
        read: |draft, arguments| {
            draft.bind.guid = Some((GUID.read)(arguments)?);
            Ok(())
        },
        write: |draft| {
            let guid = draft.bind.guid.iter().filter(|guid| prefix_of(guid).is_none());
            guid.flat_map(|guid| ["guid".to_owned(), guid.to_string()]).collect()
        },
    },
    Parameter {
        name: "maxconn",
        syntax: "<number>",
        read: |draft, arguments| {
            draft.bind.maxconn = Some(number(arguments, 0, i32::MAX as u32)?);
            Ok(())
        },
        write: |draft| {
            draft.bind.maxconn.iter().flat_map(|n| ["maxconn".to_owned(), n.to_string()]).collect()
        },
    },
    Parameter {
        name: "backlog",
        syntax: "<number>",
        read: |draft, arguments| {
            draft.bind.backlog = Some(number(arguments, 0, i32::MAX as u32)?);
            Ok(())
        },
        write: |draft| {
            draft.bind.backlog.iter().flat_map(|n| ["backlog".to_owned(), n.to_string()]).collect()
        },
    },
    flag(
        "accept-proxy",
        |draft, _| on(&mut draft.bind.accept_proxy),
        |draft| word(draft.bind.accept_proxy, "accept-proxy"),
    ),
    flag("v4v6", |draft, _| on(&mut draft.bind.v4v6), |draft| word(draft.bind.v4v6, "v4v6")),
    flag("v6only", |draft, _| on(&mut draft.bind.v6only), |draft| word(draft.bind.v6only, "v6only")),
    flag(
        "defer-accept",
        |draft, _| on(&mut draft.bind.defer_accept),
        |draft| word(draft.bind.defer_accept, "defer-accept"),
    ),
    Parameter {
        name: "interface",
        syntax: "<interface>",
        read: |draft, arguments| {
            draft.bind.interface = Some(arguments.take("the name of an interface")?.text.clone());
            Ok(())
        },
        write: |draft| {
            draft.bind.interface.iter().flat_map(|name| ["interface".to_owned(), name.clone()]).collect()
        },
    },
    sockets::BIND_MSS,
    sockets::BIND_USER_TIMEOUT,
    sockets::BIND_FAST_OPEN,
    sockets::BIND_TRANSPARENT,
    sockets::BIND_CONGESTION,
    sockets::BIND_NAMESPACE,
    file(
        "mode",
        "<mode>",
        |draft, arguments| parameters::read_file(&mut draft.bind.file, "mode", arguments),
        |draft| parameters::write_file(&draft.bind.file),
    ),
    file(
        "user",
        "<user>",
        |draft, arguments| parameters::read_file(&mut draft.bind.file, "user", arguments),
        |_| Vec::new(),
    ),
    file(
        "uid",
        "<number>",
        |draft, arguments| parameters::read_file(&mut draft.bind.file, "uid", arguments),
        |_| Vec::new(),
    ),
    file(
        "group",
        "<group>",
        |draft, arguments| parameters::read_file(&mut draft.bind.file, "group", arguments),
        |_| Vec::new(),
    ),
    file(
        "gid",
        "<number>",
        |draft, arguments| parameters::read_file(&mut draft.bind.file, "gid", arguments),
        |_| Vec::new(),
    ),
];

/// The names and arguments of a bind's parameters.
pub fn parameters() -> impl Iterator<Item = (&'static str, &'static str)> {
    PARAMETERS.iter().map(|parameter| (parameter.name, parameter.syntax))
}

/// Reads the arguments of `bind`: one bind per address.
pub fn read_bind(frontend: &Name, arguments: &mut Arguments) -> Reading<Vec<DraftBind>> {
    let word = arguments.take("an address such as '*:80'")?;
    let unix = arguments.environment.unix();
    let mut addresses = Vec::new();
    for piece in split(&word.text).into_iter().filter(|piece| !piece.is_empty()) {
        addresses.push(bind_address(word, &piece, &unix.prefix, arguments.environment)?);
    }
    if addresses.is_empty() {
        return Err(arguments.missing("an address such as '*:80'"));
    }
    let mut model = DraftBind { name: None, bind: blank(frontend) };
    parameters::read(&mut model, arguments, PARAMETERS, keywords::BIND)?;
    arguments.finish()?;
    let unix = unix.file;
    let several = addresses.into_iter().enumerate().map(|(at, address)| {
        let mut draft = model.clone();
        if at > 0 {
            draft.name = None;
            draft.bind.id = 0;
            let prefix = model.bind.guid.as_ref().and_then(prefix_of);
            draft.bind.guid = prefix.and_then(|prefix| Guid::new(&format!("{prefix}-{at}")).ok());
        }
        if let BindAddress::Unix(_) = address {
            let file = &mut draft.bind.file;
            file.mode = file.mode.or(unix.mode);
            file.user = file.user.take().or_else(|| unix.user.clone());
            file.group = file.group.take().or_else(|| unix.group.clone());
        }
        draft.bind.address = address;
        draft
    });
    Ok(several.collect())
}

/// The words after `bind`.
pub fn write_bind(draft: &DraftBind) -> Vec<String> {
    let mut words = vec![spell_bind(&draft.bind.address)];
    words.extend(parameters::write(draft, PARAMETERS));
    words
}

pub(super) fn read(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    let binds = read_bind(&draft.name, arguments)?;
    draft.binds.extend(binds);
    Ok(())
}

pub(super) fn write(draft: &Draft, lines: &mut Lines) {
    for bind in &draft.binds {
        lines.push(write_bind(bind));
    }
}

/// What a line's `guid-prefix` would be for the first bind on it to be called so.
fn prefix_of(guid: &Guid) -> Option<&str> {
    guid.as_str().strip_suffix("-0").filter(|prefix| !prefix.is_empty())
}

fn blank(frontend: &Name) -> Bind {
    Bind {
        at: BindRef { frontend: frontend.clone(), bind: frontend.clone() },
        id: 0,
        order: 0,
        guid: None,
        address: BindAddress::Abstract(String::new()),
        maxconn: None,
        backlog: None,
        accept_proxy: false,
        v4v6: false,
        v6only: false,
        defer_accept: false,
        interface: None,
        socket: Listening::default(),
        file: SocketFile::default(),
    }
}

type Read = fn(&mut DraftBind, &mut Arguments) -> Reading<()>;
type Write = fn(&DraftBind) -> Vec<String>;

const fn flag(name: &'static str, read: Read, write: Write) -> Parameter<DraftBind> {
    Parameter { name, syntax: "", read, write }
}

const fn file(name: &'static str, syntax: &'static str, read: Read, write: Write) -> Parameter<DraftBind> {
    Parameter { name, syntax, read, write }
}

fn on(field: &mut bool) -> Reading<()> {
    *field = true;
    Ok(())
}

fn word(on: bool, name: &str) -> Vec<String> {
    if on { vec![name.to_owned()] } else { Vec::new() }
}
