//! Round trips, refusals, and statuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod schema;

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;

use super::*;
use crate::change::{Field, Layer, Origin, Revision};
use crate::model::{Kind, Level, LogSyntax, arbitrary};
use crate::state::{Applied, Digest, Outcome, State};

proptest! {
    #[test]
    fn a_change_set_comes_back_as_it_went(set in arbitrary::change_set()) {
        let bytes = encode_change_set(&set);
        prop_assert_eq!(decode_change_set(&bytes).unwrap(), set);
    }

    #[test]
    fn a_row_comes_back_as_it_went_and_gives_the_same_bytes(row in arbitrary::row()) {
        let bytes = encode_row(&row);
        let back = decode_row(&bytes).unwrap();
        prop_assert_eq!(encode_row(&back), bytes);
        prop_assert_eq!(back, row);
    }

    #[test]
    fn an_overlay_comes_back_as_it_went(overlay in arbitrary::overlay()) {
        prop_assert_eq!(decode_overlay(&encode_overlay(&overlay)).unwrap(), overlay);
    }

    #[test]
    fn an_outcome_comes_back_as_it_went(
        changed in any::<bool>(),
        before in proptest::option::of(arbitrary::setting()),
    ) {
        let outcome = Outcome { changed, before };
        prop_assert_eq!(Outcome::try_from(v1::Outcome::from(&outcome)).unwrap(), outcome);
    }

    #[test]
    fn a_digest_comes_back_as_it_went(kinds in any::<[u64; Kind::ALL.len()]>(), overlays in any::<u64>()) {
        let digest = Digest { kinds, overlays };
        let wire = v1::Digest::decode(v1::Digest::from(digest).encode_to_vec().as_slice()).unwrap();
        prop_assert_eq!(Digest::from(wire), digest);
    }

    #[test]
    fn a_problem_comes_back_as_it_went(problem in arbitrary::problem()) {
        prop_assert_eq!(Problem::try_from(v1::Problem::from(&problem)).unwrap(), problem);
    }

    #[test]
    fn a_status_tells_its_problems(told in vec(arbitrary::problem(), 1..5)) {
        let status = status(&told);
        prop_assert!(status.message().starts_with(&told[0].to_string()));
        prop_assert_eq!(problems(&status), told);
    }

    #[test]
    fn random_bytes_are_refused_or_read(bytes in vec(any::<u8>(), 0..400)) {
        read_everything(&bytes);
    }

    #[test]
    fn damaged_bytes_are_refused_or_read(
        set in arbitrary::change_set(),
        damages in vec((any::<Index>(), any::<u8>()), 1..6),
        cut in any::<Index>(),
    ) {
        let mut bytes = encode_change_set(&set);
        if !bytes.is_empty() {
            for (at, byte) in damages {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            read_everything(&bytes);
            bytes.truncate(cut.index(bytes.len()));
        }
        read_everything(&bytes);
    }

    #[test]
    fn the_state_accepts_generated_configurations(rows in arbitrary::configuration()) {
        let state = State::restore(Revision(1), rows.clone(), Vec::new());
        prop_assert!(state.is_ok(), "{:?}", state.err());
        prop_assert_eq!(state.unwrap().spec().count(), rows.len());
    }
}

/// What was read must be as good as anything else: it comes back as it went.
fn read_everything(bytes: &[u8]) {
    if let Ok(set) = decode_change_set(bytes) {
        assert_eq!(decode_change_set(&encode_change_set(&set)).unwrap(), set);
    }
    if let Ok(row) = decode_row(bytes) {
        assert_eq!(decode_row(&encode_row(&row)).unwrap(), row);
    }
    if let Ok(overlay) = decode_overlay(bytes) {
        assert_eq!(decode_overlay(&encode_overlay(&overlay)).unwrap(), overlay);
    }
}

#[test]
fn a_link_local_address_keeps_its_scope() {
    let address = SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), 53, 0, 7));
    assert_eq!(SocketAddr::try_from(v1::SocketAddress::from(&address)), Ok(address));
}

#[test]
fn every_word_has_its_own_number() {
    fn holds<M: choice::Choice + Copy + PartialEq + std::fmt::Debug>(words: &[M]) {
        for (number, word) in (1_i32..).zip(words) {
            assert_eq!((*word).number(), number, "{word:?}");
            assert_eq!(M::from_number(number).ok().flatten(), Some(*word));
        }
        assert_eq!(i32::try_from(words.len()).unwrap(), M::HIGHEST);
        assert!(M::from_number(0).is_ok_and(|word| word.is_none()));
        assert!(M::from_number(M::HIGHEST + 1).is_err() && M::from_number(-1).is_err());
    }
    holds(&Kind::ALL);
    holds(&Field::ALL);
    holds(&[Layer::Spec, Layer::Overlay]);
    holds(&[Level::User, Level::Operator, Level::Admin]);
    holds(&LogSyntax::ALL.map(|(_, syntax)| syntax));
    holds(&crate::model::Severity::ALL);
}

#[test]
fn absent_layers_mean_what_the_verb_says() {
    let subject = v1::Subject { noun: Some(v1::subject::Noun::Global(v1::GlobalRef {})) };
    let setting = Some(v1::Setting { value: Some(v1::setting::Value::Maxconn(5)) });
    let set = v1::change::Verb::Set(v1::SettingOf { subject: Some(subject.clone()), setting });
    let read = |verb| Change::try_from(v1::Change { layer: 0, verb: Some(verb) }).unwrap();
    assert!(matches!(read(set), Change::Set(Layer::Overlay, ..)));
    assert!(matches!(read(v1::change::Verb::Delete(subject)), Change::Delete(Layer::Spec, _)));
    let row = v1::Row { noun: Some(v1::row::Noun::Global(Box::default())) };
    assert!(matches!(read(v1::change::Verb::Put(row)), Change::Put(Layer::Spec, _)));
}

#[test]
fn an_absent_origin_is_an_unknown_one() {
    let set = decode_change_set(&v1::ChangeSet::default().encode_to_vec()).unwrap();
    assert_eq!(set, ChangeSet { base: None, origin: Origin::default(), changes: Vec::new() });
}

#[test]
fn a_flaw_is_told_with_its_place() {
    for (put, code, detail) in flaws() {
        let good = v1::Change {
            layer: 0,
            verb: Some(v1::change::Verb::Put(v1::Row { noun: Some(v1::row::Noun::Global(Box::default())) })),
        };
        let bad = v1::Change { layer: 0, verb: Some(v1::change::Verb::Put(v1::Row { noun: Some(put) })) };
        let set = v1::ChangeSet { base: None, origin: None, changes: vec![good, bad] };
        let problem = ChangeSet::try_from(set).expect_err(detail);
        assert_eq!((problem.code, problem.index, problem.detail.as_str()), (code, Some(1), detail));
    }
}

/// Rows with one flaw each.
fn flaws() -> Vec<(v1::row::Noun, Code, &'static str)> {
    use v1::row::Noun;
    let at = || Some(v1::ServerRef { backend: "be".into(), server: "s1".into() });
    let unix = |path: &str| {
        Some(v1::ServerAddress { address: Some(v1::server_address::Address::Unix(path.into())) })
    };
    let server = |settings| {
        let server =
            v1::Server { at: at(), address: unix("/s"), settings: Some(settings), ..Default::default() };
        Noun::Server(Box::new(server))
    };
    let frontend = |settings| {
        Noun::Frontend(Box::new(v1::Frontend {
            name: "fe".into(),
            settings: Some(settings),
            ..Default::default()
        }))
    };
    let inet = |first_port, last_port| {
        let host = Some(v1::inet_bind::Host::Any(1));
        let inet = v1::InetBind { host, first_port, last_port };
        let address = Some(v1::BindAddress { address: Some(v1::bind_address::Address::Inet(inet)) });
        let at = Some(v1::BindRef { frontend: "fe".into(), bind: "b".into() });
        Noun::Bind(Box::new(v1::Bind { at, address, ..Default::default() }))
    };
    let page = |status| {
        let file = v1::ErrorFile { path: "/e".into(), content: Vec::new() };
        v1::ErrorPage { status, reply: Some(v1::error_page::Reply::File(file)) }
    };
    let except = |ip: &str, prefix_length| {
        let except = Some(v1::Network { ip: ip.into(), prefix_length });
        let add = Some(v1::ForwardFor { except, ..Default::default() });
        frontend(v1::FrontendSettings { forwardfor: Some(v1::ForwardForPlan { add }), ..Default::default() })
    };
    let target = |facility| v1::LogTarget {
        address: Some(v1::LogAddress { address: Some(v1::log_address::Address::Stream(1)) }),
        facility,
        ..Default::default()
    };
    vec![
        (
            server(v1::ServerSettings { weight: Some(300), ..Default::default() }),
            Code::OutOfRange,
            "change.put.server.settings.weight: 300 is out of range: 0 to 256 is accepted",
        ),
        (
            server(v1::ServerSettings { send_proxy: 4, ..Default::default() }),
            Code::Malformed,
            "change.put.server.settings.send_proxy: 4 is not known here: 0 to 3 is accepted",
        ),
        (
            server(v1::ServerSettings { max_reuse: Some(-2), ..Default::default() }),
            Code::OutOfRange,
            "change.put.server.settings.max_reuse: -2 is out of range: -1 (no limit) to 2147483647 is accepted",
        ),
        (
            Noun::Server(Box::new(v1::Server { at: at(), ..Default::default() })),
            Code::Malformed,
            "change.put.server.address: nothing is set: a value is expected",
        ),
        (
            Noun::Server(Box::new(v1::Server { at: at(), address: unix(""), ..Default::default() })),
            Code::Malformed,
            "change.put.server.address.unix: it is empty: a text is expected",
        ),
        (
            frontend(v1::FrontendSettings { mode: 9, ..Default::default() }),
            Code::Malformed,
            "change.put.frontend.settings.mode: 9 is not known here: 0 to 2 is accepted",
        ),
        (
            frontend(v1::FrontendSettings { timeout_client_ms: Some(1 << 31), ..Default::default() }),
            Code::OutOfRange,
            "change.put.frontend.settings.timeout_client_ms: 2147483648 is out of range: 0 to 2147483647 is accepted",
        ),
        (
            frontend(v1::FrontendSettings { error_pages: vec![page(503), page(503)], ..Default::default() }),
            Code::Malformed,
            "change.put.frontend.settings.error_pages[1].status: it is not above the one before: ascending order \
             is expected",
        ),
        (
            frontend(v1::FrontendSettings { error_pages: vec![page(99)], ..Default::default() }),
            Code::OutOfRange,
            "change.put.frontend.settings.error_pages[0].status: 99 is out of range: 100 to 599 is accepted",
        ),
        (
            frontend(v1::FrontendSettings { default_backend: Some("a b".into()), ..Default::default() }),
            Code::Malformed,
            "change.put.frontend.settings.default_backend: character ' ' is not permitted in a name: letters, digits, \
             '-', '_', '.' and ':' are",
        ),
        (
            except("10.0.0.0", 33),
            Code::OutOfRange,
            "change.put.frontend.settings.forwardfor.add.except.prefix_length: 33 is out of range: 0 to 32 is accepted",
        ),
        (
            except("10.0.0.0.0", 3),
            Code::Malformed,
            "change.put.frontend.settings.forwardfor.add.except.ip: \"10.0.0.0.0\" is no IP address, such as 192.0.2.1 \
             or 2001:db8::1",
        ),
        (
            Noun::Global(Box::new(v1::Global {
                log_targets: vec![target(0), target(24)],
                ..Default::default()
            })),
            Code::OutOfRange,
            "change.put.global.log_targets[1].facility: 24 is out of range: 0 to 23 is accepted",
        ),
        (
            inet(0, 0),
            Code::OutOfRange,
            "change.put.bind.address.inet.first_port: 0 is out of range: 1 to 65535 is accepted",
        ),
        (
            inet(80, 79),
            Code::OutOfRange,
            "change.put.bind.address.inet.last_port: 79 is out of range: 80 to 65535 is accepted",
        ),
    ]
}

#[test]
fn changes_that_contradict_themselves_are_refused() {
    use v1::change::Verb;
    let global = v1::Subject { noun: Some(v1::subject::Noun::Global(v1::GlobalRef {})) };
    let row = v1::Row {
        noun: Some(v1::row::Noun::Backend(Box::new(v1::Backend { name: "b".into(), ..Default::default() }))),
    };
    let overlay = |value| v1::Overlay {
        subject: Some(global.clone()),
        origin: None,
        value: Some(value),
        beneath: None,
    };
    let percent = v1::Setting { value: Some(v1::setting::Value::WeightPercent(50)) };
    let all = v1::FieldOf { subject: Some(global.clone()), field: 0 };
    let cases = [
        (
            0,
            None,
            "verb: nothing is set: one of put, add, delete, set, revert, adopt, restore and edit is expected",
        ),
        (3, Some(Verb::Delete(global.clone())), "layer: 3 is not known here: 0 to 2 is accepted"),
        (1, Some(Verb::Revert(all.clone())), "layer: revert takes no layer"),
        (2, Some(Verb::Adopt(all)), "layer: adopt takes no layer"),
        (
            0,
            Some(Verb::Restore(overlay(v1::overlay::Value::Row(row)))),
            "restore.row: it is backend b: global is expected, as subject says",
        ),
        (
            0,
            Some(Verb::Restore(overlay(v1::overlay::Value::Setting(percent)))),
            "restore.setting.weight_percent: an overlay holds no percentage: weight is expected",
        ),
    ];
    for (layer, verb, detail) in cases {
        let problem = Change::try_from(v1::Change { layer, verb }).expect_err(detail);
        assert_eq!(problem.detail, detail);
    }
}

#[test]
fn a_chunk_counts_from_the_beginning_of_its_set() {
    let changes = vec![v1::Change::default()];
    let problem = model_changes(changes, 10_000).expect_err("a change without a verb");
    assert_eq!(problem.index, Some(10_000));
}

#[test]
fn many_long_problems_are_cut_to_what_headers_hold() {
    let told: Vec<Problem> =
        (0..5000).map(|at| Problem::general(Code::Dangling, "é".repeat(600)).at(at)).collect();
    let status = status(&told);
    assert!(status.details().len() < 6000, "{} bytes", status.details().len());
    assert!(status.message().len() < 600);
    let kept = problems(&status);
    let last = kept.last().unwrap();
    assert_eq!(last.detail, format!("{} more reasons", 5000 - (kept.len() - 1)));
    assert!(kept.len() > 3 && kept[0].detail.ends_with("é…"));
}

#[test]
fn a_status_of_another_make_is_one_problem() {
    for (code, expected) in [
        (tonic::Code::Unavailable, Code::Unavailable),
        (tonic::Code::PermissionDenied, Code::Denied),
        (tonic::Code::Unimplemented, Code::Unsupported),
    ] {
        let status = tonic::Status::with_details(code, "no", vec![0xff, 0x00].into());
        assert_eq!(problems(&status), vec![Problem::general(expected, "no")]);
    }
    assert_eq!(problems(&status(&[])).len(), 1);
}

#[test]
fn what_was_applied_is_told() {
    let outcome = Outcome { changed: true, before: None };
    let applied = Applied { revision: Revision(7), touched: Default::default(), outcomes: vec![outcome] };
    let wire = v1::Applied::from(&applied);
    assert_eq!((wire.revision, wire.outcomes.len()), (7, 1));
}

#[test]
fn entries_are_read_one_by_one_and_packed() {
    use crate::patterns::{EntryId, Pack};
    let entry = |id: u64, key: &'static str| v1::Entry {
        id,
        key: key.as_bytes().into(),
        value: Some(b"v".as_slice().into()),
    };
    let pack = |keys: &[&'static str]| -> Pack {
        keys.iter().map(|key| (key.as_bytes(), Some(b"v".as_slice()))).collect()
    };
    let at = v1::EntriesRef { list: "a.map".to_owned(), part: 0 };
    let packed = |steps: &[u64], keys: &[&'static str]| v1::PackedEntries {
        id_steps: steps.to_vec(),
        blocks: pack(keys).blocks().to_vec(),
    };
    let read = |packed| {
        let message =
            v1::Entries { at: Some(at.clone()), entries: vec![entry(1, "a"), entry(5, "b")], packed };
        let row = crate::model::Entries::try_from(message).map_err(|problem| problem.detail)?;
        let text = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
        Ok::<_, String>(row.entries.iter().map(|entry| (entry.id, text(entry.key))).collect::<Vec<_>>())
    };
    let owned = |ids: &[(u64, &str)]| ids.iter().map(|(id, key)| (EntryId(*id), (*key).to_owned())).collect();
    assert_eq!(read(None), Ok(owned(&[(1, "a"), (5, "b")])));
    assert_eq!(
        read(Some(packed(&[6, 1], &["c", "d"]))),
        Ok(owned(&[(1, "a"), (5, "b"), (6, "c"), (7, "d")]))
    );
    let refused = [
        (packed(&[5], &["c"]), "entry 0: its id is not above the one before"),
        (packed(&[6], &["c", "d"]), "entry 1: as many entries as ids are expected"),
        (packed(&[6, 1], &["c"]), "entry 1: as many entries as ids are expected"),
        (packed(&[EntryId::SPAN], &["c"]), "entry 0: the id 134217728 is in another part of the list"),
        (packed(&[6, u64::MAX], &["c", "d"]), "entry 1: an id of at most 64 bits is expected"),
        (packed(&[6], &["a\nb"]), "entry 0: a line feed, a carriage return or a zero is not permitted"),
    ];
    for (message, told) in refused {
        let detail = read(Some(message)).unwrap_err();
        assert!(detail.starts_with("packed: ") && detail.contains(told), "{detail}");
    }

    let append = |run| {
        let edit = Some(v1::list_edit::Edit::Append(run));
        let verb = v1::change::Verb::Edit(v1::ListEdit { list: "a.map".to_owned(), edit });
        match Change::try_from(v1::Change { layer: 0, verb: Some(verb) }) {
            Ok(Change::Edit(_, _, crate::change::EntriesEdit::Append(pack))) => Ok(pack),
            Ok(other) => panic!("{other:?}"),
            Err(problem) => Err(problem.detail),
        }
    };
    let both = v1::EntryRun { entries: vec![entry(0, "a")], packed: Some(packed(&[], &["b", "c"])) };
    assert_eq!(append(both).as_deref(), Ok(&pack(&["a", "b", "c"])));
    let numbered = v1::EntryRun { entries: Vec::new(), packed: Some(packed(&[1], &["b"])) };
    assert_eq!(append(numbered), Err("edit.append.packed.id_steps: it is set: entries get ids".to_owned()));
    let empty = v1::EntryRun { entries: Vec::new(), packed: Some(packed(&[], &["b", ""])) };
    assert_eq!(append(empty), Err("edit.append.packed.blocks: entry 1: the key is empty".to_owned()));
}
