//! The tables of the page: their rows and cells.

use std::fmt::Write;

use regate_proto::statistics::{COLUMNS, Line};
use regate_proto::wire::v1::{Condition, StatisticsKind as Kind, StatisticsRow as Row, Status};

use super::View;
use super::text::{bytes, count, escaped, span};

/// How something stands, as a colour and a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Ok,
    Plain,
    Warn,
    Off,
    Bad,
}

impl Tone {
    pub(super) const COUNT: usize = 5;

    pub(super) fn of(status: &Status) -> Tone {
        match status.condition() {
            // On the way to another state.
            Condition::Up | Condition::Down if status.step.is_some() => Tone::Warn,
            Condition::Up | Condition::Open => Tone::Ok,
            Condition::Down | Condition::Stopped => Tone::Bad,
            Condition::Maintenance | Condition::Unresolved | Condition::Paused => Tone::Off,
            Condition::Drain | Condition::Stopping | Condition::Full | Condition::Waiting => Tone::Warn,
            Condition::Unchecked | Condition::Unspecified => Tone::Plain,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Tone::Ok => "ok",
            Tone::Plain => "plain",
            Tone::Warn => "warn",
            Tone::Off => "off",
            Tone::Bad => "bad",
        }
    }
}

/// A bar that is filled so far.
pub(super) fn meter(now: u64, most: u64) -> String {
    let share = now.saturating_mul(100).checked_div(most).unwrap_or(0).min(100);
    let class = match share {
        0..70 => "b-info",
        70..90 => "b-warn",
        _ => "b-bad",
    };
    if share == 0 && now == 0 {
        return "<span class=\"bar\"></span>".to_owned();
    }
    format!("<span class=\"bar\"><i class=\"{class}\" style=\"width:{share}%\"></i></span>")
}

/// A bar of how many stand how.
pub(super) fn tones(tones: [u32; Tone::COUNT]) -> String {
    let all = [Tone::Ok, Tone::Plain, Tone::Warn, Tone::Off, Tone::Bad];
    let mut out = "<span class=\"bar\">".to_owned();
    for (tone, number) in all.iter().zip(tones).filter(|(_, number)| *number > 0) {
        let _ = write!(out, "<i class=\"b-{}\" style=\"flex:{number}\"></i>", tone.class());
    }
    out.push_str("</span>");
    out
}

/// Opens the table of frontends.
pub(super) fn open_frontends(out: &mut String, rows: &[Row]) {
    let number = rows.iter().filter(|row| row.kind() == Kind::Frontend).count();
    let _ = write!(
        out,
        "<section class=\"proxy\" id=\"frontends\" data-n=\"\"><header><h2>Frontends</h2><span class=\"tag\">{number}</span>\
         </header><div class=\"scroll\"><table class=\"fe\" id=\"t-frontends\"><caption class=\"v\">Frontends: what clients connect to\
         </caption><thead><tr>"
    );
    headings(
        out,
        &[
            "Name",
            "State",
            "Sessions",
            "New / s",
            "Requests / s",
            "Requests",
            "In",
            "Out",
            "Responses",
            "Denied",
            "Errors",
        ],
    );
    out.push_str("</tr></thead><tbody>\n");
}

/// A row of that table.
pub(super) fn frontend(out: &mut String, view: &View, row: &Row) {
    open_row(out, row);
    name(out, view, row);
    state(out, row);
    sessions(out, row);
    pair(out, "New / s", row.sessions_rate, row.sessions_rate_max);
    pair(out, "Requests / s", row.requests_rate, row.requests_rate_max);
    total(out, "Requests", row.requests_total.or(row.sessions_total));
    volume(out, "In", row.bytes_in_total);
    volume(out, "Out", row.bytes_out_total);
    responses(out, row);
    let denied = [row.requests_denied_total, row.responses_denied_total, row.connections_denied_total];
    faults(out, "Denied", &denied, "");
    faults(out, "Errors", &[row.request_errors_total, row.internal_errors_total], "");
    out.push_str("</tr>\n");
}

/// Closes it.
pub(super) fn close_frontends(out: &mut String) {
    out.push_str("</tbody></table></div></section>\n");
}

/// Opens the table of a backend.
pub(super) fn open_backend(out: &mut String, view: &View, row: &Row, servers: [u32; Tone::COUNT]) {
    let proxy = escaped(&row.proxy);
    let all: u32 = servers.iter().sum();
    let serving: u32 =
        [Tone::Ok, Tone::Plain, Tone::Warn].iter().filter_map(|tone| servers.get(*tone as usize)).sum();
    let _ = write!(
        out,
        "<section class=\"proxy\" id=\"{proxy}\" data-n=\"{proxy}\"><header><h2><a href=\"#{proxy}\">{proxy}</a></h2>"
    );
    if let Some(mode) = &row.mode {
        let _ = write!(out, "<span class=\"tag\">{}</span>", escaped(mode));
    }
    if view.request.plan.page.legends {
        let _ = write!(out, "<span class=\"tag\">id {}</span>", row.proxy_id);
    }
    if all > 0 {
        let _ = write!(out, "<span class=\"sum\">{serving} of {all} serving</span>");
    }
    out.push_str("</header>");
    if view.request.admin && all > 0 {
        let target = escaped(&view.options.link(view.request.plan.page.prefix()));
        let _ = write!(
            out,
            "<form method=\"post\" action=\"{target}\"><input type=\"hidden\" name=\"b\" value=\"#{}\">",
            row.proxy_id
        );
    }
    let _ = write!(
        out,
        "<div class=\"scroll\"><table class=\"be\" id=\"t-{proxy}\"><caption class=\"v\">Backend {proxy} and its servers</caption>\
         <thead><tr>"
    );
    if view.request.admin && all > 0 {
        out.push_str("<th scope=\"col\" class=\"pick l\"><input type=\"checkbox\" hidden aria-label=\"Choose all servers\"></th>");
    }
    headings(
        out,
        &[
            "Name",
            "State",
            "Last check",
            "Weight",
            "Sessions",
            "New / s",
            "Queue",
            "Requests",
            "In",
            "Out",
            "Responses",
            "Errors",
            "Time",
        ],
    );
    out.push_str("</tr></thead><tbody>\n");
}

/// A row of a server.
pub(super) fn server(out: &mut String, view: &View, row: &Row) {
    open_row(out, row);
    if view.request.admin {
        let server = escaped(&row.service);
        let _ = write!(
            out,
            "<td class=\"pick l\"><input type=\"checkbox\" name=\"s\" value=\"{server}\" aria-label=\"Choose {server}\"></td>"
        );
    }
    name(out, view, row);
    figures(out, row);
    out.push_str("</tr>\n");
}

/// The row of the backend as a whole, and the end of its table.
pub(super) fn close_backend(out: &mut String, view: &View, row: &Row) {
    let chooses = view.request.admin && row.servers_total != Some(0);
    out.push_str("</tbody><tfoot><tr>");
    if chooses {
        out.push_str("<td class=\"e\"></td>");
    }
    name(out, view, row);
    figures(out, row);
    out.push_str("</tr></tfoot></table></div>");
    if chooses {
        let proxy = escaped(&row.proxy);
        let _ = write!(
            out,
            "<div class=\"act\"><label for=\"a-{proxy}\">Do with the chosen servers</label><select id=\"a-{proxy}\" \
             name=\"action\"><option value=\"\">Choose…</option>"
        );
        for (group, actions) in ACTIONS {
            let _ = write!(out, "<optgroup label=\"{group}\">");
            for (word, label) in *actions {
                let _ = write!(out, "<option value=\"{word}\">{label}</option>");
            }
            out.push_str("</optgroup>");
        }
        out.push_str("</select><button class=\"go\">Apply</button></div></form>");
    }
    out.push_str("</section>\n");
}

/// What servers and backends have in common.
fn figures(out: &mut String, row: &Row) {
    state(out, row);
    check(out, row);
    weight(out, row);
    sessions(out, row);
    pair(out, "New / s", row.sessions_rate, row.sessions_rate_max);
    pair(out, "Queue", row.queue_current, row.queue_max);
    total(out, "Requests", row.requests_total.or(row.sessions_total));
    volume(out, "In", row.bytes_in_total);
    volume(out, "Out", row.bytes_out_total);
    responses(out, row);
    let errors = [row.connect_errors_total, row.response_errors_total, row.internal_errors_total];
    let again = row.retries_total.unwrap_or(0) + row.redispatches_total.unwrap_or(0);
    let again = if again == 0 { String::new() } else { format!("{} retried", count(again)) };
    faults(out, "Errors", &errors, &again);
    time(out, row);
}

fn headings(out: &mut String, words: &[&str]) {
    for (at, word) in words.iter().enumerate() {
        let left = if at < 2 || *word == "Last check" { "l " } else { "" };
        let class = word.split(' ').next().unwrap_or_default().to_lowercase();
        let _ = write!(out, "<th scope=\"col\" class=\"{left}c-{class}\">{word}</th>");
    }
}

/// The highest value under the one at hand, unless there never was any.
fn most(number: u32) -> String {
    if number == 0 { String::new() } else { format!("<small>max {}</small>", count(number.into())) }
}

fn open_row(out: &mut String, row: &Row) {
    let (proxy, service) = (escaped(&row.proxy), escaped(&row.service));
    // What the script filters by.
    let words = [row.address.as_deref(), Some(word(row)), row.check_status.as_deref()];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    let _ = write!(
        out,
        "<tr id=\"{proxy}/{service}\" data-n=\"{proxy} {service} {}\">",
        escaped(&words.join(" "))
    );
}

fn name(out: &mut String, view: &View, row: &Row) {
    let shown = match row.kind() {
        Kind::Frontend => escaped(&row.proxy),
        Kind::Listener => format!("{} / {}", escaped(&row.proxy), escaped(&row.service)),
        Kind::Backend => "All servers".to_owned(),
        _ => escaped(&row.service),
    };
    out.push_str("<th scope=\"row\"><span class=\"n\">");
    if view.detailed {
        let (proxy, service) = (escaped(&row.proxy), escaped(&row.service));
        let _ = write!(
            out,
            "<button type=\"button\" class=\"more\" popovertarget=\"d-{proxy}/{service}\">{shown}</button></span>"
        );
        let _ = write!(out, "<div popover id=\"d-{proxy}/{service}\"><h3>{proxy} / {service}</h3><dl>");
        let line = Line { row, counted: true };
        for column in COLUMNS.iter().skip(2) {
            let Some(value) = (column.value)(&line) else { continue };
            let mut text = String::new();
            value.plain(&mut text);
            if !text.is_empty() {
                let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", escaped(column.about), escaped(&text));
            }
        }
        out.push_str("</dl></div>");
    } else {
        let _ = write!(out, "{shown}</span>");
    }
    let mut notes: Vec<String> = Vec::new();
    if row.kind() == Kind::Server && row.backup_servers == Some(1) {
        notes.push("backup".to_owned());
    }
    if view.request.plan.page.legends {
        notes.extend(row.address.clone());
        notes.extend(row.cookie.as_ref().map(|cookie| format!("cookie {cookie}")));
        notes.extend(row.algorithm.clone());
        notes.extend((row.service_id != 0).then(|| format!("id {}", row.service_id)));
        if row.kind() == Kind::Frontend {
            notes.extend(row.mode.clone());
            notes.push(format!("id {}", row.proxy_id));
        }
    }
    if !notes.is_empty() {
        let _ = write!(out, "<small>{}</small>", escaped(&notes.join(" · ")));
    }
    out.push_str("</th>");
}

/// The words of the column `status`.
fn status(row: &Row) -> String {
    let line = Line { row, counted: true };
    let value =
        COLUMNS.iter().find(|column| column.name == "status").and_then(|column| (column.value)(&line));
    let mut text = String::new();
    if let Some(value) = value {
        value.plain(&mut text);
    }
    text
}

fn word(row: &Row) -> &'static str {
    match row.status.as_ref().map(Tone::of) {
        Some(Tone::Ok) => "up",
        Some(Tone::Bad) => "down",
        Some(Tone::Off) => "maint",
        Some(Tone::Warn) => "changing",
        _ => "",
    }
}

fn state(out: &mut String, row: &Row) {
    let tone = row.status.as_ref().map_or(Tone::Plain, Tone::of);
    let since = row
        .last_change_s
        .map_or_else(String::new, |since| format!("<small>for {}</small>", span(since.into())));
    let _ = write!(
        out,
        "<td class=\"l state\" data-l=\"State\" data-v=\"{}\"><span class=\"pill {}\">{}</span>{since}</td>",
        tone as usize,
        tone.class(),
        escaped(&status(row))
    );
}

fn check(out: &mut String, row: &Row) {
    if row.kind() == Kind::Backend {
        let down = row.went_down_total.unwrap_or(0);
        let text = match (down, row.downtime_s.unwrap_or(0)) {
            (0, _) => String::new(),
            (1, seconds) => format!("down once, {}", span(seconds.into())),
            (times, seconds) => format!("down {times} times, {}", span(seconds.into())),
        };
        let _ = write!(out, "<td class=\"l z\" data-l=\"Outages\"><small>{text}</small></td>");
        return;
    }
    let Some(word) = &row.check_status else {
        out.push_str("<td class=\"l e\"></td>");
        return;
    };
    let code = row.check_code.filter(|code| *code > 0).map_or_else(String::new, |code| format!("/{code}"));
    let mut notes = Vec::new();
    notes.extend(row.check_duration_ms.map(|millis| format!("{millis} ms")));
    notes.extend(row.check_detail.clone().filter(|detail| !detail.is_empty()));
    let hot = if word.contains("OK") || word == "INI" || word == "UNK" { "" } else { " hot" };
    let _ = write!(
        out,
        "<td class=\"l{hot}\" data-l=\"Last check\" title=\"{}\">{}{code}<small>{}</small></td>",
        escaped(row.check_words.as_deref().unwrap_or_default()),
        escaped(word),
        escaped(&notes.join(" · "))
    );
}

fn weight(out: &mut String, row: &Row) {
    let number = row.weight.unwrap_or(0);
    let note = match (row.kind(), row.throttle_percent) {
        (_, Some(percent)) => format!("<small>{percent} %, warming up</small>"),
        (Kind::Backend, _) => match row.backup_servers {
            Some(backup) if backup > 0 => format!("<small>{backup} backup</small>"),
            _ => String::new(),
        },
        _ => String::new(),
    };
    let _ = write!(out, "<td data-l=\"Weight\" data-v=\"{number}\">{number}{note}</td>");
}

fn sessions(out: &mut String, row: &Row) {
    let now = row.sessions_current.unwrap_or(0);
    // What a backend says is where its servers stop to take their minimum, not a limit.
    let limit = row.sessions_limit.filter(|limit| *limit > 0 && row.kind() != Kind::Backend);
    let of = limit.map_or_else(String::new, |limit| format!(" / {}", count(limit.into())));
    let bar = limit.filter(|_| now > 0).map_or_else(String::new, |limit| meter(now.into(), limit.into()));
    let class = if now == 0 { " class=\"z\"" } else { "" };
    let _ = write!(
        out,
        "<td{class} data-l=\"Sessions\" data-v=\"{now}\"><span class=\"load\">{}{of}{bar}{}</span></td>",
        count(now.into()),
        most(row.sessions_max.unwrap_or(0))
    );
}

fn pair(out: &mut String, label: &str, now: Option<u32>, highest: Option<u32>) {
    let Some(now) = now else {
        out.push_str("<td class=\"e\"></td>");
        return;
    };
    let class = if now == 0 { " class=\"z\"" } else { "" };
    let highest = most(highest.unwrap_or(0));
    let _ = write!(out, "<td{class} data-l=\"{label}\" data-v=\"{now}\">{}{highest}</td>", count(now.into()));
}

fn total(out: &mut String, label: &str, number: Option<u64>) {
    let number = number.unwrap_or(0);
    let class = if number == 0 { " class=\"z\"" } else { "" };
    let _ = write!(
        out,
        "<td{class} data-l=\"{label}\" data-v=\"{number}\" title=\"{number}\">{}</td>",
        count(number)
    );
}

fn volume(out: &mut String, label: &str, number: Option<u64>) {
    let number = number.unwrap_or(0);
    let class = if number == 0 { " class=\"z\"" } else { "" };
    let _ = write!(
        out,
        "<td{class} data-l=\"{label}\" data-v=\"{number}\" title=\"{number} bytes\">{}</td>",
        bytes(number)
    );
}

/// Responses by the first digit of their status: a bar, and the failures as numbers.
fn responses(out: &mut String, row: &Row) {
    let classes = [
        ("1xx", "b-plain", row.responses_1xx_total),
        ("2xx", "b-ok", row.responses_2xx_total),
        ("3xx", "b-info", row.responses_3xx_total),
        ("4xx", "b-warn", row.responses_4xx_total),
        ("5xx", "b-bad", row.responses_5xx_total),
        ("other", "b-off", row.responses_other_total),
    ];
    let there: Vec<(&str, &str, u64)> = classes
        .into_iter()
        .filter_map(|(name, class, number)| Some((name, class, number.filter(|number| *number > 0)?)))
        .collect();
    let failures = row.responses_5xx_total.unwrap_or(0);
    if there.is_empty() {
        let _ = write!(out, "<td class=\"z\" data-l=\"Responses\" data-v=\"{failures}\">–</td>");
        return;
    }
    let words: Vec<String> = there.iter().map(|(name, _, number)| format!("{name}: {number}")).collect();
    let words = words.join(", ");
    let _ = write!(
        out,
        "<td data-l=\"Responses\" data-v=\"{failures}\"><span class=\"mix\" role=\"img\" aria-label=\"{words}\" title=\"{words}\">"
    );
    for (_, class, number) in &there {
        let _ = write!(out, "<i class=\"{class}\" style=\"flex:{number}\"></i>");
    }
    out.push_str("</span>");
    let failed: Vec<String> = there
        .iter()
        .filter(|(name, ..)| matches!(*name, "4xx" | "5xx"))
        .map(|(name, _, number)| format!("{} {name}", count(*number)))
        .collect();
    let _ = write!(
        out,
        "<small>{}</small></td>",
        if failed.is_empty() { "no failure".to_owned() } else { failed.join(" · ") }
    );
}

fn faults(out: &mut String, label: &str, numbers: &[Option<u64>], note: &str) {
    let sum: u64 = numbers.iter().flatten().sum();
    // What rules refuse is no failure.
    let class = match (sum, label) {
        (0, _) => "z",
        (_, "Denied") => "",
        _ => "hot",
    };
    let note = if note.is_empty() { String::new() } else { format!("<small>{note}</small>") };
    let _ =
        write!(out, "<td class=\"{class}\" data-l=\"{label}\" data-v=\"{sum}\">{}{note}</td>", count(sum));
}

/// Mean times of the last requests.
fn time(out: &mut String, row: &Row) {
    let total = row.total_time_ms.unwrap_or(0);
    let response = row.response_time_ms.unwrap_or(0);
    let words = format!(
        "queue {} ms, connect {} ms, response {} ms, total {} ms",
        row.queue_time_ms.unwrap_or(0),
        row.connect_time_ms.unwrap_or(0),
        response,
        total
    );
    if total == 0 {
        let _ = write!(out, "<td class=\"z\" data-l=\"Time\" data-v=\"0\" title=\"Means: {words}\">–</td>");
        return;
    }
    let _ = write!(
        out,
        "<td data-l=\"Time\" data-v=\"{response}\" title=\"Means: {words}\">{response} ms<small>total {total} ms</small></td>"
    );
}

/// What can be done with servers: groups of words of HAProxy's with what they mean.
const ACTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "Traffic",
        &[
            ("ready", "Ready: take traffic"),
            ("drain", "Drain: finish, take nothing new"),
            ("maint", "Maintenance: take nothing"),
            ("shutdown", "Cut all sessions"),
        ],
    ),
    (
        "Health checks",
        &[
            ("ehlth", "Switch checks on"),
            ("dhlth", "Switch checks off"),
            ("hrunn", "Call it up"),
            ("hnolb", "Call it stopping"),
            ("hdown", "Call it down"),
        ],
    ),
    (
        "Agent",
        &[
            ("eagent", "Switch the agent on"),
            ("dagent", "Switch the agent off"),
            ("arunn", "Call it up by its agent"),
            ("adown", "Call it down by its agent"),
        ],
    ),
];
