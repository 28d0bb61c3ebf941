//! Changes in a world of few names, so that they meet: most land on something that is there, some clash.

use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;

use super::{admin, lying, origin, weight};
use crate::change::{Change, ChangeSet, Field, Layer, Overlay, OverlayValue, Setting};
use crate::model::{
    Backend, BackendSettings, Bind, BindAddress, BindHost, BindRef, Columns, Defaults, Frontend,
    FrontendSettings, Global, HttpErrors, Kind, List, Listening, Mode, Name, NamingSettings, Paused,
    PortRange, Resolvers, Ring, Row, Server, ServerAddress, ServerHost, ServerPort, ServerRef,
    ServerSettings, SocketFile, Subject, Userlist,
};

/// A set of one to four changes of the small world, based on nothing.
pub fn small_set() -> impl Strategy<Value = ChangeSet> {
    (origin(), vec(small_change(), 1..=4)).prop_map(|(origin, changes)| ChangeSet {
        base: None,
        origin,
        changes,
    })
}

/// The rows of a file about the small world; the state may refuse them.
pub fn small_file() -> impl Strategy<Value = Vec<Row>> {
    vec(small_row(), 0..=14).prop_map(|rows| {
        let mut kept: Vec<Row> = Vec::new();
        for row in rows {
            let parent = match row.subject() {
                Subject::Server(at) => Some(Subject::Backend(at.backend)),
                Subject::Bind(at) => Some(Subject::Frontend(at.frontend)),
                _ => None,
            };
            let is_there = |subject: &Subject| kept.iter().any(|other| other.subject() == *subject);
            if parent.as_ref().is_none_or(is_there) && !is_there(&row.subject()) {
                kept.push(row);
            }
        }
        kept
    })
}

/// A change of the small world.
pub fn small_change() -> impl Strategy<Value = Change> {
    let layer = || select(vec![Layer::Spec, Layer::Overlay]);
    let field = || of(select(Field::ALL.to_vec()));
    prop_oneof![
        8 => (layer(), small_row()).prop_map(|(layer, row)| Change::Put(layer, row)),
        2 => (layer(), small_row()).prop_map(|(layer, row)| Change::Add(layer, row)),
        3 => (layer(), small_subject()).prop_map(|(layer, subject)| Change::Delete(layer, subject)),
        6 => (layer(), small_subject(), small_setting())
            .prop_map(|(layer, subject, setting)| Change::Set(layer, subject, setting)),
        2 => (small_subject(), field()).prop_map(|(subject, field)| Change::Revert(subject, field)),
        2 => (small_subject(), field()).prop_map(|(subject, field)| Change::Adopt(subject, field)),
        2 => small_overlay().prop_map(Change::Restore),
        8 => super::list_change(),
    ]
}

/// An overlay of the small world.
pub fn small_overlay() -> impl Strategy<Value = Overlay> {
    let told = prop_oneof![
        small_row().prop_map(|row| (row.subject(), OverlayValue::Row(Box::new(row)))),
        small_subject().prop_map(|subject| (subject, OverlayValue::Gone)),
        (small_subject(), small_setting())
            .prop_map(|(subject, setting)| (subject, OverlayValue::Setting(setting))),
    ];
    (told, origin()).prop_map(|((subject, value), origin)| lying(subject, value, origin))
}

/// A field with its value, out of few.
pub fn small_setting() -> impl Strategy<Value = Setting> + Clone {
    let hosts = select(vec!["127.0.0.1", "127.0.0.2", "name"]);
    prop_oneof![
        3 => weight().prop_map(Setting::Weight),
        1 => select(vec![0_u32, 50, 100, 1000]).prop_map(Setting::WeightPercent),
        3 => admin().prop_map(Setting::Admin),
        2 => hosts.prop_map(Setting::host),
        2 => (1..=3_u16).prop_map(Setting::Port),
        1 => (-1..=1).prop_map(Setting::PortOffset),
        2 => (0..=3_u32).prop_map(Setting::Maxconn),
        2 => any::<bool>().prop_map(Setting::Enabled),
        1 => (0..=3_u32).prop_map(Setting::MaxConnRate),
        1 => (0..=3_u32).prop_map(Setting::MaxSessRate),
    ]
}

/// A subject out of few.
pub fn small_subject() -> impl Strategy<Value = Subject> + Clone {
    let kinds = vec![
        Kind::Global,
        Kind::Defaults,
        Kind::Frontend,
        Kind::Bind,
        Kind::Backend,
        Kind::Server,
        Kind::Server,
        Kind::Server,
        Kind::Resolvers,
        Kind::Userlist,
        Kind::Ring,
        Kind::HttpErrors,
    ];
    (select(kinds), proxy_name(), child_name()).prop_map(|(kind, one, two)| match kind {
        Kind::Global => Subject::Global,
        Kind::Defaults => Subject::Defaults(one),
        Kind::Frontend => Subject::Frontend(one),
        Kind::Bind => Subject::Bind(BindRef { frontend: one, bind: two }),
        Kind::Backend => Subject::Backend(one),
        Kind::Server => Subject::Server(ServerRef { backend: one, server: two }),
        Kind::Resolvers | Kind::List | Kind::Entries => Subject::Resolvers(one),
        Kind::Userlist => Subject::Userlist(one),
        Kind::Ring => Subject::Ring(one),
        Kind::HttpErrors => Subject::HttpErrors(one),
    })
}

/// A row out of few.
pub fn small_row() -> impl Strategy<Value = Row> + Clone {
    let number = || prop_oneof![3 => Just(0_u32), 1 => 1..=5_u32];
    let place = || prop_oneof![1 => Just(0_u32), 1 => 1..=4_u32];
    let head = (number(), place(), weighted(0.2, proxy_name()), weighted(0.15, Just(true)));
    let settings = (of(weight()), of(0..=3_u32), of(any::<bool>()), weighted(0.1, proxy_name()));
    let mode = weighted(0.1, Just(Mode::Http));
    (small_subject(), head, settings, mode, weighted(0.2, proxy_name()), 1..=3_u16).prop_map(
        |(subject, head, settings, mode, target, port)| {
            let (id, order, from, listen) = head;
            let (weight, maxconn, disabled, resolvers) = settings;
            let disabled_now = disabled == Some(true);
            let listen = listen.is_some();
            let naming = NamingSettings { resolvers, ..NamingSettings::default() };
            let server = ServerSettings { weight, maxconn, disabled, naming, ..ServerSettings::default() };
            let frontend =
                FrontendSettings { mode, maxconn, default_backend: target, ..FrontendSettings::default() };
            let backend =
                BackendSettings { mode, default_server: server.clone(), ..BackendSettings::default() };
            match subject {
                Subject::Global => Row::Global(Global { maxconn, ..Global::default() }),
                Subject::Defaults(name) => {
                    let (frontend, backend) = (frontend.into(), backend.into());
                    Row::Defaults(Defaults { name, order, from, disabled: disabled_now, frontend, backend })
                }
                Subject::Frontend(name) => Row::Frontend(Frontend {
                    name,
                    id,
                    order,
                    guid: None,
                    from,
                    listen,
                    disabled: disabled_now,
                    description: None,
                    settings: frontend.into(),
                }),
                Subject::Backend(name) => Row::Backend(Backend {
                    name,
                    id,
                    order,
                    guid: None,
                    from,
                    listen,
                    disabled: disabled_now,
                    description: None,
                    settings: backend.into(),
                }),
                Subject::Bind(at) => Row::Bind(bind(at, id, order, port)),
                Subject::Resolvers(name) => Row::Resolvers(Resolvers { order, ..Resolvers::named(name) }),
                Subject::Userlist(name) => Row::Userlist(Userlist { order, ..Userlist::named(name) }),
                Subject::HttpErrors(name) => Row::HttpErrors(HttpErrors { order, ..HttpErrors::named(name) }),
                Subject::Ring(name) => Row::Ring(Ring { order, ..Ring::named(name) }),
                Subject::Server(at) => {
                    let address = match port {
                        3 => ServerAddress::Unix("/s".to_owned()),
                        _ => ServerAddress::Inet {
                            host: ServerHost::Ip([127, 0, 0, 1].into()),
                            port: ServerPort::Fixed(port),
                        },
                    };
                    Row::Server(Server {
                        at,
                        id,
                        order,
                        guid: None,
                        address,
                        admin: None,
                        paused: Paused::default(),
                        settings: server,
                    })
                }
                Subject::List(name) => Row::List(List::named(name, Columns::Values)),
                Subject::Entries(at) => Row::List(List::named(at.list, Columns::Values)),
            }
        },
    )
}

fn bind(at: BindRef, id: u32, order: u32, port: u16) -> Bind {
    Bind {
        at,
        id,
        order,
        guid: None,
        address: match PortRange::new(port, port) {
            Some(ports) => BindAddress::Inet { host: BindHost::AnyV4, ports },
            None => BindAddress::Abstract("a".to_owned()),
        },
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

fn proxy_name() -> impl Strategy<Value = Name> + Clone {
    names(&["a", "b", "c"])
}

fn child_name() -> impl Strategy<Value = Name> + Clone {
    names(&["-", "s", "t"])
}

fn names(names: &[&str]) -> impl Strategy<Value = Name> + Clone {
    select(names.iter().filter_map(|name| Name::new(name).ok()).collect::<Vec<Name>>())
}
