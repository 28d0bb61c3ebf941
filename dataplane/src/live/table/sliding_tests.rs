use proptest::prelude::*;

use super::*;

/// Times with numbers.
type Told = &'static [(u32, u32)];

/// What HAProxy 2.6 shows of a period of one second: events with their times, and when which rate is told.
const OBSERVED: &[(Told, Told)] = &[
    (&[(0, 1)], &[(10, 1), (999, 1), (1500, 1), (1990, 1), (2001, 0)]),
    (&[(0, 2)], &[(10, 2), (999, 2), (1020, 1), (1490, 1), (1506, 0)]),
    (&[(0, 10)], &[(5, 10), (999, 10), (1050, 9), (1150, 8), (1450, 5), (1850, 1), (1950, 0)]),
    (&[(0, 10), (1500, 1)], &[(1501, 5), (1603, 4), (1750, 3), (1850, 2), (1950, 1), (2900, 1), (3008, 0)]),
];

#[test]
fn a_rate_goes_down_as_haproxys() {
    for start in [1, 1_000_000, u32::MAX - 1200] {
        for (events, told) in OBSERVED {
            let mut words = Words::default();
            let mut events = events.iter().peekable();
            for (at, expected) in *told {
                while let Some((time, count)) = events.next_if(|(time, _)| time <= at) {
                    add(&mut words, 1000, start.wrapping_add(*time), *count);
                }
                assert_eq!(read(&words, 1000, start.wrapping_add(*at)), *expected, "{told:?} at {at}");
            }
        }
    }
}

#[test]
fn a_rate_that_is_set_counts_from_then_on() {
    let mut words = Words::default();
    set(&mut words, 5000, 7);
    assert_eq!(read(&words, 1000, 5000), 7);
    assert_eq!(read(&words, 1000, 6150), 5);
    assert_eq!(read(&words, 1000, 7000), 0);
}

proptest! {
    /// The rate lies between the events of the last period and those of the last two, and falls to nothing.
    #[test]
    fn a_rate_is_bounded_by_what_happened(
        gaps in prop::collection::vec((0..3_000_u32, 0..50_u32), 1..60),
        start: u32,
        period in 1..5_000_u32,
    ) {
        let mut words = Words::default();
        let mut now = start;
        let mut passed = 0_u64;
        let mut log: Vec<(u64, u64)> = Vec::new();
        for (gap, events) in gaps {
            now = now.wrapping_add(gap);
            passed += u64::from(gap);
            if events > 0 {
                add(&mut words, period, now, events);
                log.push((passed, u64::from(events)));
            }
            let rate = u64::from(read(&words, period, now));
            let since = |span: u64| -> u64 {
                log.iter().filter(|(at, _)| passed - at < span).map(|(_, count)| count).sum()
            };
            prop_assert!(rate <= since(2 * u64::from(period)) );
            let whole: u64 = log.iter().map(|(_, count)| count).sum();
            prop_assert!(rate <= whole);
            if gap == 0 || events > 0 {
                prop_assert!(rate >= u64::from(events));
            }
        }
        prop_assert_eq!(read(&words, period, now.wrapping_add(2 * period)), 0);
    }
}
