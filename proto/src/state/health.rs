//! What must hold between servers, their checks, and the servers that they follow.

use std::collections::BTreeSet;

use super::{State, Touched};
use crate::model::{Kind, Name, Row, Server, ServerChecks, ServerRef, Subject, Tracked};
use crate::problem::{Code, Problem};

/// Every way in which the checks of touched servers, and of those that follow them, cannot work.
pub(super) fn check(state: &State, touched: &Touched) -> Vec<Problem> {
    let mut problems = Vec::new();
    let is_server = |subject: &&Subject| matches!(subject, Subject::Server(_));
    for subject in touched.iter().filter(is_server) {
        if let Some(Row::Server(server)) = state.row(subject).map(AsRef::as_ref) {
            problems.extend(check_server(state, server));
        }
    }
    let gone: BTreeSet<&ServerRef> = touched
        .iter()
        .filter_map(|subject| match subject {
            Subject::Server(at) if state.row(subject).is_none() => Some(at),
            _ => None,
        })
        .collect();
    if gone.is_empty() {
        return problems;
    }
    for row in state.rows(Kind::Server) {
        let Row::Server(server) = row.as_ref() else { continue };
        let track = said(state, server, |checks| checks.track.as_ref());
        let leader = track.map(|track| leader(server, track)).filter(|leader| gone.contains(leader));
        if let Some(leader) = leader {
            let detail = format!("{} still follows it", Subject::Server(server.at.clone()));
            problems.push(Problem::about(Code::InUse, &Subject::Server(leader), detail));
        }
    }
    problems
}

fn check_server(state: &State, server: &Server) -> Option<Problem> {
    let subject = Subject::Server(server.at.clone());
    let says = |of: fn(&ServerChecks) -> Option<&bool>| said(state, server, of) == Some(&true);
    let problem = |code, detail: String| Some(Problem::about(code, &subject, detail));
    let has_port =
        said(state, server, |checks| checks.agent_port.as_ref().or(checks.port.as_ref())).is_some();
    if says(|checks| checks.agent.as_ref()) && !has_port {
        return problem(Code::Unsuitable, "agent-check: agent-port is expected with it".to_owned());
    }
    let track = said(state, server, |checks| checks.track.as_ref())?;
    if says(|checks| checks.check.as_ref()) {
        return problem(Code::Unsuitable, "track: it cannot be checked and follow another server".to_owned());
    }
    let mut at = leader(server, track);
    for _ in 0..LONGEST_CHAIN {
        let Some(next) = state.server(&at) else {
            return problem(Code::Dangling, format!("track: there is no server {at}"));
        };
        if next.at == server.at {
            return problem(Code::Unsuitable, format!("track: it follows, in the end, itself by {at}"));
        }
        match said(state, next, |checks| checks.track.as_ref()) {
            Some(track) => at = leader(next, track),
            None => {
                let is = |of: fn(&ServerChecks) -> Option<&bool>| said(state, next, of) == Some(&true);
                let followed = is(|checks| checks.check.as_ref()) || is(|checks| checks.agent.as_ref());
                let detail = || format!("track: server {at} has neither checks nor an agent");
                return if followed { None } else { problem(Code::Unsuitable, detail()) };
            }
        }
    }
    problem(Code::Unsuitable, format!("track: more than {LONGEST_CHAIN} servers follow one another"))
}

fn leader(follower: &Server, track: &Tracked) -> ServerRef {
    let backend = track.backend.clone().unwrap_or_else(|| follower.at.backend.clone());
    ServerRef { backend, server: track.server.clone() }
}

/// What a server says of its checks, or else its backend's `default-server`, or else those of its defaults. Nothing is
/// copied: there may be ten thousand servers.
fn said<'a, T>(
    state: &'a State,
    server: &'a Server,
    of: impl Fn(&'a ServerChecks) -> Option<T>,
) -> Option<T> {
    of(&server.settings.checks).or_else(|| {
        let backend = state.backend(&server.at.backend)?;
        let own = of(&backend.settings.default_server.checks);
        own.or_else(|| inherited(state, backend.from.as_ref(), &of))
    })
}

fn inherited<'a, T>(
    state: &'a State,
    from: Option<&Name>,
    of: &impl Fn(&'a ServerChecks) -> Option<T>,
) -> Option<T> {
    let chain = state.defaults_chain(from)?;
    chain.iter().find_map(|defaults| of(&defaults.backend.default_server.checks))
}

/// Servers that may follow one another in a row.
const LONGEST_CHAIN: usize = 32;
