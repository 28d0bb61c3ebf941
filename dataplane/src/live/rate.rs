//! Events a second.

use std::sync::atomic::{AtomicU64, Ordering};

/// Events in the last second, sliding, shared by all workers.
///
/// The present second's count and the one before are kept; the rate is the present count plus the share of
/// the previous one that still lies within the last 1000 ms. One word, so that it changes at once:
/// second (24 bits), previous count (20 bits), present count (20 bits).
#[derive(Debug, Default)]
pub struct Rate {
    word: AtomicU64,
    highest: AtomicU64,
}

impl Rate {
    /// Counts an event at this time (milliseconds on the process's clock); gives the rate with it.
    pub fn add(&self, now: u64) -> u64 {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let (previous, present) = Self::counts_at(word, now);
            let next = Self::word(now / 1000, previous, (present + 1).min(Self::MOST));
            match self.word.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break,
                Err(seen) => word = seen,
            }
        }
        let rate = self.at(now);
        if rate > self.highest.load(Ordering::Relaxed) {
            self.highest.fetch_max(rate, Ordering::Relaxed);
        }
        rate
    }

    /// The rate at this time.
    pub fn at(&self, now: u64) -> u64 {
        let (previous, present) = Self::counts_at(self.word.load(Ordering::Relaxed), now);
        present + (previous * (1000 - now % 1000)) / 1000
    }

    /// How many milliseconds until one more event keeps the rate within `limit`; 0 when now.
    pub fn wait_for(&self, now: u64, limit: u64) -> u64 {
        if limit == 0 || self.at(now) < limit {
            return 0;
        }
        let (previous, present) = Self::counts_at(self.word.load(Ordering::Relaxed), now);
        let left = 1000 - now % 1000;
        if present >= limit || previous == 0 {
            return left;
        }
        let room = (limit - present) * 1000 / previous;
        left.saturating_sub(room).max(1)
    }

    /// The highest rate since it was cleared.
    pub fn highest(&self) -> u64 {
        self.highest.load(Ordering::Relaxed)
    }

    /// Forgets the highest rate.
    pub fn clear(&self) {
        self.highest.store(0, Ordering::Relaxed);
    }

    const MOST: u64 = (1 << 20) - 1;
    const SECOND: u64 = (1 << 24) - 1;

    fn word(second: u64, previous: u64, present: u64) -> u64 {
        (second & Self::SECOND) << 40 | previous << 20 | present
    }

    /// The counts of the second before and of the second of `now`.
    fn counts_at(word: u64, now: u64) -> (u64, u64) {
        let (second, previous, present) = (word >> 40, (word >> 20) & Self::MOST, word & Self::MOST);
        match ((now / 1000) & Self::SECOND).wrapping_sub(second) & Self::SECOND {
            0 => (previous, present),
            1 => (present, 0),
            _ => (0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;

    #[test]
    fn a_rate_slides_over_two_seconds() {
        let rate = Rate::default();
        for event in 0..100 {
            rate.add(5_000 + event * 10);
        }
        assert_eq!(rate.at(5_999), 100);
        assert_eq!(rate.at(6_500), 50);
        assert_eq!(rate.at(7_000), 0);
        assert_eq!(rate.highest(), 100);
    }

    #[test]
    fn a_limit_says_how_long_to_wait() {
        let rate = Rate::default();
        assert_eq!(rate.wait_for(0, 2), 0);
        rate.add(100);
        rate.add(100);
        assert_eq!(rate.wait_for(100, 2), 900);
        assert_eq!(rate.wait_for(100, 0), 0);
        assert!(rate.wait_for(1_000, 2) > 0);
        assert_eq!(rate.wait_for(1_501, 2), 0);
    }
}
