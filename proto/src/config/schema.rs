//! The JSON Schema (draft 2020-12) of the YAML form, made from the directive table.

use serde_json::{Map, Value, json};

use super::directives::{self, Directive, Section};
use super::yaml::{GROUPS, STRUCTURED};

/// The schema as `regate schema` prints it.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for (name, first) in STRUCTURED {
        definitions.insert(name.replace(' ', "-"), parameters(name, first));
    }
    for section in Section::ALL {
        definitions.insert(section.word().to_owned(), section_schema(section));
    }
    let mut properties = Map::new();
    for (key, section) in GROUPS {
        let reference = json!({ "$ref": format!("#/$defs/{}", section.word()) });
        let value = match section {
            Section::Global => json!({ "anyOf": [reference, { "type": "null" }] }),
            Section::Defaults => {
                json!({ "anyOf": [reference, { "type": "array", "items": reference }, { "type": "null" }] })
            }
            _ => json!({ "anyOf": [{ "type": "array", "items": reference }, { "type": "null" }] }),
        };
        properties.insert(key.to_owned(), value);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Regate configuration",
        "description": "Directives are keys; their arguments are written as in haproxy.cfg. A list repeats a directive.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "$defs": definitions,
    })
}

fn section_schema(section: Section) -> Value {
    let mut properties = Map::new();
    if section != Section::Global {
        properties.insert(
            "name".to_owned(),
            json!({ "type": ["string", "number"], "description": "The section's name." }),
        );
    }
    if section.is_of_proxies() {
        properties.insert(
            "from".to_owned(),
            json!({ "type": ["string", "number"], "description": "The defaults that it starts from." }),
        );
    }
    if section.is_of_proxies() && section != Section::Defaults {
        let text = "Its place among all proxies, from 1; by default they stand in the order of the text.";
        properties
            .insert("order".to_owned(), json!({ "type": "integer", "minimum": 1, "description": text }));
    }
    let text =
        "Directives that are switched off, whatever the defaults say, such as 'log' or 'option httpclose'.";
    properties.insert(
        "without".to_owned(),
        json!({ "type": ["string", "array"], "items": { "type": "string" }, "description": text }),
    );
    let mut families: Map<String, Value> = Map::new();
    for row in directives::all().filter(|row| row.sections.contains(section)) {
        match row.name.split_once(' ') {
            Some((head, tail)) => {
                let family = families.entry(head.to_owned()).or_insert_with(|| json!({}));
                if let Some(family) = family.as_object_mut() {
                    family.insert(tail.to_owned(), setting(row));
                }
            }
            None => {
                properties.insert(row.name.to_owned(), setting(row));
                if let Some(plural) = plural(row.name) {
                    properties.insert(plural.to_owned(), setting(row));
                }
            }
        }
    }
    for (head, family) in families {
        let map = json!({ "type": "object", "additionalProperties": false, "properties": family });
        let value = if head == "option" {
            json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }, map] })
        } else {
            map
        };
        properties.insert(head, value);
    }
    let mut required = Vec::new();
    if !matches!(section, Section::Global | Section::Defaults) {
        required.push("name");
    }
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

fn plural(name: &str) -> Option<&'static str> {
    match name {
        "bind" => Some("binds"),
        "server" => Some("servers"),
        "server-template" => Some("server-templates"),
        _ => None,
    }
}

fn setting(row: &Directive) -> Value {
    let usage = format!("{} {}", row.name, row.syntax).trim().to_owned();
    let scalar = if row.syntax.is_empty() {
        json!({ "type": ["boolean", "null"] })
    } else if row.syntax.starts_with('[') {
        json!({ "type": ["string", "number", "boolean", "null"] })
    } else {
        json!({ "type": ["string", "number"] })
    };
    let mut one = vec![scalar];
    if STRUCTURED.iter().any(|(name, _)| *name == row.name) {
        one.push(json!({ "$ref": format!("#/$defs/{}", row.name.replace(' ', "-")) }));
    } else if row.repeats {
        one.push(json!({ "type": "object", "additionalProperties": { "type": ["string", "number"] } }));
    }
    let one = if one.len() == 1 { one.remove(0) } else { json!({ "anyOf": one }) };
    let mut value =
        if row.repeats { json!({ "anyOf": [one, { "type": "array", "items": one }] }) } else { one };
    if let Some(value) = value.as_object_mut() {
        value.insert("description".to_owned(), Value::String(usage));
        if let [_, ..] = row.accepted {
            let examples: Vec<&str> = row.accepted.to_vec();
            value.insert("$comment".to_owned(), Value::String(examples.join("; ")));
        }
    }
    value
}

fn parameters(name: &str, first: &[&str]) -> Value {
    let mut properties = Map::new();
    for key in first {
        properties.insert((*key).to_owned(), json!({ "type": ["string", "number"] }));
    }
    for (parameter, syntax) in directives::parameters_of(name) {
        if first.contains(&parameter) {
            continue;
        }
        let value = if syntax.is_empty() {
            json!({ "type": ["boolean", "null"] })
        } else {
            json!({ "type": ["string", "number"], "description": syntax })
        };
        properties.insert(parameter.to_owned(), value);
    }
    json!({ "type": "object", "properties": properties, "required": first })
}
