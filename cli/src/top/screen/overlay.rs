//! What lies over the table: the help, a weight that is written, a confirmation.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};

use super::{Theme, middle};
use crate::top::columns::{COLUMNS, Tone};
use crate::top::errand::Errand;
use crate::top::keys::BINDINGS;
use crate::top::model::{Model, Overlay};
use crate::top::text::{self, Signs};

/// Draws what lies over the table, if anything does.
pub fn draw(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let theme = Theme::of(model);
    match &model.overlay {
        Overlay::None | Overlay::Filter(_) => {}
        Overlay::Help(from) => {
            let width = area.width.min(HELP_WIDTH);
            let lines = help(model, theme, usize::from(width.saturating_sub(4)));
            show(
                frame,
                area,
                theme,
                Box { title: "Help", lines, from: *from, end: Vec::new(), width },
                model,
            );
        }
        Overlay::Weight(written) => {
            let signs = model.setup.signs;
            let whom = match (model.selected.len(), model.current()) {
                (0, Some(entry)) => format!("{}/{}", entry.row.key.place.proxy, entry.row.key.place.service),
                (count, _) => format!("{count} selected"),
            };
            let lines = vec![
                Line::from(
                    theme.span(text::cut(&format!("Weight for {whom}, 0 to 256:"), 40, signs), Tone::Plain),
                ),
                Line::from(theme.span(format!("{written}{}", signs.pick("▏", "_")), Tone::Strong)),
            ];
            let end = vec![Line::from(theme.span("Enter goes on, Esc leaves it", Tone::Faint))];
            show(frame, area, theme, Box { title: "Weight", lines, from: 0, end, width: 46 }, model);
        }
        Overlay::Confirm(errand, from) => confirm(frame, area, model, errand, *from),
    }
}

/// A box in the middle: lines that scroll, and lines at its end that always show.
struct Box {
    title: &'static str,
    lines: Vec<Line<'static>>,
    from: usize,
    end: Vec<Line<'static>>,
    width: u16,
}

fn show(frame: &mut Frame<'_>, area: Rect, theme: Theme, it: Box, model: &Model) {
    let signs = model.setup.signs;
    let fixed = u16::try_from(it.end.len()).unwrap_or(0);
    let wanted = u16::try_from(it.lines.len()).unwrap_or(u16::MAX).saturating_add(fixed).saturating_add(2);
    let place = middle(area, it.width, wanted);
    let page = usize::from(place.height.saturating_sub(2 + fixed));
    let from = it.from.min(it.lines.len().saturating_sub(page));
    let more = it.lines.len().saturating_sub(from + page);
    let title = match more {
        0 => format!(" {} ", it.title),
        more => format!(" {} ({more} more lines {}) ", it.title, signs.pick("↓", "down")),
    };
    let block = match signs {
        Signs::Unicode => Block::bordered().border_type(BorderType::Rounded),
        Signs::Ascii => Block::bordered().border_set(ASCII_BORDER),
    };
    let block =
        block.title(title).title_style(theme.style(Tone::Strong)).border_style(theme.style(Tone::Busy));
    let mut lines: Vec<Line<'static>> = it.lines.into_iter().skip(from).take(page).collect();
    lines.extend(it.end);
    let padded = block.padding(ratatui::widgets::Padding::horizontal(1));
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).block(padded), place);
}

fn confirm(frame: &mut Frame<'_>, area: Rect, model: &Model, errand: &Errand, from: usize) {
    let theme = Theme::of(model);
    let sentences = errand.sentences();
    let longest = sentences.iter().chain(&errand.warnings).map(|line| text::width(line)).max().unwrap_or(0);
    let width = u16::try_from(longest + 6).unwrap_or(u16::MAX).clamp(40, area.width.max(40)).min(area.width);
    let room = usize::from(width.saturating_sub(4)).max(1);
    let wrapped = |text: &String, tone| -> Vec<Line<'static>> {
        text::wrap(text, room).into_iter().map(|line| Line::from(theme.span(line, tone))).collect()
    };
    let lines = sentences.iter().flat_map(|sentence| wrapped(sentence, Tone::Strong)).collect();
    let mut end: Vec<Line<'static>> = errand
        .warnings
        .iter()
        .take(3)
        .flat_map(|warning| wrapped(&format!("{} {warning}", model.setup.signs.pick("▲", "!")), Tone::Bad))
        .collect();
    end.push(Line::from(vec![
        theme.span("y", Tone::Strong),
        theme.span(" do it   ", Tone::Plain),
        theme.span("n", Tone::Strong),
        theme.span(" leave it", Tone::Plain),
    ]));
    let title = if sentences.len() == 1 { "Change this?" } else { "Change all of these?" };
    show(frame, area, theme, Box { title, lines, from, end, width }, model);
}

fn help(model: &Model, theme: Theme, room: usize) -> Vec<Line<'static>> {
    let signs = model.setup.signs;
    let mut lines = Vec::new();
    let row = |name: &str, about: &str| -> Vec<Line<'static>> {
        let texts = text::wrap(about, room.saturating_sub(KEYS + 1).max(10));
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        texts
            .into_iter()
            .zip(names)
            .map(|(text, name)| {
                Line::from(vec![
                    theme.span(format!("{} ", text::left(name, KEYS, signs)), Tone::Strong),
                    theme.span(text, Tone::Plain),
                ])
            })
            .collect()
    };
    let heading = |text: &str| Line::from(theme.span(text.to_owned(), Tone::Busy));
    lines.push(heading("Looking"));
    lines.extend(BINDINGS.iter().filter(|binding| !binding.changes).flat_map(|b| row(b.keys, b.about)));
    lines.push(Line::default());
    lines.push(heading("Changing the selected rows, or the one with the cursor; each asks first"));
    match model.setup.read_only {
        true => lines.extend(row("", "nothing: this was started with --read-only")),
        false => {
            lines.extend(BINDINGS.iter().filter(|binding| binding.changes).flat_map(|b| row(b.keys, b.about)))
        }
    }
    lines.push(Line::default());
    lines.push(heading("Columns, as many as fit"));
    lines.extend(COLUMNS.iter().flat_map(|traits| row(traits.title, traits.about)));
    lines.push(Line::default());
    lines.push(heading("Marks"));
    for (mark, about) in [
        (signs.pick("»", ">"), "a frontend"),
        (signs.pick("▾ ▸", "- +"), "a backend with its servers, and one that is folded"),
        ("*", "something was changed by hand, on top of what files say"),
    ] {
        lines.extend(row(mark, about));
    }
    lines
}

/// Columns of the help.
const HELP_WIDTH: u16 = 84;

/// Columns of the names in the help.
const KEYS: usize = 16;

/// A border of ASCII.
const ASCII_BORDER: ratatui::symbols::border::Set<'static> = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};
