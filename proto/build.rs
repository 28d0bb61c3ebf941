//! Turns `regate/v1/*.proto` into code, without protoc.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;
use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::Type;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=regate/v1");
    let mut files: Vec<PathBuf> =
        fs::read_dir("regate/v1")?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    files.sort();

    let descriptors = protox::compile(&files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("regate.v1.bin"), descriptors.encode_to_vec())?;
    fs::write(out.join("statistics_differences.rs"), differences(&descriptors)?)?;
    // Rows are large and of very different sizes; a set holds up to a million changes.
    let boxed = [
        "global",
        "defaults",
        "frontend",
        "bind",
        "backend",
        "server",
        "resolvers",
        "entries",
        "userlist",
        "ring",
    ];
    let mut config = tonic_prost_build::configure()
        .bytes(".regate.v1.Entry")
        .bytes(".regate.v1.ListEdit")
        .bytes(".regate.v1.PackedEntries")
        .bytes(".regate.v1.PackedStatistics");
    for noun in boxed {
        config = config.boxed(format!(".regate.v1.Row.noun.{noun}"));
    }
    config.compile_fds(descriptors)?;
    Ok(())
}

/// A function that writes those fields of a `StatisticsRow` that differ from another's: there are more than a hundred,
/// which are compared thousands of times for one answer.
fn differences(descriptors: &FileDescriptorSet) -> Result<String, Box<dyn Error>> {
    let mut messages = descriptors.file.iter().flat_map(|file| &file.message_type);
    let row =
        messages.find(|message| message.name() == "StatisticsRow").ok_or("there is no StatisticsRow")?;
    let mut fields: Vec<_> = row.field.iter().collect();
    fields.sort_by_key(|field| field.number());
    let mut body = String::new();
    for field in fields {
        let (name, number) = (field.name(), field.number());
        let kind = match field.r#type() {
            Type::Uint32 => "uint32",
            Type::Uint64 => "uint64",
            Type::Sint32 => "sint32",
            Type::Enum => "int32",
            Type::String => "string",
            // Messages are merged and not replaced, so a row with another one is told as a whole.
            Type::Message => {
                body.push_str(&format!("if row.{name} != before.{name} {{ return false; }}\n"));
                continue;
            }
            other => return Err(format!("StatisticsRow.{name}: {other:?} is not provided for").into()),
        };
        let write = format!("::prost::encoding::{kind}::encode({number},");
        body.push_str(&match (field.proto3_optional(), kind) {
            (true, _) => format!(
                "if row.{name} != before.{name} {{ match &row.{name} {{ Some(value) => {write} value, out), None => \
                 return false }} }}\n"
            ),
            (false, "string") => format!(
                "if row.{name} != before.{name} {{ if row.{name}.is_empty() {{ return false; }} {write} &row.{name}, \
                 out); }}\n"
            ),
            (false, _) => format!(
                "if row.{name} != before.{name} {{ if row.{name} == 0 {{ return false; }} {write} &row.{name}, out); \
                 }}\n"
            ),
        });
    }
    Ok(format!(
        "fn differences(before: &v1::StatisticsRow, row: &v1::StatisticsRow, out: &mut Vec<u8>) -> bool {{\n{body}true\n}}\n"
    ))
}
