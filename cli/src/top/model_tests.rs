#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::top::board::Board;
use crate::top::doubles::{board, key, model, press, sample, setup, usual};
use crate::top::sample::Sample;

fn here(model: &Model) -> String {
    let place = &model.current().unwrap().row.key.place;
    format!("{}/{}", place.proxy, place.service)
}

#[test]
fn the_cursor_stays_at_its_row_whatever_comes_before_it() {
    let mut model = model(usual());
    press(&mut model, "jjj");
    assert_eq!(here(&model), "app/s2");
    press(&mut model, ">>>");
    assert_eq!(here(&model), "app/s2", "sorted");
    press(&mut model, "p");
    assert_eq!(here(&model), "app/s2", "only problems");
    model.show(Arc::new(board(
        &[],
        &["new s1 server UP", "new BACKEND backend UP", "app s2 server DOWN", "app BACKEND backend UP"],
    )));
    assert_eq!(here(&model), "app/s2", "another board");
}

#[test]
fn draining_a_server_asks_first() {
    let mut model = model(usual());
    assert_eq!(press(&mut model, "jjd"), None);
    let Overlay::Confirm(errand, _) = &model.overlay else { panic!("{:?}", model.overlay) };
    assert_eq!(errand.sentences(), ["app/s1 on node edge-1: UP -> drain"]);
    assert_eq!(press(&mut model, "<Enter>x "), None, "only y does it");
    let Some(Effect::Carry(errand)) = press(&mut model, "y") else { panic!("nothing is carried out") };
    assert_eq!(errand.sentences(), ["app/s1 on node edge-1: UP -> drain"]);
    assert!(model.is_busy);
    press(&mut model, "m");
    assert_eq!(model.message.as_ref().unwrap().text, "the last change is still under way");
    model.settle(Ok("revision 813: done".to_owned()));
    assert!(!model.is_busy && !model.message.as_ref().unwrap().is_bad);
}

#[test]
fn who_leaves_a_confirmation_changes_nothing() {
    for leave in ["n", "<Esc>", "q"] {
        let mut model = model(usual());
        assert_eq!(press(&mut model, &format!("jjd{leave}")), None);
        assert_eq!((model.overlay.clone(), model.is_busy), (Overlay::None, false));
    }
}

#[test]
fn a_weight_is_written_and_checked() {
    let mut model = model(usual());
    press(&mut model, "jjw5x0<Enter>");
    let Overlay::Confirm(errand, _) = &model.overlay else { panic!("{:?}", model.overlay) };
    assert_eq!(errand.sentences(), ["app/s1 on node edge-1: weight 10 -> 50"]);
    press(&mut model, "nw257<Enter>");
    assert_eq!(model.message.as_ref().unwrap().text, "weight '257': 0 to 256 is expected");
    press(&mut model, "gw");
    assert_eq!(model.message.as_ref().unwrap().text, "only servers have a state and a weight: select one");
}

#[test]
fn several_rows_are_changed_together() {
    let mut model = model(usual());
    press(&mut model, "jj  m");
    let Overlay::Confirm(errand, _) = &model.overlay else { panic!("{:?}", model.overlay) };
    assert_eq!(errand.steps.len(), 2);
    assert_eq!(errand.warnings.len(), 1);
    press(&mut model, "n<Esc>");
    assert!(model.selected.is_empty());
    press(&mut model, "a");
    assert_eq!(model.selected.len(), 5, "all servers that are shown");
    press(&mut model, "a");
    assert!(model.selected.is_empty());
}

#[test]
fn read_only_changes_nothing() {
    let mut model = Model::new(Setup { read_only: true, ..setup() });
    model.show(Arc::new(usual()));
    for keys in ["d", "m", "r", "w", "+", "-", "e", "x", "u"] {
        assert_eq!(press(&mut model, &format!("jj{keys}y")), None);
        assert_eq!(model.overlay, Overlay::None, "{keys}");
    }
}

#[test]
fn nothing_is_changed_while_the_target_is_lost() {
    let mut model = model(usual());
    model.lose("cannot reach it".to_owned());
    press(&mut model, "jjd");
    assert_eq!(model.overlay, Overlay::None);
    assert_eq!(
        model.message.as_ref().unwrap().text,
        "nothing can be changed while the target does not answer"
    );
    model.show(Arc::new(usual()));
    assert_eq!(model.lost, None);
}

#[test]
fn a_filter_is_written_kept_and_dropped() {
    let mut model = model(usual());
    press(&mut model, "/s3q");
    assert_eq!(model.lines.len(), 0, "q is a character here");
    press(&mut model, "<Backspace><Enter>");
    assert_eq!((model.arrangement.filter.as_str(), model.lines.len()), ("s3", 2));
    press(&mut model, "/x<Esc>");
    assert_eq!(model.arrangement.filter, "s3", "what held before");
    press(&mut model, "<Esc>");
    assert_eq!(model.arrangement.filter, "");
}

#[test]
fn groups_fold_and_unfold() {
    let mut model = model(usual());
    press(&mut model, "jj<Left>");
    assert_eq!(here(&model), "app/BACKEND", "first to the head");
    press(&mut model, "<Left>");
    assert_eq!(model.lines.len(), 4);
    press(&mut model, "<Right>");
    assert_eq!(model.lines.len(), 8);
    press(&mut model, "jjz");
    assert_eq!((model.lines.len(), here(&model)), (3, "app/BACKEND".to_owned()));
    press(&mut model, "z");
    assert_eq!(model.lines.len(), 8);
}

#[test]
fn what_is_frozen_stays_until_it_goes_on() {
    let mut model = model(usual());
    press(&mut model, "F");
    model.show(Arc::new(board(&[], &["only s1 server UP"])));
    assert_eq!(model.lines.len(), 8);
    press(&mut model, "F");
    assert_eq!(model.lines.len(), 1);
}

#[test]
fn a_controller_switches_between_its_nodes_and_all_of_them() {
    let mut model = model(usual());
    assert_eq!(press(&mut model, "n"), None, "a node has no nodes");
    let fleet = Sample { target: TargetKind::Controller, ..sample(3, &["app s1 server UP"]) };
    model.show(Arc::new(Board::advance(None, fleet)));
    assert_eq!(press(&mut model, "n"), Some(Effect::ByNode(true)));
}

#[test]
fn rows_that_are_gone_are_selected_no_more() {
    let mut model = model(usual());
    press(&mut model, "jj ");
    assert!(model.selected.contains(&key(Kind::Server, "app", "s1")));
    model.show(Arc::new(board(&[], &["app s2 server UP"])));
    assert!(model.selected.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_keys_trip_it(keys in prop::collection::vec(
        prop_oneof![
            3 => "[ -~]",
            1 => prop::sample::select(vec!["<Enter>", "<Esc>", "<Left>", "<PgDn>", "<PgUp>", "<End>", "<Backspace>"]).prop_map(str::to_owned),
        ], 0..60), page in 0usize..12) {
        let mut model = Model::new(setup());
        for (at, key) in keys.iter().enumerate() {
            if at == 3 {
                model.show(Arc::new(usual()));
            }
            if at == 30 {
                model.show(Arc::new(board(&[], &["x s server DOWN"])));
            }
            press(&mut model, key);
            model.fit(page);
            prop_assert!(model.cursor <= model.lines.len());
            prop_assert!(model.lines.is_empty() || model.cursor < model.lines.len());
            prop_assert!(model.top <= model.cursor && model.cursor < model.top + model.page.max(1));
        }
    }
}
