//! What clients have done to servers by the form of a statistics page.
//!
//! Reads the form, and makes changes of it that go the way of all changes, with the client as their origin.

use std::sync::Arc;

use regate_proto::change::{Change, ChangeSet, Layer, Origin, Setting};
use regate_proto::model::{Admin, Name, ServerRef, Subject};
use regate_proto::wire::v1;

use super::options::{Outcome, decode};
use crate::admin::Context;
use crate::admin::permission::Caller;
use crate::inquiry::{Form, PageRequest};
use crate::live::CutBy;
use crate::snapshot::{BackendPlan, ServerPlan};
use crate::store::{self, unix_millis};

/// What a form asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Order {
    action: Vec<u8>,
    backend: Vec<u8>,
    servers: Vec<Vec<u8>>,
}

/// What is to be done to one server.
enum Deed {
    Set(Setting),
    Health(v1::HealthOrder),
    CutSessions,
    Nothing,
}

/// Does what the client asks for.
pub(super) async fn act(context: &Arc<Context>, request: &PageRequest) -> Outcome {
    if !request.admin {
        return Outcome::Denied;
    }
    let bytes = match &request.form {
        Some(Form::Whole(bytes)) => bytes,
        Some(Form::TooLong) => return Outcome::TooLong,
        None => return Outcome::Nothing,
    };
    let order = Order::parse(bytes);
    let snapshot = context.store.read(|current| current.snapshot.clone());
    // A form in which nothing was chosen says no action.
    if order.action.is_empty() {
        return Outcome::Nothing;
    }
    let Some(action) = KNOWN.iter().find(|action| action.as_bytes() == order.action) else {
        return Outcome::Failed;
    };
    let Some(backend) = snapshot.backends.values().find(|backend| order.names(backend)) else {
        return Outcome::Failed;
    };
    let (mut set, mut others, mut missing, mut unchanged) = (Vec::new(), Vec::new(), 0, 0);
    for wanted in &order.servers {
        let Some(server) = backend.servers.iter().find(|server| server.name.as_str().as_bytes() == wanted)
        else {
            missing += 1;
            continue;
        };
        let at = ServerRef { backend: backend.name.clone(), server: server.name.clone() };
        match deed(action, server) {
            Deed::Set(setting) => set.push(Change::Set(Layer::Overlay, Subject::Server(at), setting)),
            Deed::Nothing => unchanged += 1,
            deed => others.push((at, server, deed)),
        }
    }
    let mut done = 0;
    if !set.is_empty() {
        let caller = Caller::inside(actor(request));
        let origin =
            caller.origin(Origin { door: "page".to_owned(), at: unix_millis(), ..Origin::default() });
        let changes = set.len();
        let pending = context.apply(&caller, ChangeSet { base: None, origin, changes: set }).await;
        match store::outcome(pending).await {
            Ok(_) => done += changes,
            Err(problems) => {
                let reasons: Vec<String> = problems.iter().map(ToString::to_string).collect();
                tracing::warn!(page = %request.proxy, "a change by a statistics page is refused: {}", reasons.join("; "));
                return Outcome::Failed;
            }
        }
    }
    for (at, server, deed) in others {
        let success = match deed {
            Deed::Health(health) => {
                let server = Some(v1::ServerRef::from(&at));
                context.set_health(v1::SetHealth { server, order: health.into() }).is_ok()
            }
            _ => {
                context.live.shears.cut(&server.live, CutBy::Administrator);
                true
            }
        };
        if success {
            done += 1;
        } else {
            unchanged += 1;
        }
    }
    match (done, missing, unchanged) {
        (0, 0, _) => Outcome::Nothing,
        (0, ..) => Outcome::Failed,
        (_, 0, 0) => Outcome::Done,
        _ => Outcome::Partial,
    }
}

/// What an action means for a server as it stands.
fn deed(action: &str, server: &ServerPlan) -> Deed {
    let checks = server.checks.as_deref();
    let (is_checked, has_agent) = (checks.is_some(), checks.is_some_and(|checks| checks.agent));
    let set_unless = |there: bool, setting: Setting| if there { Deed::Nothing } else { Deed::Set(setting) };
    match action {
        // Said once more, these count as done.
        "ready" => Deed::Set(Setting::Admin(Admin::Ready)),
        "drain" => Deed::Set(Setting::Admin(Admin::Drain)),
        "maint" => Deed::Set(Setting::Admin(Admin::Maint)),
        "stop" => set_unless(server.admin == Admin::Drain, Setting::Admin(Admin::Drain)),
        "disable" => set_unless(server.admin == Admin::Maint, Setting::Admin(Admin::Maint)),
        "enable" => set_unless(server.admin != Admin::Maint, Setting::Admin(Admin::Ready)),
        "start" => set_unless(server.admin != Admin::Drain, Setting::Admin(Admin::Ready)),
        "ehlth" if is_checked => Deed::Set(Setting::Checks(true)),
        "dhlth" if is_checked => Deed::Set(Setting::Checks(false)),
        "hrunn" if is_checked => Deed::Health(v1::HealthOrder::Up),
        "hnolb" if is_checked => Deed::Health(v1::HealthOrder::Stopping),
        "hdown" if is_checked => Deed::Health(v1::HealthOrder::Down),
        "eagent" if has_agent => Deed::Set(Setting::Agent(true)),
        "dagent" if has_agent => Deed::Set(Setting::Agent(false)),
        "arunn" if has_agent => Deed::Health(v1::HealthOrder::AgentUp),
        "adown" if has_agent => Deed::Health(v1::HealthOrder::AgentDown),
        "shutdown" => Deed::CutSessions,
        _ => Deed::Nothing,
    }
}

impl Order {
    /// Reads a form (HTML, `application/x-www-form-urlencoded`); fields that it does not know are nothing to it.
    fn parse(form: &[u8]) -> Order {
        let mut order = Order::default();
        for field in form.split(|byte| *byte == b'&') {
            let at = memchr::memchr(b'=', field).unwrap_or(field.len());
            let value = decode(field.get(at + 1..).unwrap_or_default());
            match field.get(..at).unwrap_or_default() {
                b"s" => order.servers.push(value),
                b"action" => order.action = value,
                b"b" => order.backend = value,
                _ => {}
            }
        }
        order
    }

    /// Whether this backend is meant: by its name, or by `#` and its number.
    fn names(&self, backend: &BackendPlan) -> bool {
        let number = self.backend.strip_prefix(b"#").and_then(|number| std::str::from_utf8(number).ok());
        self.backend == backend.name.as_str().as_bytes()
            || number.and_then(|number| number.parse::<u32>().ok()) == Some(backend.id)
    }
}

/// Who acts, as origins name it.
fn actor(request: &PageRequest) -> String {
    let page: &Name = &request.proxy;
    let user: String =
        request.user.iter().flat_map(|user| user.chars()).filter(|c| !c.is_control()).collect();
    let client = request.client.map_or_else(|| "a unix socket".to_owned(), |client| client.to_string());
    match user.is_empty() {
        true => format!("page {page} from {client}"),
        false => format!("page {page} user={user} from {client}"),
    }
}

/// The actions, by the words of HAProxy's.
const KNOWN: &[&str] = &[
    "ready", "drain", "maint", "dhlth", "ehlth", "hrunn", "hnolb", "hdown", "dagent", "eagent", "arunn",
    "adown", "shutdown", "disable", "enable", "stop", "start",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_browsers_send_them() {
        let order = Order::parse(b"s=a%2Bb&s=c+d&x=1&action=drain&b=%235&s");
        assert_eq!(order.servers, [b"a+b".to_vec(), b"c d".to_vec(), Vec::new()]);
        assert_eq!((order.action, order.backend), (b"drain".to_vec(), b"#5".to_vec()));
        assert_eq!(Order::parse(b""), Order::default());
        assert_eq!(Order::parse(b"s=%zz&s=%").servers, [b"%zz".to_vec(), b"%".to_vec()]);
    }
}
