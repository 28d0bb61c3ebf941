//! Turns `regate/v1/*.proto` into code, without protoc.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=regate/v1");
    let mut files: Vec<PathBuf> =
        fs::read_dir("regate/v1")?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    files.sort();

    let descriptors = protox::compile(&files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("regate.v1.bin"), descriptors.encode_to_vec())?;
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
