//! The table: its head and the lines that are in sight.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line as Drawn, Span};

use super::Theme;
use crate::top::board::{Board, Entry};
use crate::top::columns::{self, Column, Tone};
use crate::top::model::Model;
use crate::top::sample::Kind;
use crate::top::text;
use crate::top::view::{Line, Sort};

/// Where columns stand.
struct Plan {
    name: usize,
    columns: Vec<(Column, usize)>,
}

/// The head and the lines in sight.
pub fn lines(model: &Model, width: u16, height: u16) -> Vec<Drawn<'static>> {
    let Some(board) = &model.board else { return Vec::new() };
    let theme = Theme::of(model);
    let plan = Plan::new(model, board, width);
    let mut drawn = vec![plan.head(model, theme, usize::from(width))];
    let shown = model.lines.iter().enumerate().skip(model.top).take(usize::from(height.saturating_sub(1)));
    for (at, line) in shown {
        let Some(entry) = board.entries.get(line.entry) else { continue };
        let mut row = plan.row(model, entry, line, theme);
        if at == model.cursor {
            row = marked(row, usize::from(width));
        }
        drawn.push(row);
    }
    if model.lines.is_empty() {
        drawn.push(Drawn::from(theme.span(format!("   {}", nothing(model, board)), Tone::Faint)));
    }
    drawn
}

/// The head and every line, without a cursor.
pub fn all(model: &Model, width: u16) -> Vec<Drawn<'static>> {
    let Some(board) = &model.board else { return Vec::new() };
    let theme = Theme::of(model);
    let plan = Plan::new(model, board, width);
    let rows = model.lines.iter().filter_map(|line| {
        let entry = board.entries.get(line.entry)?;
        Some(plan.row(model, entry, line, theme))
    });
    std::iter::once(plan.head(model, theme, usize::from(width))).chain(rows).collect()
}

impl Plan {
    fn new(model: &Model, board: &Board, width: u16) -> Plan {
        let longest = u16::try_from(model.name_width + MARGIN + 2).unwrap_or(u16::MAX);
        // Names may take so much before columns are left out for them.
        let most = (width * 3 / 10).max(SHORTEST_NAME);
        let name = longest.clamp(SHORTEST_NAME, most).min(width);
        let chosen = columns::fitting(width, name, board.sample.by_node);
        let mut columns: Vec<(Column, usize)> =
            chosen.into_iter().map(|column| (column, usize::from(column.traits().width))).collect();
        let taken: usize = columns.iter().map(|(_, width)| width + 1).sum();
        let mut spare = usize::from(width).saturating_sub(taken + usize::from(name));
        // What is left makes long names whole, then curves longer.
        let grown = spare.min(usize::from(longest.saturating_sub(name)));
        spare -= grown;
        if let Some((_, width)) = columns.iter_mut().find(|(column, _)| *column == Column::Trend) {
            *width += spare.min(LONGEST_CURVE - *width);
        }
        Plan { name: usize::from(name) + grown, columns }
    }

    fn head(&self, model: &Model, theme: Theme, width: usize) -> Drawn<'static> {
        let signs = model.setup.signs;
        let mark = |is_sorted: bool, is_rising: bool| match (is_sorted, is_rising) {
            (false, _) => "",
            (true, true) => signs.pick("↑", "^"),
            (true, false) => signs.pick("↓", "v"),
        };
        let sorted = model.arrangement.sort;
        let by_name = match sorted {
            Some(Sort::Name { is_reversed }) => mark(true, !is_reversed),
            _ => "",
        };
        let mut spans =
            vec![Span::raw(text::left(&format!("{}NAME{by_name}", " ".repeat(MARGIN)), self.name, signs))];
        for (column, width) in &self.columns {
            let traits = column.traits();
            let own = match sorted {
                Some(Sort::By { column: by, is_reversed }) => mark(by == *column, is_reversed),
                _ => "",
            };
            // Where a title fills its column, the arrow takes the place of its last letter.
            let room = width.saturating_sub(text::width(own));
            let title: String = traits.title.chars().take(room).collect();
            let title = format!("{title}{own}");
            let shown = if traits.is_right {
                text::right(&title, *width, signs)
            } else {
                text::left(&title, *width, signs)
            };
            let style = if own.is_empty() {
                Style::new()
            } else {
                Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
            };
            spans.push(Span::raw(" "));
            spans.push(Span::styled(shown, style));
        }
        let taken: usize = spans.iter().map(Span::width).sum();
        spans.push(Span::raw(" ".repeat(width.saturating_sub(taken))));
        Drawn::from(spans).style(theme.bar())
    }

    fn row(&self, model: &Model, entry: &Entry, line: &Line, theme: Theme) -> Drawn<'static> {
        let signs = model.setup.signs;
        let mut spans = self.name(model, entry, line, theme);
        for (column, width) in &self.columns {
            let cell = match column {
                Column::Trend => columns::Cell { text: signs.curve(&entry.trend, *width), tone: Tone::Busy },
                column => column.cell(entry, signs),
            };
            let shown = match column.traits().is_right {
                true => text::right(&cell.text, *width, signs),
                false => text::left(&cell.text, *width, signs),
            };
            spans.push(Span::raw(" "));
            spans.push(theme.span(shown, cell.tone));
        }
        Drawn::from(spans)
    }

    /// The name with its place in the group, what is folded below it, and whether it was changed by hand.
    fn name(&self, model: &Model, entry: &Entry, line: &Line, theme: Theme) -> Vec<Span<'static>> {
        let signs = model.setup.signs;
        let kind = entry.row.key.place.kind;
        let is_flat = model.arrangement.is_flat;
        let selected = match model.selected.contains(&entry.row.key) {
            true => signs.pick("✓", "*"),
            false => " ",
        };
        let mark = match (kind, line.hidden > 0) {
            (Kind::Frontend, _) => signs.pick("»", ">"),
            (Kind::Backend, true) => signs.pick("▸", "+"),
            (Kind::Backend, false) => signs.pick("▾", "-"),
            (Kind::Listener | Kind::Server, _) if is_flat => "",
            (Kind::Listener | Kind::Server, _) => " ",
        };
        let by_hand = if entry.is_by_hand { "*" } else { "" };
        let hidden = if line.hidden > 0 { format!(" +{}", line.hidden) } else { String::new() };
        let tone = if line.is_child || is_flat { Tone::Plain } else { Tone::Strong };
        let room = self.name.saturating_sub(MARGIN + text::width(by_hand) + text::width(&hidden));
        let lead = text::left(&format!("{selected}{mark} "), MARGIN.min(self.name), signs);
        let indent = if line.is_child { "  " } else { "" };
        let name = text::cut(&format!("{indent}{}", entry.name(is_flat)), room, signs);
        let taken = text::width(&lead) + text::width(&name) + text::width(by_hand) + text::width(&hidden);
        vec![
            theme.span(lead, if selected == " " { Tone::Faint } else { Tone::Strong }),
            theme.span(name, tone),
            theme.span(by_hand, Tone::Asked),
            theme.span(hidden, Tone::Faint),
            Span::raw(" ".repeat(self.name.saturating_sub(taken))),
        ]
    }
}

/// The line with the cursor: a bar without the colours of its cells, which could not be read on it.
fn marked(row: Drawn<'static>, width: usize) -> Drawn<'static> {
    let taken = row.width();
    let bar = Style::new().add_modifier(Modifier::REVERSED);
    let mut spans: Vec<Span<'static>> = row
        .spans
        .into_iter()
        .map(|span| {
            let kept = span.style.add_modifier & Modifier::BOLD;
            Span::styled(span.content, bar.add_modifier(kept))
        })
        .collect();
    spans.push(Span::styled(" ".repeat(width.saturating_sub(taken)), bar));
    Drawn::from(spans)
}

/// Why there is nothing to show.
fn nothing(model: &Model, board: &Board) -> &'static str {
    let wishes = &model.arrangement;
    if board.entries.is_empty() {
        "there are no proxies"
    } else if !wishes.filter.is_empty() {
        "nothing has all the words of the filter; Esc drops it"
    } else if wishes.only_problems {
        "all is well: there is nothing to look at; p shows everything"
    } else {
        "there is nothing of this kind"
    }
}

/// Characters before a name.
const MARGIN: usize = 3;

/// The narrowest column of names.
const SHORTEST_NAME: u16 = 12;

/// The longest curve in the table.
const LONGEST_CURVE: usize = 60;
