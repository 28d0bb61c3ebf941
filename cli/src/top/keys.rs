//! The keys, a row each: what they do and how the help says so.
//!
//! Read next: `model.rs`, which carries commands out.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::errand::Order;

/// What a key asks for while the table is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Leave.
    Quit,
    /// Stop for a while, as `^Z` does in other programs.
    Suspend,
    /// Show the help.
    Help,
    /// Go so many lines down (up, when negative).
    Step(i32),
    /// Go so many pages down.
    Page(i32),
    /// Go to the first line.
    First,
    /// Go to the last line.
    Last,
    /// Fold the group away, or go to its head.
    Fold,
    /// Show what is folded away.
    Unfold,
    /// Fold all groups, or show all.
    FoldAll,
    /// Show all columns of the row, or hide them.
    Details,
    /// Go so many lines down in the columns of the row.
    Scroll(i32),
    /// Select the row, or not, and go on.
    Select,
    /// Select every server that is shown, or none.
    SelectAll,
    /// Write a filter.
    Filter,
    /// Only problems, or everything.
    Problems,
    /// Servers of all backends in one list, or in groups.
    Flat,
    /// Sort by the next column to the right.
    SortRight,
    /// Sort by the next column to the left.
    SortLeft,
    /// Sort the other way round.
    Reverse,
    /// Rows of each node, or of all nodes together.
    ByNode,
    /// Freeze what is shown, or go on.
    Freeze,
    /// Look again now.
    Refresh,
    /// Draw everything anew.
    Redraw,
    /// Drop filter, selection and what lies over the table.
    Escape,
    /// Change something.
    Order(Order),
    /// Write a weight.
    Weight,
}

/// A key, or several that do the same.
pub struct Binding {
    /// As the help names them.
    pub keys: &'static str,
    /// What they do, for the help.
    pub about: &'static str,
    /// A word for the line at the bottom; empty when it is not there.
    pub short: &'static str,
    /// Whether it changes something: not there with `--read-only`.
    pub changes: bool,
    codes: &'static [(KeyModifiers, KeyCode, Command)],
}

/// What a key asks for. `None` for keys without meaning.
pub fn command(key: KeyEvent) -> Option<Command> {
    // Shift is in the character already.
    let modifiers = key.modifiers.difference(KeyModifiers::SHIFT);
    BINDINGS
        .iter()
        .flat_map(|binding| binding.codes)
        .find(|(held, code, _)| *held == modifiers && *code == key.code)
        .map(|(.., command)| *command)
}

const fn plain(key: char, command: Command) -> (KeyModifiers, KeyCode, Command) {
    (KeyModifiers::NONE, KeyCode::Char(key), command)
}

const fn named(code: KeyCode, command: Command) -> (KeyModifiers, KeyCode, Command) {
    (KeyModifiers::NONE, code, command)
}

const fn control(key: char, command: Command) -> (KeyModifiers, KeyCode, Command) {
    (KeyModifiers::CONTROL, KeyCode::Char(key), command)
}

const fn looks(
    keys: &'static str,
    short: &'static str,
    about: &'static str,
    codes: &'static [(KeyModifiers, KeyCode, Command)],
) -> Binding {
    Binding { keys, about, short, changes: false, codes }
}

const fn changes(
    keys: &'static str,
    short: &'static str,
    about: &'static str,
    codes: &'static [(KeyModifiers, KeyCode, Command)],
) -> Binding {
    Binding { keys, about, short, changes: true, codes }
}

/// The keys, in the order of the help.
#[rustfmt::skip]
pub static BINDINGS: &[Binding] = &[
    looks("? F1", "help", "this help", &[plain('?', Command::Help), named(KeyCode::F(1), Command::Help)]),
    looks("q ^C", "quit", "leave", &[plain('q', Command::Quit), control('c', Command::Quit)]),
    looks("Up Down j k", "", "one line", &[
        named(KeyCode::Up, Command::Step(-1)), named(KeyCode::Down, Command::Step(1)),
        plain('k', Command::Step(-1)), plain('j', Command::Step(1)),
    ]),
    looks("PgUp PgDn ^B ^F", "", "one page", &[
        named(KeyCode::PageUp, Command::Page(-1)), named(KeyCode::PageDown, Command::Page(1)),
        control('b', Command::Page(-1)), control('f', Command::Page(1)),
    ]),
    looks("Home End g G", "", "first line, last line", &[
        named(KeyCode::Home, Command::First), named(KeyCode::End, Command::Last),
        plain('g', Command::First), plain('G', Command::Last),
    ]),
    looks("Left Right h l", "", "fold a backend, unfold it", &[
        named(KeyCode::Left, Command::Fold), named(KeyCode::Right, Command::Unfold),
        plain('h', Command::Fold), plain('l', Command::Unfold),
    ]),
    looks("z", "", "fold or unfold all backends", &[plain('z', Command::FoldAll)]),
    looks("/", "filter", "filter by text: words that all occur, !word for one that must not", &[plain('/', Command::Filter)]),
    looks("Enter", "details", "all columns of the row", &[named(KeyCode::Enter, Command::Details)]),
    looks("J K", "", "details: down, up", &[plain('J', Command::Scroll(1)), plain('K', Command::Scroll(-1))]),
    looks("p", "problems", "only what somebody should look at", &[plain('p', Command::Problems)]),
    looks("f", "flat", "servers of all backends in one list", &[plain('f', Command::Flat)]),
    looks("< >", "sort", "sort by the next column to the left, to the right", &[
        plain('<', Command::SortLeft), plain('>', Command::SortRight),
        plain(',', Command::SortLeft), plain('.', Command::SortRight),
    ]),
    looks("R", "", "sort the other way round", &[plain('R', Command::Reverse)]),
    looks("n", "", "controller: nodes one by one, or together", &[plain('n', Command::ByNode)]),
    looks("Space", "select", "select the row for what changes something", &[plain(' ', Command::Select)]),
    looks("a", "", "select all servers shown, or none", &[plain('a', Command::SelectAll)]),
    looks("F", "", "freeze what is shown, or go on", &[plain('F', Command::Freeze)]),
    looks("F5 ^L", "", "look again now, draw anew", &[
        named(KeyCode::F(5), Command::Refresh), control('l', Command::Redraw),
    ]),
    looks("Esc", "", "close, drop the filter, drop the selection", &[named(KeyCode::Esc, Command::Escape)]),
    looks("^Z", "", "suspend", &[control('z', Command::Suspend)]),
    changes("r", "ready", "servers take traffic again", &[plain('r', Command::Order(Order::Ready))]),
    changes("d", "drain", "servers finish what they have and take nothing new", &[plain('d', Command::Order(Order::Drain))]),
    changes("m", "maint", "servers are taken out for maintenance", &[plain('m', Command::Order(Order::Maint))]),
    changes("w", "weight", "write a weight, 0 to 256", &[plain('w', Command::Weight)]),
    changes("+ -", "", "a tenth of the declared weight more, less", &[
        plain('+', Command::Order(Order::Heavier)), plain('-', Command::Order(Order::Lighter)),
        plain('=', Command::Order(Order::Heavier)),
    ]),
    changes("e x", "", "a frontend listens, stops listening", &[
        plain('e', Command::Order(Order::Enable)), plain('x', Command::Order(Order::Disable)),
    ]),
    changes("u", "undo", "drop what was changed by hand: what files say holds again", &[plain('u', Command::Order(Order::Revert))]),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_has_two_meanings() {
        let mut seen = HashSet::new();
        for (held, code, command) in BINDINGS.iter().flat_map(|binding| binding.codes) {
            assert!(seen.insert((*held, *code)), "{code:?} means {command:?} and something else");
        }
    }

    #[test]
    fn keys_are_found_whether_shift_is_told_or_not() {
        let shifted = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(command(shifted), Some(Command::Last));
        assert_eq!(command(KeyEvent::from(KeyCode::Char('G'))), Some(Command::Last));
        assert_eq!(command(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Command::Quit));
        assert_eq!(command(KeyEvent::from(KeyCode::Char('c'))), None);
        assert_eq!(command(KeyEvent::from(KeyCode::Char('d'))), Some(Command::Order(Order::Drain)));
    }
}
