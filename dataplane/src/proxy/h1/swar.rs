//! Eight bytes at a time, in one register: marks of the bytes of a word that have a property. A mark
//! is the top bit of its byte. Knows nothing of messages; `line.rs` uses it.

/// The eight bytes at `at`, the first one lowest; nothing when fewer are left.
#[inline(always)]
pub(super) fn word(buf: &[u8], at: usize) -> Option<u64> {
    buf.get(at..)?.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Offset of the first marked byte.
#[inline(always)]
pub(super) const fn first(marks: u64) -> Option<usize> {
    match marks & TOPS {
        0 => None,
        marks => Some((marks.trailing_zeros() / 8) as usize),
    }
}

/// Marks control characters: below 0x20, and 0x7f. Only the first mark is sure, as those above it
/// may be false.
#[inline(always)]
pub(super) const fn controls(word: u64) -> u64 {
    // A byte below 0x20 borrows into its top bit when 0x20 is taken off; a 0x7f becomes zero and
    // borrows when 1 is taken off. A borrow falsifies bytes above alone.
    let low = word.wrapping_sub(repeat(0x20)) & !word;
    let delete = word ^ repeat(0x7f);
    low | (delete.wrapping_sub(repeat(1)) & !delete)
}

/// Marks ASCII letters.
#[inline(always)]
pub(super) const fn letters(word: u64) -> u64 {
    let lower = (word | repeat(0x20)) & !TOPS;
    (lower + repeat(0x80 - b'a')) & !(lower + repeat(0x7f - b'z')) & !word
}

/// Marks the bytes that are at least `limit` (1 to 127); a byte above 127 is.
#[inline(always)]
pub(super) const fn at_least(word: u64, limit: u8) -> u64 {
    ((word & !TOPS) + repeat(0x80 - limit)) | word
}

/// Marks the bytes that equal one below 128.
#[inline(always)]
pub(super) const fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ repeat(byte);
    !(((difference & !TOPS) + !TOPS) | difference)
}

/// The word with its ASCII letters in lower case. Other bytes change too: it serves to compare
/// names of letters, digits and dashes.
#[inline(always)]
pub(super) const fn lower(word: u64) -> u64 {
    word | repeat(0x20)
}

const fn repeat(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

const TOPS: u64 = repeat(0x80);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte in every place, between neighbours that could disturb it.
    #[test]
    fn marks_are_those_of_the_bytes() {
        for byte in 0..=255u8 {
            for place in 0..8 {
                for neighbour in [0x40, 0x61, 0x2d, 0xff, 0x80, 0x7e] {
                    let mut bytes = [neighbour; 8];
                    bytes[place] = byte;
                    let word = u64::from_le_bytes(bytes);
                    let marked = |marks: u64| marks >> (place * 8 + 7) & 1 == 1;
                    assert_eq!(marked(letters(word)), byte.is_ascii_alphabetic(), "{byte}");
                    assert_eq!(marked(equal(word, b'-')), byte == b'-', "{byte}");
                    assert_eq!(marked(at_least(word, 0x21)), byte >= 0x21, "{byte}");
                    assert_eq!(marked(at_least(word, 0x7f)), byte >= 0x7f, "{byte}");
                    assert_eq!(first(controls(word)), byte.is_ascii_control().then_some(place), "{byte}");
                }
            }
        }
    }
}
