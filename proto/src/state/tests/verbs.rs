//! What each verb does, and what survives what.

use super::*;

fn weight(value: u64) -> Setting {
    Setting::Weight(Weight::new(value).unwrap())
}

fn by_hand(setting: Setting) -> Change {
    Change::Set(Layer::Overlay, subject(), setting)
}

fn subject() -> Subject {
    Subject::Server(at("b", "s"))
}

fn value(state: &State, field: Field) -> Option<Setting> {
    overlay::value(state, state.row(&subject())?, field)
}

/// A backend with the servers s (weight 20) and t.
fn file() -> Vec<Row> {
    let Row::Server(mut s) = server("b", "s", 0, 1) else { panic!("no server") };
    s.settings.weight = Some(Weight::new(20).unwrap());
    vec![backend("b", 0, 1), Row::Server(s), server("b", "t", 0, 2)]
}

fn apply(state: &mut State, changes: Vec<Change>) {
    state.apply(&set(changes)).unwrap();
    audit(state);
}

fn refusal(state: &mut State, changes: Vec<Change>) -> Vec<Code> {
    let before = state.clone();
    let problems = state.apply(&set(changes)).unwrap_err();
    assert_same(state, &before);
    problems.into_iter().map(|problem| problem.code).collect()
}

#[test]
fn a_percentage_is_of_the_weight_that_the_row_declares() {
    let mut state = of_rows(file());
    for (percent, expected) in [(50, 10), (50, 10), (1000, 200), (100_000, 256), (4, 0)] {
        apply(&mut state, vec![by_hand(Setting::WeightPercent(percent))]);
        assert_eq!(value(&state, Field::Weight), Some(weight(expected)));
    }
    apply(&mut state, vec![by_hand(Setting::WeightPercent(100))]);
    assert_eq!(state.overlays().count(), 0);
}

#[test]
fn a_percentage_in_the_spec_is_of_the_spec() {
    let mut state = of_rows(file());
    apply(&mut state, vec![Change::Put(Layer::Overlay, server("b", "s", 0, 0))]);
    apply(&mut state, vec![Change::Set(Layer::Spec, subject(), Setting::WeightPercent(50))]);
    let Row::Server(declared) = state.declared(&subject()).unwrap().as_ref() else { panic!("no server") };
    assert_eq!(declared.settings.weight, Some(Weight::new(10).unwrap()));
}

#[test]
fn what_equals_the_declared_value_is_no_overlay() {
    let mut state = of_rows(file());
    let declared = [Field::Weight, Field::Admin, Field::Host, Field::Port, Field::Maxconn]
        .map(|field| value(&state, field).unwrap());
    let others =
        [weight(9), Setting::Admin(Admin::Maint), Setting::host("h"), Setting::Port(9), Setting::Maxconn(9)];
    for (declared, other) in declared.into_iter().zip(others) {
        let outcome = state.apply(&set(vec![by_hand(other.clone())])).unwrap().outcomes.remove(0);
        assert_eq!((outcome.changed, outcome.before.as_ref()), (true, Some(&declared)));
        assert_eq!(state.overlays_of(&subject()).count(), 1);
        let outcome = state.apply(&set(vec![by_hand(declared)])).unwrap().outcomes.remove(0);
        assert_eq!((outcome.changed, outcome.before), (true, Some(other)));
        assert_eq!(state.overlays_of(&subject()).count(), 0);
    }
    let row = state.row(&subject()).unwrap().as_ref().clone();
    apply(&mut state, vec![Change::Put(Layer::Overlay, server("b", "s", 0, 0))]);
    assert_eq!(state.overlays_of(&subject()).count(), 1);
    apply(&mut state, vec![Change::Put(Layer::Overlay, row)]);
    assert_eq!(state.overlays_of(&subject()).count(), 0);
}

#[test]
fn what_was_changed_by_hand_survives_the_file() {
    let mut state = of_rows(file());
    apply(
        &mut state,
        vec![
            by_hand(weight(5)),
            by_hand(Setting::Admin(Admin::Drain)),
            by_hand(Setting::host("10.0.0.1")),
            by_hand(Setting::Port(99)),
            Change::Add(Layer::Overlay, server("b", "added", 0, 0)),
            Change::Delete(Layer::Overlay, Subject::Server(at("b", "t"))),
        ],
    );
    let before = state.clone();
    assert_eq!(replacement(&state, file()), []);
    let mut grown = file();
    grown.push(server("b", "u", 0, 3));
    let changes = replacement(&state, grown.clone());
    apply(&mut state, changes);
    assert_eq!(state.overlays, before.overlays);
    let names: Vec<&str> = state.servers(&name("b")).iter().map(|row| row.at.server.as_str()).collect();
    assert_eq!(names, ["s", "added", "u"]);
    assert_eq!(value(&state, Field::Weight), Some(weight(5)));
    // The file no longer has what was taken out by hand: it may come back.
    grown.retain(|row| row.subject() != Subject::Server(at("b", "t")));
    let changes = replacement(&state, grown);
    apply(&mut state, changes);
    let changes = replacement(&state, file());
    apply(&mut state, changes);
    assert!(state.server(&at("b", "t")).is_some());
}

#[test]
fn a_row_put_by_hand_is_in_force_as_it_was_put() {
    let mut state = of_rows(file());
    apply(&mut state, vec![by_hand(weight(5))]);
    let Row::Server(mut row) = server("b", "s", 0, 0) else { panic!("no server") };
    row.settings.weight = Some(Weight::new(7).unwrap());
    apply(&mut state, vec![Change::Put(Layer::Overlay, Row::Server(row))]);
    assert_eq!(value(&state, Field::Weight), Some(weight(7)));
}

#[test]
fn a_server_deleted_and_added_by_hand_in_one_set_starts_anew() {
    let mut state = of_rows(file());
    apply(&mut state, vec![by_hand(weight(5)), by_hand(Setting::Admin(Admin::Maint))]);
    apply(
        &mut state,
        vec![Change::Delete(Layer::Overlay, subject()), Change::Add(Layer::Overlay, server("b", "s", 0, 0))],
    );
    assert_eq!(value(&state, Field::Admin), Some(Setting::Admin(Admin::Ready)));
    assert_eq!(value(&state, Field::Weight), Some(weight(1)));
}

#[test]
fn reverting_drops_and_adopting_keeps() {
    let changed = || {
        let mut state = of_rows(file());
        apply(
            &mut state,
            vec![
                by_hand(weight(5)),
                by_hand(Setting::Port(9)),
                Change::Add(Layer::Overlay, server("b", "added", 0, 0)),
                Change::Delete(Layer::Overlay, Subject::Server(at("b", "t"))),
            ],
        );
        state
    };
    let all = [subject(), Subject::Server(at("b", "added")), Subject::Server(at("b", "t"))];
    let mut state = changed();
    apply(&mut state, all.iter().map(|subject| Change::Revert(subject.clone(), None)).collect());
    assert_same_content(&state, &of_rows(file()));

    let mut state = changed();
    let before = state.clone();
    apply(&mut state, all.iter().map(|subject| Change::Adopt(subject.clone(), None)).collect());
    assert_eq!((&state.effective, &state.spec), (&before.effective, &before.effective));
    assert_eq!(state.overlays().count(), 0);

    let mut state = changed();
    apply(&mut state, vec![Change::Revert(subject(), Some(Field::Port))]);
    assert_eq!(
        (value(&state, Field::Weight), value(&state, Field::Port)),
        (Some(weight(5)), Some(Setting::Port(1)))
    );
    apply(&mut state, vec![Change::Adopt(subject(), Some(Field::Weight))]);
    assert_eq!(state.overlays_of(&subject()).count(), 0);
    assert_eq!(value(&state, Field::Weight), Some(weight(5)));
    for change in [Change::Revert(subject(), None), Change::Adopt(subject(), Some(Field::Weight))] {
        assert_eq!(refusal(&mut state, vec![change]), [Code::NotFound]);
    }
}

#[test]
fn one_field_of_a_row_written_by_hand_is_not_adopted_without_it() {
    let mut state = of_rows(file());
    apply(&mut state, vec![Change::Put(Layer::Overlay, server("b", "s", 0, 0)), by_hand(weight(5))]);
    assert_eq!(refusal(&mut state, vec![Change::Adopt(subject(), Some(Field::Weight))]), [Code::Unsuitable]);
    apply(&mut state, vec![Change::Adopt(subject(), None)]);
    assert_eq!(value(&state, Field::Weight), Some(weight(5)));
}

#[test]
fn no_limit_by_hand_is_no_limit_whatever_the_defaults_say() {
    let mut rows = vec![frontend("f", 0, 1)];
    let limited = FrontendSettings { maxconn: Some(9), ..FrontendSettings::default() };
    if let Some(Row::Frontend(row)) = rows.first_mut() {
        row.from = Some(name("d"));
    }
    rows.push(Row::Defaults(Defaults {
        name: name("d"),
        order: 1,
        from: None,
        disabled: false,
        frontend: limited.into(),
        backend: Box::default(),
    }));
    let mut state = of_rows(rows);
    let subject = Subject::Frontend(name("f"));
    apply(&mut state, vec![Change::Set(Layer::Overlay, subject.clone(), Setting::Maxconn(0))]);
    let row = state.frontend(&name("f")).unwrap();
    assert_eq!(state.frontend_settings(row).maxconn, Some(0));
    apply(&mut state, vec![Change::Set(Layer::Overlay, subject, Setting::Maxconn(9))]);
    assert_eq!(state.overlays().count(), 0);
}

#[test]
fn overlays_that_no_row_could_take_are_refused() {
    let mut state = of_rows(file());
    let lay = |subject: Subject, value: OverlayValue| {
        vec![Change::Restore(Overlay { subject, value, origin: Origin::default(), beneath: None })]
    };
    let cases = [
        (lay(Subject::Global, OverlayValue::Setting(weight(1))), Code::Unsuitable),
        (lay(subject(), OverlayValue::Setting(Setting::Enabled(true))), Code::Unsuitable),
        (lay(subject(), OverlayValue::Setting(Setting::WeightPercent(50))), Code::Malformed),
        (lay(subject(), OverlayValue::Row(Box::new(server("b", "other", 0, 0)))), Code::Malformed),
        (vec![Change::Set(Layer::Overlay, Subject::Backend(name("b")), weight(1))], Code::Unsuitable),
        (vec![Change::Set(Layer::Overlay, Subject::Server(at("b", "x")), weight(1))], Code::NotFound),
        (vec![Change::Add(Layer::Overlay, server("b", "s", 0, 0))], Code::AlreadyExists),
    ];
    for (changes, code) in cases {
        assert_eq!(refusal(&mut state, changes), [code]);
    }
}

#[test]
fn what_is_in_use_is_not_deleted() {
    let mut rows = file();
    let Row::Frontend(mut f) = frontend("f", 0, 2) else { panic!("no frontend") };
    f.settings.default_backend = Some(name("b"));
    f.from = Some(name("d"));
    let defaults = |from: Option<&str>| {
        Row::Defaults(Defaults {
            name: name("d"),
            order: 1,
            from: from.map(name),
            disabled: false,
            frontend: Box::default(),
            backend: Box::default(),
        })
    };
    rows.extend([defaults(None), Row::Frontend(f), half(frontend("l", 0, 3)), half(backend("l", 0, 3))]);
    let mut state = of_rows(rows);
    let used = [
        (Subject::Backend(name("b")), vec![Code::InUse, Code::InUse]),
        (Subject::Defaults(name("d")), vec![Code::InUse]),
        (Subject::Frontend(name("l")), vec![Code::InUse]),
        (Subject::Backend(name("l")), vec![Code::InUse]),
    ];
    for (subject, codes) in used {
        for layer in [Layer::Spec, Layer::Overlay] {
            assert_eq!(refusal(&mut state, vec![Change::Delete(layer, subject.clone())]), codes);
        }
    }
    assert_eq!(refusal(&mut state, vec![put(defaults(Some("d")))]), [Code::Dangling]);
    assert_eq!(refusal(&mut state, vec![put(server("none", "s", 0, 0))]), [Code::Dangling]);
    let whole = ["f", "l"].map(|name_| Change::Delete(Layer::Spec, Subject::Frontend(name(name_))));
    apply(
        &mut state,
        whole.into_iter().chain([Change::Delete(Layer::Spec, Subject::Backend(name("l")))]).collect(),
    );
}

#[test]
fn a_set_based_on_another_revision_is_refused() {
    let mut state = of_rows(file());
    let based = |base| ChangeSet { base: Some(Revision(base)), ..set(vec![by_hand(weight(5))]) };
    assert_eq!(state.apply(&based(0)).unwrap_err().first().unwrap().code, Code::Conflict);
    state.apply(&based(1)).unwrap();
    assert_eq!(state.revision(), Revision(2));
}

#[test]
fn every_problem_of_a_set_is_told_with_its_place() {
    let mut state = of_rows(file());
    let bad = Change::Set(Layer::Overlay, Subject::Server(at("b", "x")), weight(1));
    let problems = state.apply(&set(vec![bad.clone(), by_hand(weight(1)), bad])).unwrap_err();
    let places: Vec<Option<u32>> = problems.iter().map(|problem: &Problem| problem.index).collect();
    assert_eq!(places, [Some(0), Some(2)]);
}

#[test]
fn shared_error_pages_in_use_stay() {
    use crate::model::HttpErrors;
    let pages = Row::HttpErrors(HttpErrors::named(name("site")));
    let user = |sections: &[&str]| {
        let Row::Frontend(mut row) = frontend("f", 0, 1) else { panic!("no frontend") };
        row.settings.error_sections = sections.iter().map(|text| name(text)).collect();
        Change::Put(Layer::Spec, Row::Frontend(row))
    };
    let mut state = State::default();
    let problems = state.apply(&set(vec![user(&["site"])])).unwrap_err();
    assert_eq!(problems[0].code, Code::Dangling);
    apply(&mut state, vec![Change::Put(Layer::Spec, pages.clone()), user(&["site"])]);
    let gone = Change::Delete(Layer::Spec, pages.subject());
    let problems = state.apply(&set(vec![gone.clone()])).unwrap_err();
    assert_eq!(problems[0].code, Code::InUse);
    apply(&mut state, vec![user(&[]), gone]);
}
