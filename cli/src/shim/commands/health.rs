//! Commands about checks and agents of servers.

use std::net::IpAddr;

use regate_proto::wire::v1;
use v1::act_request::Action;
use v1::setting::Value;

use super::reference::{if_exists, on_server, server, view_of};
use super::{leading_integer, rest, word, written};
use crate::shim::lex::Command;
use crate::shim::plan::{Ending, Plan, Reply, Step};
use crate::shim::sentence::{self, About};

/// `set server … health`: how a server stands, in place of its checks.
pub fn set_health(command: &Command) -> Step {
    let order = match word(command, 4).as_deref() {
        Some("up") => Some(v1::HealthOrder::Up),
        Some("stopping") => Some(v1::HealthOrder::Stopping),
        Some("down") => Some(v1::HealthOrder::Down),
        _ => None,
    };
    on_server(word(command, 2), move |at| {
        checked(at, true, move |at, checks| {
            if checks.track.is_some() {
                return Reply::error(sentence::TRACKS).into();
            }
            match order {
                Some(order) => act(at, order),
                None => Reply::error(sentence::BAD_HEALTH).into(),
            }
        })
    })
}

/// `set server … agent`: how a server stands, in place of its agent.
pub fn set_agent(command: &Command) -> Step {
    let order = match word(command, 4).as_deref() {
        Some("up") => Some(v1::HealthOrder::AgentUp),
        Some("down") => Some(v1::HealthOrder::AgentDown),
        _ => None,
    };
    on_server(word(command, 2), move |at| {
        checked(at, true, move |at, checks| match order {
            _ if checks.agent != Some(true) => Reply::error(sentence::NO_AGENT).into(),
            Some(order) => act(at, order),
            None => Reply::error(sentence::BAD_AGENT).into(),
        })
    })
}

/// `set server … check-addr`.
pub fn set_check_address(command: &Command) -> Step {
    let address = word(command, 4);
    let port = port_after(command, 5);
    on_server(word(command, 2), move |at| {
        checked(at, true, move |at, checks| {
            let Some(text) = address else { return Reply::error(sentence::NEED_CHECK_ADDRESS).into() };
            if checks.check != Some(true) {
                return Reply::error(sentence::NOT_CHECKED).into();
            }
            let Ok(ip) = text.parse::<IpAddr>() else { return sentence::bad_host(&text).into() };
            let mut settings = vec![Value::CheckHost(host(ip.to_string(), true))];
            let port = match port {
                Some(Ok(port)) => port,
                Some(Err(refused)) => return Reply::error(refused).into(),
                None => return Plan::apply(written(&server(&at), settings), sentence::settled).into(),
            };
            settings.push(Value::CheckPort(port));
            put_check_port(at, settings, port)
        })
    })
}

/// `set server … check-port`.
pub fn set_check_port(command: &Command) -> Step {
    let port = word(command, 4);
    on_server(word(command, 2), move |at| {
        checked(at, true, move |at, checks| {
            let Some(text) = port else { return Reply::error(sentence::NEED_CHECK_PORT).into() };
            if checks.check != Some(true) {
                return Reply::error(sentence::NOT_CHECKED).into();
            }
            match read_port(&text) {
                Ok(port) => put_check_port(at, vec![Value::CheckPort(port)], port),
                Err(refused) => Reply::error(refused).into(),
            }
        })
    })
}

/// Writes where checks go. A server whose port is an offset of the client's has none that a check could fall back on.
fn put_check_port(at: v1::ServerRef, settings: Vec<Value>, port: u32) -> Step {
    let write =
        move |at: &v1::ServerRef| Plan::apply(written(&server(at), settings), sentence::settled).into();
    if port != 0 {
        return write(&at);
    }
    Plan::ask_first(view_of(&at), move |ending| match ending {
        Ending::Answered(answer) => {
            let address = answer.servers.into_iter().next().and_then(|view| view.server?.address?.address);
            match address {
                Some(v1::server_address::Address::Inet(v1::InetServer {
                    port: Some(v1::inet_server::Port::PortOffset(_)),
                    ..
                })) => Reply::error(sentence::PORT_IS_MAPPED).into(),
                _ => write(&at),
            }
        }
        Ending::Refused(problems) => sentence::refusal(About::Thing, &problems).into(),
        _ => sentence::out_of_place().into(),
    })
    .into()
}

/// `set server … agent-addr`.
pub fn set_agent_address(command: &Command) -> Step {
    let address = word(command, 4);
    let port = port_after(command, 5);
    on_server(word(command, 2), move |at| {
        checked(at, true, move |at, checks| {
            let Some(text) = address else { return Reply::error(sentence::NEED_AGENT_ADDRESS).into() };
            if checks.agent != Some(true) {
                return Reply::error(sentence::NO_AGENT_PLAIN).into();
            }
            let is_ip = text.parse::<IpAddr>().is_ok();
            let mut settings = vec![Value::AgentHost(host(text, is_ip))];
            match port {
                Some(Ok(port)) => settings.push(Value::AgentPort(port)),
                Some(Err(refused)) => return Reply::error(refused).into(),
                None => {}
            }
            Plan::apply(written(&server(&at), settings), sentence::settled).into()
        })
    })
}

/// `set server … agent-port`.
pub fn set_agent_port(command: &Command) -> Step {
    let port = word(command, 4);
    on_server(word(command, 2), move |at| {
        checked(at, true, move |at, checks| {
            let Some(text) = port else { return Reply::error(sentence::NEED_AGENT_PORT).into() };
            if checks.agent != Some(true) {
                return Reply::error(sentence::NO_AGENT_PLAIN).into();
            }
            match read_port(&text) {
                Ok(port) => apply(&at, Value::AgentPort(port)),
                Err(refused) => Reply::error(refused).into(),
            }
        })
    })
}

/// `set server … agent-send`.
pub fn set_agent_send(command: &Command) -> Step {
    let text = rest(command, 4).first().map(|word| word.text().into_owned()).unwrap_or_default();
    on_server(word(command, 2), move |at| {
        checked(at, true, move |at, checks| match checks.agent {
            Some(true) => apply(&at, Value::AgentSend(text)),
            _ => Reply::error(sentence::NO_AGENT).into(),
        })
    })
}

/// `enable health`: checks run again.
pub fn enable_health(command: &Command) -> Step {
    on_server(word(command, 2), |at| {
        checked(at, false, |at, checks| match checks.check {
            Some(true) => apply(&at, Value::Checks(true)),
            _ => Reply::error(sentence::NO_CHECK_TO_ENABLE).into(),
        })
    })
}

/// `disable health`: checks rest.
pub fn disable_health(command: &Command) -> Step {
    on_server(word(command, 2), |at| rest_if(at, |checks| checks.check, Value::Checks(false)))
}

/// `enable agent`: the agent is asked again.
pub fn enable_agent(command: &Command) -> Step {
    on_server(word(command, 2), |at| {
        checked(at, false, |at, checks| match checks.agent {
            Some(true) => apply(&at, Value::Agent(true)),
            _ => Reply::error(sentence::NO_AGENT_TO_ENABLE).into(),
        })
    })
}

/// `disable agent`: the agent is not asked.
pub fn disable_agent(command: &Command) -> Step {
    on_server(word(command, 2), |at| rest_if(at, |checks| checks.agent, Value::Agent(false)))
}

/// Puts something to rest where there is something; otherwise there is nothing to do.
fn rest_if(at: v1::ServerRef, asked: fn(&v1::ServerChecks) -> Option<bool>, value: Value) -> Step {
    checked(at, false, move |at, checks| match asked(&checks) {
        Some(true) => apply(&at, value),
        _ => if_exists(server(&at), Reply::Nothing),
    })
}

/// Goes on with how a server is checked; `running` leaves out what rests by hand.
fn checked(
    at: v1::ServerRef,
    running: bool,
    then: impl FnOnce(v1::ServerRef, v1::ServerChecks) -> Step + Send + 'static,
) -> Step {
    Plan::ask_first(view_of(&at), move |ending| match ending {
        Ending::Answered(answer) => match answer.servers.into_iter().next() {
            Some(view) => {
                let mut checks = view.checks.unwrap_or_default();
                let paused = view.server.and_then(|server| server.paused).unwrap_or_default();
                if running {
                    checks.check = checks.check.map(|asked| asked && !paused.checks);
                    checks.agent = checks.agent.map(|asked| asked && !paused.agent);
                }
                then(at, checks)
            }
            None => Reply::error(sentence::NO_SERVER).into(),
        },
        Ending::Refused(problems) => sentence::refusal(About::Thing, &problems).into(),
        _ => sentence::out_of_place().into(),
    })
    .into()
}

fn act(at: v1::ServerRef, order: v1::HealthOrder) -> Step {
    let action = Action::SetHealth(v1::SetHealth { server: Some(at), order: order.into() });
    Plan::act(action, sentence::settled).into()
}

fn apply(at: &v1::ServerRef, value: Value) -> Step {
    Plan::apply(written(&server(at), vec![value]), sentence::settled).into()
}

fn host(text: String, is_ip: bool) -> v1::ServerHost {
    use v1::server_host::Host;
    v1::ServerHost { host: Some(if is_ip { Host::Ip(text) } else { Host::Name(text) }) }
}

fn port_after(command: &Command, at: usize) -> Option<Result<u32, &'static str>> {
    match word(command, at).as_deref() {
        Some("port") => Some(read_port(&word(command, at.saturating_add(1)).unwrap_or_default())),
        _ => None,
    }
}

fn read_port(text: &str) -> Result<u32, &'static str> {
    match leading_integer(text) {
        Some((number, "")) => {
            // 0 takes a port of its own away.
            let port = u32::try_from(number).ok().filter(|port| *port <= 65_535);
            port.ok_or(sentence::PORT_RANGE)
        }
        _ => Err(sentence::PORT_NO_NUMBER),
    }
}
