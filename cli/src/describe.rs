//! Changes, settings and origins in words, one line each.
//!
//! Owns the words that listings of changes use (`regate diff`, `apply`, `history`, `watch`). Nothing reads them back.

use regate_proto::change::{Change, EntriesEdit, Field, Layer, Origin, Overlay, OverlayValue, Setting};
use regate_proto::model::{Admin, Row};

/// One line about a change. `known` tells whether a row exists before it, so that additions and replacements look
/// different.
pub fn change(change: &Change, known: &dyn Fn(&Change) -> bool) -> String {
    match change {
        Change::Put(layer, row) => {
            let sign = if known(change) { '~' } else { '+' };
            format!("{sign} {}{}{}", row.subject(), summary(row), by_hand(*layer, Layer::Spec))
        }
        Change::Add(layer, row) => {
            format!("+ {}{}{}", row.subject(), summary(row), by_hand(*layer, Layer::Spec))
        }
        Change::Delete(layer, subject) => format!("- {subject}{}", by_hand(*layer, Layer::Spec)),
        Change::Set(layer, subject, value) => {
            format!("~ {subject} {}{}", setting(value), in_files(*layer))
        }
        Change::Revert(subject, None) => format!("~ {subject} reverted to what files say"),
        Change::Revert(subject, Some(field)) => {
            format!("~ {subject} {} reverted to what files say", field.word())
        }
        Change::Adopt(subject, None) => format!("~ {subject} adopted as it is"),
        Change::Adopt(subject, Some(field)) => format!("~ {subject} {} adopted as it is", field.word()),
        Change::Restore(overlay) => {
            format!("~ {} {} (by hand: {})", overlay.subject, overlay_value(overlay), origin(&overlay.origin))
        }
        Change::Edit(layer, list, edit) => format!("~ list {list} {}{}", edited(edit), in_files(*layer)),
    }
}

/// What an edit of a list does.
fn edited(edit: &EntriesEdit) -> String {
    let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    match edit {
        EntriesEdit::Append(run) => format!("{} entries added", run.len()),
        EntriesEdit::Remove(id) => format!("entry {:#x} removed", id.0),
        EntriesEdit::RemoveKey(key) => format!("entries '{}' removed", text(key)),
        EntriesEdit::SetValue(id, value) => format!("entry {:#x} set to '{}'", id.0, text(value)),
        EntriesEdit::SetKey(key, value) => format!("entries '{}' set to '{}'", text(key), text(value)),
        EntriesEdit::Ensure(key, Some(value)) => format!("entry '{}' is '{}'", text(key), text(value)),
        EntriesEdit::Ensure(key, None) => format!("entry '{}' is there", text(key)),
        EntriesEdit::Discard(key) => format!("entries '{}' are gone", text(key)),
        EntriesEdit::Clear => "cleared".to_owned(),
        EntriesEdit::Replace(run) => format!("replaced by {} entries", run.len()),
    }
}

/// A setting as `regate set` spells it.
pub fn setting(setting: &Setting) -> String {
    match setting {
        Setting::Weight(weight) => format!("weight {}", weight.get()),
        Setting::WeightPercent(percent) => format!("weight {percent}%"),
        Setting::Admin(state) => format!("state {}", admin(*state)),
        Setting::Host(host) => format!("addr {host}"),
        Setting::Port(port) => format!("port {port}"),
        Setting::PortOffset(offset) => format!("port {offset:+}"),
        Setting::Maxconn(limit) => format!("maxconn {limit}"),
        Setting::ShutDown(true) => "shut down".to_owned(),
        Setting::ShutDown(false) => "not shut down".to_owned(),
        Setting::Enabled(true) => "enabled".to_owned(),
        Setting::Enabled(false) => "disabled".to_owned(),
        Setting::MaxConnRate(rate) => format!("maxconnrate {rate}"),
        Setting::MaxSessRate(rate) => format!("maxsessrate {rate}"),
        Setting::DynamicCookie(on) => format!("dynamic-cookie {}", if *on { "yes" } else { "no" }),
        Setting::Published(on) => format!("published {}", if *on { "yes" } else { "no" }),
        Setting::MaxSslRate(rate) => format!("maxsslrate {rate}"),
        Setting::MaxCompRate(rate) => format!("maxcomprate {rate}"),
        // The key is a secret.
        Setting::CookieKey(_) => "dynamic-cookie-key (hidden)".to_owned(),
        Setting::CheckHost(host) => format!("check-addr {host}"),
        Setting::CheckPort(port) => format!("check-port {port}"),
        Setting::AgentHost(host) => format!("agent-addr {host}"),
        Setting::AgentPort(port) => format!("agent-port {port}"),
        Setting::AgentSend(text) => format!("agent-send {text:?}"),
        Setting::Checks(run) => format!("health {}", if *run { "enabled" } else { "disabled" }),
        Setting::Agent(run) => format!("agent {}", if *run { "enabled" } else { "disabled" }),
    }
}

/// What an overlay says, after its subject.
pub fn overlay_value(overlay: &Overlay) -> String {
    match &overlay.value {
        OverlayValue::Row(row) => format!("row{}", summary(row)),
        OverlayValue::Gone => "gone".to_owned(),
        OverlayValue::Setting(value) => setting(value),
        OverlayValue::Entries(entries) => format!(
            "{} added, {} removed, {} written",
            entries.added.len(),
            entries.removed.len(),
            entries.written.len()
        ),
    }
}

/// Who made a change, and through what door; `-` when nothing is known.
pub fn origin(origin: &Origin) -> String {
    match (origin.door.as_str(), origin.actor.as_str()) {
        ("", "") => "-".to_owned(),
        (door, "") => door.to_owned(),
        ("", actor) => actor.to_owned(),
        (door, actor) => format!("{door}, {actor}"),
    }
}

/// The word for what an administrator asks of a server.
pub fn admin(state: Admin) -> &'static str {
    match state {
        Admin::Ready => "ready",
        Admin::Drain => "drain",
        Admin::Maint => "maint",
    }
}

/// A field by its word, for `regate adopt` and `revert`.
pub fn field(word: &str) -> Option<Field> {
    Field::ALL.into_iter().find(|field| field.word() == word)
}

/// What is worth knowing of a row, after its subject.
fn summary(row: &Row) -> String {
    match row {
        Row::Bind(bind) => format!(" at {}", bind.address),
        Row::Server(server) => {
            let weight = server.settings.weight.map_or_else(String::new, |w| format!(" weight {}", w.get()));
            format!(" at {}{weight}", server.address)
        }
        Row::Frontend(row) => {
            row.settings.default_backend.as_ref().map_or_else(String::new, |name| format!(" to {name}"))
        }
        Row::Entries(row) => format!(" with {} entries", row.entries.len()),
        Row::List(_)
        | Row::Global(_)
        | Row::Defaults(_)
        | Row::Backend(_)
        | Row::Resolvers(_)
        | Row::Ring(_)
        | Row::HttpErrors(_)
        | Row::Userlist(_) => String::new(),
    }
}

fn by_hand(layer: Layer, usual: Layer) -> &'static str {
    if layer == usual { "" } else { " (by hand)" }
}

fn in_files(layer: Layer) -> &'static str {
    if layer == Layer::Overlay { "" } else { " (in the files)" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use regate_proto::model::{
        Name, Server, ServerAddress, ServerHost, ServerPort, ServerRef, ServerSettings, Subject, Weight,
    };

    use super::*;

    fn at(server: &str) -> ServerRef {
        ServerRef { backend: Name::new("app").unwrap(), server: Name::new(server).unwrap() }
    }

    #[test]
    fn changes_are_told_in_one_line() {
        let server = Row::Server(Server {
            at: at("s3"),
            id: 0,
            order: 0,
            guid: None,
            address: ServerAddress::Inet {
                host: ServerHost::Ip([127, 0, 0, 1].into()),
                port: ServerPort::Fixed(80),
            },
            admin: None,
            paused: Default::default(),
            settings: ServerSettings { weight: Some(Weight::DEFAULT), ..ServerSettings::default() },
        });
        let subject = Subject::Server(at("s1"));
        let who = Origin { actor: "uid=0".into(), door: "socket".into(), at: 1 };
        for (given, known, said) in [
            (Change::Put(Layer::Spec, server.clone()), false, "+ server app/s3 at 127.0.0.1:80 weight 1"),
            (Change::Put(Layer::Overlay, server), true, "~ server app/s3 at 127.0.0.1:80 weight 1 (by hand)"),
            (Change::Delete(Layer::Spec, subject.clone()), true, "- server app/s1"),
            (
                Change::Set(Layer::Overlay, subject.clone(), Setting::WeightPercent(50)),
                true,
                "~ server app/s1 weight 50%",
            ),
            (
                Change::Set(Layer::Spec, subject.clone(), Setting::Admin(Admin::Drain)),
                true,
                "~ server app/s1 state drain (in the files)",
            ),
            (
                Change::Revert(subject.clone(), Some(Field::Weight)),
                true,
                "~ server app/s1 weight reverted to what files say",
            ),
            (Change::Adopt(subject.clone(), None), true, "~ server app/s1 adopted as it is"),
            (
                Change::Restore(Overlay { subject, value: OverlayValue::Gone, origin: who, beneath: None }),
                true,
                "~ server app/s1 gone (by hand: socket, uid=0)",
            ),
        ] {
            assert_eq!(change(&given, &|_| known), said);
        }
    }
}
