//! Latencies in buckets of about one percent width: constant cost to record, no sample lost.

use std::time::Duration;

/// Counts of durations, from a microsecond to hours.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, longest: 0 }
    }

    /// Counts one duration, given in nanoseconds.
    pub fn record(&mut self, nanoseconds: u64) {
        if let Some(count) = self.counts.get_mut(bucket(nanoseconds)) {
            *count += 1;
        }
        self.total += 1;
        self.longest = self.longest.max(nanoseconds);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The longest one, exact.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }

    /// The duration that this share of all (0 to 1) does not exceed, to about a percent. Zero when empty.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = ((self.total as f64) * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(upper(index).min(self.longest));
            }
        }
        Duration::from_nanos(self.longest)
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// 64 buckets for each power of two.
fn bucket(value: u64) -> usize {
    let value = value.max(1);
    let power = 63 - value.leading_zeros();
    if power < STEPS {
        return value as usize;
    }
    let step = (value >> (power - STEPS)) as usize - (1 << STEPS);
    ((power - STEPS + 1) as usize) * (1 << STEPS) + step
}

/// The largest value of a bucket.
fn upper(index: usize) -> u64 {
    let (power, step) = (index >> STEPS, index & ((1 << STEPS) - 1));
    if power == 0 {
        return index as u64;
    }
    let shift = power as u32 - 1;
    ((((1 << STEPS) + step + 1) as u64) << shift) - 1
}

const STEPS: u32 = 6;
const BUCKETS: usize = 45 << STEPS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_two_percent() {
        let mut histogram = Histogram::new();
        for value in 1..=100_000_u64 {
            histogram.record(value * 1000);
        }
        for (share, exact) in [(0.5, 50_000_000.0), (0.99, 99_000_000.0), (0.999, 99_900_000.0)] {
            let found = histogram.quantile(share).as_nanos() as f64;
            assert!((found / exact - 1.0).abs() < 0.02, "{share}: {found} for {exact}");
        }
        assert_eq!(histogram.longest(), Duration::from_millis(100));
        assert_eq!(histogram.count(), 100_000);
    }

    #[test]
    fn every_value_is_in_the_bucket_whose_bounds_hold_it() {
        for value in (1..5_000).chain([1 << 20, (1 << 40) - 1, 1 << 40]) {
            let index = bucket(value);
            assert!(upper(index) >= value, "{value}");
            assert!(index == 0 || upper(index - 1) < value, "{value}");
        }
    }
}
