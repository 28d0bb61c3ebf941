//! Generators of what sockets are like, and of how messages are treated.

use std::net::SocketAddr;

use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::{millis, socket_address, word};
use crate::model::{
    ClientConduct, Conduct, Dialling, Foreign, HashKey, HeaderNames, Listening, Probes, ProxyOption,
    ServerConduct, Source, Statuses,
};

/// What keep-alive probes are like.
pub fn probes() -> impl Strategy<Value = Probes> + Clone {
    (of(0..=100_u32), of(millis()), of(millis())).prop_map(|(count, idle, interval)| Probes {
        count,
        idle,
        interval,
    })
}

/// What a listening socket is like.
pub fn listening() -> impl Strategy<Value = Listening> + Clone {
    let mss = prop_oneof![1..=65_535_i32, -65_535..=-1_i32];
    (of(mss), of(millis()), any::<[bool; 2]>(), of(word()), of(word())).prop_map(
        |(mss, user_timeout, [fast_open, transparent], congestion, namespace)| Listening {
            mss,
            user_timeout,
            fast_open,
            transparent,
            congestion,
            namespace,
        },
    )
}

fn particular() -> impl Strategy<Value = (Vec<ProxyOption>, Option<HashKey>, Option<String>)> + Clone {
    (proxy_options(), of(hash_key()), of(word()))
}

/// What is particular about a server and connections to it.
pub fn dialling() -> impl Strategy<Value = Option<Box<Dialling>>> + Clone {
    (of(millis()), of(any::<bool>()), of(word()), of(word()), of(somewhere()), of(Just(true)), particular())
        .prop_map(|(user_timeout, fast_open, congestion, namespace, socks, check_via_socks, particular)| {
            let (proxy_options, hash_key, redirect) = particular;
            let dialling = Dialling {
                user_timeout,
                fast_open,
                congestion,
                namespace,
                socks,
                check_via_socks,
                redirect,
                proxy_options,
                hash_key,
            };
            (dialling != Dialling::default()).then(|| Box::new(dialling))
        })
}

/// An address that somebody may listen on.
pub fn somewhere() -> impl Strategy<Value = SocketAddr> + Clone {
    socket_address().prop_filter("a port", |address| address.port() != 0)
}

/// Where connections to servers start from.
pub fn source() -> impl Strategy<Value = Box<Source>> + Clone {
    let occurrence = prop_oneof![1..=9_i32, -9..=-1_i32];
    let foreign = prop_oneof![
        Just(Foreign::Client),
        Just(Foreign::ClientIp),
        socket_address().prop_map(Foreign::Address),
        (word(), occurrence).prop_map(|(name, occurrence)| Foreign::Header { name, occurrence }),
    ];
    (socket_address(), of(word()), of(foreign))
        .prop_map(|(address, interface, foreign)| Box::new(Source { address, interface, foreign }))
}

/// What is told in PROXY protocol headers.
fn proxy_options() -> impl Strategy<Value = Vec<ProxyOption>> + Clone {
    use ProxyOption::*;
    let all = vec![Ssl, CertCn, SslCipher, CertSig, CertKey, Authority, Crc32c, UniqueId];
    btree_set(select(all), 0..=3).prop_map(|options| options.into_iter().collect())
}

/// What places on a ring are made from.
fn hash_key() -> impl Strategy<Value = HashKey> + Clone {
    select(vec![HashKey::Id, HashKey::Addr, HashKey::AddrPort])
}

fn header_names() -> impl Strategy<Value = HeaderNames> + Clone {
    select(vec![HeaderNames::Preserve, HeaderNames::Delete, HeaderNames::Reject])
}

/// How the client side treats messages.
pub fn client_conduct() -> impl Strategy<Value = ClientConduct> + Clone {
    (of(any::<bool>()), of(any::<bool>()), of(header_names())).prop_map(
        |(idle_close, adjust_case, header_names)| ClientConduct { idle_close, adjust_case, header_names },
    )
}

/// How the server side treats messages.
pub fn server_conduct() -> impl Strategy<Value = ServerConduct> + Clone {
    let flags = proptest::array::uniform2(of(any::<bool>()));
    (flags, of(header_names()), of(word()), of(-1..=1000_i32)).prop_map(
        |([pretend_keepalive, adjust_case], header_names, name_header, max_keep_alive_queue)| ServerConduct {
            pretend_keepalive,
            adjust_case,
            header_names,
            name_header,
            max_keep_alive_queue,
        },
    )
}

/// How the process treats messages and connections.
pub fn conduct() -> impl Strategy<Value = Box<Conduct>> + Clone {
    let cases = btree_set(word(), 0..=3)
        .prop_map(|names| names.into_iter().map(|name| name.to_ascii_uppercase()).collect::<Vec<String>>());
    (of(statuses()), of(statuses()), cases, of(any::<bool>()), of(any::<bool>())).prop_map(
        |(error_codes, failure_codes, header_cases, reject_privileged_ports, proxy_never_local)| {
            Box::new(Conduct {
                error_codes,
                failure_codes,
                header_cases,
                reject_privileged_ports,
                proxy_never_local,
            })
        },
    )
}

fn statuses() -> impl Strategy<Value = Statuses> + Clone {
    vec((100..=599_u16, 0..=200_u16), 0..=3).prop_map(|ranges| {
        let mut statuses = Statuses::none();
        for (first, more) in ranges {
            // Both ends are within what is accepted.
            let _ = statuses.insert(first, (first + more).min(599));
        }
        statuses
    })
}
