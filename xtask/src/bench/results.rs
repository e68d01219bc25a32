//! The table of results: `benchmarks/results.tsv`, from which the pages are made.

use crate::Result;
use std::fmt::Write as _;

/// Where a number lies, of the rounds that were measured: the lower quartile, the median, the
/// upper quartile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) lower: f64,
    pub(super) median: f64,
    pub(super) upper: f64,
}

impl Spread {
    pub(super) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * (sorted.len().saturating_sub(1)) as f64;
            let below = sorted
                .get(place.floor() as usize)
                .copied()
                .unwrap_or(f64::NAN);
            let above = sorted
                .get(place.ceil() as usize)
                .copied()
                .unwrap_or(f64::NAN);
            below + (above - below) * place.fract()
        };
        Self {
            lower: at(0.25),
            median: at(0.5),
            upper: at(0.75),
        }
    }
}

/// What one of those who are compared needs for one case.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) figure: String,
    pub(super) case: String,
    pub(super) subject: String,
    pub(super) unit: String,
    pub(super) cost: Spread,
    pub(super) rounds: u32,
    /// Ours divided by theirs, of each round; ours has none.
    pub(super) ratio: Option<Spread>,
}

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Results {
    /// The machine, versions: name and value.
    pub(super) facts: Vec<(String, String)>,
    /// What was not measured, and why: the figure's name and the reason.
    pub(super) missing: Vec<(String, String)>,
    pub(super) rows: Vec<Row>,
}

const HEAD: &str =
    "figure\tcase\tsubject\tunit\tmedian\tlower\tupper\trounds\tratio\tratio_lower\tratio_upper";

impl Results {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut results = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |what: &str| format!("line {number} of the results: {what}: {line}");
            let fields: Vec<&str> = line.split('\t').collect();
            match fields[..] {
                ["# fact", name, value] => results.facts.push((name.into(), value.into())),
                ["# missing", figure, reason] => {
                    results.missing.push((figure.into(), reason.into()));
                }
                [figure, case, subject, unit, ref numbers @ ..] if numbers.len() == 7 => {
                    if line == HEAD {
                        continue;
                    }
                    let number = |at: usize| {
                        numbers[at]
                            .parse::<f64>()
                            .map_err(|_| wrong("not a number"))
                    };
                    let spread = |at: usize| -> Result<Spread> {
                        Ok(Spread {
                            median: number(at)?,
                            lower: number(at + 1)?,
                            upper: number(at + 2)?,
                        })
                    };
                    results.rows.push(Row {
                        figure: figure.into(),
                        case: case.into(),
                        subject: subject.into(),
                        unit: unit.into(),
                        cost: spread(0)?,
                        rounds: numbers[3].parse().map_err(|_| wrong("not a number"))?,
                        ratio: match numbers[4] {
                            "" => None,
                            _ => Some(spread(4)?),
                        },
                    });
                }
                _ => return Err(wrong("it has other columns")),
            }
        }
        Ok(results)
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        for (name, value) in &self.facts {
            let _ = writeln!(text, "# fact\t{name}\t{value}");
        }
        for (figure, reason) in &self.missing {
            let _ = writeln!(text, "# missing\t{figure}\t{reason}");
        }
        let _ = writeln!(text, "{HEAD}");
        for row in &self.rows {
            let Row {
                figure,
                case,
                subject,
                unit,
                cost,
                rounds,
                ratio,
            } = row;
            let _ = write!(
                text,
                "{figure}\t{case}\t{subject}\t{unit}\t{:.4}\t{:.4}\t{:.4}\t{rounds}\t",
                cost.median, cost.lower, cost.upper
            );
            let _ = match ratio {
                None => writeln!(text, "\t\t"),
                Some(ratio) => writeln!(
                    text,
                    "{:.4}\t{:.4}\t{:.4}",
                    ratio.median, ratio.lower, ratio.upper
                ),
            };
        }
        text
    }

    pub(super) fn fact(&mut self, name: &str, value: impl Into<String>) {
        self.facts.push((name.to_owned(), value.into()));
    }

    pub(super) fn lacks(&mut self, figure: &str, reason: &str) {
        self.missing.push((figure.to_owned(), reason.to_owned()));
    }

    /// What was counted or measured of ours alone.
    pub(super) fn ours(&mut self, figure: &str, case: &str, unit: &str, values: &[f64]) {
        self.add(figure, case, unit, &[("ebpf-rt", values)]);
    }

    /// What was measured of several in the same rounds: the first is ours.
    pub(super) fn add(&mut self, figure: &str, case: &str, unit: &str, all: &[(&str, &[f64])]) {
        let Some(((_, ours), _)) = all.split_first() else {
            return;
        };
        for (index, (subject, values)) in all.iter().enumerate() {
            let ratios: Vec<f64> = ours.iter().zip(*values).map(|(a, b)| a / b).collect();
            self.rows.push(Row {
                figure: figure.to_owned(),
                case: case.to_owned(),
                subject: (*subject).to_owned(),
                unit: unit.to_owned(),
                cost: Spread::of(values),
                rounds: values.len() as u32,
                ratio: (index > 0).then(|| Spread::of(&ratios)),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut results = Results::default();
        results.fact("kernel", "6.18");
        results.lacks("text assembly", "there is no llvm-mc");
        results.add(
            "load",
            "one program",
            "µs",
            &[("ebpf-rt", &[1.0, 2.0, 4.0]), ("aya", &[4.0, 4.0, 4.0])],
        );
        results.ours("crates", "all", "crates", &[15.0]);
        assert_eq!(Results::parse(&results.to_text()), Ok(results.clone()));
        let aya = &results.rows[1];
        assert_eq!((aya.cost.lower, aya.cost.upper), (4.0, 4.0));
        let ratio = aya.ratio.expect("a peer has a ratio");
        assert_eq!((ratio.lower, ratio.median, ratio.upper), (0.375, 0.5, 0.75));
    }

    #[test]
    fn other_lines_are_named() {
        let error = Results::parse("a\tb\n").unwrap_err();
        assert!(
            error.starts_with("line 1 of the results: it has other columns"),
            "{error}"
        );
    }
}
