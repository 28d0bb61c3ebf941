#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use regate_proto::change::Revision;
use regate_proto::config::{self, Environment, SourceFile};
use regate_proto::rules::{Sample, converters};
use regate_proto::state::{State, Touched};

use crate::fetch::{self, Facts, View};
use crate::live::{Live, Variables};
use crate::sample::Value;
use crate::snapshot::{self, SamplePlan, Snapshot};

/// Gives what samples look at where there is no client.
fn with_view<T>(look: impl FnOnce(&View<'_>) -> T) -> T {
    let text = "frontend f\n mode http\n bind 127.0.0.1:1\nbackend b\n mode http\n server s 127.0.0.1:1\n";
    let environment = Environment::new(&|_| None, &|_| Err(std::io::ErrorKind::NotFound.into()));
    let rows = config::read(&[SourceFile::new("test.cfg", text)], &environment).unwrap().rows;
    let state = State::restore(Revision(1), rows, Vec::new()).unwrap();
    let touched: Touched = state.effective().map(|row| row.subject()).collect();
    let live = Live::new(1);
    let snapshot = snapshot::compile(&state, &Snapshot::default(), &touched, &live).unwrap();
    let variables = Variables::new(Default::default());
    let undecided = Cell::new(false);
    look(&View {
        snapshot: &snapshot,
        live: &live,
        now: live.process.now(),
        frontend: snapshot.frontends.values().next().map(AsRef::as_ref),
        backend: snapshot.backends.values().next().map(AsRef::as_ref),
        server: None,
        source: "127.0.0.1:5".parse().ok(),
        destination: &|| None,
        bind_id: 1,
        request: None,
        response: None,
        payload: b"",
        opening: None,
        whole: true,
        first: true,
        variables: &variables,
        answer: b"",
        undecided: &undecided,
        connection: &(),
        facts: Facts::default(),
    })
}

fn plan(expression: &str) -> SamplePlan {
    let sample = Sample::parse(expression).unwrap_or_else(|mistake| panic!("{expression}: {mistake}"));
    SamplePlan::compile(&sample).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

#[test]
fn what_manuals_of_newer_versions_state_holds() {
    for (expression, expected) in converters::ROWS.iter().flat_map(|row| row.stated) {
        let plan = plan(expression);
        let found = with_view(|view| fetch::evaluate(&plan, view).map(Value::into_owned));
        let found = found.map(|found| String::from_utf8_lossy(&found.into_text()).into_owned());
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

/// Bytes that converters are likely to take for something.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        any::<Vec<u8>>(),
        "[ -~]{0,12}".prop_map(String::into_bytes),
        "[0-9.:+-]{0,20}".prop_map(String::into_bytes),
        Just(b"{\"a\":[1,{\"b\":\"x\\u0041\"}]".to_vec()),
        Just(b"8=FIX.4.2\x019=5\x0135=A\x01".to_vec()),
        Just(vec![0x10, 0x0f, 0, 4, b'M', b'Q', b'T', b'T', 5, 0xc6, 0, 60, 2, 17]),
        Just(b"%41?a=b&c;d".to_vec()),
        Just(b"for=\"[::1]:_p\";proto=http".to_vec()),
        Just(vec![0x80; 11]),
    ];
    proptest::collection::vec(pieces, 0..4).prop_map(|pieces| pieces.concat())
}

/// Every example but of what writes to a stream.
static PLANS: LazyLock<Vec<SamplePlan>> = LazyLock::new(|| {
    let rows = converters::ROWS.iter().filter(|row| row.name != "debug");
    let examples = rows.flat_map(|row| {
        row.examples.iter().copied().chain(row.stated.iter().map(|(expression, _)| *expression))
    });
    examples.map(plan).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes from a client, nothing but a value or none comes of it.
    #[test]
    fn no_input_trips_a_converter(input in likely(), number in any::<i64>()) {
        with_view(|view| {
            for plan in PLANS.iter() {
                for first in [Value::text(&input[..]), Value::Bin((&input[..]).into()), Value::Int(number)] {
                    let mut value = Some(first.into_owned());
                    for step in &plan.steps {
                        value = value
                            .and_then(|value| value.cast(step.input))
                            .and_then(|value| super::apply(step, value, view))
                            .map(Value::into_owned);
                    }
                }
            }
        });
    }
}
