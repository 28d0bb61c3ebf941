//! The picture: a model in, lines with colours out.
//!
//! Owns the layout and the colours. Only lines that are visible are made. Colours are the sixteen of the terminal,
//! so that its theme, dark or light, stays in charge, and nothing is told by a colour alone.
//! Read next: `screen/header.rs`, `screen/table.rs`.

mod details;
mod header;
mod overlay;
mod table;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::columns::Tone;
use super::keys::{BINDINGS, Binding};
use super::model::{Model, Overlay};
use super::text;

/// Draws everything. Tells the model how many lines fit.
pub fn draw(frame: &mut Frame<'_>, model: &mut Model) {
    let area = frame.area();
    let head = header::lines(model, area.width, area.height);
    let head_height = u16::try_from(head.len()).unwrap_or(u16::MAX).min(area.height);
    let rest = area.height.saturating_sub(head_height);
    let details_height = match model.details {
        true if rest >= 8 => (rest / 2).clamp(4, 40),
        // On a small screen the row takes it all.
        true => rest.saturating_sub(1),
        false => 0,
    };
    let [top, body, details, bottom] = Layout::vertical([
        Constraint::Length(head_height),
        Constraint::Min(0),
        Constraint::Length(details_height),
        Constraint::Length(u16::from(area.height > 3)),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(head), top);
    model.fit(usize::from(body.height.saturating_sub(1)));
    frame.render_widget(Paragraph::new(table::lines(model, body.width, body.height)), body);
    if details_height > 0 {
        let lines = details::lines(model, details.width, details.height);
        frame.render_widget(Paragraph::new(lines), details);
    }
    frame.render_widget(Paragraph::new(footer(model, bottom.width)), bottom);
    overlay::draw(frame, model, area);
}

/// One frame as plain text, with every line of the table.
pub fn plain(model: &Model, width: u16) -> String {
    let mut lines = header::lines(model, width, TALL);
    lines.extend(table::all(model, width));
    let mut text = String::new();
    for line in lines {
        let said: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
        text.push_str(said.trim_end());
        text.push('\n');
    }
    text
}

/// Colours for tones.
#[derive(Clone, Copy)]
struct Theme {
    colours: bool,
}

impl Theme {
    fn of(model: &Model) -> Theme {
        Theme { colours: model.setup.colours }
    }

    fn style(self, tone: Tone) -> Style {
        let plain = Style::new();
        let coloured = |colour| if self.colours { plain.fg(colour) } else { plain };
        match tone {
            Tone::Plain => plain,
            Tone::Faint => plain.add_modifier(Modifier::DIM),
            Tone::Strong => plain.add_modifier(Modifier::BOLD),
            Tone::Good => coloured(Color::Green),
            Tone::Warn => coloured(Color::Yellow).add_modifier(Modifier::BOLD),
            Tone::Bad => coloured(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Asked => coloured(Color::Magenta),
            Tone::Busy => coloured(Color::Cyan),
        }
    }

    fn span(self, text: impl Into<String>, tone: Tone) -> Span<'static> {
        Span::styled(text.into(), self.style(tone))
    }

    /// A bar across the screen.
    fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A bar that nobody overlooks.
    fn alarm(self) -> Style {
        match self.colours {
            true => Style::new().fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
            false => Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD),
        }
    }
}

/// The line at the bottom: what somebody writes, what was told last, or the keys.
fn footer(model: &Model, width: u16) -> Line<'static> {
    let theme = Theme::of(model);
    let signs = model.setup.signs;
    let room = usize::from(width);
    let cursor = signs.pick("▏", "_");
    match (&model.overlay, &model.message) {
        (Overlay::Filter(_), _) => {
            let written = format!(" Filter: {}{cursor}", model.arrangement.filter);
            let hint = "   Enter keeps it, Esc drops it";
            Line::from(vec![
                theme.span(tail(&written, room), Tone::Strong),
                theme.span(text::cut(hint, room.saturating_sub(text::width(&written)), signs), Tone::Faint),
            ])
        }
        (_, Some(message)) => {
            let (mark, tone) = match message.is_bad {
                true => (signs.pick("✗", "!"), Tone::Bad),
                false => (signs.pick("✓", "ok:"), Tone::Good),
            };
            let said = message.text.replace('\n', "; ");
            Line::from(theme.span(text::cut(&format!(" {mark} {said}"), room, signs), tone))
        }
        _ if model.is_busy => Line::from(theme.span(" under way…", Tone::Busy)),
        _ => hints(model, room),
    }
}

/// The end of a text that fits, for what is being written.
fn tail(text: &str, room: usize) -> String {
    let mut rest = text;
    while text::width(rest) > room {
        let Some((at, _)) = rest.char_indices().nth(1) else { break };
        rest = &rest[at..];
    }
    rest.to_owned()
}

fn hints(model: &Model, room: usize) -> Line<'static> {
    let theme = Theme::of(model);
    let shown = BINDINGS.iter().filter(|binding| !binding.short.is_empty());
    let mut shown: Vec<(&Binding, &str)> = shown
        .filter(|binding| !binding.changes || !model.setup.read_only)
        .map(|binding| match binding.keys.split(' ').next() {
            Some("<") | None => (binding, binding.keys),
            Some(first) => (binding, first),
        })
        .collect();
    let width = |shown: &[(&Binding, &str)]| -> usize {
        shown.iter().map(|(binding, key)| text::width(key) + text::width(binding.short) + 3).sum()
    };
    // The ways to help and out stay longest, then the keys that change something.
    while width(&shown) > room && !shown.is_empty() {
        let spare = shown.iter().rposition(|(binding, _)| !binding.changes).filter(|at| *at > 1);
        shown.remove(spare.unwrap_or(shown.len() - 1));
    }
    let spans = shown.into_iter().flat_map(|(binding, key)| {
        [theme.span(format!(" {key}"), Tone::Strong), theme.span(format!(" {} ", binding.short), Tone::Faint)]
    });
    Line::from(spans.collect::<Vec<_>>())
}

/// A part of the screen in its middle.
fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// As high as a screen needs to be for everything to be shown.
const TALL: u16 = 100;

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
