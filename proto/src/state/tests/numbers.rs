//! Numbers and places.

use super::*;

/// Every row has its number and place, no two in force share one but the halves of a `listen`, which must.
pub(super) fn audit(state: &State) {
    let rows = state.spec.values().map(|row| row.as_ref().clone());
    let by_hand = state.overlays.values().filter_map(|overlay| match &overlay.value {
        OverlayValue::Row(row) => Some(row.as_ref().clone()),
        _ => None,
    });
    for row in rows.chain(by_hand) {
        assert!(numbering::id(&row) != Some(0), "{} has no number", row.subject());
        assert!(numbering::order(&row) != Some(0), "{} has no place", row.subject());
    }
    let mut holders: BTreeMap<(Space, u32), Subject> = BTreeMap::new();
    for (subject, row) in &state.effective {
        let Some((space, id)) = Space::of(subject).zip(numbering::id(row)) else { continue };
        let partner = numbering::partner(state, row);
        if let Some(partner) = &partner {
            assert_eq!(numbering::id(partner), Some(id));
        }
        if let Some(other) = holders.insert((space, id), subject.clone()) {
            assert_eq!(partner.map(|partner| partner.subject()), Some(other), "{subject} has number {id}");
        }
    }
}

/// The numbers in force of proxies and what they contain, as `name=number`.
fn numbers(state: &State) -> String {
    let told = state.effective.values().filter_map(|row| {
        let subject = row.subject().to_string();
        let (_, name) = subject.split_once(' ')?;
        Some(format!("{name}={}", numbering::id(row)?))
    });
    told.collect::<Vec<String>>().join(" ")
}

#[test]
fn a_file_gets_the_numbers_that_haproxy_gives() {
    // What `show stat` of HAProxy 2.6.12 says of these sections.
    let rows = vec![
        backend("zb", 0, 1),
        server("zb", "s1", 0, 1),
        server("zb", "s2", 1, 2),
        server("zb", "s3", 7, 3),
        server("zb", "s4", 0, 4),
        frontend("fe", 3, 2),
        bind("fe", "sock-1", 0, 1),
        bind("fe", "sock-2", 1, 2),
        half(frontend("li", 0, 3)),
        half(backend("li", 0, 3)),
        server("li", "x", 0, 1),
        backend("ab", 0, 4),
    ];
    let expected = "fe=3 li=4 fe/sock-1=2 fe/sock-2=1 ab=5 li=4 zb=2 li/x=1 zb/s1=2 zb/s2=1 zb/s3=7 zb/s4=5";
    assert_eq!(numbers(&of_rows(rows)), expected);
}

#[test]
fn rows_without_places_are_appended_in_the_order_in_which_they_come() {
    let mut state = of_rows(vec![backend("b", 0, 1), server("b", "z", 0, 0), server("b", "a", 0, 0)]);
    let names = |state: &State| {
        let servers = state.servers(&name("b"));
        servers.iter().map(|server| format!("{}={}", server.at.server, server.id)).collect::<Vec<_>>()
    };
    assert_eq!(names(&state), ["z=1", "a=2"]);
    state.apply(&set(vec![put(server("b", "k", 0, 1)), put(server("b", "c", 0, 0))])).unwrap();
    assert_eq!(names(&state), ["z=1", "k=3", "a=2", "c=4"]);
}

#[test]
fn a_server_that_is_added_takes_the_lowest_free_number() {
    let mut state = of_rows(vec![backend("b", 0, 1), server("b", "x", 0, 1), server("b", "y", 3, 2)]);
    state.apply(&set(vec![Change::Add(Layer::Overlay, server("b", "z", 0, 0))])).unwrap();
    assert_eq!(numbers(&state), "b=2 b/x=1 b/y=3 b/z=2");
}

#[test]
fn a_forced_number_wins_over_one_given_before() {
    let file = |forced| vec![backend("b", 0, 1), server("b", "x", 0, 1), server("b", "y", forced, 2)];
    let mut state = of_rows(file(0));
    state.apply(&set(vec![Change::Add(Layer::Overlay, server("b", "hand", 0, 0))])).unwrap();
    assert_eq!(numbers(&state), "b=2 b/hand=3 b/x=1 b/y=2");
    // Taken from a row of the file, which says nothing about its number.
    state.apply(&set(replacement(&state, file(1)))).unwrap();
    assert_eq!(numbers(&state), "b=2 b/hand=3 b/x=2 b/y=1");
    assert_eq!(replacement(&state, file(1)), []);
    // Taken from one that was added by hand.
    state.apply(&set(replacement(&state, file(3)))).unwrap();
    assert_eq!(numbers(&state), "b=2 b/hand=1 b/x=2 b/y=3");
    assert_eq!(replacement(&state, file(3)), []);
}

#[test]
fn a_number_forced_twice_is_refused() {
    let mut state = of_rows(vec![backend("b", 7, 1), server("b", "x", 7, 1)]);
    for row in [frontend("f", 7, 1), backend("c", 7, 1), server("b", "y", 7, 1), half(backend("b", 7, 1))] {
        let problems = state.apply(&set(vec![put(row)])).unwrap_err();
        assert!(
            problems.iter().all(|problem| matches!(problem.code, Code::AlreadyExists | Code::Dangling)),
            "{problems:?}"
        );
    }
    let both = vec![put(server("b", "y", 8, 1)), put(server("b", "z", 8, 1))];
    assert_eq!(state.apply(&set(both)).unwrap_err().first().unwrap().code, Code::AlreadyExists);
    let listen = vec![put(half(frontend("l", 8, 1))), put(half(backend("l", 9, 1)))];
    assert_eq!(state.apply(&set(listen)).unwrap_err().first().unwrap().code, Code::Unsuitable);
}

#[test]
fn a_listen_that_is_taken_apart_has_two_numbers_and_one_when_it_is_joined() {
    let apart = vec![frontend("x", 0, 1), backend("x", 0, 2), frontend("y", 0, 3)];
    let joined = vec![half(frontend("x", 0, 1)), half(backend("x", 0, 1)), frontend("y", 0, 2)];
    let mut state = of_rows(apart.clone());
    assert_eq!(numbers(&state), "x=2 y=4 x=3");
    state.apply(&set(replacement(&state, joined.clone()))).unwrap();
    assert_eq!(numbers(&state), "x=2 y=4 x=2");
    assert_eq!(replacement(&state, joined), []);
    state.apply(&set(replacement(&state, apart.clone()))).unwrap();
    assert_eq!(numbers(&state), "x=2 y=4 x=3");
    assert_eq!(replacement(&state, apart), []);
}

#[test]
fn the_number_of_a_row_that_is_hidden_by_hand_is_kept_for_it() {
    let mut state = of_rows(vec![backend("b", 0, 1), server("b", "x", 0, 1)]);
    let subject = server("b", "x", 0, 0).subject();
    state.apply(&set(vec![Change::Delete(Layer::Overlay, subject.clone())])).unwrap();
    state.apply(&set(vec![Change::Add(Layer::Overlay, server("b", "y", 0, 0))])).unwrap();
    state.apply(&set(vec![Change::Revert(subject, None)])).unwrap();
    assert_eq!(numbers(&state), "b=2 b/x=1 b/y=2");
}

#[test]
fn a_row_that_comes_back_gives_way_to_one_that_was_forced_meanwhile() {
    let file = |forced| vec![backend("b", 0, 1), server("b", "x", 0, 1), server("b", "y", forced, 2)];
    for hidden in [Change::Delete(Layer::Overlay, server("b", "x", 0, 0).subject()), {
        Change::Put(Layer::Overlay, server("b", "x", 9, 0))
    }] {
        let mut state = of_rows(file(0));
        state.apply(&set(vec![hidden])).unwrap();
        state.apply(&set(replacement(&state, file(1)))).unwrap();
        assert_eq!(replacement(&state, file(1)), []);
        state.apply(&set(vec![Change::Revert(server("b", "x", 0, 0).subject(), None)])).unwrap();
        assert_eq!(numbers(&state), "b=2 b/x=2 b/y=1");
        assert_eq!(replacement(&state, file(1)), []);
    }
}

#[test]
fn the_last_number_is_no_end_of_counting() {
    let rows = vec![backend("b", 0, 1), server("b", "x", u32::MAX, 1), server("b", "y", 0, 2)];
    assert_eq!(numbers(&of_rows(rows)), format!("b=2 b/x={} b/y=2", u32::MAX));
}

#[test]
fn a_large_backend_is_numbered_in_one_go() {
    let mut rows = vec![backend("b", 0, 1)];
    rows.extend((0..10_000).map(|at| server("b", &format!("s{at}"), 0, at + 1)));
    let state = of_rows(rows.clone());
    assert_eq!(state.server(&at("b", "s9999")).unwrap().id, 10_000);
    assert_eq!(replacement(&state, rows), []);
    let spec = state.spec().map(|row| row.as_ref().clone()).collect();
    assert_same(&State::restore(state.revision(), spec, Vec::new()).unwrap(), &state);
}

#[test]
fn a_guid_is_given_once_but_for_the_halves_of_a_section() {
    let guid = |text: &str| Some(Guid::new(text).unwrap());
    let named = |row: Row, text: &str| match row {
        Row::Frontend(row) => Row::Frontend(Frontend { guid: guid(text), ..row }),
        Row::Backend(row) => Row::Backend(Backend { guid: guid(text), ..row }),
        Row::Bind(row) => Row::Bind(Bind { guid: guid(text), ..row }),
        Row::Server(row) => Row::Server(Server { guid: guid(text), ..row }),
        row => row,
    };
    let mut state = State::default();
    let apply = |state: &mut State, rows: Vec<Row>| state.apply(&set(rows.into_iter().map(put).collect()));
    let rows = vec![
        half(named(frontend("li", 0, 0), "both")),
        half(named(backend("li", 0, 0), "both")),
        named(frontend("fe", 0, 0), "front"),
        named(server("li", "s1", 0, 0), "one"),
    ];
    apply(&mut state, rows).unwrap();
    let taken = |problems: Vec<Problem>| -> Vec<(Code, String)> {
        problems.into_iter().map(|one| (one.code, one.subject.unwrap().to_string())).collect()
    };
    let refused = apply(&mut state, vec![named(server("li", "s2", 0, 0), "both")]).unwrap_err();
    assert_eq!(taken(refused)[0].0, Code::AlreadyExists);
    let refused = apply(&mut state, vec![named(backend("be", 0, 0), "one")]).unwrap_err();
    assert_eq!(taken(refused), [(Code::AlreadyExists, "server li/s1".to_owned())]);
    let refused =
        apply(&mut state, vec![named(backend("be", 0, 0), "x"), named(server("be", "s", 0, 0), "x")])
            .unwrap_err();
    assert_eq!(taken(refused).len(), 2);
    // Whoever has it may give it up for somebody else in one set.
    apply(&mut state, vec![named(server("li", "s1", 0, 0), "uno"), named(server("li", "s2", 0, 0), "one")])
        .unwrap();
    // A change of something else leaves it where it is.
    apply(&mut state, vec![named(server("li", "s1", 0, 0), "uno")]).unwrap();
}
