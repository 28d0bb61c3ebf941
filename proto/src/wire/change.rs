//! Changes, settings and overlays.

use super::choice::{self, Choice};
use super::{field, patterns, v1};
use crate::change::{
    Beneath, Change, ChangeSet, EntriesOverlay, Field, Layer, Origin, Overlay, OverlayValue, Revision,
    Setting,
};
use crate::model::{Row, Subject};
use crate::problem::{Code, Problem};

impl From<&ChangeSet> for v1::ChangeSet {
    fn from(set: &ChangeSet) -> Self {
        v1::ChangeSet {
            base: set.base.map(|revision| revision.0),
            origin: Some((&set.origin).into()),
            changes: super::wire_changes(&set.changes),
        }
    }
}

impl TryFrom<v1::ChangeSet> for ChangeSet {
    type Error = Problem;

    fn try_from(set: v1::ChangeSet) -> Result<Self, Problem> {
        Ok(ChangeSet {
            base: set.base.map(Revision),
            origin: set.origin.map(Origin::from).unwrap_or_default(),
            changes: super::model_changes(set.changes, 0)?,
        })
    }
}

impl From<&Change> for v1::Change {
    fn from(change: &Change) -> Self {
        use v1::change::Verb;
        let (layer, verb) = match change {
            Change::Put(layer, row) => (Some(*layer), Verb::Put(row.into())),
            Change::Add(layer, row) => (Some(*layer), Verb::Add(row.into())),
            Change::Delete(layer, subject) => (Some(*layer), Verb::Delete(subject.into())),
            Change::Set(layer, subject, setting) => {
                let set = v1::SettingOf { subject: Some(subject.into()), setting: Some(setting.into()) };
                (Some(*layer), Verb::Set(set))
            }
            Change::Revert(subject, field) => (None, Verb::Revert(wire_field_of(subject, *field))),
            Change::Adopt(subject, field) => (None, Verb::Adopt(wire_field_of(subject, *field))),
            Change::Restore(overlay) => (None, Verb::Restore(overlay.into())),
            Change::Edit(layer, list, edit) => (Some(*layer), Verb::Edit(patterns::wire_edit(list, edit))),
        };
        v1::Change { layer: choice::number(layer), verb: Some(verb) }
    }
}

impl TryFrom<v1::Change> for Change {
    type Error = Problem;

    fn try_from(change: v1::Change) -> Result<Self, Problem> {
        use v1::change::Verb;
        let layer: Option<Layer> = field::choice("layer", change.layer)?;
        let verb = change.verb.ok_or_else(|| {
            field::missing("verb", "one of put, add, delete, set, revert, adopt, restore and edit")
        })?;
        let no_layer = |verb: &str| match layer {
            Some(_) => Err(Problem::general(Code::Unsuitable, format!("layer: {verb} takes no layer"))),
            None => Ok(()),
        };
        Ok(match verb {
            Verb::Put(row) => {
                Change::Put(layer.unwrap_or(Layer::Spec), field::within("put", Row::try_from(row))?)
            }
            Verb::Add(row) => {
                Change::Add(layer.unwrap_or(Layer::Spec), field::within("add", Row::try_from(row))?)
            }
            Verb::Delete(subject) => {
                let subject = field::within("delete", Subject::try_from(subject))?;
                Change::Delete(layer.unwrap_or(Layer::Spec), subject)
            }
            Verb::Set(set) => {
                let subject = field::within("set", field::required("subject", set.subject))?;
                let setting = field::within("set", field::required("setting", set.setting))?;
                Change::Set(layer.unwrap_or(Layer::Overlay), subject, setting)
            }
            Verb::Revert(of) => {
                no_layer("revert")?;
                let (subject, field) = field::within("revert", model_field_of(of))?;
                Change::Revert(subject, field)
            }
            Verb::Adopt(of) => {
                no_layer("adopt")?;
                let (subject, field) = field::within("adopt", model_field_of(of))?;
                Change::Adopt(subject, field)
            }
            Verb::Restore(overlay) => {
                no_layer("restore")?;
                Change::Restore(field::within("restore", Overlay::try_from(overlay))?)
            }
            Verb::Edit(edit) => {
                let (list, edit) = field::within("edit", patterns::model_edit(edit))?;
                Change::Edit(layer.unwrap_or(Layer::Overlay), list, edit)
            }
        })
    }
}

impl From<&Setting> for v1::Setting {
    fn from(setting: &Setting) -> Self {
        use v1::setting::Value;
        let value = match setting {
            Setting::Weight(weight) => Value::Weight(u32::from(weight.get())),
            Setting::WeightPercent(percent) => Value::WeightPercent(*percent),
            Setting::Admin(admin) => Value::Admin(admin.number()),
            Setting::Host(host) => Value::Host(host.into()),
            Setting::Port(port) => Value::Port(u32::from(*port)),
            Setting::PortOffset(offset) => Value::PortOffset(*offset),
            Setting::Maxconn(maxconn) => Value::Maxconn(*maxconn),
            Setting::Enabled(enabled) => Value::Enabled(*enabled),
            Setting::ShutDown(down) => Value::ShutDown(*down),
            Setting::MaxConnRate(rate) => Value::MaxConnRate(*rate),
            Setting::MaxSessRate(rate) => Value::MaxSessRate(*rate),
            Setting::CheckHost(host) => Value::CheckHost(host.into()),
            Setting::CheckPort(port) => Value::CheckPort(u32::from(*port)),
            Setting::AgentHost(host) => Value::AgentHost(host.into()),
            Setting::AgentPort(port) => Value::AgentPort(u32::from(*port)),
            Setting::AgentSend(text) => Value::AgentSend(text.clone()),
            Setting::Checks(run) => Value::Checks(*run),
            Setting::Agent(run) => Value::Agent(*run),
            Setting::DynamicCookie(on) => Value::DynamicCookie(*on),
            Setting::CookieKey(key) => Value::CookieKey(key.clone()),
            Setting::Published(on) => Value::Published(*on),
            Setting::MaxSslRate(rate) => Value::MaxSslRate(*rate),
            Setting::MaxCompRate(rate) => Value::MaxCompRate(*rate),
        };
        v1::Setting { value: Some(value) }
    }
}

impl TryFrom<v1::Setting> for Setting {
    type Error = Problem;

    fn try_from(setting: v1::Setting) -> Result<Self, Problem> {
        use v1::setting::Value;
        let value =
            setting.value.ok_or_else(|| field::missing("value", "a field, such as weight or admin,"))?;
        Ok(match value {
            Value::Weight(weight) => Setting::Weight(field::weight("weight", weight)?),
            Value::WeightPercent(percent) => Setting::WeightPercent(percent),
            Value::Admin(admin) => Setting::Admin(field::required_choice("admin", admin)?),
            Value::Host(host) => Setting::Host(field::within("host", host.try_into())?),
            Value::Port(port) => Setting::Port(field::port("port", port)?),
            Value::PortOffset(offset) => Setting::PortOffset(offset),
            Value::Maxconn(maxconn) => Setting::Maxconn(maxconn),
            Value::Enabled(enabled) => Setting::Enabled(enabled),
            Value::ShutDown(down) => Setting::ShutDown(down),
            Value::MaxConnRate(rate) => Setting::MaxConnRate(rate),
            Value::MaxSessRate(rate) => Setting::MaxSessRate(rate),
            Value::CheckHost(host) => Setting::CheckHost(field::within("check_host", host.try_into())?),
            Value::CheckPort(port) => Setting::CheckPort(field::port("check_port", port)?),
            Value::AgentHost(host) => Setting::AgentHost(field::within("agent_host", host.try_into())?),
            Value::AgentPort(port) => Setting::AgentPort(field::port("agent_port", port)?),
            Value::AgentSend(text) => Setting::AgentSend(text),
            Value::Checks(run) => Setting::Checks(run),
            Value::Agent(run) => Setting::Agent(run),
            Value::DynamicCookie(on) => Setting::DynamicCookie(on),
            Value::CookieKey(key) => Setting::CookieKey(key),
            Value::Published(on) => Setting::Published(on),
            Value::MaxSslRate(rate) => Setting::MaxSslRate(rate),
            Value::MaxCompRate(rate) => Setting::MaxCompRate(rate),
        })
    }
}

impl From<&Overlay> for v1::Overlay {
    fn from(overlay: &Overlay) -> Self {
        use v1::overlay::Value;
        let value = match &overlay.value {
            OverlayValue::Row(row) => Value::Row(row.as_ref().into()),
            OverlayValue::Gone => Value::Gone(v1::Gone {}),
            OverlayValue::Setting(setting) => Value::Setting(setting.into()),
            OverlayValue::Entries(entries) => Value::Entries(entries.into()),
        };
        v1::Overlay {
            subject: Some((&overlay.subject).into()),
            origin: Some((&overlay.origin).into()),
            value: Some(value),
            beneath: overlay.beneath.as_ref().map(|beneath| {
                let beneath = Overlay {
                    subject: overlay.subject.clone(),
                    value: beneath.value.clone(),
                    origin: beneath.origin.clone(),
                    beneath: None,
                };
                Box::new((&beneath).into())
            }),
        }
    }
}

impl TryFrom<v1::Overlay> for Overlay {
    type Error = Problem;

    fn try_from(overlay: v1::Overlay) -> Result<Self, Problem> {
        use v1::overlay::Value;
        let subject: Subject = field::required("subject", overlay.subject)?;
        let value =
            overlay.value.ok_or_else(|| field::missing("value", "one of row, gone, setting and entries"))?;
        let value = match value {
            Value::Row(row) => {
                let row = field::within("row", Row::try_from(row))?;
                if row.subject() != subject {
                    let text = format!("it is {}: {subject} is expected, as subject says", row.subject());
                    return Err(field::malformed("row", text));
                }
                OverlayValue::Row(Box::new(row))
            }
            Value::Gone(v1::Gone {}) => OverlayValue::Gone,
            Value::Entries(entries) => {
                let Subject::Entries(at) = &subject else {
                    return Err(field::malformed("entries", format_args!("{subject} has no entries")));
                };
                OverlayValue::Entries(field::within("entries", EntriesOverlay::from_wire(entries, at.part))?)
            }
            Value::Setting(setting) => match field::within("setting", Setting::try_from(setting))? {
                Setting::WeightPercent(_) => {
                    let text = "an overlay holds no percentage: weight is expected";
                    return Err(field::malformed("setting.weight_percent", text));
                }
                setting => OverlayValue::Setting(setting),
            },
        };
        let beneath = overlay.beneath.map(|beneath| model_beneath(*beneath, &subject, &value)).transpose()?;
        let origin = overlay.origin.map(Origin::from).unwrap_or_default();
        Ok(Overlay { subject, value, origin, beneath })
    }
}

/// A lasting overlay under a volatile one: it must be about the same part of the same row.
fn model_beneath(
    beneath: v1::Overlay,
    subject: &Subject,
    over: &OverlayValue,
) -> Result<Box<Beneath>, Problem> {
    if beneath.beneath.is_some() {
        return Err(field::malformed("beneath.beneath", "nothing lies under what lies under an overlay"));
    }
    let beneath: Overlay = field::within("beneath", beneath.try_into())?;
    let over =
        Overlay { subject: subject.clone(), value: over.clone(), origin: Origin::default(), beneath: None };
    if beneath.subject != over.subject || beneath.field() != over.field() {
        return Err(field::malformed("beneath", "it is about something else than what lies over it"));
    }
    Ok(Box::new(Beneath { value: beneath.value, origin: beneath.origin }))
}

impl From<&Origin> for v1::Origin {
    fn from(origin: &Origin) -> Self {
        v1::Origin { actor: origin.actor.clone(), door: origin.door.clone(), at_ms: origin.at }
    }
}

impl From<v1::Origin> for Origin {
    fn from(origin: v1::Origin) -> Self {
        Origin { actor: origin.actor, door: origin.door, at: origin.at_ms }
    }
}

fn wire_field_of(subject: &Subject, field: Option<Field>) -> v1::FieldOf {
    v1::FieldOf { subject: Some(subject.into()), field: choice::number(field) }
}

fn model_field_of(of: v1::FieldOf) -> Result<(Subject, Option<Field>), Problem> {
    Ok((field::required("subject", of.subject)?, field::choice("field", of.field)?))
}
