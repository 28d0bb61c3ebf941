//! Samples of several rounds, and the Markdown that shows them: median, spread, ratio to HAProxy.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::contestant::Contestant;

/// One measured quantity.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The column's head, with its unit.
    pub name: &'static str,
    /// Digits after the point.
    pub digits: usize,
    /// Whether the ratio to HAProxy's median is shown.
    pub ratio: bool,
}

/// The results of one case.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    text: String,
    measures: Vec<Measure>,
    samples: BTreeMap<Contestant, Vec<Vec<f64>>>,
    remarks: Vec<String>,
}

impl Table {
    /// A table without samples. `text` says what exactly is measured.
    pub fn new(title: &str, text: &str, measures: &[Measure]) -> Self {
        Self {
            title: title.to_owned(),
            text: text.to_owned(),
            measures: measures.to_vec(),
            samples: BTreeMap::new(),
            remarks: Vec::new(),
        }
    }

    /// Adds one round's values, in the order of the measures.
    pub fn add(&mut self, contestant: Contestant, values: &[f64]) {
        self.samples.entry(contestant).or_default().push(values.to_vec());
    }

    /// Adds a sentence below the table, once.
    pub fn remark(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.remarks.contains(&sentence) {
            self.remarks.push(sentence);
        }
    }

    /// Whether no contestant has a sample.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let mut out = format!("### {}\n\n{}\n\n|  |", self.title, self.text);
        for measure in &self.measures {
            let _ = write!(out, " {} |", measure.name);
            if measure.ratio {
                out.push_str(" ratio |");
            }
        }
        out.push_str("\n|---|");
        for measure in &self.measures {
            out.push_str(if measure.ratio { "---:|---:|" } else { "---:|" });
        }
        out.push('\n');
        for contestant in self.samples.keys() {
            let _ = write!(out, "| {contestant} |");
            for (column, measure) in self.measures.iter().enumerate() {
                let _ = write!(out, " {} |", self.cell(*contestant, column, measure.digits));
                if measure.ratio {
                    let _ = write!(out, " {} |", self.ratio(*contestant, column));
                }
            }
            out.push('\n');
        }
        for remark in &self.remarks {
            let _ = write!(out, "\n{remark}\n");
        }
        out
    }

    fn values(&self, contestant: Contestant, column: usize) -> Vec<f64> {
        let rounds = self.samples.get(&contestant).map(Vec::as_slice).unwrap_or_default();
        let mut values: Vec<f64> = rounds
            .iter()
            .filter_map(|round| round.get(column).copied())
            .filter(|value| value.is_finite())
            .collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    fn cell(&self, contestant: Contestant, column: usize, digits: usize) -> String {
        let values = self.values(contestant, column);
        match (median(&values), values.first(), values.last()) {
            (Some(middle), Some(first), Some(last)) if values.len() > 1 && first != last => {
                format!("{middle:.digits$} ({first:.digits$}–{last:.digits$})")
            }
            (Some(middle), ..) => format!("{middle:.digits$}"),
            _ => "–".to_owned(),
        }
    }

    fn ratio(&self, contestant: Contestant, column: usize) -> String {
        let own = median(&self.values(contestant, column));
        let oracle = median(&self.values(Contestant::Haproxy, column));
        match (own, oracle) {
            (Some(own), Some(oracle)) if oracle != 0.0 => format!("{:.2}", own / oracle),
            _ => "–".to_owned(),
        }
    }
}

/// The middle of sorted values; the mean of the two middle ones when their number is even.
pub fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some((upper + lower) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_spreads_and_ratios_are_shown() {
        let measures = [
            Measure { name: "µs", digits: 1, ratio: true },
            Measure { name: "req/s", digits: 0, ratio: false },
        ];
        let mut table = Table::new("T", "says.", &measures);
        for (first, second) in [(4.0, 10.0), (2.0, 10.0), (3.0, 10.0)] {
            table.add(Contestant::Haproxy, &[2.0 * first, second]);
            table.add(Contestant::Regate, &[first, f64::NAN]);
        }
        table.remark("once");
        table.remark("once");
        assert_eq!(
            table.markdown(),
            "### T\n\nsays.\n\n|  | µs | ratio | req/s |\n|---|---:|---:|---:|\n\
             | HAProxy | 6.0 (4.0–8.0) | 1.00 | 10 |\n| Regate | 3.0 (2.0–4.0) | 0.50 | – |\n\nonce\n"
        );
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[1.0, 2.0, 9.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), Some(3.0));
    }
}
