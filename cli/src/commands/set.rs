//! `regate set`: one field by hand, as the text socket's `set server` does.

use clap::Args;
use regate_proto::change::{Change, Layer, Setting};
use regate_proto::model::{Admin, Kind, ServerHost, Subject, Weight};
use regate_proto::wire;

use crate::client::Target;
use crate::failure::Failure;
use crate::terminal;
use crate::{describe, subject};

/// Arguments of `regate set`.
#[derive(Args, Debug)]
#[command(after_help = "Examples: set server app/s1 weight 50%; set server app/s1 state drain; \
    set server app/s1 addr 192.0.2.1; set frontend www enabled no; set global maxconn 5000")]
pub struct Arguments {
    /// server, frontend or global
    kind: String,
    /// The name (BACKEND/SERVER for servers; none for global), the field and its value
    #[arg(required = true, num_args = 2..=3, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Sets.
pub async fn execute(arguments: Arguments, target: &Target) -> Result<(), Failure> {
    let (subject, setting) = read(&arguments.kind, &arguments.words)?;
    let mut client = target.connect().await?;
    let change = Change::Set(Layer::Overlay, subject.clone(), setting);
    let applied = client.apply(wire::wire_changes(&[change])).await?;
    let outcome = applied.outcomes.into_iter().next().unwrap_or_default();
    let before = outcome.before.and_then(|before| Setting::try_from(before).ok());
    let before =
        before.map_or_else(String::new, |before| format!(" (before: {})", describe::setting(&before)));
    let what = if outcome.changed { "" } else { ", nothing is different" };
    terminal::print_line(&format!("revision {}: {subject}{what}{before}", applied.revision));
    Ok(())
}

/// Reads the row, the field and its value.
fn read(kind: &str, words: &[String]) -> Result<(Subject, Setting), Failure> {
    let (name, field, value) = match words {
        [name, field, value] => (Some(name.as_str()), field.as_str(), value.as_str()),
        [field, value] => (None, field.as_str(), value.as_str()),
        _ => return Err(Failure::usage("a name, a field and a value are expected")),
    };
    let subject = subject::parse(kind, name)?;
    let setting = match (subject.kind(), field) {
        (Kind::Server, "weight") => weight(value)?,
        (Kind::Server, "state") => Setting::Admin(state(value)?),
        (Kind::Server, "addr") => Setting::host(value),
        (Kind::Server, "port") => port(value)?,
        (Kind::Server, "check-addr") => Setting::CheckHost(host(value)),
        (Kind::Server, "check-port") => Setting::CheckPort(plain_port(field, value)?),
        (Kind::Server, "agent-addr") => Setting::AgentHost(host(value)),
        (Kind::Server, "agent-port") => Setting::AgentPort(plain_port(field, value)?),
        (Kind::Server, "agent-send") => Setting::AgentSend(value.to_owned()),
        (Kind::Server, "health") => Setting::Checks(yes_or_no(value)?),
        (Kind::Server, "agent") => Setting::Agent(yes_or_no(value)?),
        (Kind::Server | Kind::Frontend | Kind::Global, "maxconn") => Setting::Maxconn(number(field, value)?),
        (Kind::Frontend, "enabled") => Setting::Enabled(yes_or_no(value)?),
        (Kind::Frontend, "shut-down") => Setting::ShutDown(yes_or_no(value)?),
        (Kind::Backend, "dynamic-cookie") => Setting::DynamicCookie(yes_or_no(value)?),
        (Kind::Backend, "dynamic-cookie-key") => Setting::CookieKey(value.to_owned()),
        (Kind::Backend, "published") => Setting::Published(yes_or_no(value)?),
        (Kind::Global, "maxsslrate") => Setting::MaxSslRate(number(field, value)?),
        (Kind::Global, "maxcomprate") => Setting::MaxCompRate(number(field, value)?),
        (Kind::Global, "maxconnrate") => Setting::MaxConnRate(number(field, value)?),
        (Kind::Global, "maxsessrate") => Setting::MaxSessRate(number(field, value)?),
        (kind, field) => {
            return Err(Failure::usage(format!(
                "{} has no field '{field}' that can be set: {}",
                kind.word(),
                fields(kind)
            )));
        }
    };
    Ok((subject, setting))
}

fn weight(value: &str) -> Result<Setting, Failure> {
    let expected =
        || Failure::usage(format!("weight '{value}': 0 to 256, or a percentage such as 50%, is expected"));
    match value.strip_suffix('%') {
        Some(percent) => percent.parse().map(Setting::WeightPercent).map_err(|_| expected()),
        None => {
            let number: u64 = value.parse().map_err(|_| expected())?;
            Weight::new(number).map(Setting::Weight).map_err(|_| expected())
        }
    }
}

fn state(value: &str) -> Result<Admin, Failure> {
    [Admin::Ready, Admin::Drain, Admin::Maint]
        .into_iter()
        .find(|state| describe::admin(*state) == value)
        .ok_or_else(|| Failure::usage(format!("state '{value}': ready, drain or maint is expected")))
}

fn port(value: &str) -> Result<Setting, Failure> {
    let expected =
        || Failure::usage(format!("port '{value}': 0 to 65535, or an offset such as +1000, is expected"));
    if value.starts_with(['+', '-']) {
        return value.parse().map(Setting::PortOffset).map_err(|_| expected());
    }
    value.parse().map(Setting::Port).map_err(|_| expected())
}

fn host(value: &str) -> ServerHost {
    value.parse().map_or_else(|_| ServerHost::Named(value.to_owned()), ServerHost::Ip)
}

fn plain_port(field: &str, value: &str) -> Result<u16, Failure> {
    value.parse().map_err(|_| Failure::usage(format!("{field} '{value}': a port, 0 to 65535, is expected")))
}

fn yes_or_no(value: &str) -> Result<bool, Failure> {
    match value {
        "yes" | "true" | "on" => Ok(true),
        "no" | "false" | "off" => Ok(false),
        _ => Err(Failure::usage(format!("enabled '{value}': yes or no is expected"))),
    }
}

fn number(field: &str, value: &str) -> Result<u32, Failure> {
    value.parse().map_err(|_| {
        Failure::usage(format!("{field} '{value}': a number from 0 to {} is expected", u32::MAX))
    })
}

fn fields(kind: Kind) -> &'static str {
    match kind {
        Kind::Server => {
            "weight, state, addr, port, check-addr, check-port, agent-addr, agent-port, agent-send, health, agent or maxconn is expected"
        }
        Kind::Frontend => "enabled or maxconn is expected",
        Kind::Global => "maxconn, maxconnrate, maxsessrate, maxsslrate or maxcomprate is expected",
        Kind::Backend => "dynamic-cookie or dynamic-cookie-key is expected",
        Kind::Defaults
        | Kind::Bind
        | Kind::Resolvers
        | Kind::Ring
        | Kind::HttpErrors
        | Kind::Userlist
        | Kind::List
        | Kind::Entries => "change it in a file, and apply that",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Result<String, String> {
        let mut words = line.split_whitespace().map(str::to_owned);
        let kind = words.next().unwrap_or_default();
        read(&kind, &words.collect::<Vec<_>>())
            .map(|(subject, setting)| format!("{subject}: {}", describe::setting(&setting)))
            .map_err(|failure| failure.text)
    }

    #[test]
    fn fields_are_read() {
        for (line, meaning) in [
            ("server app/s1 weight 50%", "server app/s1: weight 50%"),
            ("server app/s1 weight 256", "server app/s1: weight 256"),
            ("server app/s1 state maint", "server app/s1: state maint"),
            ("server app/s1 addr 192.0.2.1", "server app/s1: addr 192.0.2.1"),
            ("server app/s1 port -10", "server app/s1: port -10"),
            ("server app/s1 port 80", "server app/s1: port 80"),
            ("frontend www enabled no", "frontend www: disabled"),
            ("global maxconn 0", "global: maxconn 0"),
        ] {
            assert_eq!(said(line), Ok(meaning.to_owned()));
        }
    }

    #[test]
    fn wrong_values_are_refused_with_what_was_expected() {
        for (line, refusal) in [
            ("server app/s1 weight 257", "weight '257': 0 to 256, or a percentage such as 50%, is expected"),
            ("server app/s1 weight x%", "weight 'x%': 0 to 256, or a percentage such as 50%, is expected"),
            ("server app/s1 state up", "state 'up': ready, drain or maint is expected"),
            ("server app/s1 port 70000", "port '70000': 0 to 65535, or an offset such as +1000, is expected"),
            ("frontend www enabled maybe", "enabled 'maybe': yes or no is expected"),
            (
                "frontend www weight 1",
                "frontend has no field 'weight' that can be set: enabled or maxconn is expected",
            ),
            (
                "backend app maxconn 1",
                "backend has no field 'maxconn' that can be set: dynamic-cookie or dynamic-cookie-key is expected",
            ),
        ] {
            assert_eq!(said(line), Err(refusal.to_owned()));
        }
    }
}
