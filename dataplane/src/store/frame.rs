//! Bytes on disk in frames that tell whether they are whole.
//!
//! A frame is a mark, the length of its payload, a checksum over both length and payload, and the payload. Pure.

use std::ops::Range;

/// Appends a frame.
pub(super) fn push(file: &mut Vec<u8>, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    file.extend_from_slice(&MARK);
    file.extend_from_slice(&length);
    file.extend_from_slice(&checksum(length, payload).to_le_bytes());
    file.extend_from_slice(payload);
}

/// What stands at a place of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole frame with its payload here; the next one begins where the payload ends.
    Frame(Range<usize>),
    /// The end of the file.
    End,
    /// Bytes that are no whole frame, and nothing after them is: what a write leaves that was cut short.
    Torn,
    /// Bytes that are no whole frame, although whole ones follow.
    Damaged,
}

/// Looks at the frame that begins at a place.
pub(super) fn find(file: &[u8], at: usize) -> Found {
    if at >= file.len() {
        return Found::End;
    }
    match whole(file, at) {
        Some(payload) => Found::Frame(payload),
        None => {
            let rest = &file[at.saturating_add(1).min(file.len())..];
            let mut marks = memchr::memmem::find_iter(rest, &MARK);
            let follows = marks.any(|mark| whole(rest, mark).is_some());
            if follows { Found::Damaged } else { Found::Torn }
        }
    }
}

/// The payload of the frame at a place, when it is whole.
fn whole(file: &[u8], at: usize) -> Option<Range<usize>> {
    let head = file.get(at..at.checked_add(HEAD)?)?;
    let (mark, numbers) = head.split_at(MARK.len());
    let (length, sum) = numbers.split_at(4);
    let (length, sum) = (<[u8; 4]>::try_from(length).ok()?, <[u8; 4]>::try_from(sum).ok()?);
    let first = at.checked_add(HEAD)?;
    let last = first.checked_add(usize::try_from(u32::from_le_bytes(length)).ok()?)?;
    let payload = file.get(first..last)?;
    (mark == MARK && checksum(length, payload) == u32::from_le_bytes(sum)).then_some(first..last)
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

const MARK: [u8; 4] = *b"RgF\x01";
const HEAD: usize = MARK.len() + 4 + 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Found, find, push};

    fn file(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let (mut file, mut ends) = (Vec::new(), vec![0]);
        for payload in payloads {
            push(&mut file, payload);
            ends.push(file.len());
        }
        (file, ends)
    }

    /// How many frames are read before the first that is not whole, and what stands there.
    fn read(file: &[u8]) -> (usize, Found) {
        let (mut at, mut count) = (0, 0);
        loop {
            match find(file, at) {
                Found::Frame(payload) => {
                    at = payload.end;
                    count += 1;
                }
                other => return (count, other),
            }
        }
    }

    proptest! {
        #[test]
        fn a_cut_file_gives_every_frame_before_the_cut(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8),
            cut in any::<proptest::sample::Index>(),
        ) {
            let (file, ends) = file(&payloads);
            let cut = cut.index(file.len() + 1);
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            let expected = if ends.contains(&cut) { Found::End } else { Found::Torn };
            prop_assert_eq!(read(&file[..cut]), (whole, expected));
        }

        #[test]
        fn a_flipped_bit_is_noticed_in_its_frame(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8),
            at in any::<proptest::sample::Index>(),
            bit in 0u8..8,
        ) {
            let (mut file, ends) = file(&payloads);
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
            let hit = ends.iter().filter(|end| **end <= at).count() - 1;
            let expected = if hit + 1 == payloads.len() { Found::Torn } else { Found::Damaged };
            prop_assert_eq!(read(&file), (hit, expected));
        }
    }
}
