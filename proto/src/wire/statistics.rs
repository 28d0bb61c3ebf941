//! Rows of statistics, each told by what it differs in from the one before.
//!
//! Thousands of servers differ in little: a name, a number, a few counters. A block of rows holds, for each, a header
//! and fields in their encoding as [`v1::StatisticsRow`]. The header is a varint: the length of the fields times two,
//! and one more where they are the whole row. Otherwise they are laid over the row before, as protobuf merges messages.

use prost::Message;
use prost::bytes::{Buf, Bytes};
use prost::encoding::{decode_varint, encode_varint};

use super::v1;

/// Packs rows into blocks.
#[derive(Debug, Default)]
pub struct StatisticsPacker {
    rows: Vec<u8>,
    count: usize,
    before: v1::StatisticsRow,
}

/// Reads the rows of a block.
#[derive(Debug)]
pub struct StatisticsReader {
    rows: Bytes,
    row: v1::StatisticsRow,
}

impl StatisticsPacker {
    /// Adds a row; in its place is left another, to be written anew.
    pub fn push(&mut self, row: &mut v1::StatisticsRow) {
        // The length stands before the fields, which are written behind what is there and moved where it takes more
        // than one byte, which is seldom.
        let start = self.rows.len();
        self.rows.push(0);
        let is_whole = self.count == 0 || !differences(&self.before, row, &mut self.rows);
        if is_whole {
            self.rows.truncate(start + 1);
            // Bytes grow as they must.
            let _ = row.encode(&mut self.rows);
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
        std::mem::swap(&mut self.before, row);
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

// Writes the fields that differ from those of the row before; gives up where that cannot be told by fields laid over it.
include!(concat!(env!("OUT_DIR"), "/statistics_differences.rs"));

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
                rows.iter().for_each(|row| packer.push(&mut row.clone()));
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
        (0..1000).for_each(|at| packer.push(&mut row(at)));
        assert!(packer.len() < 12_000, "{} bytes", packer.len());
    }
}
