//! `regate get`: what is in force, as a table, YAML or JSON.

use clap::{Args, ValueEnum};
use regate_proto::model::{Bind, Columns, Kind, Row, Subject};
use regate_proto::wire::v1;

use super::convert;
use super::watch::condition;
use crate::client::{Client, Target};
use crate::failure::Failure;
use crate::{describe, subject, terminal};

/// Arguments of `regate get`.
#[derive(Args, Debug)]
#[command(
    after_help = "Kinds: global, defaults, frontends, binds, backends, servers; overlays (what was changed by \
    hand), info (the process), config (everything that files declare, in the form of a file)."
)]
pub struct Arguments {
    /// What to show; singular or plural
    kind: String,
    /// Only this one: servers are BACKEND/SERVER or all of BACKEND, binds FRONTEND/BIND or all of FRONTEND
    name: Option<String>,
    /// How to show it
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

/// Forms of an answer.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Columns
    Table,
    /// A configuration file in YAML
    Yaml,
    /// The same in JSON
    Json,
    /// A haproxy.cfg
    Haproxy,
}

/// Shows.
pub async fn execute(arguments: Arguments, target: &Target) -> Result<(), Failure> {
    let name = arguments.name.as_deref();
    let unnamed = |kind: &str| match name {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!("{kind}: no name is expected, not '{name}'"))),
    };
    match (arguments.kind.as_str(), arguments.output) {
        ("overlay" | "overlays", None | Some(Output::Table)) => {
            unnamed("overlays")?;
            super::diff::execute(super::diff::Arguments::by_hand(), target).await
        }
        ("overlay" | "overlays", Some(_)) => Err(Failure::usage("overlays are shown as a table only")),
        ("info", output) => {
            unnamed("info")?;
            info(target, output.unwrap_or(Output::Table)).await
        }
        ("config", output) => {
            unnamed("config")?;
            let rows = super::diff::rows(&mut target.connect().await?, true).await?;
            show_rows(&rows, output.unwrap_or(Output::Yaml))
        }
        (kind, output) => of_kind(kind, name, output.unwrap_or(Output::Table), target).await,
    }
}

async fn of_kind(kind: &str, name: Option<&str>, output: Output, target: &Target) -> Result<(), Failure> {
    let kind = subject::parse_kind(kind)?;
    let (parent, only) = wanted(kind, name)?;
    let mut client = target.connect().await?;
    if kind == Kind::Server && output == Output::Table {
        return servers(&mut client, parent, only).await;
    }
    let rows = super::diff::rows(&mut client, false).await?;
    let chosen: Vec<Row> = rows
        .into_iter()
        .filter(|row| {
            let subject = row.subject();
            is_wanted(kind, &subject, parent.as_ref(), only.as_ref())
        })
        .collect();
    if let (true, Some(name)) = (!chosen.iter().any(|row| row.subject().kind() == kind), name) {
        return Err(Failure::refused(format!("{} {name} does not exist", kind.word())));
    }
    match output {
        Output::Table => {
            table(kind, &chosen);
            Ok(())
        }
        output => show_rows(&chosen, output),
    }
}

/// The row that contains the ones that are wanted, and the single one.
fn wanted(kind: Kind, name: Option<&str>) -> Result<(Option<Subject>, Option<Subject>), Failure> {
    let Some(name) = name else { return Ok((None, None)) };
    match (kind, name.contains('/')) {
        (Kind::Server, false) => Ok((Some(subject::parse("backend", Some(name))?), None)),
        (Kind::Bind, false) => Ok((Some(subject::parse("frontend", Some(name))?), None)),
        _ => {
            let only = subject::parse(kind.word(), Some(name))?;
            Ok((container(&only), Some(only)))
        }
    }
}

fn container(subject: &Subject) -> Option<Subject> {
    match subject {
        Subject::Server(at) => Some(Subject::Backend(at.backend.clone())),
        Subject::Bind(at) => Some(Subject::Frontend(at.frontend.clone())),
        _ => None,
    }
}

/// Whether a row is shown: those of the kind, and what contains or is contained in them, so that the answer is a
/// whole piece of a configuration.
fn is_wanted(kind: Kind, subject: &Subject, parent: Option<&Subject>, only: Option<&Subject>) -> bool {
    let of_kind = subject.kind() == kind
        && only.is_none_or(|only| only == subject)
        && parent.is_none_or(|parent| container(subject).as_ref() == Some(parent));
    let contained = match kind {
        Kind::Frontend | Kind::Backend => container(subject)
            .is_some_and(|above| above.kind() == kind && only.is_none_or(|only| *only == above)),
        _ => false,
    };
    let containing = match kind {
        Kind::Server => subject.kind() == Kind::Backend,
        Kind::Bind => subject.kind() == Kind::Frontend,
        _ => false,
    };
    of_kind || contained || (containing && parent.is_none_or(|parent| parent == subject))
}

fn show_rows(rows: &[Row], output: Output) -> Result<(), Failure> {
    let text = match output {
        Output::Haproxy => convert::write(rows, convert::Form::Haproxy)?,
        Output::Yaml => convert::write(rows, convert::Form::Yaml)?,
        Output::Json => {
            let yaml = convert::write(rows, convert::Form::Yaml)?;
            let value: serde_json::Value = serde_yaml::from_str(&yaml)
                .map_err(|error| Failure::refused(format!("this cannot be written as JSON: {error}")))?;
            format!("{value:#}\n")
        }
        Output::Table => {
            let rows: Vec<[String; 1]> = rows.iter().map(|row| [row.subject().to_string()]).collect();
            terminal::table(["ROW"], &rows)
        }
    };
    terminal::print(&text);
    Ok(())
}

fn table(kind: Kind, rows: &[Row]) {
    let dash = || "-".to_owned();
    let binds_of = |frontend: &Subject| -> String {
        let binds: Vec<String> = rows
            .iter()
            .filter_map(bind_of)
            .filter(|bind| Subject::Frontend(bind.at.frontend.clone()) == *frontend)
            .map(|bind| bind.address.to_string())
            .collect();
        if binds.is_empty() { dash() } else { binds.join(",") }
    };
    let servers_of = |backend: &Subject| {
        rows.iter().filter(|row| container(&row.subject()).as_ref() == Some(backend)).count()
    };
    let mut cells: Vec<[String; 4]> = Vec::new();
    for row in rows.iter().filter(|row| row.subject().kind() == kind) {
        cells.push(match row {
            Row::Frontend(f) => [
                f.name.to_string(),
                binds_of(&row.subject()),
                f.settings.default_backend.as_ref().map_or_else(dash, ToString::to_string),
                if f.disabled { "disabled" } else { "enabled" }.to_owned(),
            ],
            Row::Backend(b) => [
                b.name.to_string(),
                servers_of(&row.subject()).to_string(),
                b.from.as_ref().map_or_else(dash, ToString::to_string),
                if b.disabled { "disabled" } else { "enabled" }.to_owned(),
            ],
            Row::Bind(b) => [b.at.to_string(), b.address.to_string(), limit(b.maxconn), String::new()],
            Row::Defaults(d) => [
                d.name.to_string(),
                d.from.as_ref().map_or_else(dash, ToString::to_string),
                String::new(),
                String::new(),
            ],
            Row::Global(g) => [
                "global".to_owned(),
                limit(g.maxconn),
                g.nbthread.map_or_else(dash, |n| n.to_string()),
                g.node.clone().unwrap_or_else(dash),
            ],
            Row::Resolvers(r) => {
                let servers: Vec<String> = r.nameservers.iter().map(|one| one.address.to_string()).collect();
                [r.name.to_string(), servers.join(","), String::new(), String::new()]
            }
            Row::List(list) => {
                let columns = match list.columns {
                    Columns::Keys => "keys",
                    Columns::Values => "keys and values",
                };
                [list.name.to_string(), columns.to_owned(), String::new(), String::new()]
            }
            Row::Entries(row) => {
                let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
                cells.extend(row.entries.iter().map(|entry| {
                    let value = entry.value.map_or_else(dash, text);
                    [row.at.list.to_string(), text(entry.key), value, format!("{:#x}", entry.id.0)]
                }));
                continue;
            }
            Row::Userlist(u) => {
                [u.name.to_string(), u.users.len().to_string(), u.groups.len().to_string(), String::new()]
            }
            Row::HttpErrors(e) => {
                let statuses: Vec<String> = e.pages.iter().map(|page| page.status.to_string()).collect();
                [e.name.to_string(), statuses.join(","), String::new(), String::new()]
            }
            Row::Ring(r) => {
                let servers: Vec<String> = r.servers.iter().map(|one| one.address.to_string()).collect();
                let size = r.size.map_or_else(dash, |size| size.to_string());
                [r.name.to_string(), size, servers.join(","), String::new()]
            }
            Row::Server(s) => [s.at.to_string(), s.address.to_string(), String::new(), String::new()],
        });
    }
    let header = match kind {
        Kind::Frontend => ["NAME", "BINDS", "TO", "STATE"],
        Kind::Backend => ["NAME", "SERVERS", "FROM", "STATE"],
        Kind::Bind => ["NAME", "ADDRESS", "MAXCONN", ""],
        Kind::Defaults => ["NAME", "FROM", "", ""],
        Kind::Global => ["NAME", "MAXCONN", "WORKERS", "NODE"],
        Kind::Server => ["NAME", "ADDRESS", "", ""],
        Kind::Resolvers => ["NAME", "NAMESERVERS", "", ""],
        Kind::List => ["NAME", "COLUMNS", "", ""],
        Kind::Entries => ["LIST", "KEY", "VALUE", "ID"],
        Kind::Userlist => ["NAME", "USERS", "GROUPS", ""],
        Kind::Ring => ["NAME", "SIZE", "SERVERS", ""],
        Kind::HttpErrors => ["NAME", "STATUSES", "", ""],
    };
    terminal::print(&terminal::table(header, &cells));
}

fn bind_of(row: &Row) -> Option<&Bind> {
    match row {
        Row::Bind(bind) => Some(bind),
        _ => None,
    }
}

fn limit(limit: Option<u32>) -> String {
    limit.filter(|limit| *limit != 0).map_or_else(|| "-".to_owned(), |limit| limit.to_string())
}

/// Servers with what is in force for them: weight, state and address in use.
async fn servers(client: &mut Client, parent: Option<Subject>, only: Option<Subject>) -> Result<(), Failure> {
    let backend = parent.and_then(|parent| match parent {
        Subject::Backend(name) => Some(name.to_string()),
        _ => None,
    });
    let server = only.and_then(|only| match only {
        Subject::Server(at) => Some(at.server.to_string()),
        _ => None,
    });
    let question = v1::query::Question::Servers(v1::ServersQuery { backend, server });
    let mut rows = Vec::new();
    for answer in client.ask(question).await? {
        for view in answer.servers {
            let status = view.status.map(|status| condition(status.condition()).to_owned());
            let (weight, initial) = (view.weight, view.initial_weight);
            let server = regate_proto::model::Server::try_from(
                view.server
                    .ok_or_else(|| Failure::unreachable("the answer holds a server without a name"))?,
            )?;
            let admin = server.admin.map(|state| describe::admin(state).to_owned());
            rows.push([
                server.at.to_string(),
                server.address.to_string(),
                if weight == initial { weight.to_string() } else { format!("{weight} (initial {initial})") },
                status.or(admin).unwrap_or_else(|| "-".to_owned()),
                limit(Some(view.maxconn)),
            ]);
        }
    }
    terminal::print(&terminal::table(["NAME", "ADDRESS", "WEIGHT", "STATE", "MAXCONN"], &rows));
    Ok(())
}

async fn info(target: &Target, output: Output) -> Result<(), Failure> {
    let mut client = target.connect().await?;
    let question = v1::query::Question::Info(v1::InfoQuery {});
    let answers = client.ask(question).await?;
    let info = answers.into_iter().find_map(|answer| answer.info);
    let info = info.ok_or_else(|| Failure::unreachable("the answer holds nothing about the process"))?;
    let fields = [
        ("name", info.name),
        ("version", info.version),
        ("node", info.node),
        ("pid", info.pid.to_string()),
        ("workers", info.workers.to_string()),
        ("uptime_s", (info.uptime_ms / 1000).to_string()),
        ("started", terminal::moment(info.started_at_ms)),
        ("stopping", info.stopping.to_string()),
        ("maxconn", info.maxconn.to_string()),
        ("connections", info.connections_current.to_string()),
        ("connections_total", info.connections_total.to_string()),
        ("requests_total", info.requests_total.to_string()),
        ("listeners", info.listeners.to_string()),
    ];
    match output {
        Output::Table => {
            let rows: Vec<[String; 2]> =
                fields.iter().map(|(name, value)| [(*name).to_owned(), value.clone()]).collect();
            terminal::print(&terminal::table(["WHAT", "IS"], &rows));
        }
        Output::Json | Output::Yaml => {
            let map: serde_json::Map<String, serde_json::Value> =
                fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
            let value = serde_json::Value::Object(map);
            let text = match output {
                Output::Json => Ok(format!("{value:#}\n")),
                _ => serde_yaml::to_string(&value),
            };
            terminal::print(&text.map_err(|error| Failure::refused(error.to_string()))?);
        }
        Output::Haproxy => {
            return Err(Failure::usage("info has no form in haproxy.cfg: table, yaml or json is expected"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn an_answer_is_a_whole_piece_of_a_configuration() {
        let all: Vec<Subject> = [
            ("global", None),
            ("defaults", Some("d")),
            ("frontend", Some("www")),
            ("bind", Some("www/sock-1")),
            ("backend", Some("app")),
            ("backend", Some("api")),
            ("server", Some("app/s1")),
            ("server", Some("app/s2")),
            ("server", Some("api/s1")),
        ]
        .into_iter()
        .map(|(kind, name)| subject::parse(kind, name).unwrap())
        .collect();
        for (kind, name, shown) in [
            ("servers", Some("app/s1"), vec!["backend app", "server app/s1"]),
            ("servers", Some("app"), vec!["backend app", "server app/s1", "server app/s2"]),
            ("backends", Some("api"), vec!["backend api", "server api/s1"]),
            ("binds", None, vec!["frontend www", "bind www/sock-1"]),
            ("frontend", None, vec!["frontend www", "bind www/sock-1"]),
            ("defaults", None, vec!["defaults d"]),
        ] {
            let kind = subject::parse_kind(kind).unwrap();
            let (parent, only) = wanted(kind, name).unwrap();
            let found: Vec<String> = all
                .iter()
                .filter(|subject| is_wanted(kind, subject, parent.as_ref(), only.as_ref()))
                .map(ToString::to_string)
                .collect();
            assert_eq!(found, shown, "{kind:?} {name:?}");
        }
    }
}
