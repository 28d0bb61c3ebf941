//! Sections and lines to YAML.

use serde_yaml::{Mapping, Value};

use crate::model::{Row, Subject};

use super::super::directives::{self, Section, Sections};
use super::super::document::{Document, Line, Unwritable, Written};
use super::super::lexer::{Dialect, quote};
use super::reader::{GROUPS, STRUCTURED};

/// Writes rows as YAML, or says what that form cannot express.
pub fn write_yaml<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Result<String, Vec<Unwritable>> {
    let document = Document::gather(rows)?;
    let plain = document.has_plain_defaults();
    let mut root = Mapping::new();
    if let Some(lines) = &document.global {
        root.insert("global".into(), Value::Mapping(settings(lines)));
    }
    for resolvers in &document.resolvers {
        push(&mut root, "resolvers", section(resolvers, plain, None));
    }
    for userlist in &document.userlists {
        push(&mut root, "userlists", section(userlist, plain, None));
    }
    for errors in &document.http_errors {
        push(&mut root, "http-errors", section(errors, plain, None));
    }
    for ring in &document.rings {
        push(&mut root, "rings", section(ring, plain, None));
    }
    let mut defaults: Vec<Value> =
        document.defaults.iter().map(|written| section(written, plain, None)).collect();
    match defaults.pop() {
        None => {}
        Some(only) if plain => drop(root.insert("defaults".into(), only)),
        Some(last) => {
            defaults.push(last);
            root.insert("defaults".into(), Value::Sequence(defaults));
        }
    }
    let numbered = !is_grouped(&document.proxies);
    for (at, proxy) in document.proxies.iter().enumerate() {
        let Some((key, _)) = GROUPS.iter().find(|(_, section)| *section == proxy.section) else { continue };
        push(&mut root, key, section(proxy, plain, numbered.then_some(at + 1)));
    }
    if root.is_empty() {
        return Ok(String::new());
    }
    serde_yaml::to_string(&Value::Mapping(root)).map_err(|error| {
        vec![Unwritable { subject: Subject::Global, detail: format!("YAML cannot be written: {error}") }]
    })
}

/// Whether every kind of proxy stands in one piece, so that lists per kind keep the order.
fn is_grouped(proxies: &[Written]) -> bool {
    let mut seen: Vec<Section> = Vec::new();
    proxies.iter().all(|proxy| {
        let fits = seen.last() == Some(&proxy.section) || !seen.contains(&proxy.section);
        seen.push(proxy.section);
        fits
    })
}

fn section(written: &Written, plain: bool, order: Option<usize>) -> Value {
    let mut map = Mapping::new();
    if !(plain && written.section == Section::Defaults) {
        map.insert("name".into(), written.name.as_str().into());
    }
    if let Some(from) = written.from.as_ref().filter(|_| !plain) {
        map.insert("from".into(), from.as_str().into());
    }
    if let Some(order) = order {
        map.insert("order".into(), order.into());
    }
    map.extend(settings(&written.lines));
    Value::Mapping(map)
}

fn settings(lines: &[Line]) -> Mapping {
    let mut map = Mapping::new();
    let negated: Vec<Value> =
        lines.iter().filter(|line| line.negated).map(|line| line.directive.name.into()).collect();
    if !negated.is_empty() {
        map.insert("without".into(), Value::Sequence(negated));
    }
    for line in lines.iter().filter(|line| !line.negated) {
        let name = line.directive.name;
        match (name, name.split_once(' ')) {
            ("bind", _) => push(&mut map, "binds", structured(name, &line.words)),
            ("server", _) if line.directive.sections == Sections::RINGS => {
                push(&mut map, "servers", scalar(&line.words));
            }
            ("server", _) => push(&mut map, "servers", structured(name, &line.words)),
            ("server-template", _) => push(&mut map, "server-templates", structured(name, &line.words)),
            ("default-server", _) => drop(map.insert(name.into(), structured(name, &line.words))),
            (_, Some(("option", tail))) => {
                let words = line.words.iter().map(|word| quote(word, Dialect::Scalar));
                let text: Vec<String> = std::iter::once(tail.to_owned()).chain(words).collect();
                push(&mut map, "option", text.join(" ").into());
            }
            (_, Some((head, tail))) => {
                let inner = map.entry(head.into()).or_insert_with(|| Value::Mapping(Mapping::new()));
                match inner {
                    Value::Mapping(inner) if line.directive.repeats => {
                        let is_structured = STRUCTURED.iter().any(|(known, _)| *known == name);
                        let value =
                            if is_structured { structured(name, &line.words) } else { scalar(&line.words) };
                        push(inner, tail, value);
                    }
                    Value::Mapping(inner) => drop(inner.insert(tail.into(), scalar(&line.words))),
                    _ => {}
                }
            }
            (_, None) if line.directive.repeats => push(&mut map, name, scalar(&line.words)),
            (_, None) => drop(map.insert(name.into(), scalar(&line.words))),
        }
    }
    map
}

fn push(map: &mut Mapping, key: &str, value: Value) {
    match map.entry(key.into()).or_insert_with(|| Value::Sequence(Vec::new())) {
        Value::Sequence(list) => list.push(value),
        other => *other = Value::Sequence(vec![value]),
    }
}

/// The arguments of a directive as one scalar; none are `true`.
fn scalar(words: &[String]) -> Value {
    match words {
        [] => Value::Bool(true),
        [only] => match only.parse::<u64>() {
            Ok(number) if number.to_string() == *only => number.into(),
            _ => quote(only, Dialect::Scalar).into(),
        },
        several => {
            several.iter().map(|word| quote(word, Dialect::Scalar)).collect::<Vec<_>>().join(" ").into()
        }
    }
}

/// Arguments with parameters as a map; an address without parameters as a scalar.
fn structured(name: &str, words: &[String]) -> Value {
    let first =
        STRUCTURED.iter().find(|(known, _)| *known == name).map_or(&[] as &[&str], |(_, first)| *first);
    if words.len() == 1 && first.len() == 1 {
        return scalar(words);
    }
    let parameters = directives::parameters_of(name);
    let mut map = Mapping::new();
    let mut words = words.iter();
    for key in first {
        if let Some(word) = words.next() {
            map.insert((*key).into(), scalar(std::slice::from_ref(word)));
        }
    }
    while let Some(word) = words.next() {
        let takes_argument = parameters.iter().any(|(known, syntax)| known == word && !syntax.is_empty());
        let argument = if takes_argument { words.next() } else { None };
        let value = argument.map_or(Value::Bool(true), |argument| scalar(std::slice::from_ref(argument)));
        map.insert(word.as_str().into(), value);
    }
    Value::Mapping(map)
}
