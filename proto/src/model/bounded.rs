//! Numbers with a unit or a range.

use std::fmt;
use std::time::Duration;

/// A time span in milliseconds, 0 to 2^31-1 as HAProxy's timers (configuration manual 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(u32);

impl Millis {
    /// The longest span, about 24.8 days.
    pub const MAX: Millis = Millis(i32::MAX as u32);

    /// Checks the range.
    pub fn new(millis: u64) -> Result<Millis, OutOfRange> {
        match u32::try_from(millis) {
            Ok(value) if value <= Self::MAX.0 => Ok(Millis(value)),
            _ => Err(OutOfRange { value: millis, lowest: 0, highest: u64::from(Self::MAX.0) }),
        }
    }

    /// The span in milliseconds.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The shortest spelling, such as `10s` or `1500ms` (configuration manual 2.5).
    pub fn spelled(self) -> String {
        for (unit, suffix) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")] {
            if self.0 != 0 && self.0.is_multiple_of(unit) {
                return format!("{}{suffix}", self.0 / unit);
            }
        }
        format!("{}ms", self.0)
    }

    /// The span as a standard duration.
    pub fn duration(self) -> Duration {
        Duration::from_millis(u64::from(self.0))
    }
}

/// A server's weight, 0 to 256: its share of traffic relative to its peers; 0 takes no new traffic
/// except by persistence (configuration manual 5.2 "weight").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u16);

impl Weight {
    /// The weight of a server that declares none.
    pub const DEFAULT: Weight = Weight(1);
    /// The highest weight.
    pub const MAX: Weight = Weight(256);

    /// Checks the range.
    pub fn new(weight: u64) -> Result<Weight, OutOfRange> {
        match u16::try_from(weight) {
            Ok(value) if value <= Self::MAX.0 => Ok(Weight(value)),
            _ => Err(OutOfRange { value: weight, lowest: 0, highest: u64::from(Self::MAX.0) }),
        }
    }

    /// The weight as a number.
    pub fn get(self) -> u16 {
        self.0
    }
}

/// A number outside the range of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The number given.
    pub value: u64,
    /// The lowest accepted.
    pub lowest: u64,
    /// The highest accepted.
    pub highest: u64,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is out of range: {} to {} is accepted", self.value, self.lowest, self.highest)
    }
}

impl std::error::Error for OutOfRange {}
