//! The statistics page as a document: one file of HTML with its style and its script, nothing from elsewhere.
//!
//! Owns the order of the document and what is summed up at its top. `html/cells.rs` makes rows, `html/text.rs` texts
//! and numbers; `html/style.css` and `html/script.js` are sent as they are. It works without the script, which only
//! sorts and filters in the page.

mod cells;
mod text;

use std::fmt::Write;
use std::sync::Arc;

use regate_proto::statistics::Hidden;
use regate_proto::wire::v1::{Condition, Info, StatisticsKind as Kind, StatisticsRow};

use self::cells::Tone;
use self::text::{bits, bytes, count, escaped, span};
use super::options::{Notation, Options, Outcome};
use super::{Gone, Sheet, shown};
use crate::admin::{Context, view};
use crate::inquiry::PageRequest;

/// Writes the document.
pub(super) async fn write(
    context: &Arc<Context>,
    request: &PageRequest,
    options: &Options,
    mut sheet: Sheet,
) -> Result<(), Gone> {
    let page = &request.plan.page;
    let info = context.store.read(|current| context.describe(current));
    let frontends: Vec<StatisticsRow> =
        shown(context, request, options, &[Kind::Frontend, Kind::Listener]).collect();
    let census = Census::take(context, request, options);
    let view = View { request, options, detailed: page.modules || census.rows() + frontends.len() <= FEW };
    let out = &mut sheet.text;
    head(out, &view, &info);
    tiles(out, &info, &frontends, &census);
    alerts(out, &census);
    tools(out, &view);
    out.push_str("<main id=\"proxies\">\n");
    if !frontends.is_empty() {
        cells::open_frontends(out, &frontends);
        for row in &frontends {
            cells::frontend(&mut sheet.text, &view, row);
            sheet.spill().await?;
        }
        cells::close_frontends(&mut sheet.text);
    }
    // The servers of a backend come before the row of the backend itself.
    let mut open = false;
    for row in shown(context, request, options, &[Kind::Server, Kind::Backend]) {
        if !open {
            cells::open_backend(&mut sheet.text, &view, &row, census.backend(&row.proxy));
            open = true;
        }
        if row.kind() == Kind::Backend {
            cells::close_backend(&mut sheet.text, &view, &row);
            open = false;
        } else if !is_hidden(options.hidden, &row) {
            cells::server(&mut sheet.text, &view, &row);
        }
        sheet.spill().await?;
    }
    foot(&mut sheet.text, &view, frontends.is_empty() && census.backends.is_empty());
    sheet.end().await
}

/// What every part of the document needs.
struct View<'a> {
    request: &'a PageRequest,
    options: &'a Options,
    /// Whether every row tells everything that is known of it.
    detailed: bool,
}

/// How the servers stand, taken before the rows are made.
#[derive(Default)]
struct Census {
    backends: Vec<(String, [u32; Tone::COUNT])>,
    /// Servers that are down, the first of them by name.
    down: Vec<(String, String)>,
    down_total: usize,
    queued: u64,
}

impl Census {
    fn take(context: &Arc<Context>, request: &PageRequest, options: &Options) -> Census {
        let snapshot = context.store.read(|current| current.snapshot.clone());
        let mut census = Census::default();
        for plan in snapshot.backends.values() {
            let name = plan.name.as_str();
            if !options.covers(name) || !super::is_in_scope(request, name) {
                continue;
            }
            let mut tones = [0; Tone::COUNT];
            census.queued += u64::from(plan.live.queue.length());
            for server in &plan.servers {
                census.queued += u64::from(server.live.queue.length());
                let status = view::server_status(&snapshot, server);
                let tone = Tone::of(&status);
                if let Some(sum) = tones.get_mut(tone as usize) {
                    *sum += 1;
                }
                if status.condition() == Condition::Down {
                    census.down_total += 1;
                    if census.down.len() < MOST_ALERTS {
                        census.down.push((name.to_owned(), server.name.to_string()));
                    }
                }
            }
            census.backends.push((name.to_owned(), tones));
        }
        census.backends.sort();
        census.down.sort();
        census
    }

    fn backend(&self, name: &str) -> [u32; Tone::COUNT] {
        let at = self.backends.binary_search_by(|(known, _)| known.as_str().cmp(name));
        at.ok().and_then(|at| self.backends.get(at)).map_or([0; Tone::COUNT], |(_, tones)| *tones)
    }

    fn all(&self) -> [u32; Tone::COUNT] {
        self.backends.iter().fold([0; Tone::COUNT], |mut sum, (_, tones)| {
            sum.iter_mut().zip(tones).for_each(|(sum, more)| *sum += more);
            sum
        })
    }

    fn rows(&self) -> usize {
        self.backends.len() + self.all().iter().map(|count| *count as usize).sum::<usize>()
    }
}

/// Whether a server is left out.
fn is_hidden(hidden: Hidden, row: &StatisticsRow) -> bool {
    let condition = row.status.as_ref().map(|status| status.condition());
    match condition {
        Some(Condition::Maintenance | Condition::Unresolved) => hidden != Hidden::None,
        Some(Condition::Down | Condition::Stopped) => hidden == Hidden::Down,
        _ => false,
    }
}

fn head(out: &mut String, view: &View, info: &Info) {
    let page = &view.request.plan.page;
    let node = page.node.as_ref().map(|node| node.as_deref().unwrap_or(&info.node));
    let description = page.description.as_ref().map(|text| text.as_deref().or(info.description.as_deref()));
    let about: Vec<&str> = [node, description.flatten()].into_iter().flatten().collect();
    let about = escaped(&about.join(" · "));
    let title =
        if about.is_empty() { "Statistics · Regate".to_owned() } else { format!("{about} · Regate") };
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'\">\
         <title>{title}</title><link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style></head>\n<body><div class=\"page\">\n\
         <a class=\"skip\" href=\"#proxies\">Skip to the proxies</a>\n\
         <header class=\"top\"><div class=\"brand\">{LOGO}<div><h1>Regate</h1><p>{}</p></div></div><dl class=\"facts\">",
        if about.is_empty() { "Statistics" } else { &about },
    );
    let mut fact = |name: &str, value: &str| {
        let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value));
    };
    if !page.hide_version {
        fact("Version", &info.version);
    }
    fact("Up for", &span(info.uptime_ms / 1000));
    fact("Process", &info.pid.to_string());
    fact("Workers", &info.workers.to_string());
    out.push_str("</dl></header>\n");
    if info.stopping {
        out.push_str("<p class=\"note warn\" role=\"status\">The process is stopping: it takes no new connections.</p>\n");
    }
    if let Some(outcome) = view.options.outcome {
        let (tone, words) = match outcome {
            Outcome::Done => ("ok", "Done."),
            Outcome::Nothing => ("plain", "Nothing has changed."),
            Outcome::Partial => ("warn", "Done for some of the servers, not for all."),
            Outcome::Failed => ("bad", "Not done: there is no such server, or the change was refused."),
            Outcome::TooLong => ("bad", "Not done: too many servers were chosen at once."),
            Outcome::Denied => ("bad", "Not done: you may look, and change nothing."),
        };
        let back = escaped(&Options { outcome: None, ..view.options.clone() }.link(page.prefix()));
        let _ = writeln!(
            out,
            "<p class=\"note {tone}\" role=\"status\">{words} <a href=\"{back}\">Dismiss</a></p>"
        );
    }
}

fn tiles(out: &mut String, info: &Info, frontends: &[StatisticsRow], census: &Census) {
    let tile = |out: &mut String, title: &str, figure: &str, unit: &str, below: &str, bar: &str| {
        let _ = writeln!(
            out,
            "<div class=\"tile\"><h2>{title}</h2><strong>{figure} <small>{unit}</small></strong><p>{below}</p>{bar}</div>"
        );
    };
    out.push_str("<section class=\"tiles\" aria-label=\"The process at a glance\">\n");
    let (now, most) = (info.connections_current, info.maxconn);
    let bar = cells::meter(u64::from(now), u64::from(most));
    let below = format!(
        "{} new a second, at most {}",
        count(info.connections_rate.into()),
        count(info.connections_rate_max.into())
    );
    tile(out, "Connections", &count(now.into()), &format!("of {}", count(most.into())), &below, &bar);
    let rate: u64 = frontends.iter().filter_map(|row| row.requests_rate).map(u64::from).sum();
    let below = format!("{} in all", count(info.requests_total));
    tile(out, "Requests", &count(rate), "a second", &below, "");
    let below = format!("{} in all", bytes(info.bytes_out_total));
    let (figure, unit) = bits(info.bytes_out_rate);
    tile(out, "Sent", &figure, unit, &below, "");
    let tones = census.all();
    let all: u32 = tones.iter().sum();
    let serving = tones[Tone::Ok as usize] + tones[Tone::Plain as usize] + tones[Tone::Warn as usize];
    let below = format!("{} down, {} in maintenance", tones[Tone::Bad as usize], tones[Tone::Off as usize]);
    tile(
        out,
        "Servers",
        &count(serving.into()),
        &format!("of {}", count(all.into())),
        &below,
        &cells::tones(tones),
    );
    let waiting = if census.queued == 0 { "nobody waits for a server" } else { "wait for a server" };
    tile(out, "Queued", &count(census.queued), "requests", waiting, "");
    let busy = 100u32.saturating_sub(info.idle_percent);
    let bar = cells::meter(busy.into(), 100);
    tile(out, "Workers busy", &busy.to_string(), "%", &format!("{} tasks", count(info.tasks.into())), &bar);
    out.push_str("</section>\n");
}

fn alerts(out: &mut String, census: &Census) {
    if census.down.is_empty() {
        return;
    }
    let one = census.down_total == 1;
    let _ = write!(
        out,
        "<section class=\"alerts\"><h2>{} {} down</h2><ul>",
        census.down_total,
        if one { "server is" } else { "servers are" }
    );
    for (backend, server) in &census.down {
        let (backend, server) = (escaped(backend), escaped(server));
        let _ =
            write!(out, "<li><a class=\"pill bad\" href=\"#{backend}/{server}\">{backend}/{server}</a></li>");
    }
    if let Some(more) = census.down_total.checked_sub(census.down.len()).filter(|more| *more > 0) {
        let _ = write!(out, "<li>and {more} more</li>");
    }
    out.push_str("</ul></section>\n");
}

fn tools(out: &mut String, view: &View) {
    let (page, options) = (&view.request.plan.page, view.options);
    let link = |options: Options| escaped(&Options { outcome: None, ..options }.link(page.prefix()));
    // A form drops the query of the target that it is sent to: what stands there goes along as a field.
    let (path, query) = page.prefix().split_once('?').unwrap_or((page.prefix(), ""));
    let _ = write!(
        out,
        "<nav class=\"tools\" aria-label=\"What is shown\"><form method=\"get\" action=\"{}\" role=\"search\">",
        escaped(path)
    );
    if !query.is_empty() {
        let (name, value) = query.split_once('=').unwrap_or((query, ""));
        let _ =
            write!(out, "<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value));
    }
    let _ = write!(
        out,
        "<label class=\"v\" for=\"scope\">Filter</label><input type=\"search\" id=\"scope\" name=\"scope\" \
         value=\"{}\" placeholder=\"Name of a proxy\" autocomplete=\"off\"> <button class=\"go\">Show</button></form>\
         <span id=\"count\" role=\"status\"></span><ul class=\"links\">",
        escaped(&options.scope)
    );
    for (hidden, words) in
        [(Hidden::None, "All"), (Hidden::Maintenance, "Without maintenance"), (Hidden::Down, "Up only")]
    {
        let current = if options.hidden == hidden { " aria-current=\"true\"" } else { "" };
        let target = link(Options { hidden, ..options.clone() });
        let _ = write!(out, "<li><a href=\"{target}\"{current}>{words}</a></li>");
    }
    out.push_str("</ul><ul class=\"links right\">");
    let target = link(options.clone());
    let _ = write!(out, "<li><a href=\"{target}\">Refresh now</a></li>");
    if let Some(refresh) = page.refresh {
        let target = link(Options { refresh: !options.refresh, ..options.clone() });
        let words = match options.refresh {
            true => format!("Stop refreshing every {} s", refresh.get() / 1000),
            false => format!("Refresh every {} s", refresh.get() / 1000),
        };
        let _ = write!(out, "<li><a href=\"{target}\">{words}</a></li>");
    }
    for (notation, words) in [(Notation::Csv, "CSV"), (Notation::Json, "JSON"), (Notation::Schema, "Schema")]
    {
        let target = link(Options { notation, refresh: false, ..options.clone() });
        let _ = write!(out, "<li><a href=\"{target}\">{words}</a></li>");
    }
    out.push_str("</ul></nav>\n");
}

fn foot(out: &mut String, view: &View, empty: bool) {
    let words =
        if view.options.scope.is_empty() { "There is nothing to show." } else { "No proxy has such a name." };
    let hidden = if empty { "" } else { " hidden" };
    let words = if empty { words } else { "Nothing fits the filter." };
    let _ = write!(out, "<p class=\"none\" id=\"none\"{hidden}>{words}</p>\n</main>\n<footer>");
    for (tone, words) in [
        ("ok", "up, or open"),
        ("warn", "changing, draining or full"),
        ("bad", "down"),
        ("off", "maintenance"),
        ("plain", "not checked"),
    ] {
        let _ = write!(out, "<span class=\"pill {tone}\">{words}</span>");
    }
    let _ = write!(out, "</footer>\n</div>\n<script>{SCRIPT}</script></body></html>\n");
}

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
const LOGO: &str = "<svg viewBox=\"0 0 36 36\" aria-hidden=\"true\"><rect width=\"36\" height=\"36\" rx=\"9\" fill=\"#0a5bc4\"/>\
<path d=\"M9 18h6m0 0 9-8m-9 8 9 0m-9 0 9 8\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2.4\" stroke-linecap=\"round\"/>\
<g fill=\"#fff\"><circle cx=\"9\" cy=\"18\" r=\"3\"/><circle cx=\"26\" cy=\"9.5\" r=\"2.6\"/><circle cx=\"26\" cy=\"18\" r=\"2.6\"/>\
<circle cx=\"26\" cy=\"26.5\" r=\"2.6\"/></g></svg>";

/// Rows that all tell everything; with more, the page would be slow.
const FEW: usize = 120;

/// Servers that are named at the top.
const MOST_ALERTS: usize = 12;
