//! Events within the last period, in three words.
//!
//! Pure; time is a clock of milliseconds that wraps around. The present period's count and the one before are kept; the
//! rate is the present count and the share of the one before that still lies within the last period. This is how
//! HAProxy's rates go up and down, also in what it does not say: a single event is told until a whole further period is
//! over, instead of flickering.

/// The words of a rate: when the present period began, its count, the count of the period before.
pub(super) type Words = [u32; 3];

/// Counts events.
pub(super) fn add(words: &mut Words, period: u32, now: u32, events: u32) {
    turn(words, period, now);
    words[COUNT] = words[COUNT].wrapping_add(events);
}

/// Says that so many events came in the present period, and none before.
pub(super) fn set(words: &mut Words, now: u32, events: u32) {
    *words = [now, events, 0];
}

/// The events within the last period.
pub(super) fn read(words: &Words, period: u32, now: u32) -> u32 {
    let [begun, count, before] = *words;
    if count == 0 && before == 0 {
        return 0;
    }
    let age = u64::from(since(now, begun));
    let period = u64::from(period);
    let (present, past, left) = match age {
        _ if age < period => (count, before, period - age),
        _ if age < 2 * period => (0, count, 2 * period - age),
        _ => return 0,
    };
    if past <= 1 && present == 0 {
        return past;
    }
    let whole = u64::from(past) * left / period + u64::from(present);
    u32::try_from(whole).unwrap_or(u32::MAX)
}

/// Milliseconds from one time to another, on a clock that wraps around. Workers read the clock on their own, so that one
/// may come with a time that lies a little before what another has written already: that is no time at all.
pub(super) fn since(now: u32, then: u32) -> u32 {
    let passed = now.wrapping_sub(then);
    if passed > u32::MAX - SKEW { 0 } else { passed }
}

/// Begins the period of `now`, if the present one is over.
fn turn(words: &mut Words, period: u32, now: u32) {
    let age = since(now, words[BEGUN]);
    if *words == Words::default() {
        // Nothing was ever counted: the period begins with its first event.
        words[BEGUN] = now;
    } else if age >= period {
        if u64::from(age) < 2 * u64::from(period) {
            words[BEFORE] = words[COUNT];
            words[BEGUN] = words[BEGUN].wrapping_add(period);
        } else {
            words[BEFORE] = 0;
            words[BEGUN] = now;
        }
        words[COUNT] = 0;
    }
}

/// Milliseconds by which clocks may differ between workers.
const SKEW: u32 = 60_000;
const BEGUN: usize = 0;
const COUNT: usize = 1;
const BEFORE: usize = 2;

#[cfg(test)]
#[path = "sliding_tests.rs"]
mod tests;
