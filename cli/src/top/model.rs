//! What somebody looks at and what the keys make of it: the state of the screen, without a screen.
//!
//! Pure: keys and news in, effects out. Nothing here draws or waits. Read next: `screen.rs`, which draws it.

use std::collections::BTreeSet;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::board::{Entry, Shared};
use super::columns::{COLUMNS, Column};
use super::errand::{Errand, HEAVIEST, Order};
use super::keys::{self, Command};
use super::sample::{Key, Kind, TargetKind};
use super::text::{self, Signs};
use super::view::{self, Arrangement, Line, Sort};

/// The state of the screen.
#[derive(Clone, Debug)]
pub struct Model {
    /// What is shown. Absent until the target answered for the first time.
    pub board: Option<Shared>,
    /// How it is shown.
    pub arrangement: Arrangement,
    /// The lines of the table.
    pub lines: Vec<Line>,
    /// The line with the cursor.
    pub cursor: usize,
    /// The first line on the screen.
    pub top: usize,
    /// Rows that are selected.
    pub selected: BTreeSet<Key>,
    /// What lies over the table.
    pub overlay: Overlay,
    /// Whether all columns of the row are shown.
    pub details: bool,
    /// The first line of them on the screen.
    pub details_top: usize,
    /// The last thing to be told.
    pub message: Option<Message>,
    /// Why nothing new comes. Absent: the target answers.
    pub lost: Option<String>,
    /// Whether what is shown is frozen.
    pub is_frozen: bool,
    /// Whether an errand is under way.
    pub is_busy: bool,
    /// What does not change while the program runs.
    pub setup: Setup,
    /// Lines of the table that fit on the screen; drawing tells.
    pub page: usize,
    /// Columns that the longest name takes.
    pub name_width: usize,
    latest: Option<Shared>,
    here: Option<Key>,
}

/// What does not change while the program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The target, as it was named.
    pub target: String,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// The signs that the terminal can show.
    pub signs: Signs,
    /// Whether it may show colours.
    pub colours: bool,
    /// Time between looks, in words.
    pub interval: String,
}

/// What lies over the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// The help, from this line on.
    Help(usize),
    /// A filter is written; what held before.
    Filter(String),
    /// A weight is written.
    Weight(String),
    /// Something is to be confirmed, from this line on.
    Confirm(Errand, usize),
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// A sentence.
    pub text: String,
    /// Whether something went wrong.
    pub is_bad: bool,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Leave.
    Quit,
    /// Stop the process until it is continued.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Look again now.
    Refresh,
    /// Tell rows of each node, or of all together.
    ByNode(bool),
    /// Carry something out.
    Carry(Errand),
}

impl Model {
    /// A model that waits for its first board.
    pub fn new(setup: Setup) -> Model {
        Model {
            board: None,
            arrangement: Arrangement::default(),
            lines: Vec::new(),
            cursor: 0,
            top: 0,
            selected: BTreeSet::new(),
            overlay: Overlay::None,
            details: false,
            details_top: 0,
            message: None,
            lost: None,
            is_frozen: false,
            is_busy: false,
            setup,
            page: 1,
            name_width: 0,
            latest: None,
            here: None,
        }
    }

    /// A new board came.
    pub fn show(&mut self, board: Shared) {
        self.lost = None;
        let other_rows = self.board.as_ref().is_none_or(|shown| shown.sample.by_node != board.sample.by_node);
        self.latest = Some(board);
        if !self.is_frozen || other_rows {
            self.board.clone_from(&self.latest);
            if other_rows {
                self.selected.clear();
                self.arrangement.folded.clear();
            }
            self.arrange();
        }
    }

    /// The target does not answer.
    pub fn lose(&mut self, why: String) {
        self.lost = Some(why);
    }

    /// An errand ended.
    pub fn settle(&mut self, result: Result<String, String>) {
        self.is_busy = false;
        if result.is_ok() {
            self.selected.clear();
        }
        self.tell(result);
    }

    /// The row with the cursor.
    pub fn current(&self) -> Option<&Entry> {
        let line = self.lines.get(self.cursor)?;
        self.board.as_ref()?.entries.get(line.entry)
    }

    /// What a key does.
    pub fn press(&mut self, key: KeyEvent) -> Option<Effect> {
        let is_interrupt = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
        if is_interrupt {
            return Some(Effect::Quit);
        }
        match std::mem::take(&mut self.overlay) {
            Overlay::None => self.press_table(key),
            Overlay::Help(at) => {
                self.overlay = match scrolled(key, at) {
                    Some(at) => Overlay::Help(at),
                    None => Overlay::None,
                };
                None
            }
            Overlay::Filter(before) => {
                self.write_filter(key, before);
                None
            }
            Overlay::Weight(text) => {
                self.write_weight(key, text);
                None
            }
            Overlay::Confirm(errand, at) => self.answer(key, errand, at),
        }
    }

    /// Chooses and orders the lines again; the cursor stays at its row.
    pub fn arrange(&mut self) {
        let Some(board) = &self.board else { return };
        self.lines = view::arrange(board, &self.arrangement);
        let here = self.here.as_ref().and_then(|key| board.place(key));
        let found = here.and_then(|place| self.lines.iter().position(|line| line.entry == place));
        self.cursor = found.unwrap_or(self.cursor).min(self.lines.len().saturating_sub(1));
        self.selected.retain(|key| board.place(key).is_some());
        let is_flat = self.arrangement.is_flat;
        let names = self.lines.iter().filter_map(|line| board.entries.get(line.entry));
        self.name_width = names.map(|entry| text::width(&entry.name(is_flat))).max().unwrap_or(0);
        self.stay_in_sight();
        self.note_row();
    }

    /// How many lines fit; the cursor stays in sight.
    pub fn fit(&mut self, page: usize) {
        self.page = page.max(1);
        self.stay_in_sight();
    }

    fn press_table(&mut self, key: KeyEvent) -> Option<Effect> {
        let command = keys::command(key)?;
        if !matches!(command, Command::Step(_) | Command::Page(_)) {
            self.message = None;
        }
        match command {
            Command::Quit => return Some(Effect::Quit),
            Command::Suspend => return Some(Effect::Suspend),
            Command::Redraw => return Some(Effect::Redraw),
            Command::Refresh => return Some(Effect::Refresh),
            Command::Help => self.overlay = Overlay::Help(0),
            Command::Filter => self.overlay = Overlay::Filter(self.arrangement.filter.clone()),
            Command::Step(by) => self.step(i64::from(by)),
            Command::Page(by) => {
                let page = i64::try_from(self.page).unwrap_or(1);
                self.step(i64::from(by) * (page - 1).max(1));
            }
            Command::First => self.go(0),
            Command::Last => self.go(self.lines.len().saturating_sub(1)),
            Command::Fold => self.fold(),
            Command::Unfold => self.unfold(),
            Command::FoldAll => self.fold_all(),
            Command::Details => {
                self.details = !self.details;
                self.details_top = 0;
            }
            Command::Scroll(by) if by < 0 => self.details_top = self.details_top.saturating_sub(1),
            // The bound is as many lines as the row has columns; drawing keeps the last page in sight.
            Command::Scroll(_) => {
                let most = self.current().map_or(0, |entry| entry.row.columns().len());
                self.details_top = (self.details_top + 1).min(most);
            }
            Command::Select => self.select(),
            Command::SelectAll => self.select_all(),
            Command::Problems => self.rearrange(|wishes| wishes.only_problems = !wishes.only_problems),
            Command::Flat => self.rearrange(|wishes| wishes.is_flat = !wishes.is_flat),
            Command::SortRight => self.sort_by(1),
            Command::SortLeft => self.sort_by(-1),
            Command::Reverse => self.rearrange(|wishes| wishes.sort = wishes.sort.map(reversed)),
            Command::ByNode => return self.switch_nodes(),
            Command::Freeze => self.freeze(),
            Command::Escape => self.escape(),
            Command::Order(order) => self.ask(order),
            Command::Weight => match self.refusal() {
                Some(refusal) => self.tell(Err(refusal)),
                // The rows are checked before somebody writes in vain.
                None => match self.plan(Order::Weight(0)) {
                    Ok(_) => self.overlay = Overlay::Weight(String::new()),
                    Err(why) => self.tell(Err(why)),
                },
            },
        }
        None
    }

    /// Asks for a confirmation, or says why there is nothing to confirm.
    fn ask(&mut self, order: Order) {
        if let Some(refusal) = self.refusal() {
            return self.tell(Err(refusal));
        }
        match self.plan(order) {
            Ok(errand) => self.overlay = Overlay::Confirm(errand, 0),
            Err(why) => self.tell(Err(why)),
        }
    }

    /// Why nothing can be changed now.
    fn refusal(&self) -> Option<String> {
        if self.setup.read_only {
            return Some("nothing is changed here: this was started with --read-only".to_owned());
        }
        if self.is_busy {
            return Some("the last change is still under way".to_owned());
        }
        self.lost.is_some().then(|| "nothing can be changed while the target does not answer".to_owned())
    }

    fn plan(&self, order: Order) -> Result<Errand, String> {
        let Some(board) = &self.board else { return Err("no row is selected".to_owned()) };
        let selected: Vec<&Entry> = self.selected.iter().filter_map(|key| board.entry(key)).collect();
        match selected.as_slice() {
            [] => {
                let current: Vec<&Entry> = self.current().into_iter().collect();
                Errand::plan(order, &current, board)
            }
            selected => Errand::plan(order, selected, board),
        }
    }

    fn answer(&mut self, key: KeyEvent, errand: Errand, at: usize) -> Option<Effect> {
        match key.code {
            KeyCode::Char('y' | 'Y') => {
                self.is_busy = true;
                Some(Effect::Carry(errand))
            }
            KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => {
                self.tell(Ok("nothing was changed".to_owned()));
                None
            }
            _ => {
                let at = scrolled(key, at).unwrap_or(at);
                self.overlay = Overlay::Confirm(errand, at);
                None
            }
        }
    }

    fn write_filter(&mut self, key: KeyEvent, before: String) {
        let mut text = self.arrangement.filter.clone();
        match key.code {
            KeyCode::Enter => return,
            KeyCode::Esc => {
                self.rearrange(|wishes| wishes.filter = before);
                return;
            }
            _ => edit(&mut text, key, |_| true),
        }
        self.overlay = Overlay::Filter(before);
        self.rearrange(|wishes| wishes.filter = text);
    }

    fn write_weight(&mut self, key: KeyEvent, mut text: String) {
        match key.code {
            KeyCode::Esc => {}
            KeyCode::Enter => match text.parse::<u16>() {
                Ok(weight) if i64::from(weight) <= HEAVIEST => self.ask(Order::Weight(weight)),
                _ => self.tell(Err(format!("weight '{text}': 0 to {HEAVIEST} is expected"))),
            },
            _ => {
                edit(&mut text, key, |c| c.is_ascii_digit());
                text.truncate(3);
                self.overlay = Overlay::Weight(text);
            }
        }
    }

    fn tell(&mut self, result: Result<String, String>) {
        self.message = Some(match result {
            Ok(text) => Message { text, is_bad: false },
            Err(text) => Message { text, is_bad: true },
        });
    }

    fn step(&mut self, by: i64) {
        let at = i64::try_from(self.cursor).unwrap_or(i64::MAX).saturating_add(by).max(0);
        self.go(usize::try_from(at).unwrap_or(0));
    }

    fn go(&mut self, line: usize) {
        self.cursor = line.min(self.lines.len().saturating_sub(1));
        self.details_top = 0;
        self.stay_in_sight();
        self.note_row();
    }

    fn note_row(&mut self) {
        self.here = self.current().map(|entry| entry.row.key.clone());
    }

    fn stay_in_sight(&mut self) {
        let page = self.page.max(1);
        let last_top = self.lines.len().saturating_sub(page);
        self.top = self.top.min(self.cursor).max((self.cursor + 1).saturating_sub(page)).min(last_top);
    }

    fn rearrange(&mut self, wish: impl FnOnce(&mut Arrangement)) {
        wish(&mut self.arrangement);
        self.arrange();
    }

    fn fold(&mut self) {
        let Some(line) = self.lines.get(self.cursor).copied() else { return };
        if line.is_child {
            let head = self.lines[..self.cursor].iter().rposition(|line| !line.is_child);
            self.go(head.unwrap_or(self.cursor));
        } else if let (true, Some(key)) = (line.has_children, self.here.clone()) {
            self.rearrange(|wishes| {
                wishes.folded.insert(key);
            });
        }
    }

    fn unfold(&mut self) {
        let Some(key) = self.here.clone() else { return };
        self.rearrange(|wishes| {
            wishes.folded.remove(&key);
        });
    }

    fn fold_all(&mut self) {
        let Some(board) = &self.board else { return };
        if !self.arrangement.folded.is_empty() {
            return self.rearrange(|wishes| wishes.folded.clear());
        }
        let heads: Vec<Key> = self
            .lines
            .iter()
            .filter(|line| line.has_children)
            .filter_map(|line| board.entries.get(line.entry).map(|entry| entry.row.key.clone()))
            .collect();
        let above = &self.lines[..self.lines.len().min(self.cursor + 1)];
        if let Some(head) = above.iter().rposition(|line| !line.is_child) {
            self.go(head);
        }
        self.rearrange(|wishes| wishes.folded.extend(heads));
    }

    fn select(&mut self) {
        let Some(key) = self.here.clone() else { return };
        if !self.selected.remove(&key) {
            self.selected.insert(key);
        }
        self.step(1);
    }

    fn select_all(&mut self) {
        if !self.selected.is_empty() {
            return self.selected.clear();
        }
        let Some(board) = &self.board else { return };
        let shown = self.lines.iter().filter_map(|line| board.entries.get(line.entry));
        let servers = shown.map(|entry| &entry.row.key).filter(|key| key.place.kind == Kind::Server);
        self.selected = servers.cloned().collect();
    }

    /// The order goes: as configured, by name, by each column, and round again.
    fn sort_by(&mut self, by: i64) {
        let with_node = self.board.as_ref().is_some_and(|board| board.sample.by_node);
        let columns: Vec<Column> = COLUMNS
            .iter()
            .map(|traits| traits.column)
            .filter(|column| *column != Column::Trend && (with_node || *column != Column::Node))
            .collect();
        let now = match self.arrangement.sort {
            None => 0,
            Some(Sort::Name { .. }) => 1,
            Some(Sort::By { column, .. }) => {
                columns.iter().position(|known| *known == column).map_or(0, |at| at + 2)
            }
        };
        let count = i64::try_from(columns.len() + 2).unwrap_or(1);
        let next = (i64::try_from(now).unwrap_or(0) + by).rem_euclid(count);
        let next = usize::try_from(next).unwrap_or(0);
        let sort = match next {
            0 => None,
            1 => Some(Sort::Name { is_reversed: false }),
            next => columns.get(next - 2).map(|column| Sort::By { column: *column, is_reversed: false }),
        };
        self.rearrange(|wishes| wishes.sort = sort);
    }

    fn switch_nodes(&mut self) -> Option<Effect> {
        let board = self.board.as_ref()?;
        if board.sample.target != TargetKind::Controller {
            self.tell(Err("only a controller has several nodes".to_owned()));
            return None;
        }
        Some(Effect::ByNode(!board.sample.by_node))
    }

    fn freeze(&mut self) {
        self.is_frozen = !self.is_frozen;
        if !self.is_frozen {
            self.board.clone_from(&self.latest);
            self.arrange();
        }
    }

    fn escape(&mut self) {
        if self.details {
            self.details = false;
        } else if !self.selected.is_empty() {
            self.selected.clear();
        } else if !self.arrangement.filter.is_empty() {
            self.rearrange(|wishes| wishes.filter.clear());
        } else if self.arrangement.only_problems {
            self.rearrange(|wishes| wishes.only_problems = false);
        }
    }
}

fn reversed(sort: Sort) -> Sort {
    match sort {
        Sort::Name { is_reversed } => Sort::Name { is_reversed: !is_reversed },
        Sort::By { column, is_reversed } => Sort::By { column, is_reversed: !is_reversed },
    }
}

/// Where a key scrolls to; `None` for keys that do not scroll.
fn scrolled(key: KeyEvent, at: usize) -> Option<usize> {
    match keys::command(key) {
        Some(Command::Step(by)) if by < 0 => Some(at.saturating_sub(1)),
        Some(Command::Step(_)) => Some(at.saturating_add(1)),
        Some(Command::Page(by)) if by < 0 => Some(at.saturating_sub(SCROLL_PAGE)),
        Some(Command::Page(_)) => Some(at.saturating_add(SCROLL_PAGE)),
        Some(Command::First) => Some(0),
        _ => None,
    }
}

/// Writes a key into a text.
fn edit(text: &mut String, key: KeyEvent, is_allowed: impl Fn(char) -> bool) {
    let control = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match key.code {
        KeyCode::Char('u') if control => text.clear(),
        KeyCode::Char(c) if !control && is_allowed(c) && text.len() < LONGEST_TEXT => text.push(c),
        KeyCode::Backspace => {
            text.pop();
        }
        _ => {}
    }
}

/// Lines that a page of something that lies over the table has.
const SCROLL_PAGE: usize = 10;

/// Bytes that somebody may write into a line.
const LONGEST_TEXT: usize = 200;

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
