//! All that is known of the row with the cursor.

use ratatui::text::{Line, Span};

use super::Theme;
use crate::top::board::Entry;
use crate::top::columns::{self, Tone};
use crate::top::model::Model;
use crate::top::text::{self, Signs};

/// The lines in sight.
pub fn lines(model: &Model, width: u16, height: u16) -> Vec<Line<'static>> {
    let theme = Theme::of(model);
    let room = usize::from(width);
    let Some(entry) = model.current() else { return vec![bar("no row", theme, room, model.setup.signs)] };
    let mut body = changes(model, entry, theme);
    if !entry.trend.is_empty() {
        let top = entry.trend.iter().copied().max().map_or(0.0, |top| f64::from(top) / 10.0);
        let shown = room.saturating_sub(30).min(entry.trend.len());
        body.push(Line::from(vec![
            theme.span(text::left(" per second", NAME + 1, model.setup.signs), Tone::Plain),
            theme.span(model.setup.signs.curve(&entry.trend, shown), Tone::Busy),
            theme.span(format!(" max {}", text::rate(top)), Tone::Faint),
        ]));
    }
    body.extend(values(entry, theme, room, model.setup.signs));
    let page = usize::from(height.saturating_sub(1));
    let from = model.details_top.min(body.len().saturating_sub(page));
    let more = body.len().saturating_sub(from + page);
    let title = title(entry, model.setup.signs);
    let title = if more > 0 { format!("{title}   ({more} more lines)") } else { title };
    let mut lines = vec![bar(&title, theme, room, model.setup.signs)];
    lines.extend(body.into_iter().skip(from).take(page));
    lines
}

fn title(entry: &Entry, signs: Signs) -> String {
    let row = &entry.row;
    let node = row.key.node.as_ref().map_or_else(String::new, |node| format!(" on node {node}"));
    let problem = entry.problem.map_or_else(String::new, |problem| format!("   {problem}"));
    format!(
        " {}/{}{node}   {} {}{problem}",
        row.key.place.proxy,
        row.key.place.service,
        columns::symbol(row.standing, signs),
        row.status
    )
}

fn bar(text: &str, theme: Theme, room: usize, signs: Signs) -> Line<'static> {
    Line::from(Span::styled(text::left(text, room, signs), theme.bar()))
}

/// What was changed by hand, and by whom.
fn changes(model: &Model, entry: &Entry, theme: Theme) -> Vec<Line<'static>> {
    let Some(board) = &model.board else { return Vec::new() };
    let known = board.sample.by_hand.get(&entry.row.key.place);
    let lines = known.into_iter().flatten().map(|change| {
        Line::from(vec![
            theme.span(" by hand: ", Tone::Asked),
            theme.span(change.value.clone(), Tone::Strong),
            theme.span(format!("   by {}", change.origin), Tone::Faint),
        ])
    });
    lines.collect()
}

/// The columns, in one, two or three columns of the screen.
fn values(entry: &Entry, theme: Theme, room: usize, signs: Signs) -> Vec<Line<'static>> {
    let known = entry.row.columns();
    let sides = (room / SIDE).clamp(1, 3);
    let side = room / sides;
    let rows = known.len().div_ceil(sides);
    (0..rows)
        .map(|at| {
            let shown = (0..sides).filter_map(|nth| known.get(nth * rows + at));
            let spans = shown.flat_map(|(name, value, about)| {
                // A long value takes the room of its description.
                let width = text::width(value).max(VALUE).min(side.saturating_sub(NAME + 2));
                let rest = side.saturating_sub(NAME + width + 4);
                [
                    theme.span(format!(" {} ", text::left(name, NAME, signs)), Tone::Plain),
                    theme.span(text::left(value, width, signs), Tone::Strong),
                    theme.span(format!(" {} ", text::left(about, rest, signs)), Tone::Faint),
                ]
            });
            Line::from(spans.collect::<Vec<_>>())
        })
        .collect()
}

/// Characters of a column's name.
const NAME: usize = 14;

/// Characters of a value, unless it is longer.
const VALUE: usize = 12;

/// Characters that a column of the screen needs.
const SIDE: usize = 66;
