//! Bulk changes through Regate's gRPC service, timed from the first message to the commit.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use regate_proto::wire::v1;
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};
use v1::admin_client::AdminClient;
use v1::list_edit::Edit;
use v1::stage_request::Part;

use crate::harness::{Process, Result, Trouble};

/// A connection to the service of a running `regate haproxy`.
pub struct Admin {
    runtime: Runtime,
    client: AdminClient<Channel>,
}

impl Admin {
    /// Connects to the socket that the process keeps for its own parts.
    pub fn connect(process: &Process) -> Result<Self> {
        let socket = socket(process.pid()).ok_or_else(|| Trouble::new("the admin socket was not found"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).map_err(told)?;
        let channel = runtime.block_on(endpoint.connect()).map_err(told)?;
        Ok(Self { runtime, client: AdminClient::new(channel) })
    }

    /// Makes these the entries of a list, in one set of changes: added at the end, or with `replaces` in place of
    /// all that are there. Gives the time until it was in force.
    pub fn fill(
        &mut self,
        list: &str,
        entries: impl Iterator<Item = (String, String)>,
        replaces: bool,
    ) -> Result<Duration> {
        let header = v1::StageHeader { origin: None, base: None, replace: false };
        let mut parts = vec![v1::StageRequest { part: Some(Part::Header(header)) }];
        if replaces {
            parts.push(chunk(list, Edit::Clear(v1::ClearList {})));
        }
        let mut entries = entries.peekable();
        while entries.peek().is_some() {
            let run = entries.by_ref().take(AT_ONCE).map(|(key, value)| v1::Entry {
                id: 0,
                key: key.into(),
                value: Some(value.into()),
            });
            parts.push(chunk(list, Edit::Append(v1::EntryRun { entries: run.collect(), packed: None })));
        }
        let client = &mut self.client;
        self.runtime.block_on(async {
            let begun = Instant::now();
            let staged = client.stage(tokio_stream::iter(parts)).await.map_err(told)?.into_inner();
            let request = v1::CommitRequest { ticket: staged.ticket, dry_run: false };
            let reply = client.commit(request).await.map_err(told)?.into_inner();
            match reply.result {
                Some(v1::commit_reply::Result::Applied(_)) => Ok(begun.elapsed()),
                other => Err(Trouble::new(format!("the entries were refused: {other:?}"))),
            }
        })
    }
}

fn chunk(list: &str, edit: Edit) -> v1::StageRequest {
    let edit = v1::ListEdit { list: list.to_owned(), edit: Some(edit) };
    let change = v1::Change { verb: Some(v1::change::Verb::Edit(edit)), ..v1::Change::default() };
    v1::StageRequest { part: Some(Part::Chunk(v1::StageChunk { changes: vec![change] })) }
}

/// The socket in the folder that carries the process's number.
fn socket(pid: u32) -> Option<PathBuf> {
    let begins = format!("regate-{pid}-");
    let parents = [PathBuf::from("/run/regate"), std::env::temp_dir()];
    let folders = parents.iter().filter_map(|parent| std::fs::read_dir(parent).ok()).flatten().flatten();
    let own = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begins));
    folders
        .map(|entry| entry.path())
        .filter(|path| own(path))
        .map(|path| path.join("admin.sock"))
        .find(|path| path.exists())
}

fn told(error: impl std::fmt::Display) -> Trouble {
    Trouble::new(error.to_string())
}

/// Entries of one message, which stays below 4 MiB.
const AT_ONCE: usize = 20_000;
