//! The JSON schema of what is written as JSON (management manual 9.3 "show schema json").
//!
//! Built from the tables of `value.rs`, in the order and with the peculiarities of HAProxy's, byte for byte:
//! programs compare it.

use super::value::{NATURES, ORIGINS, SCOPES};

/// The schema, one line without its end.
pub fn schema() -> String {
    let info = object_of("", "", "value");
    let stat = object_of(STAT_MEMBERS, "\"objType\",\"proxyId\",\"id\",", "typedValue");
    let numbers: Vec<String> = NUMBERS
        .iter()
        .map(|(name, lowest, highest)| {
            value(name, "string", &format!("\"type\":\"integer\",\"minimum\":{lowest},\"maximum\":{highest}"))
        })
        .collect();
    let text = value("str", "string", "\"type\":\"string\"");
    let kinds = ["s32", "s64", "u32", "u64", "str"];
    let references: Vec<String> = kinds
        .iter()
        .map(|kind| format!("{{\"$ref\":\"#/definitions/typedValue/definitions/{kind}Value\"}}"))
        .collect();
    format!(
        "{{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"oneOf\":[\
         {{\"title\":\"Info\",\"type\":\"array\",\"items\":{info}}},\
         {{\"title\":\"Stat\",\"type\":\"array\",\"items\":{stat}}},\
         {{\"title\":\"Error\",\"type\":\"object\",\"properties\":{{\"errorStr\":{{\"type\":\"string\"}}}},\
         \"required\":[\"errorStr\"]}}],\"definitions\":{{\
         \"field\":{{\"type\":\"object\",\"pos\":{{\"type\":\"integer\",\"minimum\":0}},\
         \"name\":{{\"type\":\"string\"}},\"required\":[\"pos\",\"name\"]}},\
         \"processNum\":{{\"type\":\"integer\",\"minimum\":1}},\
         \"tags\":{{\"type\":\"object\",{},{},{},\"required\":[\"origin\",\"nature\",\"scope\"]}},\
         \"typedValue\":{{\"type\":\"object\",\"oneOf\":[{}],\"definitions\":{{{},{text},\
         \"unknownValue\":{{\"properties\":{{\"type\":{{\"type\":\"integer\",\"minimum\":0}},\
         \"value\":{{\"type\":\"string\",\"enum\":[\"unknown\"]}}}},\"required\":[\"type\",\"value\"]}}}}}}}}}}",
        choice("origin", &words(&ORIGINS), ","),
        choice("nature", &words(&NATURES), ", "),
        choice("scope", &words(&SCOPES), ","),
        references.join(","),
        numbers.join(","),
    )
}

fn object_of(members: &str, required: &str, value: &str) -> String {
    format!(
        "{{\"title\":\"InfoItem\",\"type\":\"object\",\"properties\":{{{members}\
         \"field\":{{\"$ref\":\"#/definitions/field\"}},\
         \"processNum\":{{\"$ref\":\"#/definitions/processNum\"}},\
         \"tags\":{{\"$ref\":\"#/definitions/tags\"}},\"{value}\":{{\"$ref\":\"#/definitions/typedValue\"}}}},\
         \"required\":[{required}\"field\",\"processNum\",\"tags\",\"value\"]}}"
    )
}

/// A string with one of these values or `Unknown`; HAProxy puts a blank before the last one of the natures.
fn choice(name: &str, words: &[&str], before_last: &str) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("\"{name}\":{{\"type\":\"string\",\"enum\":[{}{before_last}\"Unknown\"]}}", words.join(","))
}

fn value(name: &str, kind: &str, range: &str) -> String {
    format!(
        "\"{name}Value\":{{\"properties\":{{\"type\":{{\"type\":\"{kind}\",\"enum\":[\"{name}\"]}},\
         \"value\":{{{range}}}}},\"required\":[\"type\",\"value\"]}}"
    )
}

fn words(table: &[(u8, &'static str)]) -> Vec<&'static str> {
    table.iter().map(|(_, word)| *word).collect()
}

const STAT_MEMBERS: &str = "\"objType\":{\"enum\":[\"Frontend\",\"Backend\",\"Listener\",\"Server\",\"Unknown\"]},\
\"proxyId\":{\"type\":\"integer\",\"minimum\":0},\"id\":{\"type\":\"integer\",\"minimum\":0},";
/// Types of numbers with their ranges; a double holds 64-bit ones up to 2^53 - 1.
const NUMBERS: [(&str, i64, i64); 4] = [
    ("s32", i32::MIN as i64, i32::MAX as i64),
    ("s64", -9_007_199_254_740_991, 9_007_199_254_740_991),
    ("u32", 0, u32::MAX as i64),
    ("u64", 0, 9_007_199_254_740_991),
];
