//! A data plane or a controller, asked through its Admin service.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use regate_proto::change::{Change, Layer, Overlay, Setting};
use regate_proto::model::{self, Name, ServerRef, Subject, Weight};
use regate_proto::wire::{self, v1};
use v1::query::Question;

use crate::client::{Client, Target};
use crate::failure::Failure;
use crate::top::errand::{Deed, Errand, State, Step};
use crate::top::sample::{ByHand, Kind, Place, Process, Row, Sample, TargetKind, Weights};
use crate::top::text::tame;

/// The connection, and what is kept from one look to the next.
pub struct Admin {
    /// Whether rows of each node are wanted, where there are nodes.
    pub by_node: bool,
    target: Target,
    client: Option<Client>,
    configured: Option<Configured>,
}

/// What changes with revisions alone.
struct Configured {
    revision: u64,
    /// Whether there were rows to ask about.
    is_whole: bool,
    weights: HashMap<Place, Weights>,
    by_hand: HashMap<Place, Vec<ByHand>>,
}

impl Admin {
    /// One that connects when it looks for the first time.
    pub fn new(target: Target, by_node: bool) -> Admin {
        Admin { by_node, target, client: None, configured: None }
    }

    /// Asks for everything that is shown.
    pub async fn look(&mut self, at: Duration) -> Result<Sample, Failure> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => {
                self.configured = None;
                self.target.connect().await?
            }
        };
        let sample = match client.nodes().await? {
            None => self.look_at_node(&mut client, at).await?,
            Some(nodes) => self.look_at_fleet(&mut client, nodes, at).await?,
        };
        // After a failure the next look connects anew.
        self.client = Some(client);
        Ok(sample)
    }

    /// Applies the steps as one set: all or nothing.
    pub async fn carry(&mut self, errand: &Errand) -> Result<String, Failure> {
        let changes =
            errand.steps.iter().map(change).collect::<Result<Vec<_>, _>>().map_err(Failure::refused)?;
        let mut client = match &self.client {
            Some(client) => client.clone(),
            None => self.target.connect().await?,
        };
        let applied = client.apply(wire::wire_changes(&changes)).await?;
        let changed = applied.outcomes.iter().filter(|outcome| outcome.changed).count();
        let sentences = errand.sentences();
        Ok(match (sentences.as_slice(), changed) {
            (_, 0) => format!("revision {}: nothing is different", applied.revision),
            ([only], _) => format!("revision {}: {only}", applied.revision),
            (all, changed) => format!("revision {}: {changed} of {} changed", applied.revision, all.len()),
        })
    }

    async fn look_at_node(&mut self, client: &mut Client, at: Duration) -> Result<Sample, Failure> {
        let info = info(client, None).await?;
        let mut process = Process::from(&info);
        let mut rows = Vec::new();
        let revision = rows_of(client, None, None, &mut rows).await?;
        process.revision = Some(revision);
        self.configure(client, revision, &rows).await?;
        Ok(self.sample(at, TargetKind::Node, revision, vec![process], rows))
    }

    async fn look_at_fleet(
        &mut self,
        client: &mut Client,
        nodes: Vec<v1::Node>,
        at: Duration,
    ) -> Result<Sample, Failure> {
        let summary = client.ask(Question::Summary(v1::SummaryQuery {})).await?;
        let revision = summary.iter().map(|answer| answer.revision).max().unwrap_or(0);
        let mut processes = Vec::with_capacity(nodes.len());
        let mut rows = Vec::new();
        for node in nodes {
            let mut process = process_of(client, &node, revision).await;
            if process.trouble.is_none() || process.uptime > 0 {
                process.node = Arc::from(tame(&node.name));
                let name = Arc::clone(&process.node);
                if self.by_node
                    && let Err(failure) = rows_of(client, Some(&node.name), Some(&name), &mut rows).await
                {
                    process.trouble = Some(failure.to_string());
                }
            }
            processes.push(process);
        }
        if !self.by_node && processes.iter().any(|process| process.uptime > 0) {
            rows_of(client, None, None, &mut rows).await?;
        }
        self.configure(client, revision, &rows).await?;
        Ok(self.sample(at, TargetKind::Controller, revision, processes, rows))
    }

    fn sample(
        &self,
        at: Duration,
        target: TargetKind,
        revision: u64,
        processes: Vec<Process>,
        mut rows: Vec<Row>,
    ) -> Sample {
        let mut by_hand = HashMap::new();
        if let Some(configured) = &self.configured {
            for row in &mut rows {
                row.weights = configured.weights.get(&row.key.place).copied();
            }
            by_hand.clone_from(&configured.by_hand);
        }
        let by_node = self.by_node && target == TargetKind::Controller;
        Sample { at, target, revision: Some(revision), by_node, processes, rows, by_hand }
    }

    /// Asks for what changes with revisions alone, when the revision is another one.
    async fn configure(&mut self, client: &mut Client, revision: u64, rows: &[Row]) -> Result<(), Failure> {
        let is_known = |known: &Configured| known.revision == revision && (known.is_whole || rows.is_empty());
        if self.configured.as_ref().is_some_and(is_known) {
            return Ok(());
        }
        let mut weights = HashMap::new();
        for answer in client.ask(Question::Servers(v1::ServersQuery::default())).await? {
            for view in answer.servers {
                let Some(at) = view.server.and_then(|server| server.at) else { continue };
                let place = server_place(&at.backend, &at.server);
                let known = Weights { initial: i64::from(view.initial_weight), set: i64::from(view.weight) };
                weights.insert(place, known);
            }
        }
        // Below level operator nobody is told what was changed by hand: it is not shown then.
        let by_hand = overlays(client, rows).await.unwrap_or_default();
        self.configured = Some(Configured { revision, is_whole: !rows.is_empty(), weights, by_hand });
        Ok(())
    }
}

impl From<&v1::Info> for Process {
    fn from(info: &v1::Info) -> Process {
        Process {
            node: Arc::from(tame(&info.node)),
            product: tame(&format!("{} {}", info.name, info.version)),
            trouble: None,
            revision: None,
            uptime: (info.uptime_ms / 1000).max(1),
            workers: u64::from(info.workers),
            connections: u64::from(info.connections_current),
            connections_limit: u64::from(info.maxconn),
            connections_rate: u64::from(info.connections_rate),
            connections_rate_max: u64::from(info.connections_rate_max),
            requests_total: info.requests_total,
            idle: Some(u64::from(info.idle_percent)),
            stopping: info.stopping,
        }
    }
}

/// A node of a controller, with what it says of itself where it can be reached.
async fn process_of(client: &mut Client, node: &v1::Node, desired: u64) -> Process {
    let told = match node.status() {
        v1::NodeStatus::Unreachable => Err("unreachable".to_owned()),
        _ => info(client, Some(&node.name)).await.map_err(|failure| failure.to_string()),
    };
    let trouble = match node.status() {
        v1::NodeStatus::Refused => Some(format!("refused revision {desired}")),
        v1::NodeStatus::Drifted => Some("was changed locally".to_owned()),
        v1::NodeStatus::Synchronizing => Some("synchronizing".to_owned()),
        v1::NodeStatus::Unreachable | v1::NodeStatus::Current | v1::NodeStatus::Unspecified => None,
    };
    let name = if node.name.is_empty() { &node.endpoint } else { &node.name };
    let known = match told {
        Ok(info) => Process { trouble, ..Process::from(&info) },
        Err(why) => Process { trouble: Some(tame(&why)), product: tame(&node.version), ..Process::default() },
    };
    Process { node: Arc::from(tame(name)), revision: (node.revision > 0).then_some(node.revision), ..known }
}

async fn info(client: &mut Client, node: Option<&str>) -> Result<v1::Info, Failure> {
    let answers = client.ask_at(node, Question::Info(v1::InfoQuery {})).await?;
    let info = answers.into_iter().find_map(|answer| answer.info);
    info.ok_or_else(|| Failure::unreachable("the process did not describe itself"))
}

/// Adds the rows of a node, or of whoever answers; the revision that they were taken at.
async fn rows_of(
    client: &mut Client,
    node: Option<&str>,
    name: Option<&Arc<str>>,
    rows: &mut Vec<Row>,
) -> Result<u64, Failure> {
    let mut revision = 0;
    let mut proxy: Arc<str> = Arc::from("");
    for answer in client.ask_at(node, Question::Statistics(v1::StatisticsQuery::default())).await? {
        revision = answer.revision;
        for row in answer.statistics {
            if *row.proxy != *proxy {
                proxy = Arc::from(row.proxy.as_str());
            }
            rows.extend(Row::typed(row, name.cloned(), Arc::clone(&proxy)));
        }
    }
    Ok(revision)
}

/// What was changed by hand of the proxies that are shown and of their servers.
async fn overlays(client: &mut Client, rows: &[Row]) -> Result<HashMap<Place, Vec<ByHand>>, Failure> {
    // Entries of lists may be many, and are not shown: proxies are asked for by name.
    let mut subjects: Vec<Subject> = rows.iter().filter_map(|row| proxy(&row.key.place)).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let mut found: HashMap<Place, Vec<ByHand>> = HashMap::new();
    if subjects.is_empty() {
        return Ok(found);
    }
    let subjects = subjects.iter().map(v1::Subject::from).collect();
    for answer in client.ask(Question::Overlays(v1::OverlaysQuery { subjects })).await? {
        for overlay in answer.overlays {
            let overlay = Overlay::try_from(overlay)?;
            if let Some(place) = place(&overlay.subject) {
                found.entry(place).or_default().push(ByHand::from(&overlay));
            }
        }
    }
    Ok(found)
}

fn proxy(place: &Place) -> Option<Subject> {
    let name = Name::new(&place.proxy).ok()?;
    match place.kind {
        Kind::Frontend => Some(Subject::Frontend(name)),
        Kind::Backend => Some(Subject::Backend(name)),
        Kind::Listener | Kind::Server => None,
    }
}

fn place(subject: &Subject) -> Option<Place> {
    let whole = |kind, name: &Name, service: &str| Place {
        kind,
        proxy: Arc::from(name.as_str()),
        service: Arc::from(service),
    };
    match subject {
        Subject::Frontend(name) => Some(whole(Kind::Frontend, name, "FRONTEND")),
        Subject::Backend(name) => Some(whole(Kind::Backend, name, "BACKEND")),
        Subject::Server(at) => Some(server_place(at.backend.as_str(), at.server.as_str())),
        _ => None,
    }
}

fn server_place(backend: &str, server: &str) -> Place {
    Place { kind: Kind::Server, proxy: Arc::from(backend), service: Arc::from(server) }
}

/// A step as a change; the error is a sentence.
fn change(step: &Step) -> Result<Change, String> {
    let subject = subject(&step.place)?;
    let set = |setting| Ok(Change::Set(Layer::Overlay, subject.clone(), setting));
    match step.deed {
        Deed::State(State::Ready) => set(Setting::Admin(model::Admin::Ready)),
        Deed::State(State::Drain) => set(Setting::Admin(model::Admin::Drain)),
        Deed::State(State::Maint) => set(Setting::Admin(model::Admin::Maint)),
        Deed::Weight(weight) => {
            let weight =
                Weight::new(u64::from(weight)).map_err(|error| format!("{}: {error}", step.name()))?;
            set(Setting::Weight(weight))
        }
        Deed::Enabled(enabled) => set(Setting::Enabled(enabled)),
        Deed::Revert(field) => Ok(Change::Revert(subject, Some(field))),
    }
}

fn subject(place: &Place) -> Result<Subject, String> {
    let name = |text: &str| Name::new(text).map_err(|error| format!("'{text}': {error}"));
    Ok(match place.kind {
        Kind::Frontend => Subject::Frontend(name(&place.proxy)?),
        Kind::Backend => Subject::Backend(name(&place.proxy)?),
        Kind::Server => {
            Subject::Server(ServerRef { backend: name(&place.proxy)?, server: name(&place.service)? })
        }
        Kind::Listener => return Err(format!("bind {}/{} has nothing to set", place.proxy, place.service)),
    })
}
