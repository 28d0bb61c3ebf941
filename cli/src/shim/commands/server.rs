//! Commands about servers.

use std::net::IpAddr;

use regate_proto::model::Name;
use regate_proto::wire::v1;
use v1::query::Question;
use v1::setting::Value;

use super::reference::{if_exists, on_backend, on_loose_server, on_server, server, view_of};
use super::wait::Refused;
use super::{change, leading_integer, word, written};
use crate::shim::lex::Command;
use crate::shim::plan::{Ending, Plan, Reply, Severity, Step};
use crate::shim::render::servers_state::ServersState;
use crate::shim::sentence::{self, About};
use crate::shim::session::Session;

/// `get weight`: the weight in force and the one of the declaration.
pub fn get_weight(command: &Command) -> Step {
    on_loose_server(word(command, 2), |at| {
        Plan::ask(view_of(&at), |ending| match ending {
            Ending::Answered(answer) => match answer.servers.first() {
                Some(view) => Reply::line(&format!("{} (initial {})", view.weight, view.initial_weight)),
                None => Reply::error(sentence::NO_SERVER),
            },
            Ending::Refused(problems) => sentence::refusal(About::Thing, &problems),
            _ => sentence::out_of_place(),
        })
        .into()
    })
}

/// `set weight`.
pub fn set_weight(command: &Command) -> Step {
    write_weight(word(command, 2), word(command, 3))
}

/// `set server … weight`.
pub fn set_weight_of(command: &Command) -> Step {
    write_weight(word(command, 2), word(command, 4))
}

/// `set server … state`: what is asked of a server.
pub fn set_state(command: &Command) -> Step {
    let state = match word(command, 4).as_deref() {
        Some("ready") => Some(v1::AdminState::Ready),
        Some("drain") => Some(v1::AdminState::Drain),
        Some("maint") => Some(v1::AdminState::Maint),
        _ => None,
    };
    on_server(word(command, 2), move |at| match state {
        Some(state) => write(&at, Value::Admin(state.into())),
        None => if_exists(server(&at), Reply::error(sentence::BAD_STATE)),
    })
}

/// `enable server`: it serves.
pub fn enable(command: &Command) -> Step {
    on_server(word(command, 2), |at| write(&at, Value::Admin(v1::AdminState::Ready.into())))
}

/// `disable server`: it goes into maintenance.
pub fn disable(command: &Command) -> Step {
    on_server(word(command, 2), |at| write(&at, Value::Admin(v1::AdminState::Maint.into())))
}

/// `set server … addr`: where a server is reached, by address and, if written, port.
pub fn set_address(command: &Command) -> Step {
    let address = word(command, 4);
    let port = match word(command, 5).as_deref() {
        Some("port") => Some(word(command, 6).unwrap_or_default()),
        _ => None,
    };
    on_server(word(command, 2), move |at| {
        let Some(address) = address else {
            return if_exists(server(&at), Reply::error(sentence::NEED_ADDRESS));
        };
        let Ok(ip) = address.parse::<IpAddr>() else {
            return if_exists(server(&at), sentence::bad_address(&address));
        };
        let Some(port) = port else { return readdress(&at, ip, None) };
        let Some(number) =
            leading_integer(&port).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
        else {
            return if_exists(server(&at), sentence::bad_port(&port));
        };
        if port.starts_with(['+', '-']) {
            return remap(at, ip, number);
        }
        // HAProxy keeps the low sixteen bits of a port that is too large.
        readdress(&at, ip, Some(Value::Port((number & 0xffff) as u32)))
    })
}

/// `set server` of something that cannot be set, or of nothing.
pub fn set_something_else(command: &Command) -> Step {
    on_server(word(command, 2), |at| if_exists(server(&at), Reply::error(sentence::SET_SERVER_USAGE)))
}

/// `set maxconn server`: its connection limit; 0 is no limit.
pub fn set_maxconn(command: &Command) -> Step {
    let value = word(command, 4);
    on_server(word(command, 3), move |at| {
        let refused = match value.as_deref().map(leading_integer) {
            None => sentence::NEED_MAXCONN,
            Some(None) => sentence::MAXCONN_NO_NUMBER,
            Some(Some((number, ""))) => {
                // HAProxy takes a negative limit for a huge one, which is as good as none.
                let maxconn = u32::try_from(number).unwrap_or(u32::MAX);
                return write(&at, Value::Maxconn(maxconn));
            }
            Some(Some(_)) => sentence::MAXCONN_GARBAGE,
        };
        if_exists(server(&at), Reply::error(refused))
    })
}

/// `del server`: removes a server that is in maintenance.
pub fn delete(command: &Command) -> Step {
    on_server(word(command, 2), |at| {
        let subject = server(&at);
        if_removable(at, move |refused| match refused {
            Some(Refused::Yet(reason)) => Reply::error(reason).into(),
            Some(Refused::ForGood(reason)) => Reply::error(reason).into(),
            None => {
                let changes = vec![change(v1::change::Verb::Delete(subject))];
                let set = v1::ChangeSet { base: None, origin: None, changes };
                Plan::apply(set, |ending| match ending {
                    Ending::Applied(_) => Reply::info(sentence::SERVER_DELETED),
                    ending => sentence::settled(ending),
                })
                .into()
            }
        })
    })
}

/// Goes on with why a server cannot be removed, if it cannot; one that does not exist is answered with that.
pub fn if_removable(at: v1::ServerRef, then: impl FnOnce(Option<Refused>) -> Step + Send + 'static) -> Step {
    Plan::ask_first(view_of(&at), move |ending| match ending {
        Ending::Answered(answer) => match answer.servers.first() {
            Some(view) if !is_in_maintenance(view) => {
                then(Some(Refused::Yet(sentence::SERVER_NOT_IN_MAINTENANCE)))
            }
            Some(view) => {
                let id = view.server.as_ref().map(|server| server.id);
                let query = v1::StatisticsQuery {
                    proxy: Some(at.backend),
                    kinds: vec![v1::StatisticsKind::Server.into()],
                    service_id: id,
                    ..v1::StatisticsQuery::default()
                };
                let is_busy = |row: &v1::StatisticsRow| row.sessions_current() > 0 || row.queue_current() > 0;
                Plan::ask_first(Question::Statistics(query), move |ending| match ending {
                    Ending::Answered(answer) => {
                        let rows = answer.statistics.iter().filter(|row| row.service == at.server);
                        let busy = rows.into_iter().any(is_busy);
                        then(busy.then_some(Refused::Yet(sentence::SERVER_BUSY)))
                    }
                    Ending::Refused(problems) => sentence::refusal(About::Thing, &problems).into(),
                    _ => sentence::out_of_place().into(),
                })
                .into()
            }
            None => Reply::error(sentence::NO_SERVER).into(),
        },
        Ending::Refused(problems) => sentence::refusal(About::Thing, &problems).into(),
        _ => sentence::out_of_place().into(),
    })
    .into()
}

/// `set server … name`: another name for a server in maintenance. It counts anew under it.
pub fn rename(command: &Command) -> Step {
    let name = word(command, 4);
    on_server(word(command, 2), move |at| {
        let Some(name) = name else {
            return if_exists(server(&at), Reply::error(sentence::NEED_NEW_NAME));
        };
        Plan::ask_first(view_of(&at), move |ending| match ending {
            Ending::Answered(answer) => {
                let Some(view) = answer.servers.into_iter().next() else {
                    return Reply::error(sentence::NO_SERVER).into();
                };
                if !is_in_maintenance(&view) {
                    return Reply::error(sentence::RENAME_NOT_IN_MAINTENANCE).into();
                }
                if Name::new(&name).is_err() {
                    return Reply::error(sentence::BAD_NEW_NAME).into();
                }
                let Some(row) = view.server else { return sentence::out_of_place().into() };
                let mut renamed = row;
                renamed.at = Some(v1::ServerRef { backend: at.backend.clone(), server: name });
                let row = v1::Row { noun: Some(v1::row::Noun::Server(Box::new(renamed))) };
                let changes =
                    vec![change(v1::change::Verb::Delete(server(&at))), change(v1::change::Verb::Add(row))];
                let set = v1::ChangeSet { base: None, origin: None, changes };
                Plan::apply(set, |ending| match ending {
                    Ending::Applied(_) => {
                        Reply::Message(Severity::Notice, sentence::SERVER_RENAMED.to_owned())
                    }
                    Ending::Refused(problems) => match problems.first().map(v1::Problem::code) {
                        Some(v1::ProblemCode::AlreadyExists) => Reply::error(sentence::NEW_NAME_TAKEN),
                        _ => sentence::refusal(About::Renaming, &problems),
                    },
                    ending => sentence::settled(ending),
                })
                .into()
            }
            Ending::Refused(problems) => sentence::refusal(About::Thing, &problems).into(),
            _ => sentence::out_of_place().into(),
        })
        .into()
    })
}

/// `set server … ssl`: no backend has TLS to its servers that could be switched.
pub fn set_ssl(command: &Command) -> Step {
    on_server(word(command, 2), |at| if_exists(server(&at), Reply::error(sentence::NO_SSL)))
}

/// `clear counters server`: totals and maxima of one server.
pub fn clear_counters(command: &Command) -> Step {
    on_server(word(command, 3), |at| {
        let clear = v1::ClearCounters { all: true, server: Some(at) };
        Plan::act(v1::act_request::Action::ClearCounters(clear), |ending| match ending {
            Ending::Acted => Reply::Message(Severity::Notice, sentence::SERVER_CLEARED.to_owned()),
            ending => sentence::settled(ending),
        })
        .into()
    })
}

/// `show servers state`: what another process goes on from.
pub fn show_states(session: &mut Session, command: &Command) -> Step {
    let anonymous = session.anonymous;
    let states = move |backend| {
        Plan::list(Question::ServersState(v1::ServersStateQuery { backend }), ServersState(anonymous)).into()
    };
    match word(command, 3) {
        None => states(None),
        Some(backend) => {
            on_backend(&backend, sentence::NO_BACKEND_TO_LIST, Box::new(move |name| states(Some(name))))
        }
    }
}

fn write_weight(place: Option<String>, text: Option<String>) -> Step {
    on_server(place, move |at| match weight(text.as_deref().unwrap_or_default()) {
        Ok(value) => write(&at, value),
        Err(refused) => if_exists(server(&at), Reply::error(refused)),
    })
}

/// An absolute weight, or one in percent of the declared weight.
fn weight(text: &str) -> Result<Value, &'static str> {
    if text.is_empty() {
        return Err(sentence::NEED_WEIGHT);
    }
    match leading_integer(text) {
        None => Err(sentence::WEIGHT_NO_NUMBER),
        Some((number, "%")) => match u32::try_from(number.min(i64::from(u32::MAX))) {
            Ok(percent) => Ok(Value::WeightPercent(percent)),
            Err(_) => Err(sentence::WEIGHT_NEGATIVE),
        },
        Some((number, "")) => match u32::try_from(number) {
            Ok(weight) if weight <= 256 => Ok(Value::Weight(weight)),
            _ => Err(sentence::WEIGHT_RANGE),
        },
        Some(_) => Err(sentence::WEIGHT_GARBAGE),
    }
}

fn write(at: &v1::ServerRef, value: Value) -> Step {
    Plan::apply(written(&server(at), vec![value]), sentence::settled).into()
}

/// Writes address and port and tells which of them are others now.
fn readdress(at: &v1::ServerRef, ip: IpAddr, port: Option<Value>) -> Step {
    let host = v1::ServerHost { host: Some(v1::server_host::Host::Ip(ip.to_string())) };
    let new_port = port.as_ref().and_then(spelled);
    let settings = [Some(Value::Host(host)), port].into_iter().flatten().collect();
    Plan::apply(written(&server(at), settings), move |ending| match ending {
        Ending::Applied(applied) => {
            let before = |at: usize| {
                let outcome = applied.outcomes.get(at).filter(|outcome| outcome.changed)?;
                spelled(outcome.before.as_ref()?.value.as_ref()?)
            };
            let ip = ip.to_string();
            let old = (before(0), before(1));
            let host = old.0.as_deref().map(|from| (from, ip.as_str()));
            let port = old.1.as_deref().zip(new_port.as_deref());
            sentence::readdressed(host, port)
        }
        ending => sentence::settled(ending),
    })
    .into()
}

/// Writes address and port offset of a server whose port is an offset already; others keep their own port.
fn remap(at: v1::ServerRef, ip: IpAddr, offset: i64) -> Step {
    Plan::ask_first(view_of(&at), move |ending| match ending {
        Ending::Answered(answer) => {
            let address = answer.servers.into_iter().next().and_then(|view| view.server?.address?.address);
            let port = match address {
                Some(v1::server_address::Address::Inet(inet)) => inet.port,
                _ => return Reply::error(sentence::NO_PORT_MAP).into(),
            };
            match (port, i32::try_from(offset)) {
                (Some(v1::inet_server::Port::PortFixed(_)), _) | (_, Err(_)) => {
                    Reply::error(sentence::NO_PORT_MAP).into()
                }
                (_, Ok(offset)) => readdress(&at, ip, Some(Value::PortOffset(offset))),
            }
        }
        Ending::Refused(problems) => sentence::refusal(About::Thing, &problems).into(),
        _ => sentence::out_of_place().into(),
    })
    .into()
}

/// A host or port as sentences name it.
fn spelled(value: &Value) -> Option<String> {
    match value {
        Value::Host(host) => match host.host.as_ref()? {
            v1::server_host::Host::Ip(text) | v1::server_host::Host::Name(text) => Some(text.clone()),
        },
        Value::Port(port) => Some(port.to_string()),
        Value::PortOffset(offset) => Some(format!("{offset:+}")),
        _ => None,
    }
}

fn is_in_maintenance(view: &v1::ServerView) -> bool {
    let condition = view.status.as_ref().map(v1::Status::condition);
    let admin = view.server.as_ref().map(v1::Server::admin);
    condition == Some(v1::Condition::Maintenance) || admin == Some(v1::AdminState::Maint)
}
