//! Commands about the resolution of host names.

use regate_proto::config::directives::address::is_host_name;
use regate_proto::model::is_service_name;
use regate_proto::wire::v1;
use v1::query::Question;
use v1::setting::Value;

use super::reference::{if_exists, on_server, server, view_of};
use super::{word, written};
use crate::shim::lex::Command;
use crate::shim::plan::{Ending, Plan, Reply, Step};
use crate::shim::render::resolvers::Resolvers;
use crate::shim::sentence::{self, About};

/// `show resolvers`: the counters of name servers.
pub fn show(command: &Command) -> Step {
    listed(word(command, 2))
}

/// `show stat resolvers`: the same, as it was once spelled.
pub fn show_as_statistics(command: &Command) -> Step {
    listed(word(command, 3))
}

/// `set server … fqdn`: the host name of a server that resolvers resolve.
pub fn set_host_name(command: &Command) -> Step {
    let name = word(command, 4);
    on_server(word(command, 2), move |at| {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return if_exists(server(&at), Reply::error(sentence::NEED_HOST_NAME));
        };
        Plan::ask_first(view_of(&at), move |ending| match ending {
            Ending::Answered(answer) => match answer.servers.first() {
                Some(view) => rename(at, view, name),
                None => Reply::error(sentence::NO_SERVER).into(),
            },
            Ending::Refused(problems) => sentence::refusal(About::Thing, &problems).into(),
            _ => sentence::out_of_place().into(),
        })
        .into()
    })
}

fn listed(resolvers: Option<String>) -> Step {
    Plan::list(Question::Nameservers(v1::NameserversQuery { resolvers }), Resolvers::default()).into()
}

fn rename(at: v1::ServerRef, view: &v1::ServerView, name: String) -> Step {
    let address = view.server.as_ref().and_then(|server| server.address.as_ref()?.address.as_ref());
    let old = match address {
        Some(v1::server_address::Address::Inet(inet)) => {
            match &inet.host.as_ref().and_then(|h| h.host.as_ref()) {
                Some(v1::server_host::Host::Name(name)) => Some(name.clone()),
                _ => None,
            }
        }
        _ => None,
    };
    if old.as_deref().is_some_and(is_service_name) {
        return Reply::error(sentence::SERVICE_NAME).into();
    }
    if view.resolvers.is_none() {
        return Reply::error(sentence::NO_RESOLUTION).into();
    }
    if old.as_ref() == Some(&name) {
        return sentence::same_host_name().into();
    }
    if !is_host_name(&name) || is_service_name(&name) {
        return sentence::bad_host_name(&name).into();
    }
    let host = v1::ServerHost { host: Some(v1::server_host::Host::Name(name.clone())) };
    Plan::apply(written(&server(&at), vec![Value::Host(host)]), move |ending| match ending {
        Ending::Applied(_) => {
            sentence::renamed(&format!("{}/{}", at.backend, at.server), old.as_deref(), &name)
        }
        ending => sentence::settled(ending),
    })
    .into()
}
