#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::Arc;

use regate_proto::change::Revision;
use regate_proto::config::{self, Environment, SourceFile};
use regate_proto::model::{LogAddress, Name, ServerRef};
use regate_proto::state::{State, Touched};

use super::*;
use crate::live::ServiceRecord;
use crate::snapshot::{self, Snapshot};

fn compiled(text: &str, previous: &Snapshot, live: &Live) -> Result<Snapshot, Vec<Problem>> {
    let source = SourceFile::new("names.cfg", text);
    let environment = Environment::new(&|_| None, &|_| Err(std::io::ErrorKind::NotFound.into()));
    let rows = config::read(&[source], &environment).unwrap().rows;
    let state = State::restore(Revision(previous.revision.0 + 1), rows, Vec::new()).unwrap();
    let touched: Touched = state.effective().map(|row| row.subject()).collect();
    snapshot::compile(&state, previous, &touched, live)
}

/// Where the only server of a configuration begins.
fn begins(parameters: &str, previous: &Snapshot, live: &Live) -> Result<Found, String> {
    let text = format!("backend b\n server s {parameters}\n");
    let snapshot = compiled(&text, previous, live).map_err(|problems| problems[0].detail.clone())?;
    let plan = snapshot.backends.values().next().unwrap();
    Ok(plan.servers[0].naming.as_ref().unwrap().initial.clone())
}

fn at(ip: &str, name: &str) -> Found {
    Found { ip: ip.parse().ok(), ..Found::nothing(name) }
}

#[test]
fn a_server_begins_with_the_first_source_that_gives_an_address() {
    let (live, none) = (Live::new(1), Snapshot::default());
    let server = ServerRef { backend: Name::new("b").unwrap(), server: Name::new("s").unwrap() };
    let name = "nosuch.invalid";
    let begin = |parameters: &str| begins(&format!("{name}:80 {parameters}"), &none, &live);
    assert!(begin("").unwrap_err().starts_with("could not resolve address 'nosuch.invalid': "));
    assert!(begin("init-addr last").unwrap_err().starts_with("could not resolve address 'nosuch.invalid'"));
    assert_eq!(begin("resolvers default"), Ok(Found::nothing(name)));
    assert_eq!(begin("init-addr last,libc,none"), Ok(Found::nothing(name)));
    assert_eq!(begin("init-addr libc,192.0.2.1,none"), Ok(at("192.0.2.1", name)));
    let service = begins("_http._tcp.invalid", &none, &live).unwrap_err();
    assert_eq!(service, "could not resolve address '_http._tcp.invalid': service records need 'resolvers'");

    live.remember(HashMap::from([(server.clone(), at("192.0.2.7", name))]));
    assert_eq!(begin(""), Ok(at("192.0.2.7", name)));
    assert_eq!(begin("init-addr none"), Ok(Found::nothing(name)));
    live.remember(HashMap::from([(server.clone(), at("192.0.2.7", "other.invalid"))]));
    assert!(begin("").is_err());

    // What is known of the name stays, whatever the sources say now.
    live.server(&server).location.put(at("192.0.2.8", name));
    assert_eq!(begin("init-addr none"), Ok(at("192.0.2.8", name)));
}

#[test]
fn a_name_that_is_changed_leaves_the_server_where_it_was_until_it_is_resolved() {
    let live = Live::new(1);
    let server = ServerRef { backend: Name::new("b").unwrap(), server: Name::new("s").unwrap() };
    live.server(&server).location.put(at("192.0.2.8", "old.invalid"));
    let running = Snapshot { revision: Revision(7), ..Snapshot::default() };
    let begin = |parameters: &str| begins(parameters, &running, &live);
    assert_eq!(begin("new.invalid:80 resolvers default"), Ok(at("192.0.2.8", "new.invalid")));
    assert!(begin("new.invalid:80").is_err());
    let record = ServiceRecord { target: "n.invalid".to_owned(), port: 1 };
    let found = Found { record: Some(record), ..at("192.0.2.8", "_s._tcp.invalid") };
    live.server(&server).location.put(found);
    assert_eq!(begin("new.invalid:80 resolvers default"), Ok(Found::nothing("new.invalid")));
}

#[test]
fn log_targets_are_looked_up_once() {
    let (live, none) = (Live::new(1), Snapshot::default());
    let text = "frontend f\n bind unix@/f\n log logs.invalid:5140 local0\n";
    let problems = compiled(text, &none, &live).unwrap_err();
    assert_eq!(problems[0].subject, Some(Subject::Frontend(Name::new("f").unwrap())));
    assert!(problems[0].detail.starts_with("log: could not resolve address 'logs.invalid': "));
    live.note_host("logs.invalid", [192, 0, 2, 3].into());
    let snapshot = compiled(text, &none, &live).unwrap();
    let plan: &Arc<_> = snapshot.frontends.values().next().unwrap();
    let address = &plan.log.as_ref().unwrap().routes[0].target.address;
    assert_eq!(*address, LogAddress::Udp(([192, 0, 2, 3], 5140).into()));
}

#[test]
fn a_bind_listens_on_the_address_of_its_name() {
    let (live, none) = (Live::new(1), Snapshot::default());
    let text = "frontend f\n bind front.invalid:8000-8001\n";
    let problems = compiled(text, &none, &live).unwrap_err();
    assert!(problems[0].detail.starts_with("bind: could not resolve address 'front.invalid': "));
    live.note_host("front.invalid", "192.0.2.4".parse().unwrap());
    let snapshot = compiled(text, &none, &live).unwrap();
    let bind = &snapshot.frontends.values().next().unwrap().binds[0];
    assert_eq!(bind.address.to_string(), "192.0.2.4:8000-8001");
    assert_eq!(bind.row.address.to_string(), "front.invalid:8000-8001");
}
