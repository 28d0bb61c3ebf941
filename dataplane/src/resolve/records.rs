//! What was answered about a name, and for how long it holds. Pure; times in milliseconds.
//!
//! A record that an answer leaves out stays for `hold obsolete`, since a name server need not tell all in one answer.
//! A failure drops everything once the last valid answer is older than the hold of that failure.

use super::question::Failure;

/// For how long what was answered holds, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// After an answer that the name does not exist.
    pub nx: u64,
    /// After a refusal.
    pub refused: u64,
    /// After silence.
    pub timeout: u64,
    /// After any other failure.
    pub other: u64,
    /// For a record that an answer left out.
    pub obsolete: u64,
}

/// The records of a name, in the order in which they were first answered.
#[derive(Clone, Debug)]
pub struct Records<T> {
    seen: Vec<(T, u64)>,
    /// When the last valid answer came, or the first question was asked.
    valid_at: u64,
}

impl Hold {
    /// For how long a valid answer holds against this failure.
    pub fn against(&self, failure: Failure) -> u64 {
        match failure {
            Failure::Nx => self.nx,
            Failure::Refused => self.refused,
            Failure::Timeout => self.timeout,
            Failure::Other => self.other,
        }
    }
}

impl<T> Records<T> {
    /// No records yet; the first question is asked now.
    pub fn new(now: u64) -> Records<T> {
        Records { seen: Vec::new(), valid_at: now }
    }

    /// The records that hold.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.seen.iter().map(|(record, _)| record)
    }

    /// A valid answer with these records; `same` tells whether one is the renewal of another.
    pub fn renew(&mut self, answered: Vec<T>, now: u64, hold: &Hold, same: impl Fn(&T, &T) -> bool) {
        self.valid_at = now;
        for record in answered {
            match self.seen.iter_mut().find(|(known, _)| same(known, &record)) {
                Some(known) => *known = (record, now),
                None => self.seen.push((record, now)),
            }
        }
        self.seen.retain(|(_, at)| *at == now || now.saturating_sub(*at) < hold.obsolete);
    }

    /// A round failed; tells whether the records were dropped for it.
    pub fn fail(&mut self, failure: Failure, now: u64, hold: &Hold) -> bool {
        let dropped = now.saturating_sub(self.valid_at) >= hold.against(failure);
        if dropped {
            self.seen.clear();
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOLD: Hold = Hold { nx: 100, refused: 200, timeout: 300, other: 400, obsolete: 50 };

    fn listed(records: &Records<u8>) -> Vec<u8> {
        records.iter().copied().collect()
    }

    #[test]
    fn records_stay_until_their_hold_is_over() {
        let mut records = Records::new(0);
        let same = |left: &u8, right: &u8| left == right;
        records.renew(vec![1, 2], 10, &HOLD, same);
        records.renew(vec![2, 3], 59, &HOLD, same);
        assert_eq!(listed(&records), [1, 2, 3]);
        records.renew(vec![3], 60, &HOLD, same);
        assert_eq!(listed(&records), [2, 3]);
        assert!(!records.fail(Failure::Nx, 159, &HOLD));
        assert!(!records.fail(Failure::Timeout, 300, &HOLD));
        assert_eq!(listed(&records), [2, 3]);
        assert!(records.fail(Failure::Nx, 300, &HOLD));
        assert_eq!(listed(&records), [0_u8; 0]);
    }

    proptest! {
        /// A record is listed exactly when it was answered last, or within the hold before the last answer, and no
        /// failure past its hold came after.
        #[test]
        fn a_record_holds_as_long_as_the_section_says(
            events in proptest::collection::vec((0..120_u64, proptest::option::of(
                proptest::collection::btree_set(0..4_u8, 0..4)), 0..4_u8), 1..60),
        ) {
            let mut records = Records::new(0);
            let mut model: std::collections::BTreeMap<u8, u64> = Default::default();
            let (mut now, mut valid) = (0, 0);
            for (passes, answer, failure) in events {
                now += passes;
                match answer {
                    Some(answer) => {
                        valid = now;
                        answer.iter().for_each(|record| { model.insert(*record, now); });
                        records.renew(answer.into_iter().collect(), now, &HOLD, |left, right| left == right);
                        model.retain(|_, at| *at == now || now - *at < 50);
                    }
                    None => {
                        let (failure, hold) = [
                            (Failure::Nx, 100), (Failure::Refused, 200),
                            (Failure::Timeout, 300), (Failure::Other, 400),
                        ][usize::from(failure)];
                        let dropped = records.fail(failure, now, &HOLD);
                        prop_assert_eq!(dropped, now - valid >= hold);
                        if dropped {
                            model.clear();
                        }
                    }
                }
                let mut found = listed(&records);
                found.sort_unstable();
                prop_assert_eq!(found, model.keys().copied().collect::<Vec<u8>>());
            }
        }
    }
}
