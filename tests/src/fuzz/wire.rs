//! Change sets as they come over the wire.

use regate_proto::change::{Change, ChangeSet, Layer, Origin, Overlay, OverlayValue, Setting};
use regate_proto::config::{Environment, SourceFile, read_haproxy};
use regate_proto::model::{Admin, Name, ServerRef, Subject, Weight};
use regate_proto::state::State;
use regate_proto::wire::{decode_change_set, encode_change_set};

/// Decodes a change set; what is accepted must come back as it went, and a state must take it or leave it.
pub fn change_set(data: &[u8]) {
    let Ok(mut set) = decode_change_set(data) else { return };
    assert_eq!(decode_change_set(&encode_change_set(&set)).as_ref(), Ok(&set));
    set.base = None;
    let mut state = State::default();
    let empty = state.digest();
    if state.apply(&set).is_err() {
        assert_eq!(state.digest(), empty);
        assert_eq!(state.effective().count(), 0);
    }
}

/// Sets of every verb.
pub fn seeds() -> Vec<Vec<u8>> {
    let file = SourceFile::new("seed.cfg", super::config::PLAIN);
    let environment = Environment::new(&|_| None, &|_| Err(std::io::ErrorKind::NotFound.into()));
    let rows = read_haproxy(&[file], &environment).map(|loaded| loaded.rows).unwrap_or_default();
    let mut sets = vec![rows.into_iter().map(|row| Change::Put(Layer::Spec, row)).collect::<Vec<Change>>()];
    if let (Ok(backend), Ok(server)) = (Name::new("b"), Name::new("s1")) {
        let subject = Subject::Server(ServerRef { backend, server });
        let setting = |setting| Change::Set(Layer::Overlay, subject.clone(), setting);
        let mut changes = sets.first().cloned().unwrap_or_default();
        changes.extend([
            setting(Setting::Weight(Weight::MAX)),
            setting(Setting::WeightPercent(50)),
            setting(Setting::Admin(Admin::Drain)),
            setting(Setting::host("127.0.0.1")),
            setting(Setting::Port(1)),
            Change::Adopt(subject.clone(), None),
            Change::Delete(Layer::Overlay, subject.clone()),
            Change::Revert(subject.clone(), None),
        ]);
        sets.push(changes);
        let overlay =
            Overlay { subject, value: OverlayValue::Gone, origin: Origin::default(), beneath: None };
        sets.push(vec![Change::Restore(overlay)]);
    }
    let set = |changes| ChangeSet { base: None, origin: Origin::default(), changes };
    sets.into_iter().map(|changes| encode_change_set(&set(changes))).collect()
}
