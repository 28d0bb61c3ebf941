#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use super::*;
use crate::top::doubles::{board, key, process, row_on, sample, usual};

fn plan(board: &Board, order: Order, keys: &[(Kind, &str, &str)]) -> Result<Errand, String> {
    let entries: Vec<&Entry> =
        keys.iter().map(|(kind, proxy, service)| board.entry(&key(*kind, proxy, service)).unwrap()).collect();
    Errand::plan(order, &entries, board)
}

const S1: (Kind, &str, &str) = (Kind::Server, "app", "s1");
const S2: (Kind, &str, &str) = (Kind::Server, "app", "s2");
const S3: (Kind, &str, &str) = (Kind::Server, "app", "s3");

#[test]
fn a_confirmation_names_what_is_changed_where() {
    let board = usual();
    let said =
        |order, keys: &[(Kind, &str, &str)]| plan(&board, order, keys).map(|errand| errand.sentences());
    assert_eq!(said(Order::Weight(50), &[S1]), Ok(vec!["app/s1 on node edge-1: weight 10 -> 50".to_owned()]));
    assert_eq!(said(Order::Drain, &[S1]), Ok(vec!["app/s1 on node edge-1: UP -> drain".to_owned()]));
    assert_eq!(
        said(Order::Disable, &[(Kind::Frontend, "www", "FRONTEND"), S1]),
        Ok(vec!["frontend www on node edge-1: OPEN -> disabled".to_owned()])
    );
    assert_eq!(
        said(Order::Revert, &[S2]),
        Ok(vec!["app/s2 on node edge-1: weight: weight 5 -> what files say".to_owned()])
    );
    assert_eq!(said(Order::Heavier, &[S2]), Ok(vec!["app/s2 on node edge-1: weight 5 -> 6".to_owned()]));
    assert_eq!(said(Order::Lighter, &[S1]), Ok(vec!["app/s1 on node edge-1: weight 10 -> 9".to_owned()]));
}

#[test]
fn an_order_that_means_nothing_says_why() {
    let board = usual();
    let refused = |order, keys: &[(Kind, &str, &str)]| plan(&board, order, keys).unwrap_err();
    let backend = (Kind::Backend, "app", "BACKEND");
    assert_eq!(refused(Order::Drain, &[backend]), "only servers have a state and a weight: select one");
    assert_eq!(refused(Order::Enable, &[S1]), "only frontends are enabled and disabled: select one");
    assert_eq!(refused(Order::Revert, &[S1]), "nothing was changed by hand here");
    assert_eq!(refused(Order::Drain, &[]), "no row is selected");
    let bounds =
        board_of(&["app s1 server UP weight=256 uweight=256", "app s0 server UP weight=0 uweight=0"]);
    assert_eq!(
        plan(&bounds, Order::Heavier, &[S1]),
        Err("the weight is 256 already, the highest".to_owned())
    );
    let light = (Kind::Server, "app", "s0");
    assert_eq!(plan(&bounds, Order::Lighter, &[light]), Err("the weight is 0 already".to_owned()));
}

#[test]
fn who_takes_out_the_last_server_is_warned() {
    let board = usual();
    let warned = |order, keys: &[(Kind, &str, &str)]| plan(&board, order, keys).unwrap().warnings;
    assert_eq!(warned(Order::Drain, &[S1]), Vec::<String>::new());
    assert_eq!(warned(Order::Maint, &[S1, S2]), ["backend app will have no server that takes traffic"]);
    assert_eq!(warned(Order::Weight(0), &[S1, S2]), ["backend app will have no server that takes traffic"]);
    assert_eq!(warned(Order::Weight(1), &[S1, S2]), Vec::<String>::new());
    assert_eq!(warned(Order::Maint, &[S3]), Vec::<String>::new(), "it serves nothing anyway");
}

#[test]
fn a_fleet_is_changed_once_for_all_of_its_nodes() {
    let mut fleet = sample(1, &[]);
    fleet.target = TargetKind::Controller;
    fleet.by_node = true;
    fleet.processes = vec![process("a", 1), process("b", 1)];
    fleet.rows = vec![row_on(Some("a"), "app s1 server UP"), row_on(Some("b"), "app s1 server DOWN")];
    let board = Board::advance(None, fleet);
    let both: Vec<&Entry> = board.entries.iter().collect();
    let errand = Errand::plan(Order::Maint, &both, &board).unwrap();
    assert_eq!(errand.sentences(), ["app/s1 on all nodes (a, b): UP -> maint"]);
}

fn board_of(rows: &[&str]) -> Board {
    board(&[], rows)
}
