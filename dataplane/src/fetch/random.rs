//! Random numbers for samples: unpredictable enough to share load, not for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    // Keyed by the system, once for each thread; a hash of a counter is then as good as a random number.
    static SOURCE: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0));
}

/// Sixty-four random bits.
pub(super) fn bits() -> u64 {
    SOURCE.with(|(state, counter)| {
        counter.set(counter.get().wrapping_add(1));
        state.hash_one(counter.get())
    })
}

/// A random integer from 0 on, below a bound; 32 bits without one.
pub(super) fn below(bound: Option<u32>) -> i64 {
    let random = bits() >> 32;
    let bound = bound.filter(|bound| *bound != 0).map_or(1 << 32, u64::from);
    ((random * bound) >> 32) as i64
}

/// A UUID: random (version 4), or with the milliseconds of now before it (version 7).
pub(super) fn uuid(version: Option<i64>, millis: u64) -> Option<String> {
    let (high, low) = (bits(), bits());
    let low = low & (u64::MAX >> 2) | 1 << 63;
    let high = match version.unwrap_or(4) {
        4 => high & !0xf000 | 0x4000,
        7 => millis << 16 | high & 0x0fff | 0x7000,
        _ => return None,
    };
    Some(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_integer_stays_below_its_bound() {
        for bound in [1, 2, 7, 1000, u32::MAX] {
            assert!((0..1000).all(|_| (0..i64::from(bound)).contains(&below(Some(bound)))), "{bound}");
        }
        let halves = (0..1000).filter(|_| below(None) < 1 << 31).count();
        assert!((300..700).contains(&halves), "{halves} of 1000 are in the lower half");
    }

    #[test]
    fn a_uuid_has_its_version_and_its_variant() {
        for version in [4, 7] {
            let text = uuid(Some(version), 0x0123_4567_89ab).unwrap_or_default();
            let bytes = text.as_bytes();
            assert_eq!(text.len(), 36, "{text}");
            assert_eq!(bytes[14], b'0' + version as u8, "{text}");
            assert!(matches!(bytes[19], b'8' | b'9' | b'a' | b'b'), "{text}");
        }
        assert!(uuid(Some(7), 0x0123_4567_89ab).is_some_and(|text| text.starts_with("01234567-89ab-7")));
        assert_eq!(uuid(Some(1), 0), None);
        assert_ne!(uuid(None, 0), uuid(None, 0));
    }
}
