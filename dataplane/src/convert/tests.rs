#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::collections::BTreeSet;

use regate_proto::change::Revision;
use regate_proto::config::{self, Environment, SourceFile};
use regate_proto::rules::{Sample, converters};
use regate_proto::state::{State, Touched};

use crate::fetch::{self, Facts, View};
use crate::live::{Live, Variables};
use crate::snapshot::{self, SamplePlan, Snapshot};

/// The values of expressions, evaluated one after the other without a client; each with variables of its own.
fn values(expressions: &[&str]) -> Vec<Option<Vec<u8>>> {
    let text = "frontend f\n mode http\n bind 127.0.0.1:1\nbackend b\n mode http\n server s 127.0.0.1:1\n";
    let environment = Environment::new(&|_| None, &|_| Err(std::io::ErrorKind::NotFound.into()));
    let rows = config::read(&[SourceFile::new("test.cfg", text)], &environment).unwrap().rows;
    let state = State::restore(Revision(1), rows, Vec::new()).unwrap();
    let touched: Touched = state.effective().map(|row| row.subject()).collect();
    let live = Live::new(1);
    let snapshot = snapshot::compile(&state, &Snapshot::default(), &touched, &live).unwrap();
    let plan = |expression: &&str| {
        let sample = Sample::parse(expression).unwrap_or_else(|mistake| panic!("{expression}: {mistake}"));
        SamplePlan::compile(&sample).unwrap_or_else(|error| panic!("{expression}: {error}"))
    };
    let evaluated = |plan: SamplePlan| {
        let variables = Variables::new(Default::default());
        let undecided = Cell::new(false);
        let view = View {
            snapshot: &snapshot,
            live: &live,
            frontend: snapshot.frontends.values().next().unwrap(),
            backend: snapshot.backends.values().next().map(AsRef::as_ref),
            server: None,
            source: "127.0.0.1:5".parse().ok(),
            destination: &|| None,
            bind_id: 1,
            request: None,
            response: None,
            payload: b"",
            whole: true,
            first: true,
            variables: &variables,
            answer: b"",
            undecided: &undecided,
            connection: &(),
            facts: Facts::default(),
        };
        fetch::evaluate(&plan, &view).map(|value| value.into_text().into_owned())
    };
    expressions.iter().map(plan).map(evaluated).collect()
}

#[test]
fn what_manuals_of_newer_versions_state_holds() {
    let stated: Vec<_> = converters::ROWS.iter().flat_map(|row| row.stated).collect();
    let expressions: Vec<&str> = stated.iter().map(|(expression, _)| *expression).collect();
    for ((expression, expected), found) in stated.iter().zip(values(&expressions)) {
        let found = found.map(|found| String::from_utf8_lossy(&found).into_owned());
        assert_eq!(found.as_deref(), *expected, "{expression}");
    }
}

#[test]
fn every_row_has_something_to_hold_it() {
    let bare: Vec<&str> = converters::ROWS
        .iter()
        .filter(|row| row.examples.is_empty() && row.stated.is_empty())
        .map(|row| row.name)
        .collect();
    assert!(bare.is_empty(), "{bare:?}");
    let absent: BTreeSet<&str> = converters::ABSENT.iter().copied().collect();
    assert!(converters::all().all(|row| !absent.contains(row.name)));
}
