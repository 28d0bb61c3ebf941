//! The lines above the table: the processes, their load, how the servers stand, what is chosen.

use ratatui::text::{Line, Span};

use super::Theme;
use crate::top::board::Board;
use crate::top::columns::{self, Tone};
use crate::top::model::Model;
use crate::top::sample::{Process, TargetKind};
use crate::top::text::{self, Signs};
use crate::top::view::Sort;

/// The lines, as many as a screen of this size can spare.
pub fn lines(model: &Model, width: u16, height: u16) -> Vec<Line<'static>> {
    let theme = Theme::of(model);
    let room = usize::from(width);
    let mut lines = vec![title(model, theme, room)];
    if let Some(why) = &model.lost {
        lines.push(lost(model, why, theme, room));
    }
    let Some(board) = &model.board else { return lines };
    if height >= 9 {
        lines.push(fitted(load(board, theme, room), room, model.setup.signs));
    }
    if height >= 18 && board.sample.target == TargetKind::Controller {
        lines.extend(nodes(board, theme, room, height, model.setup.signs));
    }
    if height >= 16 && room >= 50 {
        lines.push(curve(board, theme, room, model.setup.signs));
    }
    if height >= 12 {
        lines.push(fitted(summary(model, board, theme), room, model.setup.signs));
    }
    lines
}

/// Who answers, and whether what is shown is fresh.
fn title(model: &Model, theme: Theme, room: usize) -> Line<'static> {
    let signs = model.setup.signs;
    let (state, tone) = match (&model.lost, model.is_frozen, model.board.is_some()) {
        (Some(_), ..) => (format!("{} lost ", signs.pick("▼", "X")), Tone::Bad),
        (None, _, false) => ("connecting… ".to_owned(), Tone::Busy),
        (None, true, true) => (format!("{} frozen ", signs.pick("‖", "=")), Tone::Warn),
        (None, false, true) => {
            (format!("{} every {} ", signs.pick("●", "+"), model.setup.interval), Tone::Good)
        }
    };
    let state = if text::width(&state) + 12 > room { String::new() } else { format!(" {state}") };
    let room = room.saturating_sub(text::width(&state));
    let mut spans = match &model.board {
        Some(board) => who(board, &model.setup.target, theme),
        None => vec![
            theme.span(" regate top", Tone::Strong),
            theme.span(format!("  {}", model.setup.target), Tone::Plain),
        ],
    };
    spans = fitted(spans, room, signs).spans;
    let taken: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(" ".repeat(room.saturating_sub(taken))));
    spans.push(theme.span(state, tone));
    Line::from(spans)
}

fn who(board: &Board, target: &str, theme: Theme) -> Vec<Span<'static>> {
    let sample = &board.sample;
    let mut facts: Vec<String> = Vec::new();
    let mut shown = None;
    let name = match (sample.target, sample.processes.as_slice()) {
        (TargetKind::Controller, processes) => {
            let reached = processes.iter().filter(|process| process.uptime > 0).count();
            let nodes = if processes.len() == 1 { "node" } else { "nodes" };
            facts.push(format!("{reached} of {} {nodes} reached", processes.len()));
            shown = Some(if sample.by_node { "one by one" } else { "together" });
            "Regate controller".to_owned()
        }
        (_, [process]) => {
            if !process.node.is_empty() {
                facts.push(process.node.to_string());
            }
            facts.push(format!("up {}", text::age(process.uptime)));
            if process.stopping {
                facts.push("stopping".to_owned());
            }
            process.product.clone()
        }
        _ => target.to_owned(),
    };
    if let Some(revision) = sample.revision {
        facts.push(format!("revision {revision}"));
    }
    facts.extend(shown.map(str::to_owned));
    if let (true, [process]) = (sample.target != TargetKind::Controller, sample.processes.as_slice()) {
        let workers = if sample.target == TargetKind::Haproxy { "thread" } else { "worker" };
        let plural = if process.workers == 1 { "" } else { "s" };
        facts.push(format!("{} {workers}{plural}", process.workers));
    }
    let facts = facts.into_iter().map(|fact| theme.span(format!("   {fact}"), Tone::Plain));
    std::iter::once(theme.span(format!(" {name}"), Tone::Strong)).chain(facts).collect()
}

fn lost(model: &Model, why: &str, theme: Theme, room: usize) -> Line<'static> {
    let shown = if model.board.is_some() { "; what is shown is old" } else { "" };
    let why = why.replace('\n', "; ");
    let said = text::left(&format!(" {why}{shown}; trying again"), room, model.setup.signs);
    Line::from(Span::styled(said, theme.alarm()))
}

/// Connections, requests, bytes, idleness.
fn load(board: &Board, theme: Theme, room: usize) -> Vec<Span<'static>> {
    let total = &board.total;
    let pace = |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(|| "-".to_owned(), show);
    let limit = match total.connections_limit {
        0 => String::new(),
        limit => format!("/{}", text::count(limit as f64)),
    };
    let full = total.connections_limit > 0 && total.connections * 10 >= total.connections_limit * 9;
    let mut facts = vec![
        (
            "Connections",
            format!("{}{limit}", text::count(total.connections as f64)),
            if full { Tone::Bad } else { Tone::Strong },
        ),
        ("Requests/s", pace(total.pace.requests, text::rate), Tone::Strong),
        ("In/s", pace(total.pace.bytes_in, text::bytes), Tone::Strong),
        ("Out/s", pace(total.pace.bytes_out, text::bytes), Tone::Strong),
    ];
    if let Some(idle) = total.idle {
        let tone = match idle {
            0..10 => Tone::Bad,
            10..30 => Tone::Warn,
            _ => Tone::Strong,
        };
        facts.push(("Idle", format!("{idle}%"), tone));
    }
    if room >= 100 {
        let rates = format!("{} (max {})", total.connections_rate, total.connections_rate_max);
        facts.insert(1, ("New/s", rates, Tone::Strong));
    }
    let gap = if room >= 76 { "   " } else { "  " };
    let mut spans = vec![Span::raw(" ")];
    for (name, value, tone) in facts {
        spans.push(theme.span(format!("{name} "), Tone::Plain));
        spans.push(theme.span(value, tone));
        spans.push(Span::raw(gap));
    }
    spans
}

/// A line for each node of a fleet, as many as there is room for.
fn nodes(board: &Board, theme: Theme, room: usize, height: u16, signs: Signs) -> Vec<Line<'static>> {
    let most = usize::from(height / 6).max(1);
    let mut processes: Vec<&Process> = board.sample.processes.iter().collect();
    // Those with trouble must not be the ones that are left out.
    processes.sort_by_key(|process| process.trouble.is_none());
    let left = processes.len().saturating_sub(most);
    let mut lines: Vec<Line<'static>> =
        processes.iter().take(most).map(|process| fitted(node(process, theme, signs), room, signs)).collect();
    if left > 0 {
        lines.push(Line::from(theme.span(format!("   and {left} more nodes"), Tone::Faint)));
    }
    lines
}

fn node(process: &Process, theme: Theme, signs: Signs) -> Vec<Span<'static>> {
    let is_known = process.uptime > 0;
    let (mark, tone) = match (&process.trouble, is_known) {
        (None, _) => (signs.pick("●", "+"), Tone::Good),
        (Some(_), true) => (signs.pick("▽", "v"), Tone::Warn),
        (Some(_), false) => (signs.pick("▼", "X"), Tone::Bad),
    };
    let mut spans = vec![
        theme.span(format!("   {mark} "), tone),
        theme.span(text::left(&process.node, 14, signs), Tone::Strong),
    ];
    if let Some(trouble) = &process.trouble {
        spans.push(theme.span(format!(" {trouble}"), tone));
    }
    if is_known {
        let idle = process.idle.map_or_else(String::new, |idle| format!("   idle {idle}%"));
        let revision =
            process.revision.map_or_else(String::new, |revision| format!("   revision {revision}"));
        let connections = text::count(process.connections as f64);
        let limit = text::count(process.connections_limit as f64);
        spans.push(theme.span(
            format!(
                " conn {connections}/{limit}{idle}   up {}{revision}   {}",
                text::age(process.uptime),
                process.product
            ),
            Tone::Plain,
        ));
    }
    spans
}

/// Requests per second so far.
fn curve(board: &Board, theme: Theme, room: usize, signs: Signs) -> Line<'static> {
    let total = &board.total;
    let most = format!(" max {} ", text::rate(total.requests_max));
    let name = " Requests/s ";
    let width = room.saturating_sub(text::width(name) + text::width(&most)).min(crate::top::board::HISTORY);
    Line::from(vec![
        theme.span(name, Tone::Plain),
        theme.span(signs.curve(&total.trend, width), Tone::Busy),
        theme.span(most, Tone::Faint),
    ])
}

/// What is chosen of the rows, which explains what is missing, and how servers stand.
fn summary(model: &Model, board: &Board, theme: Theme) -> Vec<Span<'static>> {
    let signs = model.setup.signs;
    let mut spans = Vec::new();
    let wishes = &model.arrangement;
    if !wishes.filter.is_empty() {
        spans.push(theme.span(format!(" [filter {}]", wishes.filter), Tone::Busy));
    }
    if wishes.only_problems {
        spans.push(theme.span(" [problems]", Tone::Busy));
    }
    if wishes.is_flat {
        spans.push(theme.span(" [flat]", Tone::Busy));
    }
    if let Some(sort) = wishes.sort {
        let (title, is_rising) = match sort {
            Sort::Name { is_reversed } => ("NAME", !is_reversed),
            Sort::By { column, is_reversed } => (column.traits().title, is_reversed),
        };
        let arrow = if is_rising { signs.pick("↑", "up") } else { signs.pick("↓", "down") };
        spans.push(theme.span(format!(" [sort {title} {arrow}]"), Tone::Busy));
    }
    if !model.selected.is_empty() {
        spans.push(theme.span(format!(" [{} selected]", model.selected.len()), Tone::Strong));
    }
    let servers: usize = board.total.servers.iter().map(|(_, count)| count).sum();
    spans.push(theme.span(" Servers ", Tone::Plain));
    spans.push(theme.span(format!("{servers}  "), Tone::Strong));
    for (standing, count) in &board.total.servers {
        let shown = format!("{} {count} {}  ", columns::symbol(*standing, signs), columns::word(*standing));
        spans.push(theme.span(shown, columns::tone(*standing)));
    }
    if board.total.problems > 0 {
        spans.push(theme.span(format!("{} to look at", board.total.problems), Tone::Warn));
    }
    spans
}

/// Spans cut to the room that there is.
fn fitted(spans: Vec<Span<'static>>, room: usize, signs: Signs) -> Line<'static> {
    let mut rest = room;
    let mut kept = Vec::new();
    for span in spans {
        let width = span.width();
        if width > rest {
            kept.push(Span::styled(text::cut(&span.content, rest, signs), span.style));
            break;
        }
        rest -= width;
        kept.push(span);
    }
    Line::from(kept)
}
