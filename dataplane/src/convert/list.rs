//! Values looked up in maps (configuration manual 7.3.1 "map").

use std::borrow::Cow;

use regate_proto::rules::patterns::{Matching, address, number};
use regate_proto::rules::{Argument, Kind, MatchMethod};

use crate::fetch::View;
use crate::matching::Needle;
use crate::sample::Value;

/// What a map has for a value, as the type that its values have; without an entry, the value that the second argument
/// states.
pub(super) fn mapped<'a>(
    value: Value<'a>,
    (method, output, groups): (MatchMethod, Kind, bool),
    arguments: &'a [Argument],
    view: &View<'a>,
) -> Option<Value<'a>> {
    let Some(Argument::List(name)) = arguments.first() else { return None };
    let matching = Matching::exactly(method);
    let text;
    let needle = match value {
        Value::Int(number) => Needle::Int(number),
        Value::Ipv4(ip) => Needle::Ip(ip.into()),
        Value::Ipv6(ip) => Needle::Ip(ip.into()),
        value => {
            text = value.into_text();
            Needle::Bytes(&text)
        }
    };
    let found: Option<Cow<'a, [u8]>> = match (groups, needle) {
        (true, Needle::Bytes(text)) => view.snapshot.lists.expand(name, matching, text).map(Cow::Owned),
        _ => {
            view.snapshot.lists.find(name, matching, needle).and_then(|entry| entry.value).map(Cow::Borrowed)
        }
    };
    let Some(found) = found else {
        return match arguments.get(1)? {
            Argument::Text(text) => Some(Value::text(text.as_bytes())),
            Argument::Int(number) => Some(Value::Int(*number)),
            Argument::Ip(ip) => Some(Value::ip(*ip)),
            _ => None,
        };
    };
    match output {
        Kind::Int => number(&found).map(Value::Int),
        Kind::Ip => address(&found).map(Value::ip),
        _ => Some(Value::Str(found)),
    }
}
