//! Histograms drawn in the terminal.

use serde_json::{Value, json};
use std::fmt;

/// Counts by powers of two: the first is of 0 and 1, the next of 2 and 3, then 4 to 7.
///
/// ```
/// use ebpf_examples::Histogram;
///
/// let histogram = Histogram::new("usecs", vec![0, 4, 2]);
/// assert!(histogram.to_string().ends_with("4 -> 7          : 2        |********************                    |\n"));
/// ```
#[derive(Clone, Debug)]
pub struct Histogram {
    unit: &'static str,
    counts: Vec<u64>,
}

/// Stars of the longest bar.
const WIDTH: usize = 40;

impl Histogram {
    /// From the counts; those behind the last that is not zero are not shown.
    #[must_use]
    pub fn new(unit: &'static str, mut counts: Vec<u64>) -> Self {
        let used = counts.iter().rposition(|&count| count != 0);
        counts.truncate(used.map_or(0, |last| last + 1));
        Self { unit, counts }
    }

    /// Least value, greatest value, how many.
    fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.counts.iter().zip(0u32..).map(|(&count, power)| {
            let first = if power == 0 { 0 } else { 1 << power };
            let last = u64::MAX >> (63 - power.min(63));
            (first, last, count)
        })
    }

    /// As JSON: a list of what is not empty.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let buckets = self.buckets().filter(|&(_, _, count)| count != 0);
        let buckets = buckets
            .map(|(first, last, count)| json!({ "from": first, "to": last, "count": count }));
        json!({ "unit": self.unit, "buckets": buckets.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(&most) = self.counts.iter().max().filter(|&&most| most != 0) else {
            return writeln!(f, "(nothing was seen)");
        };
        // As wide as the largest number.
        let width = self.buckets().map(|(_, last, _)| last.to_string().len());
        let width = width.max().unwrap_or(0).max(10);
        let title = 2 * width + 4;
        writeln!(f, "{:^title$} : {:<8} distribution", self.unit, "count")?;
        for (first, last, count) in self.buckets() {
            // Never more than WIDTH, for `count` is not more than `most`.
            let stars = (u128::from(count) * WIDTH as u128 / u128::from(most)) as usize;
            let bar = "*".repeat(stars);
            writeln!(
                f,
                "{first:>width$} -> {last:<width$} : {count:<8} |{bar:<WIDTH$}|"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_drawn() {
        let drawn = Histogram::new("usecs", vec![1, 0, 40, 20, 0, 0]).to_string();
        assert_eq!(
            drawn,
            "         usecs           : count    distribution\n\
             \u{20}        0 -> 1          : 1        |*                                       |\n\
             \u{20}        2 -> 3          : 0        |                                        |\n\
             \u{20}        4 -> 7          : 40       |****************************************|\n\
             \u{20}        8 -> 15         : 20       |********************                    |\n"
        );
        assert_eq!(
            Histogram::new("usecs", vec![0; 64]).to_string(),
            "(nothing was seen)\n"
        );
    }

    #[test]
    fn the_last_bucket_ends_where_numbers_do() {
        let mut counts = vec![0; 64];
        counts[63] = u64::MAX;
        let histogram = Histogram::new("msecs", counts);
        let last = histogram.to_string();
        let last = last.lines().last().unwrap();
        assert!(
            last.starts_with(" 9223372036854775808 -> 18446744073709551615 : "),
            "{last}"
        );
        assert_eq!(
            histogram.to_json().to_string(),
            "{\"buckets\":[{\"count\":18446744073709551615,\"from\":9223372036854775808,\
             \"to\":18446744073709551615}],\"unit\":\"msecs\"}"
        );
    }
}
