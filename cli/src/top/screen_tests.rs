#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::sync::Arc;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;

use super::*;
use crate::top::board::Board;
use crate::top::doubles::{board, model, press, process, row_on, sample, setup, usual};
use crate::top::model::Setup;
use crate::top::sample::{Sample, TargetKind};
use crate::top::text::Signs;

/// What a screen of this size shows, without the blanks at the ends of lines.
fn picture(model: &mut Model, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let mut text = String::new();
        let mut x = 0;
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            text.push_str(symbol);
            x += u16::try_from(text::width(symbol)).unwrap().max(1);
        }
        text.trim_end().to_owned()
    };
    (0..height).map(line).collect()
}

fn check(model: &mut Model, width: u16, height: u16, expected: &str) {
    let shown = picture(model, width, height).join("\n");
    let expected = expected.trim_matches('\n').trim_end();
    assert!(shown.trim_end() == expected, "shown:\n{shown}\nexpected:\n{expected}");
}

#[test]
fn everything_fits_on_a_wide_screen() {
    check(&mut model(usual()), 130, 18, WIDE);
}

#[test]
fn the_usual_screen_shows_what_is_needed_most() {
    check(&mut model(usual()), 80, 24, USUAL);
}

#[test]
fn the_smallest_screen_still_shows_who_is_down() {
    check(&mut model(usual()), 40, 10, SMALL);
}

#[test]
fn a_confirmation_lies_over_the_table() {
    let mut model = model(usual());
    press(&mut model, "jj  m");
    check(&mut model, 80, 18, CONFIRM);
}

#[test]
fn details_say_what_columns_mean() {
    let mut model = model(usual());
    press(&mut model, "jjj<Enter>");
    check(&mut model, 80, 24, DETAILS);
}

#[test]
fn a_fleet_names_its_nodes() {
    let mut fleet = Sample { target: TargetKind::Controller, by_node: true, ..sample(1, &[]) };
    let mut gone = process("berlin", 0);
    (gone.uptime, gone.trouble) = (0, Some("unreachable".to_owned()));
    fleet.processes = vec![process("oslo", 5), gone];
    fleet.rows = vec![
        row_on(Some("oslo"), "app s1 server UP scur=3 weight=1"),
        row_on(Some("oslo"), "app BACKEND backend UP scur=3 weight=1"),
    ];
    check(&mut model(Board::advance(None, fleet)), 80, 18, FLEET);
}

#[test]
fn a_terminal_of_ascii_gets_ascii() {
    let mut model = Model::new(Setup { signs: Signs::Ascii, ..setup() });
    model.show(Arc::new(usual()));
    for keys in ["", "jj d", "n?", "<Esc>jj<Enter>"] {
        press(&mut model, keys);
        let shown = picture(&mut model, 100, 24).join("\n");
        assert!(shown.is_ascii(), "{shown}");
    }
}

#[test]
fn a_lost_target_is_told_above_what_is_old() {
    let mut waiting = Model::new(setup());
    waiting.lose("cannot reach unix:///x: refused".to_owned());
    let shown = picture(&mut waiting, 80, 10);
    assert!(shown[1].starts_with(" cannot reach unix:///x: refused; trying again"), "{shown:#?}");
    let mut model = model(usual());
    model.lose("cannot reach unix:///x: refused".to_owned());
    let shown = picture(&mut model, 100, 10);
    assert!(shown[0].ends_with("▼ lost"), "{shown:#?}");
    assert!(shown[1].contains("refused; what is shown is old; trying again"), "{shown:#?}");
    assert!(shown.iter().any(|line| line.contains("app")), "{shown:#?}");
}

#[test]
fn no_colour_is_shown_where_none_is_wanted() {
    let colours = |wanted: bool| {
        let mut model = Model::new(Setup { colours: wanted, ..setup() });
        model.show(Arc::new(usual()));
        model.lose("gone".to_owned());
        let mut terminal = Terminal::new(TestBackend::new(100, 24)).unwrap();
        terminal.draw(|frame| draw(frame, &mut model)).unwrap();
        let cells = terminal.backend().buffer().content.iter();
        cells.filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).count()
    };
    assert_eq!(colours(false), 0);
    assert!(colours(true) > 50);
}

#[test]
fn the_line_with_the_cursor_is_a_bar_in_one_colour() {
    let mut model = Model::new(Setup { colours: true, ..setup() });
    model.show(Arc::new(usual()));
    press(&mut model, "jjjj");
    let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
    terminal.draw(|frame| draw(frame, &mut model)).unwrap();
    let buffer = terminal.backend().buffer();
    let y = (0..30).find(|y| (0..100).any(|x| buffer[(x, *y)].symbol() == "▼" && *y > 4)).unwrap();
    for x in 0..100 {
        let cell = &buffer[(x, y)];
        assert!(cell.modifier.contains(Modifier::REVERSED) && cell.fg == Color::Reset, "{x}: {cell:?}");
    }
}

#[test]
fn only_what_is_in_sight_is_drawn() {
    let words: Vec<String> = (0..10_000)
        .map(|at| format!("b{} s{at} server UP scur={at} weight=1", at / 100))
        .chain((0..100).map(|at| format!("b{at} BACKEND backend UP")))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut model = model(board(&words, &words));
    press(&mut model, "<End>");
    let shown = picture(&mut model, 80, 24);
    assert!(shown.iter().any(|line| line.contains("s9999")), "{shown:#?}");
    assert!(super::table::lines(&model, 80, 10).len() <= 10);
}

#[test]
fn wide_names_and_steering_characters_do_no_harm() {
    let mut odd = sample(1, &["app s1 server UP"]);
    odd.processes = vec![process("名前の長いノード\u{1b}[31m", 1)];
    let mut model = model(Board::advance(None, odd));
    model.settle(Err("bad\u{1b}[2Jthing\nsecond 名前".to_owned()));
    for width in [20, 33, 40, 80] {
        for line in picture(&mut model, width, 12) {
            assert!(text::width(&line) <= usize::from(width), "{line}");
            assert!(!line.contains('\u{1b}'));
        }
    }
}

#[test]
fn plain_text_has_every_line_and_no_cursor() {
    let text = plain(&model(usual()), 80);
    assert_eq!(text.lines().filter(|line| line.contains("REQ/S")).count(), 1);
    for name in ["www", "s1", "s2", "s3", "s4", "static-files"] {
        assert!(text.contains(name), "{text}");
    }
    assert!(text.lines().all(|line| text::width(line) <= 80 && !line.ends_with(' ')), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn no_size_trips_it(width in 1u16..200, height in 1u16..60, keys in "[jkpf<>lh? /dmwn+a]{0,12}", details in any::<bool>()) {
        let mut model = model(usual());
        press(&mut model, &keys);
        model.details = details;
        let shown = picture(&mut model, width, height);
        prop_assert_eq!(shown.len(), usize::from(height));
    }
}

const WIDE: &str = r#"
 Regate 0.1.0   edge-1   up 3d4h   revision 812   2 workers                                                           ● every 1 s
 Connections 12/2000   New/s 3 (max 40)   Requests/s 1000   In/s 9.00k   Out/s 1.20M   Idle 87%
 Requests/s                                                                                                            █ max 1000
 Servers 5  ● 1 up  ○ 1 no check  ■ 1 maint  ▽ 1 failing  ▼ 1 down  4 to look at
   NAME           STATUS       CUR   MAX LIMIT  REQ/S HISTORY            IN/S OUT/S QUEUE ERR/S 5XX/S  RESP  WEIGHT CHECK
 » www            ● OPEN        12    90  2000    120                 █ 9.00k 1.20M
 ▾ app            ● UP           8    80   200    120                 █     0  900k     2   3.0     0  40ms      15
     s1           ● UP           5    40   100     80                 █     0  600k     0     0     0  12ms      10 L7OK 200 1ms
     s2*          ▽ UP 1/3       3    40   100     40                 █     0  300k     2     0     0  95ms    5/10 L4TOUT 2.00s
     s3           ▼ DOWN         0     2   100      0                       0     0     0   3.0     0   0ms      10 L4CON 0ms
     s4           ■ MAINT        0     2   100      0                       0     0     0     0     0   0ms     10b
 ▾ static-files   ● UP           0     1   200      0                       0     0     0     0     0   0ms       1
     s1           ○ no check     0     1            0                       0     0     0     0     0   0ms       1




 ? help  q quit  / filter  Enter details  p problems  f flat  < > sort  Space select  r ready  d drain  m maint  w weight  u undo
"#;
const USUAL: &str = r#"
 Regate 0.1.0   edge-1   up 3d4h   revision 812   2 workers         ● every 1 s
 Connections 12/2000   Requests/s 1000   In/s 9.00k   Out/s 1.20M   Idle 87%
 Requests/s                                                          █ max 1000
 Servers 5  ● 1 up  ○ 1 no check  ■ 1 maint  ▽ 1 failing  ▼ 1 down  4 to look at
   NAME           STATUS       CUR  REQ/S  IN/S OUT/S QUEUE ERR/S  RESP  WEIGHT
 » www            ● OPEN        12    120 9.00k 1.20M
 ▾ app            ● UP           8    120     0  900k     2   3.0  40ms      15
     s1           ● UP           5     80     0  600k     0     0  12ms      10
     s2*          ▽ UP 1/3       3     40     0  300k     2     0  95ms    5/10
     s3           ▼ DOWN         0      0     0     0     0   3.0   0ms      10
     s4           ■ MAINT        0      0     0     0     0     0   0ms     10b
 ▾ static-files   ● UP           0      0     0     0     0     0   0ms       1
     s1           ○ no check     0      0     0     0     0     0   0ms       1










 ? help  q quit  / filter  r ready  d drain  m maint  w weight  u undo
"#;
const SMALL: &str = r#"
 Regate 0.1.0   edge-1   u… ● every 1 s
 Connections 12/2000  Requests/s 1000  …
   NAME          STATUS       CUR  REQ/S
 » www           ● OPEN        12    120
 ▾ app           ● UP           8    120
     s1          ● UP           5     80
     s2*         ▽ UP 1/3       3     40
     s3          ▼ DOWN         0      0
     s4          ■ MAINT        0      0
 ? help  q quit  r ready  d drain
"#;
const CONFIRM: &str = r#"
 Regate 0.1.0   edge-1   up 3d4h   revision 812   2 workers         ● every 1 s
 Connections 12/2000   Requests/s 1000   In/s 9.00k   Out/s 1.20M   Idle 87%
 Requests/s                                                          █ max 1000
 [2 selected] Servers 5  ● 1 up  ○ 1 no check  ■ 1 maint  ▽ 1 failing  ▼ 1 down…
   NAME           STATUS       CUR  REQ/S  IN/S OUT/S QUEUE ERR/S  RESP  WEIGHT
 » www            ● OPEN        12    120 9.00k 1.20M
 ▾ app      ╭ Change all of these? ────────────────────────────────╮0ms      15
✓    s1     │ app/s1 on node edge-1: UP -> maint                   │2ms      10
✓    s2*    │ app/s2 on node edge-1: UP 1/3 -> maint               │5ms    5/10
     s3     │ ▲ backend app will have no server that takes traffic │0ms      10
     s4     │ y do it   n leave it                                 │0ms     10b
 ▾ static-fi╰──────────────────────────────────────────────────────╯0ms       1
     s1           ○ no check     0      0     0     0     0     0   0ms       1




 ? help  q quit  / filter  r ready  d drain  m maint  w weight  u undo
"#;
const DETAILS: &str = r#"
 Regate 0.1.0   edge-1   up 3d4h   revision 812   2 workers         ● every 1 s
 Connections 12/2000   Requests/s 1000   In/s 9.00k   Out/s 1.20M   Idle 87%
 Requests/s                                                          █ max 1000
 Servers 5  ● 1 up  ○ 1 no check  ■ 1 maint  ▽ 1 failing  ▼ 1 down  4 to look at
   NAME           STATUS       CUR  REQ/S  IN/S OUT/S QUEUE ERR/S  RESP  WEIGHT
 » www            ● OPEN        12    120 9.00k 1.20M
 ▾ app            ● UP           8    120     0  900k     2   3.0  40ms      15
     s1           ● UP           5     80     0  600k     0     0  12ms      10
     s2*          ▽ UP 1/3       3     40     0  300k     2     0  95ms    5/10
     s3           ▼ DOWN         0      0     0     0     0   3.0   0ms      10
     s4           ■ MAINT        0      0     0     0     0     0   0ms     10b
 ▾ static-files   ● UP           0      0     0     0     0     0   0ms       1
     s1           ○ no check     0      0     0     0     0     0   0ms       1
 app/s2   ▽ UP 1/3   checks fail   (15 more lines)
 by hand: weight 5   by command, uid=0
 per second    █ max 40
 pxname         app          Proxy name
 svname         s2           Object name: FRONTEND, BACKEND, listener or serve…
 type           2            0 frontend, 1 backend, 2 server, 3 listener
 status         UP 1/3       State text
 scur           3            Sessions now
 smax           40           Highest scur
 slim           100          Session limit (maxconn; fullconn for a backend)
 ? help  q quit  / filter  r ready  d drain  m maint  w weight  u undo
"#;
const FLEET: &str = r#"
 Regate controller   1 of 2 nodes reached   revision 812   one by … ● every 1 s
 Connections 24/4000   Requests/s -   In/s -   Out/s -   Idle 87%
   ▼ berlin         unreachable
   ● oslo           conn 12/2000   idle 87%   up 3d4h   Regate 0.1.0
 Requests/s                                                               max 0
 Servers 1  ● 1 up
   NAME      NODE     STATUS       CUR  REQ/S OUT/S QUEUE ERR/S  RESP  WEIGHT
 ▾ app       oslo     ● UP           3                                      1
     s1      oslo     ● UP           3                                      1








 ? help  q quit  / filter  r ready  d drain  m maint  w weight  u undo
"#;
