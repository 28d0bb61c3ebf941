//! Numbers by place, with their running sums: a binary indexed tree (P. M. Fenwick, 1994).

/// Numbers by place; changing one, summing up and finding a place by its sum cost the logarithm of the places.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Sums of stretches; place `n` is described by the entries on the way from `n + 1`.
    sums: Vec<u64>,
    numbers: Vec<u64>,
    total: u64,
}

impl Tally {
    /// The sum of all numbers.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Sets the number of a place; places not yet known hold 0.
    pub(super) fn set(&mut self, place: usize, number: u64) {
        if place >= self.numbers.len() {
            if number == 0 {
                return;
            }
            self.grow(place + 1);
        }
        let Some(known) = self.numbers.get_mut(place) else { return };
        let before = std::mem::replace(known, number);
        self.total = self.total.wrapping_sub(before).wrapping_add(number);
        let mut at = place + 1;
        while let Some(sum) = self.sums.get_mut(at - 1) {
            *sum = sum.wrapping_sub(before).wrapping_add(number);
            at += lowest_bit(at);
        }
    }

    /// The place in whose stretch this unit lies, counted from 0; `None` from the total on.
    pub(super) fn find(&self, unit: u64) -> Option<usize> {
        if unit >= self.total {
            return None;
        }
        let (mut at, mut rest) = (0, unit);
        let mut step = self.sums.len().next_power_of_two();
        while step > 0 {
            if let Some(sum) = self.sums.get(at + step - 1).filter(|sum| **sum <= rest) {
                rest -= sum;
                at += step;
            }
            step /= 2;
        }
        (at < self.numbers.len()).then_some(at)
    }

    fn grow(&mut self, places: usize) {
        // Doubling, so that places added one by one cost their number in all.
        let places = places.next_power_of_two().max(16);
        self.numbers.resize(places, 0);
        self.sums = self.numbers.clone();
        for at in 1..=places {
            let next = at + lowest_bit(at);
            if next <= places {
                self.sums[next - 1] = self.sums[next - 1].wrapping_add(self.sums[at - 1]);
            }
        }
    }
}

fn lowest_bit(number: usize) -> usize {
    number & number.wrapping_neg()
}
