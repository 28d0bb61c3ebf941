//! Generators of valid values, for property tests: every type of the model, changes, and whole configurations.
//!
//! Owns no rule of its own: what it generates is what the types, the wire and the state accept. Values that only
//! one spelling of the configuration could not express (an interface with a line break) are left out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{
    AddressFamily, Admin, Backend, BackendSettings, Bind, BindAddress, BindHost, BindRef, Defaults,
    DescriptorSource, EntriesRef, ErrorPage, ErrorReply, ForwardFor, Frontend, FrontendSettings, Global,
    Group, Guid, Holds, HttpConnection, HttpErrors, HttpReuse, InitAddr, Kind, Level, Listening, Millis,
    Mode, Name, Nameserver, NamingSettings, Password, PortRange, ProxyHeader, Resolvers, Row,
    SYSTEM_RESOLVERS, Server, ServerAddress, ServerHost, ServerPort, ServerRef, ServerSettings, ServerStates,
    SeverityOutput, SocketFile, StatsSocket, Subject, Transport, User, Userlist, Weight,
};
use crate::change::{
    Beneath, Change, ChangeSet, Field, Layer, Origin, Overlay, OverlayValue, Revision, Setting,
};
use crate::problem::{Code, Problem};
use crate::rules::Words;
use crate::rules::action::read_reply;

mod balancing;
mod checks;
mod configuration;
mod lists;
mod logging;
mod persistence;
mod rules;
mod sockets;
mod tables;
mod world;

pub use checks::{backend_checks, global_checks, paused, server_checks};
pub use configuration::configuration;
pub use lists::{edit, entries, entries_overlay, list, list_change, list_name};
pub use logging::{log_plan, log_target, ring};
pub use world::{
    small_change, small_file, small_overlay, small_row, small_set, small_setting, small_subject,
};

/// A name, short and out of all permitted characters.
pub fn name() -> impl Strategy<Value = Name> + Clone {
    let legal = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:";
    let letters = select(legal.chars().collect::<Vec<char>>());
    vec(letters, 1..=8)
        .prop_filter_map("a name", |letters| Name::new(&letters.iter().collect::<String>()).ok())
}

/// A text on one line with everything that configurations quote: blanks, quotes, backslashes, more than ASCII.
pub fn text() -> impl Strategy<Value = String> + Clone {
    let letters: Vec<char> = "abcXYZ019 \"'\\#$%{}()[];,:=@é漢🙂".chars().collect();
    vec(select(letters), 1..=12).prop_map(String::from_iter)
}

/// A text of letters and digits, beginning with a letter.
pub fn word() -> impl Strategy<Value = String> + Clone {
    let first: Vec<char> = "abcdefghijklmnopqrstuvwxyz".chars().collect();
    let next: Vec<char> = "abcdefghijklmnopqrstuvwxyz0123456789-".chars().collect();
    (select(first), vec(select(next), 0..=7))
        .prop_map(|(first, next)| std::iter::once(first).chain(next).collect())
}

/// An absolute path.
pub fn path() -> impl Strategy<Value = String> + Clone {
    (word(), prop_oneof![word(), text()]).prop_map(|(folder, file)| format!("/{folder}/{file}"))
}

/// A time span, often a common one, sometimes at the ends of the range.
pub fn millis() -> impl Strategy<Value = Millis> + Clone {
    let any = 0..=u64::from(Millis::MAX.get());
    prop_oneof![select(vec![0_u64, 1, 999, 1000, 60_000, 86_400_000, u64::from(Millis::MAX.get())]), any]
        .prop_filter_map("a span", |millis| Millis::new(millis).ok())
}

/// A weight.
pub fn weight() -> impl Strategy<Value = Weight> + Clone {
    (0..=256_u64).prop_filter_map("a weight", |weight| Weight::new(weight).ok())
}

/// An IP address, never a wildcard.
pub fn ip() -> impl Strategy<Value = IpAddr> + Clone {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits))),
        Just(IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped())),
    ]
    .prop_filter("a wildcard", |ip| !ip.is_unspecified())
}

/// An address with a port.
pub fn socket_address() -> impl Strategy<Value = SocketAddr> + Clone {
    (ip(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

/// The address of a bind.
pub fn bind_address() -> impl Strategy<Value = BindAddress> + Clone {
    let host = prop_oneof![
        Just(BindHost::AnyV4),
        Just(BindHost::AnyV6),
        ip().prop_map(BindHost::Ip),
        Just(BindHost::Named("front.example".to_owned())),
    ];
    let ports = (1..=u16::MAX, 0..=20_u16)
        .prop_filter_map("ports", |(first, more)| PortRange::new(first, first.saturating_add(more)));
    prop_oneof![
        4 => (host, ports).prop_map(|(host, ports)| BindAddress::Inet { host, ports }),
        1 => path().prop_map(BindAddress::Unix),
        1 => word().prop_map(BindAddress::Abstract),
        1 => (0..=1000_u32).prop_map(|number| BindAddress::Descriptor(DescriptorSource::Number(number))),
        1 => word().prop_map(|name| {
            BindAddress::Descriptor(DescriptorSource::Variable(name.replace('-', "_")))
        }),
    ]
}

/// The host of a server.
pub fn server_host() -> impl Strategy<Value = ServerHost> + Clone {
    let wildcards = select(vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)]);
    prop_oneof![
        6 => ip().prop_map(ServerHost::Ip),
        1 => wildcards.prop_map(ServerHost::Ip),
        2 => word().prop_map(ServerHost::Named),
    ]
}

/// The address of a server.
pub fn server_address() -> impl Strategy<Value = ServerAddress> + Clone {
    let port = prop_oneof![
        3 => (1..=u16::MAX).prop_map(ServerPort::Fixed),
        1 => (-65_535..=65_535).prop_map(ServerPort::Mapped),
        1 => Just(ServerPort::Mapped(0)),
    ];
    prop_oneof![
        6 => (server_host(), port).prop_map(|(host, port)| ServerAddress::Inet { host, port }),
        1 => path().prop_map(ServerAddress::Unix),
        1 => word().prop_map(ServerAddress::Abstract),
    ]
}

/// Mode and owner of a socket's file.
pub fn socket_file() -> impl Strategy<Value = SocketFile> + Clone {
    (of(0..=0o777_u32), of(word()), of(word())).prop_map(|(mode, user, group)| SocketFile {
        mode,
        user,
        group,
    })
}

/// Settings of the process.
pub fn global() -> BoxedStrategy<Global> {
    let numbers = (
        of(1..=1_000_000_u32),
        of(0..=100_000_u32),
        of(0..=100_000_u32),
        of(1..=64_u32),
        of(millis()),
        of(millis()),
        of(millis()),
        of(1..=1000_u32),
        of(0..=100_000_u32),
        of(0..=100_000_u32),
    );
    let log = (vec(log_target(), 0..=2), of(word()), of(prop_oneof![Just(String::new()), word()]));
    let process = (
        vec(stats_socket(), 0..=2),
        of(word()),
        of(text()),
        of(any::<bool>()),
        of(path()),
        of(word()),
        of(word()),
        of(path()),
        of(path()),
        of(path()),
        of(path()),
    );
    (numbers, log, process, global_checks(), sockets::conduct())
        .prop_map(|(numbers, log, process, checks, conduct)| {
            let (
                maxconn,
                maxconnrate,
                maxsessrate,
                nbthread,
                hard_stop_after,
                grace,
                stats_timeout,
                stats_maxconn,
                maxsslrate,
                maxcomprate,
            ) = numbers;
            let (log, log_tag, log_send_hostname) = log;
            let (
                stats_sockets,
                node,
                description,
                daemon,
                pidfile,
                user,
                group,
                chroot,
                server_state_base,
                server_state_file,
                statistics_file,
            ) = process;
            Global {
                maxconn,
                maxconnrate,
                maxsessrate,
                maxsslrate,
                maxcomprate,
                nbthread,
                hard_stop_after,
                grace,
                log,
                log_tag,
                log_send_hostname,
                stats_sockets,
                stats_timeout,
                stats_maxconn,
                node,
                description,
                daemon,
                pidfile,
                user,
                group,
                chroot,
                server_state_base,
                server_state_file,
                statistics_file,
                checks,
                conduct,
            }
        })
        .boxed()
}

fn stats_socket() -> impl Strategy<Value = StatsSocket> + Clone {
    let level = select(vec![Level::User, Level::Operator, Level::Admin]);
    let severity = of(select(vec![SeverityOutput::Number, SeverityOutput::Word]));
    let all = (bind_address(), of(level), socket_file(), severity, any::<bool>());
    all.prop_map(|(address, level, file, severity, volatile)| {
        let file = if matches!(address, BindAddress::Unix(_)) { file } else { SocketFile::default() };
        StatsSocket { address, level, severity, volatile, file }
    })
}

/// What a proxy forwards.
pub fn mode() -> impl Strategy<Value = Mode> + Clone {
    select(vec![Mode::Tcp, Mode::Http])
}

fn http_connection() -> impl Strategy<Value = HttpConnection> + Clone {
    select(vec![HttpConnection::KeepAlive, HttpConnection::ServerClose, HttpConnection::Close])
}

/// How the client's address is added to requests.
/// The header that names the address a client connected to.
pub fn originalto() -> impl Strategy<Value = ForwardFor> + Clone {
    forwardfor().prop_map(|header| ForwardFor { if_none: false, ..header })
}

/// The header that names a client.
pub fn forwardfor() -> impl Strategy<Value = ForwardFor> + Clone {
    let network =
        (ip(), 0..=128_u8).prop_map(|(ip, prefix)| (ip, if ip.is_ipv4() { prefix.min(32) } else { prefix }));
    (of(network), of(word()), any::<bool>()).prop_map(|(except, header, if_none)| ForwardFor {
        except,
        header,
        if_none,
    })
}

/// An answer that is a redirection, which needs no file.
pub fn error_location() -> impl Strategy<Value = ErrorReply> + Clone {
    let location = word().prop_map(|word| format!("https://{word}.example/?q={word}"));
    (select(vec![302_u16, 303]), location)
        .prop_map(|(code, location)| ErrorReply::Location { code, location })
}

/// An answer out of a file.
pub fn error_file() -> impl Strategy<Value = ErrorReply> + Clone {
    (path(), vec(any::<u8>(), 0..=64)).prop_map(|(path, content)| ErrorReply::File { path, content })
}

/// Pages that several proxies share; redirections only unless `files`.
pub fn http_errors(files: bool) -> BoxedStrategy<HttpErrors> {
    let pages = match files {
        true => error_pages(prop_oneof![error_file(), error_location()].boxed()).boxed(),
        false => error_pages(error_location().boxed()).boxed(),
    };
    (name(), 0..=9_u32, pages).prop_map(|(name, order, pages)| HttpErrors { name, order, pages }).boxed()
}

/// A page of a shared set, or one that is made.
fn error_elsewhere() -> impl Strategy<Value = ErrorReply> + Clone {
    let made = select(vec![
        "content-type text/plain string sorry hdr x-why %[src]",
        "content-type a/b lf-string %[src]",
    ]);
    let made = made.prop_filter_map("an answer", |text| {
        let file = |_: &str| Err("there are no files".to_owned());
        let mut words = Words::new(text.split(' '));
        read_reply(&mut words, &file).ok().map(|reply| ErrorReply::Made(Box::new(reply)))
    });
    prop_oneof![name().prop_map(ErrorReply::Section), made]
}

fn error_pages(
    reply: impl Strategy<Value = ErrorReply> + Clone,
) -> impl Strategy<Value = Vec<ErrorPage>> + Clone {
    let status = select(vec![400_u16, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504]);
    vec((status, reply), 0..=2).prop_map(|pages| {
        let ordered: std::collections::BTreeMap<u16, ErrorReply> = pages.into_iter().collect();
        ordered.into_iter().map(|(status, reply)| ErrorPage { status, reply }).collect()
    })
}

/// Settings of the client side; pages are redirections only unless `files`.
pub fn frontend_settings(files: bool) -> BoxedStrategy<FrontendSettings> {
    let pages = if files {
        error_pages(prop_oneof![error_file(), error_location(), error_elsewhere()].boxed())
    } else {
        error_pages(error_location().boxed())
    };
    let limits = (of(mode()), of(0..=100_000_u32), of(1..=65_535_u32), of(0..=100_000_u32));
    let timeouts = (of(millis()), of(millis()), of(millis()), of(millis()));
    let headers = (of(of(forwardfor())), of(of(originalto())));
    let http = (of(http_connection()), headers, pages, of(name()), of(tables::table()), rules::front());
    let log = (of(log_plan()), logging::lines(), of(word()));
    let flags = proptest::array::uniform10(of(any::<bool>()));
    let treatment = (sockets::probes(), sockets::client_conduct());
    (limits, timeouts, http, log, flags, treatment)
        .prop_map(|(limits, timeouts, http, log, flags, (probes, conduct))| {
            let (mode, maxconn, backlog, rate_limit_sessions) = limits;
            let (timeout_client, timeout_client_fin, timeout_http_request, timeout_http_keep_alive) =
                timeouts;
            let (http_connection, (forwardfor, originalto), error_pages, default_backend, table, rules) =
                http;
            let (log, lines, log_tag) = log;
            let [
                dontlognull,
                dontlog_normal,
                logasap,
                log_separate_errors,
                accept_unsafe_request,
                http_ignore_probes,
                clitcpka,
                nolinger,
                socket_stats,
                buffer_request,
            ] = flags;
            FrontendSettings {
                mode,
                maxconn,
                backlog,
                rate_limit_sessions,
                timeout_client,
                timeout_client_fin,
                timeout_http_request,
                timeout_http_keep_alive,
                http_connection,
                forwardfor,
                originalto,
                buffer_request,
                log,
                log_format: lines.format,
                log_format_sd: lines.structured,
                error_log_format: lines.errors,
                unique_id_format: lines.identifier,
                unique_id_header: lines.identifier_header,
                capture_cookie: lines.cookie,
                request_captures: lines.requests,
                response_captures: lines.responses,
                log_tag,
                dontlognull,
                dontlog_normal,
                logasap,
                log_separate_errors,
                accept_unsafe_request,
                http_ignore_probes,
                clitcpka,
                probes,
                conduct,
                nolinger,
                socket_stats,
                default_backend,
                error_pages,
                error_sections: Vec::new(),
                table,
                rules,
            }
        })
        .boxed()
}

/// Settings of the server side; pages are redirections only unless `files`.
pub fn backend_settings(files: bool) -> BoxedStrategy<BackendSettings> {
    let pages = if files {
        error_pages(prop_oneof![error_file(), error_location(), error_elsewhere()].boxed())
    } else {
        error_pages(error_location().boxed())
    };
    let reuse = select(vec![HttpReuse::Never, HttpReuse::Safe, HttpReuse::Aggressive, HttpReuse::Always]);
    let choices = (
        of(mode()),
        of(balancing::balance()),
        of(http_connection()),
        of(reuse),
        (of(of(forwardfor())), of(of(originalto()))),
    );
    let timeouts = (of(millis()), of(millis()), of(millis()), of(millis()), of(millis()));
    let numbers = (of(0..=100_u32), of(-5..=5_i32), of(1..=100_000_u32), of(sockets::source()));
    let flags = proptest::array::uniform8(of(any::<bool>()));
    let treatment = (sockets::probes(), sockets::server_conduct(), of(sockets::somewhere()));
    let states = select(vec![ServerStates::None, ServerStates::Local, ServerStates::Global]);
    let states = (of(states), of(prop_oneof![Just(String::new()), path()]));
    let returning = (
        of(persistence::retry_on()),
        persistence::persistence(),
        balancing::balancing(),
        backend_checks(),
        of(tables::table()),
        rules::back(),
    );
    (
        choices,
        timeouts,
        numbers,
        (flags, states, treatment),
        of(log_plan()),
        server_settings(),
        pages,
        returning,
    )
        .prop_map(
            |(
                choices,
                timeouts,
                numbers,
                (flags, states, treatment),
                log,
                default_server,
                error_pages,
                returning,
            )| {
                let (probes, conduct, dispatch) = treatment;
                let (server_states, server_state_file_name) = states;
                let (retry_on, persistence, balancing, checks, table, rules) = returning;
                let (mode, balance, http_connection, http_reuse, (forwardfor, originalto)) = choices;
                let (timeout_connect, timeout_server, timeout_server_fin, timeout_queue, timeout_tunnel) =
                    timeouts;
                let (retries, redispatch, fullconn, source) = numbers;
                let [
                    prefer_last_server,
                    abortonclose,
                    accept_unsafe_response,
                    srvtcpka,
                    nolinger,
                    unpublished,
                    buffer_request,
                    transparent,
                ] = flags;
                BackendSettings {
                    mode,
                    balance,
                    balancing,
                    timeout_connect,
                    timeout_server,
                    timeout_server_fin,
                    timeout_queue,
                    timeout_tunnel,
                    http_connection,
                    http_reuse,
                    forwardfor,
                    originalto,
                    buffer_request,
                    retries,
                    redispatch,
                    retry_on,
                    persistence,
                    fullconn,
                    log,
                    prefer_last_server,
                    abortonclose,
                    accept_unsafe_response,
                    srvtcpka,
                    probes,
                    conduct,
                    nolinger,
                    unpublished,
                    source,
                    dispatch,
                    transparent,
                    server_states,
                    server_state_file_name,
                    default_server,
                    error_pages,
                    error_sections: Vec::new(),
                    checks,
                    table,
                    rules,
                }
            },
        )
        .boxed()
}

/// Settings of a server.
pub fn server_settings() -> BoxedStrategy<ServerSettings> {
    let header = select(vec![None, Some(ProxyHeader::V1), Some(ProxyHeader::V2)]);
    (
        (of(weight()), of(0..=100_000_u32), of(any::<bool>()), of(any::<bool>()), of(header)),
        (of(-1..=1000_i32), of(0..=1000_u32), of(millis()), of(-1..=1000_i32), of(sockets::source())),
        (
            of(0..=1000_u32),
            of(0..=1000_u32),
            of(persistence::cookie_value()),
            of(millis()),
            of(any::<bool>()),
        ),
        naming_settings(),
        server_checks(),
        sockets::dialling(),
    )
        .prop_map(
            |((weight, maxconn, backup, disabled, send_proxy), pool, queue, naming, checks, dialling)| {
                let (minconn, maxqueue, cookie, slowstart, non_stick) = queue;
                let (pool_max_conn, pool_low_conn, pool_purge_delay, max_reuse, source) = pool;
                ServerSettings {
                    weight,
                    slowstart,
                    maxconn,
                    minconn,
                    maxqueue,
                    cookie,
                    backup,
                    disabled,
                    send_proxy,
                    pool_max_conn,
                    pool_low_conn,
                    pool_purge_delay,
                    max_reuse,
                    non_stick,
                    source,
                    dialling,
                    naming,
                    checks,
                }
            },
        )
        .boxed()
}

/// What a server says about its name; its resolvers are always there.
pub fn naming_settings() -> impl Strategy<Value = NamingSettings> + Clone {
    let resolvers = Name::new(SYSTEM_RESOLVERS).ok();
    let source = prop_oneof![
        select(vec![InitAddr::Last, InitAddr::Libc, InitAddr::Unset]),
        ip().prop_map(InitAddr::Ip),
    ];
    let network =
        (ip(), 0..=128_u8).prop_map(|(ip, bits)| (ip, if ip.is_ipv4() { bits.min(32) } else { bits }));
    let family = select(vec![AddressFamily::V4, AddressFamily::V6]);
    let lists = (of(vec(source, 1..=3)), of(vec(network, 1..=3)));
    (any::<bool>(), lists, of(family), of(any::<bool>()), any::<bool>()).prop_map(
        move |(resolved, (init_addr, resolve_net), resolve_prefer, allow_dup_ip, ignore_weight)| {
            NamingSettings {
                resolvers: resolvers.clone().filter(|_| resolved),
                init_addr,
                resolve_prefer,
                resolve_net,
                allow_dup_ip,
                ignore_weight,
            }
        },
    )
}

/// Resolvers.
pub fn resolvers() -> impl Strategy<Value = Resolvers> + Clone {
    let transport = select(vec![Transport::Udp, Transport::Tcp]);
    let server = (name(), transport, ip(), 1..=u16::MAX).prop_map(|(name, transport, ip, port)| Nameserver {
        name,
        transport,
        address: SocketAddr::new(ip, port),
    });
    let hold = (of(millis()), of(millis()), of(millis()), of(millis()), of(millis()), of(millis())).prop_map(
        |(valid, nx, refused, timeout, other, obsolete)| Holds {
            valid,
            nx,
            refused,
            timeout,
            other,
            obsolete,
        },
    );
    let numbers = (of(0..=100_u32), of(millis()), of(millis()), of(512..=u16::MAX));
    (name(), 0..=9_u32, vec(server, 0..=3), any::<bool>(), numbers, hold).prop_map(
        |(name, order, nameservers, parse_resolv_conf, numbers, hold)| {
            let (resolve_retries, timeout_resolve, timeout_retry, accepted_payload_size) = numbers;
            let named = nameservers.into_iter().enumerate().map(|(at, server)| Nameserver {
                name: Name::new(&format!("{}-{at}", server.name)).unwrap_or(server.name),
                ..server
            });
            Resolvers {
                name,
                order,
                nameservers: named.collect(),
                parse_resolv_conf,
                resolve_retries,
                timeout_resolve,
                timeout_retry,
                hold,
                accepted_payload_size,
            }
        },
    )
}

/// What something is called whatever becomes of its name, if it is.
fn guid() -> impl Strategy<Value = Option<Guid>> + Clone {
    of(name().prop_filter_map("too long", |name| Guid::new(name.as_str()).ok()))
}

/// A bind of any frontend.
pub fn bind() -> BoxedStrategy<Bind> {
    let at = (name(), name()).prop_map(|(frontend, bind)| BindRef { frontend, bind });
    let flags = proptest::array::uniform4(any::<bool>());
    let limits = (of(0..=100_000_u32), of(1..=65_535_u32));
    let numbers = (0..=9_u32, 0..=9_u32, guid());
    (at, numbers, bind_address(), limits, flags, of(word()), socket_file(), sockets::listening())
        .prop_map(|(at, (id, order, guid), address, (maxconn, backlog), flags, interface, file, socket)| {
            let [accept_proxy, v4v6, v6only, defer_accept] = flags;
            let inet = matches!(address, BindAddress::Inet { .. });
            let unix = matches!(address, BindAddress::Unix(_));
            Bind {
                at,
                id,
                order,
                guid,
                address,
                maxconn,
                backlog,
                accept_proxy,
                v4v6: inet && v4v6,
                v6only: inet && v6only && !v4v6,
                defer_accept: inet && defer_accept,
                interface: interface.filter(|_| inet),
                socket: if inet { socket } else { Listening::default() },
                file: if unix { file } else { SocketFile::default() },
            }
        })
        .boxed()
}

/// A server of any backend.
pub fn server() -> BoxedStrategy<Server> {
    let at = (name(), name()).prop_map(|(backend, server)| ServerRef { backend, server });
    let numbers = (0..=9_u32, 0..=9_u32, guid());
    (at, numbers, server_address(), of(admin()), server_settings(), paused())
        .prop_map(|(at, (id, order, guid), address, admin, settings, paused)| Server {
            at,
            id,
            order,
            guid,
            address,
            admin,
            paused,
            settings,
        })
        .boxed()
}

/// What an administrator asks of a server.
pub fn admin() -> impl Strategy<Value = Admin> + Clone {
    select(vec![Admin::Ready, Admin::Drain, Admin::Maint])
}

/// A list of users, in good order.
pub fn userlist() -> impl Strategy<Value = Userlist> + Clone {
    let password = of(prop_oneof![
        "[!-~]{1,12}".prop_map(Password::Plain),
        "\\$[56]\\$[a-z]{4}\\$[a-zA-Z0-9./]{8}".prop_map(Password::Hashed),
    ]);
    let users = vec((password, vec(any::<Index>(), 0..=2)), 0..=3);
    (name(), 0..=9_u32, 0..=2_usize, users, vec(any::<Index>(), 0..=2)).prop_map(
        |(name, order, groups, users, members)| {
            let count = users.len();
            let user_name = |at: usize| format!("user@{at}");
            let group_name = |at: usize| format!("group{at}");
            // Nobody can be in groups that are not there, nor groups hold those who are not.
            let within = |indices: &[Index], count: usize| -> Vec<usize> {
                if count == 0 { Vec::new() } else { indices.iter().map(|index| index.index(count)).collect() }
            };
            let group = |at: usize| Group {
                name: group_name(at),
                users: within(&members, count).into_iter().map(user_name).collect(),
            };
            let user = |(at, (password, own)): (usize, (Option<Password>, Vec<Index>))| User {
                name: user_name(at),
                password,
                groups: within(&own, groups).into_iter().map(group_name).collect(),
            };
            Userlist {
                name,
                order,
                groups: (0..groups).map(group).collect(),
                users: users.into_iter().enumerate().map(user).collect(),
            }
        },
    )
}

/// A row of any kind; what it points to need not exist.
pub fn row() -> BoxedStrategy<Row> {
    let head = || (name(), 0..=9_u32, 0..=9_u32, of(name()), any::<bool>(), any::<bool>(), of(text()));
    let defaults = (head(), frontend_settings(true), backend_settings(true)).prop_map(
        |((name, _, order, from, _, disabled, _), frontend, backend)| {
            let (frontend, backend) = (frontend.into(), backend.into());
            Row::Defaults(Defaults { name, order, from, disabled, frontend, backend })
        },
    );
    let frontend = (head(), guid(), frontend_settings(true)).prop_map(
        |((name, id, order, from, listen, disabled, description), guid, settings)| {
            let settings = settings.into();
            Row::Frontend(Frontend { name, id, order, from, listen, disabled, description, guid, settings })
        },
    );
    let backend = (head(), guid(), backend_settings(true)).prop_map(
        |((name, id, order, from, listen, disabled, description), guid, settings)| {
            let settings = settings.into();
            Row::Backend(Backend { name, id, order, from, listen, disabled, description, guid, settings })
        },
    );
    prop_oneof![
        global().prop_map(Row::Global).boxed(),
        defaults.boxed(),
        frontend.boxed(),
        bind().prop_map(Row::Bind).boxed(),
        backend.boxed(),
        server().prop_map(Row::Server).boxed(),
        resolvers().prop_map(Row::Resolvers).boxed(),
        list().prop_map(Row::List).boxed(),
        entries().prop_map(Row::Entries).boxed(),
        userlist().prop_map(Row::Userlist).boxed(),
        ring().prop_map(Row::Ring).boxed(),
        http_errors(true).prop_map(Row::HttpErrors).boxed(),
    ]
    .boxed()
}

/// A subject of any kind.
pub fn subject() -> impl Strategy<Value = Subject> + Clone {
    (select(Kind::ALL.to_vec()), name(), name(), list_name()).prop_map(|(kind, one, two, list)| match kind {
        Kind::Global => Subject::Global,
        Kind::Defaults => Subject::Defaults(one),
        Kind::Frontend => Subject::Frontend(one),
        Kind::Bind => Subject::Bind(BindRef { frontend: one, bind: two }),
        Kind::Backend => Subject::Backend(one),
        Kind::Server => Subject::Server(ServerRef { backend: one, server: two }),
        Kind::Resolvers => Subject::Resolvers(one),
        Kind::List => Subject::List(list),
        Kind::Entries => Subject::Entries(EntriesRef { list, part: 7 }),
        Kind::Userlist => Subject::Userlist(one),
        Kind::Ring => Subject::Ring(one),
        Kind::HttpErrors => Subject::HttpErrors(one),
    })
}

/// A field with its value, never a percentage.
pub fn absolute_setting() -> impl Strategy<Value = Setting> + Clone {
    prop_oneof![
        weight().prop_map(Setting::Weight),
        admin().prop_map(Setting::Admin),
        server_host().prop_map(Setting::Host),
        any::<u16>().prop_map(Setting::Port),
        (-65_535..=65_535).prop_map(Setting::PortOffset),
        any::<u32>().prop_map(Setting::Maxconn),
        any::<bool>().prop_map(Setting::Enabled),
        any::<bool>().prop_map(Setting::ShutDown),
        any::<u32>().prop_map(Setting::MaxConnRate),
        any::<u32>().prop_map(Setting::MaxSessRate),
        any::<bool>().prop_map(Setting::DynamicCookie),
        any::<bool>().prop_map(Setting::Published),
        any::<u32>().prop_map(Setting::MaxSslRate),
        any::<u32>().prop_map(Setting::MaxCompRate),
        word().prop_map(Setting::CookieKey),
        server_host().prop_map(Setting::CheckHost),
        any::<u16>().prop_map(Setting::CheckPort),
        server_host().prop_map(Setting::AgentHost),
        any::<u16>().prop_map(Setting::AgentPort),
        text().prop_map(Setting::AgentSend),
        any::<bool>().prop_map(Setting::Checks),
        any::<bool>().prop_map(Setting::Agent),
    ]
}

/// A field with its value.
pub fn setting() -> impl Strategy<Value = Setting> + Clone {
    prop_oneof![9 => absolute_setting(), 1 => (0..=1000_u32).prop_map(Setting::WeightPercent)]
}

/// Who made a change.
pub fn origin() -> impl Strategy<Value = Origin> + Clone {
    let actor = prop_oneof![Just(String::new()), text()];
    (actor, select(vec!["", "file", "socket", "volatile", "grpc"]), any::<u64>())
        .prop_map(|(actor, door, at)| Origin { actor, door: door.to_owned(), at })
}

/// Something changed by hand; what it is about need not exist.
pub fn overlay() -> impl Strategy<Value = Overlay> {
    let told = prop_oneof![
        row().prop_map(|row| (row.subject(), OverlayValue::Row(Box::new(row)))),
        subject().prop_map(|subject| (subject, OverlayValue::Gone)),
        (subject(), absolute_setting())
            .prop_map(|(subject, setting)| (subject, OverlayValue::Setting(setting))),
        entries_overlay().prop_map(|overlay| (overlay.subject, overlay.value)),
    ];
    (told, origin()).prop_map(|((subject, value), origin)| lying(subject, value, origin))
}

/// An overlay; a volatile one lies over one of the same value that is not.
pub fn lying(subject: Subject, value: OverlayValue, origin: Origin) -> Overlay {
    let lasting = Origin { door: Origin::SOCKET.to_owned(), ..origin.clone() };
    let beneath = Box::new(Beneath { value: value.clone(), origin: lasting });
    let beneath = Some(beneath).filter(|_| origin.is_volatile());
    Overlay { subject, value, origin, beneath }
}

/// A change of any kind; what it is about need not exist.
pub fn change() -> impl Strategy<Value = Change> {
    let layer = || select(vec![Layer::Spec, Layer::Overlay]);
    let field = || of(select(Field::ALL.to_vec()));
    prop_oneof![
        3 => (layer(), row()).prop_map(|(layer, row)| Change::Put(layer, row)),
        1 => (layer(), row()).prop_map(|(layer, row)| Change::Add(layer, row)),
        1 => (layer(), subject()).prop_map(|(layer, subject)| Change::Delete(layer, subject)),
        2 => (layer(), subject(), setting())
            .prop_map(|(layer, subject, setting)| Change::Set(layer, subject, setting)),
        1 => (subject(), field()).prop_map(|(subject, field)| Change::Revert(subject, field)),
        1 => (subject(), field()).prop_map(|(subject, field)| Change::Adopt(subject, field)),
        1 => overlay().prop_map(Change::Restore),
        1 => edit(),
    ]
}

/// A set of changes; what they are about need not exist.
pub fn change_set() -> impl Strategy<Value = ChangeSet> {
    (of(any::<u64>()), origin(), vec(change(), 0..=6)).prop_map(|(base, origin, changes)| ChangeSet {
        base: base.map(Revision),
        origin,
        changes,
    })
}

/// A reason why something was refused.
pub fn problem() -> impl Strategy<Value = Problem> + Clone {
    let code = select(vec![
        Code::NotFound,
        Code::AlreadyExists,
        Code::InUse,
        Code::Dangling,
        Code::OutOfRange,
        Code::Malformed,
        Code::Unsuitable,
        Code::Conflict,
        Code::Denied,
        Code::Impossible,
        Code::Unavailable,
        Code::Unsupported,
    ]);
    (of(any::<u32>()), code, of(subject()), text()).prop_map(|(index, code, subject, detail)| Problem {
        index,
        code,
        subject,
        detail,
    })
}

/// One of `values`, or none when there is none or `wanted` is absent.
fn pick<T: Clone>(wanted: Option<Index>, values: &[T]) -> Option<T> {
    wanted.filter(|_| !values.is_empty()).map(|index| index.get(values).clone())
}
