//! Rows of statistics, each told by what it differs in from the one before.
//!
//! Thousands of servers differ in little: a name, a number, a few counters. A block of rows holds, for each, a header
//! and fields in their encoding as [`v1::StatisticsRow`]. The header is a varint: the length of the fields times two,
//! and one more where they are the whole row. Otherwise they are laid over the row before, as protobuf merges messages.

use std::ops::Range;

use prost::Message;
use prost::bytes::{Buf, Bytes};
use prost::encoding::{decode_varint, encode_varint};

use super::v1;

/// Packs rows into blocks.
#[derive(Debug, Default)]
pub struct StatisticsPacker {
    rows: Vec<u8>,
    count: usize,
    before: Encoded,
    row: Encoded,
}

/// Reads the rows of a block.
#[derive(Debug)]
pub struct StatisticsReader {
    rows: Bytes,
    row: v1::StatisticsRow,
}

/// The encoding of a row with the places of its fields, which stand in the order of their numbers.
#[derive(Debug, Default)]
struct Encoded {
    bytes: Vec<u8>,
    fields: Vec<(u64, Range<usize>)>,
}

impl StatisticsPacker {
    /// Adds a row.
    pub fn push(&mut self, row: &v1::StatisticsRow) {
        std::mem::swap(&mut self.before, &mut self.row);
        self.row.fill(row);
        // The length stands before the fields, which are written behind what is there and moved where it takes more
        // than one byte, which is seldom.
        let start = self.rows.len();
        self.rows.push(0);
        let is_whole = self.count == 0 || !self.row.differences(&self.before, &mut self.rows);
        if is_whole {
            self.rows.truncate(start + 1);
            self.rows.extend_from_slice(&self.row.bytes);
        }
        let length = self.rows.len() - start - 1;
        let header = (length as u64) << 1 | u64::from(is_whole);
        if header < 0x80 {
            self.rows[start] = header as u8;
        } else {
            let mut bytes = Vec::with_capacity(VARINT);
            encode_varint(header, &mut bytes);
            self.rows.splice(start..=start, bytes);
        }
        self.count += 1;
    }

    /// Rows in the block so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the block so far.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row in the block.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Ends the block; the next row begins another, which is read without this one.
    pub fn take(&mut self) -> v1::PackedStatistics {
        self.count = 0;
        v1::PackedStatistics { rows: std::mem::take(&mut self.rows).into() }
    }
}

impl StatisticsReader {
    /// Reads a block.
    pub fn new(block: v1::PackedStatistics) -> StatisticsReader {
        StatisticsReader { rows: block.rows, row: v1::StatisticsRow::default() }
    }

    /// The next row; nothing after the last one, and from the first on that is not well formed.
    pub fn advance(&mut self) -> Option<&v1::StatisticsRow> {
        if self.rows.is_empty() {
            return None;
        }
        let header = decode_varint(&mut self.rows).ok();
        let length = header.and_then(|header| usize::try_from(header >> 1).ok());
        let Some((header, length)) = header.zip(length).filter(|(_, length)| *length <= self.rows.len())
        else {
            self.rows.clear();
            return None;
        };
        if header & 1 == 1 {
            self.row.clear();
        }
        let fields = self.rows.get(..length).unwrap_or_default();
        if self.row.merge(fields).is_err() {
            self.rows.clear();
            return None;
        }
        self.rows.advance(length);
        Some(&self.row)
    }
}

impl Encoded {
    fn fill(&mut self, row: &v1::StatisticsRow) {
        self.bytes.clear();
        self.fields.clear();
        // Bytes grow as they must.
        let _ = row.encode(&mut self.bytes);
        let mut rest = self.bytes.as_slice();
        while let Some((number, length)) = first_field(rest) {
            let start = self.bytes.len() - rest.len();
            self.fields.push((number, start..start + length));
            rest = rest.get(length..).unwrap_or_default();
        }
    }

    /// Writes the fields that differ from those of another row; gives up where that cannot be told by fields laid
    /// over it.
    fn differences(&self, before: &Encoded, out: &mut Vec<u8>) -> bool {
        let mut old = before.fields.iter().peekable();
        for (number, place) in &self.fields {
            let field = self.bytes.get(place.clone()).unwrap_or_default();
            match old.peek() {
                Some((known, _)) if known < number => return false,
                Some((known, place)) if known == number => {
                    let same = before.bytes.get(place.clone()) == Some(field);
                    if !same && MESSAGES.contains(number) {
                        return false;
                    }
                    if !same {
                        out.extend_from_slice(field);
                    }
                    old.next();
                }
                _ => out.extend_from_slice(field),
            }
        }
        old.next().is_none()
    }
}

/// The number of the field that begins here, and its length with its key.
fn first_field(bytes: &[u8]) -> Option<(u64, usize)> {
    let (key, after_key) = varint(bytes)?;
    let length = match key & 7 {
        0 => after_key + varint(bytes.get(after_key..)?)?.1,
        2 => {
            let (length, after) = varint(bytes.get(after_key..)?)?;
            after_key.checked_add(after)?.checked_add(usize::try_from(length).ok()?)?
        }
        1 => after_key + 8,
        5 => after_key + 4,
        _ => return None,
    };
    (length <= bytes.len()).then_some((key >> 3, length))
}

/// The number that begins here, and its length.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(VARINT).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, at + 1));
        }
    }
    None
}

/// Fields that are messages of their own, which protobuf merges and does not replace.
const MESSAGES: [u64; 2] = [18, 32];

/// Bytes of the longest varint.
const VARINT: usize = 10;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rows that differ in some of these ways from one another.
    fn rows() -> impl Strategy<Value = Vec<v1::StatisticsRow>> {
        let small = prop_oneof![Just(0u64), 0u64..300, any::<u64>()];
        let status = (0i32..12, proptest::option::of(0u32..3), any::<bool>());
        let row = (
            "[a-c]{0,3}",
            0u32..3,
            proptest::option::of(small),
            proptest::option::of(proptest::option::of("[a-z]{0,200}")),
            proptest::option::of(status),
            proptest::option::of(any::<i32>()),
        );
        let row = row.prop_map(|(service, id, count, text, status, last)| v1::StatisticsRow {
            proxy: "farm".to_owned(),
            service,
            service_id: id,
            sessions_total: count,
            response_bytes_out_total: count.map(|count| count / 2),
            address: text.clone().flatten(),
            tracked: text
                .map(|text| v1::ServerRef { backend: text.unwrap_or_default(), ..Default::default() }),
            status: status.map(|(condition, step, agent)| v1::Status {
                condition,
                step,
                agent,
                ..Default::default()
            }),
            last_session_s: last,
            ..Default::default()
        });
        proptest::collection::vec(row, 0..20)
    }

    proptest! {
        #[test]
        fn rows_come_out_as_they_went_in(blocks in proptest::collection::vec(rows(), 1..4)) {
            let mut packer = StatisticsPacker::default();
            for rows in blocks {
                rows.iter().for_each(|row| packer.push(row));
                prop_assert_eq!(packer.count(), rows.len());
                let mut reader = StatisticsReader::new(packer.take());
                for row in &rows {
                    prop_assert_eq!(reader.advance(), Some(row));
                }
                prop_assert_eq!(reader.advance(), None);
            }
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = StatisticsReader::new(v1::PackedStatistics { rows: bytes.into() });
            let count = std::iter::from_fn(|| reader.advance().map(drop)).count();
            prop_assert!(count <= 200);
        }
    }

    #[test]
    fn rows_that_differ_in_little_take_little() {
        let row = |at: u32| v1::StatisticsRow {
            proxy: "farm".to_owned(),
            service: format!("f{at}"),
            service_id: at,
            sessions_total: Some(0),
            response_bytes_out_total: Some(0),
            address: Some("127.0.0.1:9".to_owned()),
            ..Default::default()
        };
        let mut packer = StatisticsPacker::default();
        (0..1000).for_each(|at| packer.push(&row(at)));
        assert!(packer.len() < 12_000, "{} bytes", packer.len());
    }

    #[test]
    fn the_messages_in_a_row_are_those_that_are_named() {
        use prost_types::field_descriptor_proto::Type;
        let files = prost_types::FileDescriptorSet::decode(crate::wire::DESCRIPTORS).unwrap();
        let messages = files.file.iter().flat_map(|file| &file.message_type);
        let row = messages.into_iter().find(|message| message.name() == "StatisticsRow").unwrap();
        let found = row.field.iter().filter(|field| field.r#type() == Type::Message);
        let mut found: Vec<u64> = found.map(|field| field.number() as u64).collect();
        found.sort_unstable();
        assert_eq!(found, MESSAGES);
    }
}
