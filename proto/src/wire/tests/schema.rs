//! The rules that the protobuf files keep: prose on everything, zero unspecified, plural lists.

use std::collections::HashMap;

use prost_types::field_descriptor_proto::Label;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

use super::*;

#[test]
fn everything_has_a_comment() {
    let missing: Vec<String> = files().iter().flat_map(|file| Schema::of(file).uncommented()).collect();
    assert!(missing.is_empty(), "no comment on {missing:#?}");
}

#[test]
fn every_comment_is_a_sentence() {
    for file in files() {
        for location in file.source_code_info.iter().flat_map(|info| &info.location) {
            let comment = location.leading_comments().trim();
            assert!(
                comment.is_empty() || comment.ends_with(['.', ':']),
                "{}: {:?} has no end",
                file.name(),
                comment
            );
        }
    }
}

#[test]
fn zero_is_unspecified() {
    for file in files() {
        for (name, words) in Schema::of(&file).enums {
            let zero = words.value.first().expect("an enum has a value");
            let prefix = shouted(words.name());
            assert_eq!((zero.number(), zero.name()), (0, format!("{prefix}_UNSPECIFIED").as_str()), "{name}");
            for word in &words.value {
                assert!(word.name().starts_with(&format!("{prefix}_")), "{name}: {}", word.name());
            }
        }
    }
}

#[test]
fn lists_are_plural_and_nothing_is_a_map() {
    for file in files() {
        for (name, message) in Schema::of(&file).messages {
            assert!(
                message.nested_type.is_empty(),
                "{name} holds a message or a map: encodings would differ"
            );
            for field in message.field.iter().filter(|field| field.label() == Label::Repeated) {
                let plural = field.name().ends_with('s');
                assert!(plural, "{name}.{} is a list", field.name());
            }
        }
    }
}

#[test]
fn every_service_is_there() {
    let mut services: Vec<String> = files()
        .iter()
        .flat_map(|file| file.service.iter().map(|service| service.name().to_owned()))
        .collect();
    services.sort();
    let expected = [
        "Admin",
        "Backends",
        "Configuration",
        "Controller",
        "Fleet",
        "Frontends",
        "Overlays",
        "Process",
        "Servers",
        "Statistics",
    ];
    assert_eq!(services, expected);
}

/// One file, its comments by place.
struct Schema<'a> {
    file: &'a FileDescriptorProto,
    comments: HashMap<Vec<i32>, String>,
    messages: Vec<(String, &'a DescriptorProto)>,
    enums: Vec<(String, &'a EnumDescriptorProto)>,
}

impl<'a> Schema<'a> {
    fn of(file: &'a FileDescriptorProto) -> Schema<'a> {
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let comments = locations
            .filter(|location| !location.leading_comments().trim().is_empty())
            .map(|location| (location.path.clone(), location.leading_comments().trim().to_owned()))
            .collect();
        let named = |name: &str| format!("{}: {name}", file.name());
        let messages = file.message_type.iter().map(|message| (named(message.name()), message)).collect();
        let enums = file.enum_type.iter().map(|words| (named(words.name()), words)).collect();
        Schema { file, comments, messages, enums }
    }

    fn uncommented(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let mut need = |path: Vec<i32>, name: String| {
            if !self.comments.contains_key(&path) {
                missing.push(name);
            }
        };
        for (at, (name, message)) in (0_i32..).zip(&self.messages) {
            need(vec![MESSAGE, at], name.clone());
            for (field_at, field) in (0_i32..).zip(&message.field) {
                need(vec![MESSAGE, at, FIELD, field_at], format!("{name}.{}", field.name()));
            }
            let real = |oneof: &&str| !oneof.starts_with('_');
            let oneofs: Vec<&str> = message.oneof_decl.iter().map(|oneof| oneof.name()).collect();
            for (oneof_at, oneof) in (0_i32..).zip(oneofs).filter(|(_, oneof)| real(oneof)) {
                need(vec![MESSAGE, at, ONEOF, oneof_at], format!("{name}.{oneof}"));
            }
        }
        for (at, (name, words)) in (0_i32..).zip(&self.enums) {
            need(vec![ENUM, at], name.clone());
            for (word_at, word) in (0_i32..).zip(&words.value) {
                need(vec![ENUM, at, VALUE, word_at], format!("{name}.{}", word.name()));
            }
        }
        for (at, service) in (0_i32..).zip(&self.file.service) {
            need(vec![SERVICE, at], service.name().to_owned());
            for (method_at, method) in (0_i32..).zip(&service.method) {
                need(vec![SERVICE, at, METHOD, method_at], format!("{}.{}", service.name(), method.name()));
            }
        }
        missing
    }
}

fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
    assert!(set.file.len() >= 13, "{} files", set.file.len());
    set.file
}

/// `LogSyntax` as `LOG_SYNTAX`.
fn shouted(name: &str) -> String {
    let mut shouted = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !shouted.is_empty() {
            shouted.push('_');
        }
        shouted.push(letter.to_ascii_uppercase());
    }
    shouted
}

// Numbers of fields in google/protobuf/descriptor.proto, which paths of source locations are made of.
const MESSAGE: i32 = 4;
const ENUM: i32 = 5;
const SERVICE: i32 = 6;
const FIELD: i32 = 2;
const ONEOF: i32 = 8;
const VALUE: i32 = 2;
const METHOD: i32 = 2;
