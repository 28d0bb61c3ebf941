use proptest::prelude::*;

use super::*;
use crate::top::columns::COLUMNS;
use crate::top::doubles::{board, key, row_on, sample, usual};

/// The lines as names: servers indented, what is folded away counted.
fn names(board: &Board, wishes: &Arrangement) -> Vec<String> {
    let name = |line: Line| {
        let entry = &board.entries[line.entry];
        let indent = if line.is_child { "  " } else { "" };
        let hidden = if line.hidden > 0 { format!(" +{}", line.hidden) } else { String::new() };
        format!("{indent}{}{hidden}", entry.name(wishes.is_flat))
    };
    arrange(board, wishes).into_iter().map(name).collect()
}

#[test]
fn servers_stand_below_their_backend_and_frontends_above_all() {
    assert_eq!(
        names(&usual(), &Arrangement::default()),
        ["www", "app", "  s1", "  s2", "  s3", "  s4", "static-files", "  s1"]
    );
}

#[test]
fn both_halves_of_a_listen_section_are_shown() {
    let rows =
        ["l FRONTEND frontend OPEN", "l sock-1 listener OPEN", "l s1 server UP", "l BACKEND backend UP"];
    assert_eq!(names(&board(&[], &rows), &Arrangement::default()), ["l", "  sock-1", "l", "  s1"]);
}

#[test]
fn a_filter_keeps_what_has_all_words_and_what_contains_it() {
    let filtered =
        |filter: &str| names(&usual(), &Arrangement { filter: filter.to_owned(), ..Default::default() });
    assert_eq!(filtered("S3"), ["app", "  s3"]);
    assert_eq!(filtered("app s1"), ["app", "  s1"]);
    assert_eq!(filtered("static"), ["static-files", "  s1"]);
    assert_eq!(filtered("app !down"), ["app", "  s1", "  s2", "  s4"]);
    assert_eq!(filtered("192.0.2.2"), ["app", "  s2"]);
    assert_eq!(filtered("nothing"), Vec::<String>::new());
    assert_eq!(filtered("frontend"), ["www"]);
}

#[test]
fn only_problems_leaves_what_somebody_should_look_at() {
    let wishes = Arrangement { only_problems: true, ..Default::default() };
    assert_eq!(names(&usual(), &wishes), ["app", "  s2", "  s3", "  s4"]);
}

#[test]
fn folded_groups_say_what_they_hide() {
    let mut wishes = Arrangement::default();
    wishes.folded.insert(key(Kind::Backend, "app", "BACKEND"));
    assert_eq!(names(&usual(), &wishes), ["www", "app +4", "static-files", "  s1"]);
}

#[test]
fn sorting_holds_in_groups_and_between_them() {
    let by = |column, is_reversed| Arrangement {
        sort: Some(Sort::By { column, is_reversed }),
        ..Default::default()
    };
    assert_eq!(
        names(&usual(), &by(Column::Sessions, false)),
        ["www", "app", "  s1", "  s2", "  s3", "  s4", "static-files", "  s1"]
    );
    assert_eq!(
        names(&usual(), &by(Column::Status, false)),
        ["www", "app", "  s3", "  s2", "  s4", "  s1", "static-files", "  s1"]
    );
    let flat = Arrangement { is_flat: true, ..by(Column::Requests, false) };
    assert_eq!(names(&usual(), &flat), ["app/s1", "app/s2", "app/s3", "app/s4", "static-files/s1"]);
    let by_name = Arrangement { sort: Some(Sort::Name { is_reversed: true }), ..Default::default() };
    assert_eq!(
        names(&usual(), &by_name),
        ["www", "static-files", "  s1", "app", "  s4", "  s3", "  s2", "  s1"]
    );
}

#[test]
fn rows_without_a_value_are_last_in_either_direction() {
    let rows = ["b s1 server UP", "b s2 server UP scur=1", "b s3 server UP scur=9", "b BACKEND backend UP"];
    let board = board(&[], &rows);
    for (is_reversed, expected) in
        [(false, ["b", "  s3", "  s2", "  s1"]), (true, ["b", "  s2", "  s3", "  s1"])]
    {
        let sort = Some(Sort::By { column: Column::Sessions, is_reversed });
        assert_eq!(names(&board, &Arrangement { sort, ..Default::default() }), expected);
    }
}

#[test]
fn nodes_keep_their_proxies_apart() {
    let mut both = sample(1, &[]);
    both.rows = vec![
        row_on(Some("a"), "app s1 server UP"),
        row_on(Some("a"), "app BACKEND backend UP"),
        row_on(Some("b"), "www FRONTEND frontend OPEN"),
        row_on(Some("b"), "app s1 server DOWN"),
        row_on(Some("b"), "app BACKEND backend DOWN"),
    ];
    let board = Board::advance(None, both);
    assert_eq!(names(&board, &Arrangement::default()), ["app", "  s1", "www", "app", "  s1"]);
    let only_b = Arrangement { filter: "app b".to_owned(), only_problems: true, ..Default::default() };
    assert_eq!(names(&board, &only_b), ["app", "  s1"]);
}

proptest! {
    #[test]
    fn no_arrangement_loses_or_doubles_a_row(
        rows in prop::collection::vec((0u8..4, 0u8..6, 0u8..4, 0u32..5), 0..40),
        sort in prop::option::of((0..COLUMNS.len(), any::<bool>())),
        is_flat in any::<bool>(),
    ) {
        let words: Vec<String> = rows
            .iter()
            .map(|(proxy, service, kind, sessions)| match kind {
                0 => format!("p{proxy} FRONTEND frontend OPEN scur={sessions}"),
                1 => format!("p{proxy} BACKEND backend UP"),
                2 => format!("p{proxy} s{service} server DOWN scur={sessions}"),
                _ => format!("p{proxy} l{service} listener OPEN"),
            })
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let board = board(&[], &words);
        let sort = sort.map(|(at, is_reversed)| Sort::By { column: COLUMNS[at].column, is_reversed });
        let lines = arrange(&board, &Arrangement { sort, is_flat, ..Default::default() });
        let mut shown: Vec<usize> = lines.iter().map(|line| line.entry).collect();
        shown.sort_unstable();
        // A proxy that a target names twice has one head: the later one.
        let expected: Vec<usize> = (0..board.entries.len())
            .filter(|at| {
                let place = &board.entries[*at].row.key.place;
                let is_head = matches!(place.kind, Kind::Frontend | Kind::Backend);
                let is_last = !board.entries[at + 1..].iter().any(|later| later.row.key.place == *place);
                if is_flat { place.kind == Kind::Server } else { !is_head || is_last }
            })
            .collect();
        prop_assert_eq!(shown, expected);
    }
}
