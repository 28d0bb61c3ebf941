use proptest::prelude::*;

use super::*;

fn probe(rise: u32, fall: u32, health: u32) -> Probe {
    Probe { configured: true, rise, fall, health, ..Probe::default() }
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Failed),
        Just(Verdict::Passed),
        Just(Verdict::Conditional),
        Just(Verdict::Neutral)
    ]
}

proptest! {
    /// The counter as a row of the last results says it: up after `rise` passed ones in a row from below, down after
    /// `fall` failed ones in a row from the top.
    #[test]
    fn a_counter_needs_rise_to_come_up_and_fall_to_go_down(
        rise in 1..6u32, fall in 1..6u32, results in proptest::collection::vec(any::<bool>(), 0..60),
    ) {
        let mut probe = probe(rise, fall, 0);
        let (mut up, mut streak) = (false, 0);
        for passed in results {
            let taken = probe.take(if passed { Verdict::Passed } else { Verdict::Failed });
            prop_assert_eq!(taken.failed_while_up, up && !passed);
            streak = if passed == up { 0 } else { streak + 1 };
            if streak >= (if up { fall } else { rise }) {
                up = !up;
                streak = 0;
            }
            prop_assert_eq!(probe.is_up(), up, "{:?}", probe);
            prop_assert!(probe.health <= probe.top());
        }
    }

    #[test]
    fn whatever_comes_a_record_keeps_in_step(
        rise in 1..5u32, fall in 1..5u32,
        steps in proptest::collection::vec((0..6u8, verdicts(), any::<bool>()), 0..80),
    ) {
        let mut record = Record::new();
        let wanted = Wanted {
            check: true, check_paused: false, agent: true, agent_paused: false, rise, fall,
            init: InitState::Up, maintenance: false, was_checked: false,
        };
        record.configure(&wanted, None);
        for (step, verdict, flag) in steps {
            let finding = match verdict {
                Verdict::Neutral => Finding::Neutral,
                Verdict::Failed => Finding::L7Failed,
                Verdict::Passed => Finding::L7Passed,
                Verdict::Conditional => Finding::L7Conditional,
            };
            match step {
                0..=2 => { record.take_check(&Outcome::bare(finding), false); }
                3 => { record.take_agent(&Outcome::bare(finding), false); }
                4 => record.force(if flag { Operational::Running } else { Operational::Stopped }, false),
                _ => if flag { record.enter_maintenance() } else { record.leave_maintenance() },
            }
            prop_assert!(record.check.health <= record.check.top());
            prop_assert!(record.agent.health <= record.agent.top());
            // Nobody serves whose checks say down since they last spoke.
            if step <= 2 && record.check.health == 0 && verdict == Verdict::Failed {
                prop_assert_eq!(record.operational, Operational::Stopped);
            }
        }
    }
}

#[test]
fn the_first_failed_check_brings_a_new_server_down_and_a_passed_one_settles_it() {
    let mut probe = probe(2, 3, 2);
    assert_eq!(probe.clone().take(Verdict::Failed), Taken { news: true, failed_while_up: true });
    probe.take(Verdict::Passed);
    assert_eq!(probe.health, 4);
    for expected in [3, 2, 0, 0] {
        probe.take(Verdict::Failed);
        assert_eq!(probe.health, expected);
    }
    probe.take(Verdict::Passed);
    assert_eq!(probe.health, 1);
    probe.take(Verdict::Passed);
    assert_eq!(probe.health, 4);
}

#[test]
fn an_agent_that_cannot_be_asked_changes_nothing() {
    let mut record = Record::new();
    let wanted = Wanted {
        check: false,
        check_paused: false,
        agent: true,
        agent_paused: false,
        rise: 2,
        fall: 3,
        init: InitState::Up,
        maintenance: false,
        was_checked: false,
    };
    record.configure(&wanted, None);
    record.take_agent(&Outcome::bare(Finding::L4Failed), false);
    assert_eq!(record.operational, Operational::Running);
    record.take_agent(&Outcome::bare(Finding::L7Failed), false);
    assert_eq!(record.operational, Operational::Stopped);
    record.take_agent(&Outcome::bare(Finding::L7Timeout), false);
    assert_eq!(record.operational, Operational::Stopped);
    record.take_agent(&Outcome::bare(Finding::L7Passed), false);
    assert_eq!(record.operational, Operational::Running);
}

#[test]
fn a_server_known_to_be_down_stays_down_until_a_check_passes() {
    let mut record = Record::new();
    let wanted = Wanted {
        check: true,
        check_paused: false,
        agent: false,
        agent_paused: false,
        rise: 1,
        fall: 3,
        init: InitState::Up,
        maintenance: false,
        was_checked: false,
    };
    record.configure(&wanted, Some((Operational::Stopped, 0)));
    assert_eq!((record.operational, record.check.health), (Operational::Stopped, 0));
    record.take_check(&Outcome::bare(Finding::L4Passed), false);
    assert_eq!(record.operational, Operational::Running);
}
