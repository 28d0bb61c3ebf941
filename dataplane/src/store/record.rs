//! What stands in the frames of the state's files, as bytes: numbers are little-endian, texts and messages have their
//! length before them. Pure; what does not parse is told in words.

use regate_proto::change::{ChangeSet, Overlay, Revision};
use regate_proto::model::Row;
use regate_proto::state::Digest;
use regate_proto::wire;

use super::Controller;

/// The first frame of each file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Whether it is a snapshot, not a log.
    pub(super) snapshot: bool,
    /// The commit that the generation begins with.
    pub(super) sequence: u64,
    /// The revision then.
    pub(super) revision: Revision,
    /// The controller then.
    pub(super) managed: Option<Controller>,
}

/// A part of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) rows: Vec<Row>,
    pub(super) overlays: Vec<Overlay>,
    /// Whether it is the last one.
    pub(super) last: bool,
}

/// Commits that were made durable together: one frame of a log.
#[derive(Debug)]
pub(super) struct Batch {
    /// The number of the first commit; each further one has the next.
    pub(super) sequence: u64,
    pub(super) commits: Vec<Commit>,
    /// What the state contains after them.
    pub(super) digest: Digest,
}

/// One commit.
#[derive(Debug)]
pub(super) enum Commit {
    /// A set, and the revision that it made.
    Set(ChangeSet, Revision),
    /// A controller took the node over, or none has it any more.
    Managed(Option<Controller>),
}

/// A commit to be written.
#[derive(Debug)]
pub(super) enum Record<'a> {
    /// A set was applied, and made this revision.
    Set(&'a ChangeSet, Revision),
    /// A controller took the node over, or none has it any more.
    Managed(Option<&'a Controller>),
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(FORMAT.to_le_bytes());
        bytes.push(u8::from(self.snapshot));
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(self.revision.0.to_le_bytes());
        push_controller(&mut bytes, self.managed.as_ref());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Header, String> {
        let mut reader = Reader(bytes);
        let format = reader.u32()?;
        if format != FORMAT {
            return Err(format!("it is in format {format}, {FORMAT} is expected: another version wrote it"));
        }
        let header = Header {
            snapshot: reader.u8()? != 0,
            sequence: reader.u64()?,
            revision: Revision(reader.u64()?),
            managed: reader.controller()?,
        };
        reader.end().map(|()| header)
    }
}

impl Contents {
    /// The bytes of a part with these rows and overlays.
    pub(super) fn encode<'a>(
        rows: impl ExactSizeIterator<Item = &'a Row>,
        overlays: impl ExactSizeIterator<Item = &'a Overlay>,
        last: bool,
    ) -> Vec<u8> {
        let mut bytes = vec![u8::from(last)];
        push_count(&mut bytes, rows.len());
        rows.for_each(|row| push_bytes(&mut bytes, &wire::encode_row(row)));
        push_count(&mut bytes, overlays.len());
        overlays.for_each(|overlay| push_bytes(&mut bytes, &wire::encode_overlay(overlay)));
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Contents, String> {
        let mut reader = Reader(bytes);
        let mut contents = Contents { last: reader.u8()? != 0, ..Contents::default() };
        for _ in 0..reader.u32()? {
            contents.rows.push(wire::decode_row(reader.bytes()?).map_err(|problem| problem.to_string())?);
        }
        for _ in 0..reader.u32()? {
            contents
                .overlays
                .push(wire::decode_overlay(reader.bytes()?).map_err(|problem| problem.to_string())?);
        }
        reader.end().map(|()| contents)
    }
}

impl Batch {
    /// The bytes of a batch of these commits.
    pub(super) fn encode(sequence: u64, records: &[Record<'_>], digest: Digest) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(sequence.to_le_bytes());
        digest.kinds.iter().chain([&digest.overlays]).for_each(|sum| bytes.extend(sum.to_le_bytes()));
        push_count(&mut bytes, records.len());
        for record in records {
            match record {
                Record::Set(set, revision) => {
                    bytes.push(SET);
                    bytes.extend(revision.0.to_le_bytes());
                    push_bytes(&mut bytes, &wire::encode_change_set(set));
                }
                Record::Managed(controller) => {
                    bytes.push(MANAGED);
                    push_controller(&mut bytes, *controller);
                }
            }
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Batch, String> {
        let mut reader = Reader(bytes);
        let sequence = reader.u64()?;
        let mut digest = Digest::default();
        for sum in digest.kinds.iter_mut().chain([&mut digest.overlays]) {
            *sum = reader.u64()?;
        }
        let mut commits = Vec::new();
        for _ in 0..reader.u32()? {
            commits.push(match reader.u8()? {
                SET => {
                    let revision = Revision(reader.u64()?);
                    let set =
                        wire::decode_change_set(reader.bytes()?).map_err(|problem| problem.to_string())?;
                    Commit::Set(set, revision)
                }
                MANAGED => Commit::Managed(reader.controller()?),
                other => return Err(format!("a commit of kind {other} is not known to this version")),
            });
        }
        reader.end().map(|()| Batch { sequence, commits, digest })
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("it is too short")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| "it is too short".to_owned())
    }

    fn u8(&mut self) -> Result<u8, String> {
        self.array().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.u32()?;
        self.take(usize::try_from(length).map_err(|error| error.to_string())?)
    }

    fn text(&mut self) -> Result<String, String> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|error| error.to_string())
    }

    fn controller(&mut self) -> Result<Option<Controller>, String> {
        if self.u8()? == 0 {
            return Ok(None);
        }
        let (name, endpoint) = (self.text()?, self.text()?);
        Ok(Some(Controller { name, endpoint, allow_local: self.u8()? != 0 }))
    }

    fn end(&self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("{} bytes too many", self.0.len())) }
    }
}

fn push_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn push_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    push_count(bytes, value.len());
    bytes.extend_from_slice(value);
}

fn push_controller(bytes: &mut Vec<u8>, controller: Option<&Controller>) {
    bytes.push(u8::from(controller.is_some()));
    if let Some(controller) = controller {
        push_bytes(bytes, controller.name.as_bytes());
        push_bytes(bytes, controller.endpoint.as_bytes());
        bytes.push(u8::from(controller.allow_local));
    }
}

/// The arrangement that this program writes and reads.
const FORMAT: u32 = 1;

const SET: u8 = 1;
const MANAGED: u8 = 2;
